"""A worker of Superset's that hangs shows where, as it is ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.ports import free_port
from tests.superset.conftest import SERVER, wait_for

#: Has a thread that hangs, and answers which process it is.
APPLICATION = """
import os, threading
def hang():
    threading.Event().wait()
threading.Thread(target=hang, daemon=True).start()
def application(environ, start_response):
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""


def test_a_worker_that_is_aborted_shows_where_each_thread_is(tmp_path: Path) -> None:
    tmp_path.joinpath("application.py").write_text(APPLICATION)
    log, port, hooks = tmp_path / "log", free_port(), SERVER.with_name("gunicorn_hooks.py")
    options = ["--worker-class=gthread", "--no-control-socket", f"--config={hooks}", f"--bind=127.0.0.1:{port}"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *options, "application"],
            env=os.environ | {"PYTHONFAULTHANDLER": "1"},
            cwd=tmp_path,
            stdout=stream,
            stderr=stream,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}", process, log)
        os.kill(int(httpx.get(f"http://127.0.0.1:{port}").text), signal.SIGABRT)
        deadline = time.monotonic() + 60
        while "in hang\n" not in (said := log.read_text()):
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(30)
    assert "Fatal Python error: Aborted" in said
