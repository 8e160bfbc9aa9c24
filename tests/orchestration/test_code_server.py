"""When Dagster's code server reports to systemd that it serves."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core import service_manager
from core.settings import Home

#: The process may be silent for so long.
SILENCE_SECONDS = 3.0
GRAPH = """
import dagster as dg
defs = dg.Definitions()
"""


@pytest.mark.long
def test_a_code_server_is_silent_while_the_process_behind_it_hangs(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for made in (home.run, home.dagster):
        made.mkdir(parents=True)
    (tmp_path / "graph.py").write_text(GRAPH)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv(service_manager.SOCKET, str(tmp_path / "notify"))
    monkeypatch.setenv(service_manager.SILENCE, str(int(SILENCE_SECONDS * 1e6)))
    command = [sys.executable, "-m", "orchestration.code_server", str(tmp_path / "code"), "-m", "graph"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(120)
        server = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            assert [systemd.recv(100) for _ in range(2)] == [b"READY=1", b"WATCHDOG=1"]
            behind = child_of(server.pid)
            os.kill(behind, signal.SIGSTOP)
            time.sleep(SILENCE_SECONDS / 3)
            systemd.settimeout(SILENCE_SECONDS)
            with pytest.raises(TimeoutError):
                systemd.recv(100), systemd.recv(100)  # one may have been sent before
            os.kill(behind, signal.SIGCONT)
            systemd.settimeout(120)
            assert systemd.recv(100) == b"WATCHDOG=1"
            assert (home.run / "dagster-code.alive").exists()
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def child_of(parent: int) -> int:
    """Return the process that a process has started."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if stat.read_text().rpartition(")")[2].split()[1] == str(parent):
                return int(stat.parent.name)
        except OSError:
            continue  # it ended while we looked
    raise AssertionError(f"{parent} has started nothing.")
