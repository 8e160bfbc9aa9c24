"""A publication killed at any instant, with readers all the while: none sees an error, or two publications at once."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from core.locks import writer_lock
from core.settings import Home
from tests.handmade import RELATIONS, write_warehouse
from warehouse import published
from warehouse.publication import publish

#: A copy takes some tens of milliseconds, so that a kill has something to hit.
ROWS = 100_000
READERS = 4

PUBLISH = """
from warehouse.publication import publish
from core import settings
from tests.handmade import RELATIONS
print("begins", flush=True)
publish(settings.home(), RELATIONS)
"""

READ = """
import json, sys, time
from pathlib import Path
from core import settings
from warehouse import published
home, stop, seen, reads = settings.home(), Path(sys.argv[1]), [], 0
tables = ("kpi.kpi_value", "perception.fct_experience", "audit.freshness")
while not stop.exists() or not reads:
    with published.connect(home) as connection:
        found = [connection.execute(f"select min(generation), max(generation) from {t}").fetchone() for t in tables]
        found.append(connection.execute("select data_as_of - date '2026-01-01' from audit.publication").fetchone() * 2)
    found = sorted({number for pair in found for number in pair})
    reads += 1
    time.sleep(0.01)
    if not seen or seen[-1] != found:
        seen.append(found)
        print("sees", found, flush=True)
print(json.dumps({"reads": reads, "seen": seen}))
"""


@contextmanager
def publisher(home: Home) -> Iterator[subprocess.Popen[str]]:
    """Run a publication in a process of its own, stopped for good at the end, and wait until it begins."""
    with subprocess.Popen(
        [sys.executable, "-c", PUBLISH],
        env=os.environ | {"CYBERIMPACT_HOME": str(home.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begins\n"
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def reader(home: Home, stop: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a reader that opens, reads and closes the published copy until the file `stop` exists."""
    with subprocess.Popen(
        [sys.executable, "-c", READ, str(stop)],
        env=os.environ | {"CYBERIMPACT_HOME": str(home.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def duration(home: Home) -> float:
    """Return how long one publication takes on this machine, in seconds."""
    began = time.monotonic()
    with publisher(home) as process:
        began = time.monotonic()
        assert process.wait() == 0
    return time.monotonic() - began


def kill_and_read(home: Home, tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)
    stop = tmp_path / "stop"
    write_warehouse(home, 0, rows=ROWS)
    longest = duration(home)
    with ExitStack() as stack:
        readers = [stack.enter_context(reader(home, stop)) for _ in range(READERS)]
        for process in readers:
            assert process.stdout is not None
            assert process.stdout.readline() == "sees [0]\n"
        for number in range(1, kills + 1):
            write_warehouse(home, number, rows=ROWS)
            with publisher(home) as process:
                time.sleep(chance.uniform(0, longest))
                process.kill()
        write_warehouse(home, kills + 1, rows=ROWS)
        publish(home, RELATIONS)
        stop.touch()
        for process in readers:
            output, errors = process.communicate()
            assert errors == ""
            assert process.returncode == 0
            report = json.loads(output.splitlines()[-1])
            assert all(len(generations) == 1 for generations in report["seen"]), "two publications at once"
            assert report["seen"] == sorted(report["seen"]), "back to an older publication"
    with published.connect(home) as connection:
        last = connection.execute("select max(generation) from kpi.kpi_value").fetchone()
    assert last == (kills + 1,)
    daily = home.published / "daily"
    assert not [path for path in daily.iterdir() if path.name.startswith(".")], "what the dead ones left is swept"
    assert len([path for path in daily.iterdir() if path.is_dir() and not path.is_symlink()]) <= 3
    with writer_lock(home.warehouse, on_wait=pytest.fail):
        pass


def test_killed_publications_never_show(home: Home, tmp_path: Path) -> None:
    kill_and_read(home, tmp_path, kills=3)


@pytest.mark.proof
def test_twenty_killed_publications_never_show(home: Home, tmp_path: Path) -> None:
    kill_and_read(home, tmp_path, kills=20)


def test_rapid_publications_never_show(home: Home, tmp_path: Path) -> None:
    """Publications that follow each other faster than anyone reads, so that builds go while they are being opened."""
    stop = tmp_path / "stop"
    write_warehouse(home, 0)
    publish(home, RELATIONS)
    with reader(home, stop) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "sees [0]\n"
        for number in range(1, 16):
            write_warehouse(home, number)
            publish(home, RELATIONS)
        stop.touch()
        output, errors = process.communicate()
    assert errors == ""
    assert process.returncode == 0
    report = json.loads(output.splitlines()[-1])
    assert all(len(generations) == 1 for generations in report["seen"])
    assert report["reads"] > 1
