"""Two machines share a home: one is active, the other takes over, and never are both, whatever happens to the first."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

import pytest

from cli import health_checks
from core import settings
from core.clock import now
from core.errors import ExpectedFailure
from core.settings import CHECKOUT, OPERATIONS_SETTING, Home
from operations import active, models
from tests.operations.test_database import use_settings
from tests.postgres import serving

#: Length of the lease. Beyond it, a machine that is free to start needs this long at most: one look, and a loaded host.
SECONDS, SLACK = 3, 3

#: A process that writes down when it is active.
MACHINE = """
import os, sys, time
from operations.active import Lease

journal = os.open(sys.argv[3], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
getattr(Lease(sys.argv[1]), sys.argv[2])()
while True:
    os.write(journal, f"{sys.argv[1]} {sys.argv[2]} {time.monotonic()}\\n".encode())
    time.sleep(0.01)
"""


class Machines:
    """The processes of machines that share a home, and the journal of what they did."""

    def __init__(self, journal: Path, stack: ExitStack) -> None:
        self._journal, self._stack = journal, stack

    def start(self, node: str, role: str = "take") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", MACHINE, node, role, self._journal]
        process = self._stack.enter_context(subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.DEVNULL))
        self._stack.callback(process.kill)
        return process

    def times(self, node: str, role: str = "take") -> list[float]:
        """Return when a process of a machine was active."""
        lines = [line.split() for line in self._journal.read_text().splitlines()] if self._journal.exists() else []
        return [float(at) for *who, at in lines if who == [node, role]]

    def wait_for(self, node: str, role: str = "take", seconds: float = 20) -> float:
        """Wait until a process is active now, and return the time."""
        began = time.monotonic()
        while not (found := [at for at in self.times(node, role) if at > began]):
            assert time.monotonic() < began + seconds, f"{node} is not active within {seconds} s"
            time.sleep(0.05)
        return found[0]


@pytest.fixture(params=["sqlite"])
def machines(
    request: pytest.FixtureRequest, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machines]:
    home.root.mkdir()
    monkeypatch.setenv(active.SECONDS_SETTING, str(SECONDS))
    with ExitStack() as stack:
        if request.param == "postgresql":
            monkeypatch.setenv(OPERATIONS_SETTING, stack.enter_context(serving()))
        use_settings()
        active.read()
        yield Machines(tmp_path / "journal", stack)
    monkeypatch.delenv(OPERATIONS_SETTING, raising=False)
    use_settings()


@pytest.mark.long
@pytest.mark.parametrize(
    ("machines", "blow"), [("sqlite", signal.SIGSTOP), ("postgresql", signal.SIGKILL)], indirect=["machines"]
)
def test_the_second_takes_over_and_the_first_does_nothing_more(machines: Machines, blow: signal.Signals) -> None:
    """Of the first machine the scheduler is hit; what follows it has not been, and must end by itself."""
    first, follower = machines.start("a"), machines.start("a", "follow")
    machines.wait_for("a"), machines.wait_for("a", "follow")
    machines.start("b"), machines.start("b", "follow")
    time.sleep(1.5 * SECONDS)
    assert not machines.times("b"), "the first renews its lease"
    assert not machines.times("b", "follow")
    hit = time.monotonic()
    first.send_signal(blow)
    taken = machines.wait_for("b", seconds=2 * SECONDS + SLACK)
    assert hit + SECONDS * 5 / 6 < taken < hit + SECONDS * 7 / 6 + SLACK
    assert follower.wait(0) == -signal.SIGALRM
    machines.wait_for("b", "follow")
    if blow == signal.SIGSTOP:
        first.send_signal(signal.SIGCONT)
        assert first.wait(SLACK) == -signal.SIGALRM
    done = machines.times("a") + machines.times("a", "follow")
    assert max(done) < taken


@pytest.mark.proof
def test_a_scheduler_that_restarts_stays_active(machines: Machines) -> None:
    first, follower = machines.start("a"), machines.start("a", "follow")
    machines.wait_for("a"), machines.wait_for("a", "follow")
    machines.start("b")
    first.kill()
    machines.start("a")
    machines.wait_for("a")
    time.sleep(2 * SECONDS)
    assert follower.poll() is None
    assert not machines.times("b")


@pytest.mark.long
def test_who_cannot_renew_ends(machines: Machines, home: Home) -> None:
    """The database does not answer: the lease may be taken without the holder's knowledge."""
    first = machines.start("a")
    machines.wait_for("a")
    with closing(sqlite3.connect(home.operations)) as connection:
        connection.execute("begin immediate")
        began = time.monotonic()
        assert first.wait(SECONDS + SLACK) == -signal.SIGALRM
        assert time.monotonic() < began + SECONDS
        connection.rollback()
    machines.start("b")
    machines.wait_for("b")
    assert max(machines.times("a")) < machines.times("b")[0]


@pytest.mark.proof
def test_two_that_ask_at_once_are_not_both_active(machines: Machines) -> None:
    for node in "abcd":
        machines.start(node)
    time.sleep(2 * SECONDS)
    assert [bool(machines.times(node)) for node in "abcd"].count(True) == 1


@pytest.mark.usefixtures("machines")
def test_a_machine_in_reserve_refuses_to_run_jobs() -> None:
    active.refuse_in_reserve("b")
    lease = models.Lease.objects
    lease.update(node="a", process=str(os.getpid()), renewed_at=now())
    active.refuse_in_reserve("a")
    with pytest.raises(ExpectedFailure, match="The machine a is active, b is in reserve"):
        active.refuse_in_reserve("b")
    lease.update(renewed_at=now() - timedelta(seconds=2 * SECONDS + 1))
    active.refuse_in_reserve("b")


@pytest.mark.usefixtures("machines")
def test_doctor_names_the_active_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.NODE_SETTING, "b")
    models.Lease.objects.update(node="a", renewed_at=now())
    [found] = health_checks.machines(settings.home())
    assert (found.state, found.detail) == ("ok", "a; this one is b")
    models.Lease.objects.update(renewed_at=now() - timedelta(hours=1))
    [found] = health_checks.machines(settings.home())
    assert (found.state, found.detail.partition(" since")[0]) == ("broken", "none: a is silent")
    monkeypatch.delenv(settings.NODE_SETTING)
    assert list(health_checks.machines(settings.home())) == []
