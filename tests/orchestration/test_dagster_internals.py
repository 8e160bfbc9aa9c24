"""What the project uses of Dagster's inside is there, and one module names it; says what a new version has changed."""

import ast
import inspect
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import dagster as dg
import pytest
from dagster_dbt import DbtCliResource

from core.settings import CHECKOUT, Home
from orchestration import instance

INTERNALS = "orchestration/dagster_internals.py"
PACKAGES = ("assets", "cli", "core", "ingestion", "operations", "orchestration", "warehouse", "web")


def imported(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return modules | {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}


def is_private(module: str) -> bool:
    package, *inner = module.split(".")
    return package.startswith("dagster") and any(part.startswith("_") for part in inner)


def test_one_module_imports_what_is_private_to_dagster() -> None:
    files = [file for package in PACKAGES for file in (CHECKOUT / package).rglob("*.py")]
    private = {str(file.relative_to(CHECKOUT)) for file in files if any(map(is_private, imported(file)))}
    assert private == {INTERNALS}


def test_every_private_name_is_where_it_was() -> None:
    tree = ast.parse((CHECKOUT / INTERNALS).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and is_private(node.module or ""):
            try:
                module = import_module(node.module)
            except ImportError as problem:
                pytest.fail(f"Dagster {dg.__version__} has moved {node.module} ({problem}): adapt {INTERNALS}.")
            for alias in node.names:
                assert hasattr(module, alias.name), f"Dagster {dg.__version__}: {node.module} has no {alias.name}."


def lacks(function: Callable, *arguments: str) -> str:
    """Return what a new version of Dagster has changed of a function, nothing where it takes all arguments."""
    missing = [name for name in arguments if name not in inspect.signature(function).parameters]
    return f"Dagster {dg.__version__}: {function.__qualname__} takes no {missing}." if missing else ""


def test_the_event_log_has_the_methods_that_are_overridden_or_called(home: Home) -> None:  # noqa: ARG001
    from orchestration.dagster_internals import SqliteEventLogStorage

    for name in (
        "run_connection",
        "index_connection",
        "dispose",
        "config_type",
        "from_config_value",
        "conn_string_for_shard",
    ):
        assert hasattr(SqliteEventLogStorage, name), f"Dagster {dg.__version__}: the event log has no {name}."
    assert not lacks(SqliteEventLogStorage.__init__, "base_dir", "inst_data")
    with instance.get() as home_instance:
        storage = home_instance.event_log_storage
        assert not lacks(storage.free_concurrency_slots_for_run, "run_id")
        assert not lacks(storage.has_unassigned_slots, "concurrency_key")
        assert not lacks(storage.assign_pending_steps, "concurrency_keys")
        assert not lacks(storage.get_concurrency_info, "concurrency_key")
        assert storage.get_concurrency_keys() == set()
        with storage.index_connection() as connection:
            assert Path(connection.engine.url.database).name == "index.db", "event_log.py keeps this file open"


def test_the_webserver_has_the_context_that_the_gate_decides() -> None:
    from dagster_webserver.app import create_app_from_workspace_process_context

    from orchestration.dagster_internals import WorkspaceFileTarget, WorkspaceProcessContext, WorkspaceRequestContext

    assert not lacks(WorkspaceProcessContext.__init__, "instance", "workspace_load_target", "version")
    assert not lacks(WorkspaceProcessContext.create_request_context, "source")
    of_request = ("instance", "current_workspace", "process_context", "version", "source", "read_only")
    assert not lacks(WorkspaceRequestContext.__init__, *of_request)
    assert list(WorkspaceFileTarget(["workspace.yaml"]).paths) == ["workspace.yaml"]
    assert not lacks(create_app_from_workspace_process_context, "workspace_process_context", "live_data_poll_rate")


def test_dbt_is_asked_nothing_before_it_is_called() -> None:
    from orchestration.resources import Dbt

    for name in ("_cli_version", "_initialize_dbt_core_adapter"):
        assert hasattr(DbtCliResource, name), f"dagster-dbt has no {name}: see orchestration/resources.py."
    dbt = Dbt(project_dir=str(CHECKOUT / "dbt_project"), dbt_executable="true")
    assert str(dbt._cli_version) == version("dbt-core")
    assert dbt._initialize_dbt_core_adapter([]) is None
