"""Dagster's event log: its files stay open while they are written, whole when it is closed, and outlive a kill."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from core.settings import Home
from orchestration import event_log, instance
from orchestration.event_log import EventLog

CHECKS = 20


@dg.asset(check_specs=[dg.AssetCheckSpec(f"check_{number}", asset="table") for number in range(CHECKS)])
def table():
    yield dg.MaterializeResult()
    for number in range(CHECKS):
        yield dg.AssetCheckResult(check_name=f"check_{number}", passed=True)


QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
DEFINITIONS = dg.Definitions([table], jobs=[dg.define_asset_job("build", "*")])


def run(home_instance: dg.DagsterInstance) -> str:
    job, run_id = DEFINITIONS.resolve_job_def("build"), str(uuid4())
    assert job.execute_in_process(instance=home_instance, run_id=run_id, run_config=QUIET).success
    return run_id


def files(home: Home, suffix: str) -> set[str]:
    return {path.name.removesuffix(suffix) for path in (home.dagster / "history" / "runs").glob(f"*{suffix}")}


def evaluations(file: Path) -> int:
    with sqlite3.connect(file) as connection:
        sql = "select count(*) from event_logs where dagster_event_type = 'ASSET_CHECK_EVALUATION'"
        [(rows,)] = connection.execute(sql).fetchall()
    return rows


def test_it_is_the_log_of_the_home(home: Home) -> None:
    with instance.get() as home_instance:
        assert isinstance(home_instance.event_log_storage, EventLog)
        run_id = run(home_instance)
        checks = home_instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        assert len(checks) == CHECKS
    assert {run_id, "index"} <= files(home, ".db")


def test_a_file_stays_open_until_the_log_is_closed_and_is_whole_then(home: Home, tmp_path: Path) -> None:
    with instance.get() as home_instance:
        run_id = run(home_instance)
        assert {run_id, "index"} <= files(home, ".db-wal")
    assert files(home, ".db-wal") == set()
    copied = shutil.copy(home.dagster / "history" / "runs" / f"{run_id}.db", tmp_path)
    assert evaluations(copied) == CHECKS


def test_a_process_keeps_few_files_open(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "MOST_KEPT", 3)
    with instance.get() as home_instance:
        runs = [run(home_instance) for _ in range(5)]
        assert files(home, ".db-wal") == {"index", *runs[-2:]}
        for run_id in runs:
            assert len(home_instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)) == CHECKS


KILLED = """
import os, signal
from orchestration import instance
from tests.orchestration.test_event_log import run
opened = instance.get()
print(run(opened), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_written_outlives_a_kill(home: Home) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    run_id = done.stdout.strip()
    assert run_id in files(home, ".db-wal"), "killed before it was closed"
    with instance.get() as home_instance:
        checks = home_instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        assert len(checks) == CHECKS
        assert home_instance.get_latest_materialization_event(dg.AssetKey("table")) is not None
