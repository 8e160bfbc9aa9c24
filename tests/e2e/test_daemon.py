"""What happens by itself: a dropped file is loaded, and a run whose process was killed makes room for the next."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from cli import supervisor
from core import settings
from orchestration.run_monitoring import worker
from tests.e2e.line import PLATFORM, Line, ended, wait_for
from warehouse import dbt_project

pytestmark = pytest.mark.proof


@pytest.fixture
def environment(line: Line, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment in which the supervisor starts its processes, for this home."""
    monkeypatch.setenv("CYBERIMPACT_HOME", str(line.home.root))
    monkeypatch.setenv("SUPERSET_SECRET_KEY", "of the test")
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", "of the test")
    return supervisor.environment() | dbt_project.environment()


@pytest.fixture
def instance(line: Line, environment: dict[str, str]) -> Iterator[dg.DagsterInstance]:  # noqa: ARG001
    with line.history() as opened:
        yield opened


@contextmanager
def daemon(
    line: Line, environment: dict[str, str], folder: Path = settings.CHECKOUT
) -> Iterator[subprocess.Popen[str]]:
    """Run the code server and the scheduler as the supervisor does, each with its output in a file.

    Dagster prefers the `.env` of the folder in which it is started to the environment.
    """
    programs = {program.name: program for program in supervisor.programs()}
    supervisor.write_workspace()
    with supervised(programs["dagster-code"], line, environment, folder):
        wait_for(lambda: supervisor.answers(programs["dagster-code"]), 120)
        with supervised(programs["dagster-daemon"], line, environment, folder) as process:
            yield process


@contextmanager
def supervised(
    program: supervisor.Program, line: Line, environment: dict[str, str], folder: Path = settings.CHECKOUT
) -> Iterator[subprocess.Popen[str]]:
    with (line.desk / f"{program.name}.log").open("w") as log:
        process = subprocess.Popen(
            program.command,
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        with ended(process):
            yield process


def launch(environment: dict[str, str], job: str) -> None:
    """Hand a run to the queue, as the button of the UI does."""
    command = [
        supervisor.BIN / "dagster",
        "job",
        "launch",
        "-w",
        supervisor.workspace_file(),
        "-l",
        "cyberimpact",
        "-j",
        job,
    ]
    subprocess.run(command, env=environment, cwd=settings.CHECKOUT, capture_output=True, check=True)


def loads(line: Line, sha256: str) -> list[tuple]:
    """Return what the load log says of a file, nothing while somebody writes."""
    sql = (
        "select rows_read, rows_unchanged from raw_services_publics_plus.load_log where sha256 = ? order by started_at"
    )
    try:
        with duckdb.connect(str(line.home.warehouse), read_only=True) as connection:
            return connection.execute(sql, [sha256]).fetchall()
    except duckdb.IOException:
        return []


def test_a_dropped_file_is_loaded_and_removed(line: Line, environment: dict[str, str]) -> None:
    """Once while it is slowly written, once more later: the same file again, with the time of the original."""
    import hashlib

    content = line.export.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    already = len(loads(line, sha256))
    drop_folder = line.home.drop / PLATFORM
    drop_folder.mkdir(parents=True)
    file = drop_folder / "export.csv"
    with daemon(line, environment):
        with file.open("wb") as growing:
            growing.write(content[: len(content) // 2])
            growing.flush()
            growing.write(content[len(content) // 2 :])
        wait_for(lambda: not file.exists(), 120)
        wait_for(lambda: len(loads(line, sha256)) == already + 1, 30)
        assert loads(line, sha256)[-1][0] == loads(line, sha256)[-1][1] > 0, "all of it was there already"
        for expected in (2, 3):
            shutil.copy2(line.export, file)
            wait_for(lambda: not file.exists(), 120)
            wait_for(lambda expected=expected: len(loads(line, sha256)) == already + expected, 30)
    assert " INFO " not in (line.desk / "dagster-daemon.log").read_text(), "evaluations of sensors are not logged"


def test_a_bad_file_stays_in_the_inbox_and_hinders_nothing(
    line: Line, environment: dict[str, str], instance: dg.DagsterInstance
) -> None:
    drop_folder = line.home.drop / PLATFORM
    drop_folder.mkdir(parents=True)
    (drop_folder / "page.csv").write_text("<!DOCTYPE html><html></html>\n")
    good = drop_folder / "good.csv"
    shutil.copy(line.export, good)
    with daemon(line, environment):
        wait_for(lambda: not good.exists(), 180)
        failed = dg.RunsFilter(job_name=f"load_{PLATFORM}", statuses=[dg.DagsterRunStatus.FAILURE])
        (run,) = wait_for(lambda: instance.get_runs(failed), 120)
    assert run.tags["file"] == "page.csv"
    assert (drop_folder / "page.csv").exists(), "what could not be loaded is not lost"


def test_the_run_after_a_killed_one_starts_within_two_minutes(
    line: Line, environment: dict[str, str], instance: dg.DagsterInstance
) -> None:
    with daemon(line, environment) as process:
        launch(environment, "build_full")
        (first,) = wait_for(
            lambda: instance.get_runs(dg.RunsFilter(job_name="build_full", statuses=[dg.DagsterRunStatus.STARTED])), 120
        )
        wait_for(lambda: started(instance, first.run_id), 120)
        pid, _ = worker(instance, first.run_id)
        os.kill(pid, signal.SIGKILL)
        launch(environment, "publish")
        wait_for(lambda: instance.get_run_by_id(first.run_id).status is dg.DagsterRunStatus.FAILURE, 60)
        runs = dg.RunsFilter(job_name="publish", created_after=first_created(instance, first.run_id))
        wait_for(lambda: any(started(instance, run.run_id) for run in instance.get_runs(runs)), 120)
        assert process.poll() is None


def first_created(instance: dg.DagsterInstance, run_id: str) -> object:
    return instance.get_run_record_by_id(run_id).create_timestamp


def started(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Tell whether a run has its pool slot and has begun its step."""
    return bool(instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_START))
