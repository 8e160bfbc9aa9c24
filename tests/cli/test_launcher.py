"""What is reported to systemd for a server that cannot report itself: it starts late, hangs, and is stopped."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import service_manager
from tests.ports import free_port

#: Answers 503 until there is the file of the first argument; SIGTERM ends it with a code of its own.
SERVER = """
import http.server, os, pathlib, signal, sys
ready, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if ready.exists() else 503)
        self.end_headers()
if "with a code" in sys.argv:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
pathlib.Path(sys.argv[1] + ".pid").write_text(str(os.getpid()))
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
#: The process may be silent for so long.
SILENCE_SECONDS = 0.9


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket on which systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(20)
        yield listening


class Launched:
    """A launcher with a server."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.ready = folder / "ready"
        self._pid = folder / "ready.pid"
        port = free_port()
        server = [sys.executable, "-c", SERVER, str(self.ready), str(port), *options]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli.launcher", f"http://127.0.0.1:{port}/", *server],
            env=os.environ
            | {
                service_manager.SOCKET: str(folder / "notify"),
                service_manager.SILENCE: str(int(SILENCE_SECONDS * 1e6)),
            },
            stderr=subprocess.DEVNULL,
        )

    def signal_server(self, number: int) -> None:
        os.kill(int(self._pid.read_text()), number)


@pytest.fixture(params=[[]])
def launched(tmp_path: Path, systemd: socket.socket, request: pytest.FixtureRequest) -> Iterator[Launched]:  # noqa: ARG001
    made = Launched(tmp_path, *request.param)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.signal_server(signal.SIGKILL)
            made.process.wait()


def is_silent(systemd: socket.socket) -> bool:
    """Return whether nothing more is sent for as long as systemd waits."""
    systemd.settimeout(SILENCE_SECONDS)
    try:
        systemd.recv(100)  # it may have been sent just before the server hung
        systemd.recv(100)
    except TimeoutError:
        return True
    finally:
        systemd.settimeout(20)
    return False


@pytest.mark.parametrize("launched", [["with a code"]], indirect=True)
@pytest.mark.long
def test_a_server_is_ready_once_it_answers_and_silent_while_it_hangs(
    launched: Launched, systemd: socket.socket
) -> None:
    assert is_silent(systemd)
    launched.ready.touch()
    assert [systemd.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    launched.signal_server(signal.SIGSTOP)
    assert is_silent(systemd)
    launched.signal_server(signal.SIGCONT)
    assert systemd.recv(100) == b"WATCHDOG=1"
    launched.process.send_signal(signal.SIGTERM)
    assert launched.process.wait(20) == 7


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_launcher_ends_by_the_signal_that_ends_the_server(
    launched: Launched, systemd: socket.socket, number: int
) -> None:
    launched.ready.touch()
    assert systemd.recv(100) == b"READY=1"
    launched.signal_server(number)
    assert launched.process.wait(20) == -number


def test_a_signal_is_passed_on(launched: Launched, systemd: socket.socket) -> None:
    launched.ready.touch()
    assert systemd.recv(100) == b"READY=1"
    launched.process.send_signal(signal.SIGTERM)
    assert launched.process.wait(20) == -signal.SIGTERM
