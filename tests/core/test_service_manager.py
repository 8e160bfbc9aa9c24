"""What a process reports of itself to systemd, and when it does not."""

import socket
import time
from pathlib import Path

import pytest

from core import service_manager
from core.service_manager import Steps
from core.settings import Home


def test_a_server_that_takes_a_connection_and_never_answers_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        address = f"http://127.0.0.1:{hanging.getsockname()[1]}/healthz"
        assert not service_manager.answers(address, seconds=0.1)
    assert not service_manager.answers(address, seconds=0.1), "nobody listens"


def test_one_loop_that_does_not_go_on_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    at = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: at)
    steps = Steps(longest_seconds=60)
    assert steps.go_on(), "none has begun"
    steps.begin("watch")
    steps.begin("alerts")
    at = 160.0
    assert steps.go_on()
    steps.begin("watch")
    at = 161.0
    assert not steps.go_on()
    steps.begin("alerts")
    assert steps.go_on()


def test_systemd_says_how_often_to_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(service_manager.SILENCE, raising=False)
    assert service_manager.report_seconds() == 30
    monkeypatch.setenv(service_manager.SILENCE, "120000000")
    assert service_manager.report_seconds() == 40


def test_a_process_without_an_address_touches_its_file_while_it_is_well(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(service_manager.SOCKET, raising=False)
    monkeypatch.setattr(service_manager, "RETRY_SECONDS", 0.01)
    home.run.mkdir(parents=True)
    mark, well = home.run / "essai.alive", tmp_path / "well"
    asked: list[float] = []

    def is_well() -> bool:
        asked.append(time.monotonic())
        return well.exists()

    service_manager.report(is_well, "essai")
    while len(asked) < 3:
        time.sleep(0.01)
    assert not mark.exists()
    well.touch()
    deadline = time.monotonic() + 10
    while not mark.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
