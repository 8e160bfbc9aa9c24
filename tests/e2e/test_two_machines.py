"""Two machines share a home: the active one dies or freezes while it loads, the other one loads, and nothing twice."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from cli import supervisor
from core import settings
from core.settings import Home
from operations import active
from orchestration.run_monitoring import worker
from tests.e2e.line import PLATFORM, Line, members, wait_for, write_export
from tests.e2e.test_daemon import supervised
from warehouse import dbt_project

pytestmark = pytest.mark.proof

SECONDS = 12
LOAD = dg.RunsFilter(job_name=f"load_{PLATFORM}")


class Machine:
    """The code server and the scheduler of one machine."""

    def __init__(self, name: str, line: Line, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(settings.NODE_SETTING, name)
        desk = line.desk / name
        desk.mkdir()
        settings.make_folder(settings.home().run)
        supervisor.write_workspace()
        environment = supervisor.environment() | dbt_project.environment()
        self.processes = []
        for program in supervisor.programs():
            if program.name in ("dagster-code", "dagster-daemon"):
                process = supervised(program, Line(line.home, line.export, desk), environment)
                self.processes.append(stack.enter_context(process))
                if program.is_asked:
                    wait_for(lambda program=program: supervisor.answers(program), 120)

    @property
    def scheduler(self) -> subprocess.Popen[str]:
        return self.processes[-1]

    def send(self, blow: signal.Signals) -> None:
        """Send a signal to every process of the machine, runs included."""
        for pid in [pid for process in self.processes for pid, _ in members(process.pid)]:
            os.kill(pid, blow)


@pytest.fixture
def line(home: Home, tmp_path: Path, copy_manifests: Callable[[Home], None], monkeypatch: pytest.MonkeyPatch) -> Line:
    copy_manifests(home)
    (tmp_path / "desk").mkdir()
    write_export(tmp_path / "export.csv", rows=5000)
    monkeypatch.setenv("SUPERSET_SECRET_KEY", "of the test")
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", "of the test")
    monkeypatch.setenv(active.SECONDS_SETTING, str(SECONDS))
    return Line(home, tmp_path / "export.csv", tmp_path / "desk")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def rows(home: Home) -> tuple[int, int]:
    """Return how many experiences there are, and how many different ones."""
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        sql = "select count(id_experience), count(distinct id_experience) from raw_services_publics_plus.experiences"
        return connection.execute(sql).fetchall()[0]


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_the_other_machine_goes_on_with_what_was_interrupted(
    line: Line, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, blow: signal.Signals
) -> None:
    first = Machine("a", line, stack, monkeypatch)
    wait_for(lambda: active.read().node == "a", 60)
    second = Machine("b", line, stack, monkeypatch)
    file = line.home.drop / PLATFORM / "export.csv"
    file.parent.mkdir(parents=True)
    shutil.copy(line.export, file)
    with line.history() as history:
        started = wait_for(lambda: [run for run in history.get_runs(LOAD) if worker(history, run.run_id)], 120)
        assert active.read().node == "a"
        first.send(blow)
        hit = time.monotonic()
        wait_for(lambda: active.read().node == "b", 120)
        taken = time.monotonic() - hit
        assert SECONDS * 5 / 6 < taken < 2 * SECONDS
        assert second.scheduler.poll() is None
        wait_for(lambda: history.get_run_by_id(started[0].run_id).status is dg.DagsterRunStatus.FAILURE, 60)
        retry = wait_for(lambda: [run for run in history.get_runs(LOAD) if run.run_id != started[0].run_id], 120)
        if blow == signal.SIGSTOP:
            first.send(signal.SIGCONT)
            assert first.scheduler.wait(SECONDS) == -signal.SIGALRM
        wait_for(lambda: history.get_run_by_id(retry[0].run_id).is_finished, 120)
        wait_for(lambda: not file.exists(), 120)
        print(f"taken over in {taken:.1f} s of a lease of {SECONDS} s")
    first.send(signal.SIGKILL), second.send(signal.SIGKILL)
    expected = len(line.export.read_text().splitlines()) - 1
    assert rows(line.home) == (expected, expected)
