"""The pages as `python -m web` serves them: static files are compressed, kept for good, and collected once."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from core.settings import Home
from tests.ports import free_port
from tests.web import process

pytestmark = pytest.mark.long


@contextmanager
def served(home: Home, log: Path) -> Iterator[httpx.Client]:
    with process.pages(home, log) as url, httpx.Client(base_url=url, timeout=60) as http:
        yield http


def test_static_files_are_collected_once_and_kept_by_browsers_for_good(home: Home, tmp_path: Path) -> None:
    manifest = home.run / "static" / "staticfiles.json"
    with served(home, tmp_path / "first.log") as http:
        page = http.get("/api/docs").text
        files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
        assert len(files) > 3
        for file in files:
            answer = http.get(file)
            assert answer.is_success, file
            assert "immutable" in answer.headers["Cache-Control"]
            assert answer.headers["Content-Encoding"] == "gzip"
            assert re.search(r"\.[0-9a-f]{12}\.\w+$", file)
        assert http.get("/api/docs").headers["Content-Encoding"] == "gzip"
        assert http.get("/healthz", headers={"Host": "evil.example"}).status_code == 400
    written = manifest.stat().st_mtime_ns
    with served(home, tmp_path / "second.log") as http:
        assert http.get(files[0]).is_success
    assert manifest.stat().st_mtime_ns == written
    assert not [path for path in home.run.rglob("*") if path.stat().st_mode & 0o077]
    assert (tmp_path / "second.log").read_text() == ""


def test_a_worker_that_is_aborted_shows_where_each_thread_is(home: Home, tmp_path: Path) -> None:
    log, port = tmp_path / "log", str(free_port())
    variables = {**os.environ, "PYTHONFAULTHANDLER": "1", "CYBERIMPACT_WEB_PORT": port}
    with process.pages(home, log, variables):
        os.kill(worker_on(port), signal.SIGABRT)
        deadline = time.monotonic() + 60
        while "gunicorn/workers/gthread.py" not in (said := log.read_text()):
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
    assert said.startswith("Fatal Python error: Aborted")


def worker_on(port: str) -> int:
    """Return the process that serves a port: the only one of its pages that another of them has started."""
    mark, parents = f"CYBERIMPACT_WEB_PORT={port}".encode(), {}
    for found in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended while we looked
            if mark in found.joinpath("environ").read_bytes().split(b"\0"):
                parents[int(found.name)] = int(found.joinpath("stat").read_text().rpartition(")")[2].split()[1])
    (worker,) = (number for number, parent in parents.items() if parent in parents)
    return worker
