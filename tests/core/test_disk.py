"""A full disk ends in one sentence, whoever meets it: a small file system is mounted where something is written."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from getpass import getuser
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from core import disk
from core.settings import Home
from orchestration.execution import sentence
from tests.handmade import write_warehouse

PUBLISH = """
from warehouse.publication import publish
from core import settings
from core.errors import ExpectedFailure
from warehouse import published
from tests.handmade import RELATIONS
home = settings.home()
first = publish(home, RELATIONS[1:])
try:
    publish(home, RELATIONS)
except ExpectedFailure as failure:
    print(failure)
print(published.current(home, published.DAILY) == first.file)
"""

LOAD = """
import sys
from pathlib import Path
from core.errors import ExpectedFailure
from ingestion.engine.loading import load
try:
    load("services_publics_plus", file=Path(sys.argv[1]))
except ExpectedFailure as failure:
    print(failure)
"""


def on_a_small_disk(home: Home, folder: Path, size: str, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command with a file system of a size mounted on a folder, which nobody else sees."""
    unshare = shutil.which("unshare") or "false"
    trial = [unshare, "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if subprocess.run(trial, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small file system")
    folder.mkdir(parents=True, exist_ok=True)
    mount = 'mount -t tmpfs -o size="$0" tmpfs "$1" && shift && exec "$@"'
    return subprocess.run(
        [unshare, "-rm", "sh", "-c", mount, size, folder, *command],
        env=os.environ | {"CYBERIMPACT_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_publication_that_finds_no_space_leaves_the_former_one(home: Home) -> None:
    write_warehouse(home, rows=200_000)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(
            "alter table kpi.kpi_value add column noise varchar; update kpi.kpi_value set noise = uuid()"
        )
        connection.execute("delete from perception.fct_experience where experience_id > 10")
    done = on_a_small_disk(home, home.published, "2m", sys.executable, "-c", PUBLISH)
    assert "disk is full" in done.stdout, done
    assert done.stdout.splitlines()[-1] == "True"


def test_a_backup_that_finds_no_space_leaves_nothing(home: Home, tmp_path: Path) -> None:
    write_warehouse(home, rows=10)
    cyberimpact = Path(sys.executable).with_name("cyberimpact")
    show = 'code=0; "$0" backup "$1"/saved || code=$?; ls -A "$1"; exit $code'
    done = on_a_small_disk(home, tmp_path / "disk", "64k", "sh", "-c", show, cyberimpact, tmp_path / "disk")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be written" in done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_load_that_finds_no_space_says_so(home: Home, shared: Path) -> None:
    file = shared / "data" / "services_publics_plus" / "export-experiences.csv"
    done = on_a_small_disk(home, home.root, "1m", sys.executable, "-c", LOAD, file)
    assert "disk is full" in done.stdout, done
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "writes: the disk is full, that of "),
        (errno.EACCES, f"writes: The account {getuser()} is denied access to "),
    ],
)
def test_a_step_that_finds_no_space_or_is_denied_it_is_a_sentence(home: Home, number: int, said: str) -> None:
    home.root.mkdir()

    def write() -> None:
        raise OSError(number, os.strerror(number), str(home.root))

    @dg.op
    def writes() -> None:
        try:
            write()
        except OSError as problem:
            raise RuntimeError("the event could not be stored") from problem

    @dg.job
    def job() -> None:
        writes()

    result = job.execute_in_process(raise_on_error=False)
    [failed] = [event for event in result.all_events if event.is_step_failure]
    assert sentence(failed).startswith(f"{said}{home.root}")


def test_only_a_full_disk_is_one(home: Home) -> None:
    home.root.mkdir()
    assert disk.explain(sqlite3.OperationalError("disk I/O error")) is None
    assert disk.explain(OSError(errno.EACCES, "no")) is None
    assert disk.explain(sqlite3.OperationalError("database or disk is full"))
    assert disk.explain(OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)))
