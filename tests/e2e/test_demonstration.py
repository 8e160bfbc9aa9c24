"""What a newcomer sees: a signal that is there, one that was closed, and a crisis that he begins and that is mailed."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from core.settings import Home
from sandbox.app import addresses
from tests.e2e.line import CYBERIMPACT, Line, ended, wait_for
from tests.ports import free_port

pytestmark = pytest.mark.long

MINUTES = 60
#: Nothing of it is staged from the start.
KIND, TOPIC = "inondation", "Inondations et crues"


@pytest.fixture
def newcomer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copy_manifests: Callable[[Home], None]
) -> Iterator[tuple[Line, str]]:
    """A home with what is live, as `make up` leaves it, its sandbox and watch running; and the sandbox's address."""
    line = Line(Home(tmp_path / "home"), tmp_path / "export.csv", tmp_path / "desk")
    line.desk.mkdir()
    copy_manifests(line.home)
    ports = {name: str(free_port()) for name in ("sandbox", "mailbox")}
    origin = f"http://127.0.0.1:{ports['sandbox']}"
    given = addresses(origin) | {
        "CYBERIMPACT_SANDBOX_PORT": ports["sandbox"],
        "CYBERIMPACT_MAILBOX_PORT": ports["mailbox"],
        "CYBERIMPACT_SMTP_HOST": "127.0.0.1",
        "CYBERIMPACT_SMTP_PORT": ports["mailbox"],
        "CYBERIMPACT_SUBSCRIPTIONS": "sandbox/subscriptions.yml",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as running:
        running.enter_context(started(line, "sandbox"))
        wait_for(lambda: answers(origin), 5 * MINUTES)
        line.succeed("load", "listening")
        line.succeed("build", "--live")
        line.succeed("publish", "--live")
        running.enter_context(started(line, "watch"))
        yield line, origin


@contextmanager
def started(line: Line, verb: str) -> Iterator[None]:
    """Run a verb for as long as the context lasts, as the supervisor does."""
    with (line.desk / f"{verb}.log").open("wb") as log:
        process = subprocess.Popen(
            [CYBERIMPACT, verb], env=line.environment(), cwd=line.desk, stdout=log, stderr=log, start_new_session=True
        )
        with ended(process):
            yield


def answers(origin: str) -> bool:
    try:
        return httpx.get(f"{origin}/health").is_success
    except httpx.HTTPError:
        return False


def test_a_newcomer_finds_signals_and_begins_a_crisis_that_is_mailed(newcomer: tuple[Line, str]) -> None:
    line, origin = newcomer
    found = {signal["topic_code"]: signal for signal in json.loads(line.succeed("signal", "list", "--all", "--json"))}
    assert (found["rumeur_enlevement"]["status"], found["epidemie"]["status"]) == ("open", "closed")
    assert KIND not in found

    assert f"{KIND} in Pas-de-Calais" in line.succeed("sandbox", "crisis", KIND, "--territory", "FR-62")
    wait_for(lambda: f"{TOPIC} – Pas-de-Calais" in httpx.get(f"{origin}/courriels").text, 15 * MINUTES)

    [signal] = [s for s in json.loads(line.succeed("signal", "list", "--json")) if s["topic_code"] == KIND]
    assert (signal["territory_code"], signal["status"]) == ("FR-62", "open")
