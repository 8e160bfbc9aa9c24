"""The names that this project takes from inside Dagster, where it offers nothing public; its version is pinned.

- `SqliteEventLogStorage`: no setting keeps a file of the event log open (`event_log.py`). On PostgreSQL it is not used.
- `SqlEventLogStorage`: what both storages have of pools, and `EventLogStorage` has not (`run_monitoring.py`).
- `InstanceConcurrencyContext`: a run that waits for a pool does not sleep (`pools.py`).
- `WorkspaceProcessContext`, `WorkspaceRequestContext`, `WorkspaceFileTarget`: Dagster hosts its pages only by its own
  command, which opens a port without login and is read-only for all or for none (`webserver.py`).
- `run_command`, `start_command`: the commands of Dagster's daemon and code server, which run in our processes
  (`daemon.py`, `code_server.py`).
- `DagsterGrpcClient`: only a command asks a code server whether it answers, in a process of its own (`code_server.py`).
- `get_latest_completed_cron_tick`: when a schedule should have ticked (`monitoring.py`).
- `DbtCliResource._cli_version`, `._initialize_dbt_core_adapter`: no setting leaves them out (`resources.py`).

`instance.event_log_storage` is public, and so is what frees a slot; what gives a free slot to a waiting step is not
documented (`run_monitoring.py`). `tests/orchestration/test_dagster_internals.py` names what a new version lacks.
"""

from dagster._cli.code_server import start_command
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon.cli import run_command
from dagster._grpc.client import DagsterGrpcClient
from dagster._utils.schedules import get_latest_completed_cron_tick

__all__ = [
    "DagsterGrpcClient",
    "InstanceConcurrencyContext",
    "SqlEventLogStorage",
    "SqliteEventLogStorage",
    "WorkspaceFileTarget",
    "WorkspaceProcessContext",
    "WorkspaceRequestContext",
    "get_latest_completed_cron_tick",
    "run_command",
    "start_command",
]
