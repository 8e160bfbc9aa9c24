"""`cyberimpact sandbox`: what it runs, and the wave that `crisis` begins on it."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime

import pytest
import uvicorn
from typer.testing import CliRunner

from cli.main import app
from core.errors import ExpectedFailure
from core.settings import Home
from sandbox import clock
from sandbox.app import build_app
from tests.ports import free_port


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    chosen = free_port()
    monkeypatch.setenv("CYBERIMPACT_SANDBOX_PORT", str(chosen))
    return chosen


@pytest.fixture
def running(port: int) -> Iterator[uvicorn.Server]:
    stand_ins = build_app(17, clock.today)
    server = uvicorn.Server(uvicorn.Config(stand_ins, host="127.0.0.1", port=port, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server
    server.should_exit = True
    thread.join(10)


def invoke(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["sandbox", *arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ((), ["--state={home}/sandbox", "--mailbox-port=8025"]),
        (("--seed", "5"), ["--seed=5", "--state={home}/sandbox", "--mailbox-port=8025"]),
        (("--now", "2025-03-31"), ["--now=2025-03-31"]),
    ],
)
def test_without_a_verb_it_serves_the_platforms(
    home: Home, port: int, given: tuple[str, ...], passed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CYBERIMPACT_MAILBOX_PORT", raising=False)
    become: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: become.append(command))
    invoke(*given)
    options = [f"--port={port}", f"--drops={home.drop}", *(option.format(home=home.root) for option in passed)]
    assert become == [[sys.executable, "-m", "sandbox", *options]]


def test_a_crisis_begins_now_and_says_where_it_is_seen(running: uvicorn.Server, port: int) -> None:
    said = invoke("crisis", "inondation", "--territory", "FR-27")
    assert "inondation in Eure" in said
    assert f"http://127.0.0.1:{port}/courriels" in said
    [wave] = running.config.app.state.stage.waves
    assert (wave.kind, wave.code) == ("inondation", "27")
    assert wave.began_at < datetime.now(wave.began_at.tzinfo) < wave.ends_at


@pytest.mark.usefixtures("running")
def test_what_does_not_exist_is_answered_with_what_does() -> None:
    with pytest.raises(ExpectedFailure, match=r"unknown kind.*epidemie, .*inondation, .*rumeur_enlevement"):
        invoke("crisis", "tsunami", "--territory", "FR-27")
    with pytest.raises(ExpectedFailure, match=r"unknown territory.*FR-01, .*FR-75C"):
        invoke("crisis", "inondation", "--territory", "27")


@pytest.mark.usefixtures("running")
def test_a_crisis_that_lasts_is_not_begun_again() -> None:
    invoke("crisis", "inondation", "--territory", "FR-27")
    with pytest.raises(ExpectedFailure, match="lasts until"):
        invoke("crisis", "inondation", "--territory", "FR-27")


@pytest.mark.usefixtures("port")
def test_without_a_sandbox_it_says_how_to_have_one() -> None:
    with pytest.raises(ExpectedFailure, match="make up"):
        invoke("crisis", "inondation", "--territory", "FR-27")
