"""One writer per file: a waiting process names the holder, a dead holder frees the lock, two homes are apart."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.locks import writer_lock, writer_lock_if_free
from core.settings import Home

HOLD = """
import sys
from pathlib import Path
from core.locks import writer_lock
with writer_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def holder(file: Path, home: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that asks for the lock at once and keeps it until a line arrives or its end."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)],
        env=os.environ | {"CYBERIMPACT_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until_held(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"


class RefusedError(Exception):
    """The lock was not free."""


def refuse(sentence: str) -> None:
    raise RefusedError(sentence)


@pytest.fixture
def warehouse(home: Home) -> Path:
    home.root.mkdir(parents=True)
    return home.warehouse


def test_who_waits_is_told_who_holds_and_gets_it_afterwards(warehouse: Path, home: Home) -> None:
    with holder(warehouse, home.root) as first:
        wait_until_held(first)
        with holder(warehouse, home.root) as second:
            assert second.stderr is not None
            assert first.stdin is not None
            sentence = second.stderr.readline()
            assert str(first.pid) in sentence
            assert "warehouse.duckdb" in sentence
            assert "-c" in sentence, "the command of the holder is missing"
            first.stdin.write("\n")
            first.stdin.flush()
            wait_until_held(second)
            second.kill()
            assert second.stderr.read() == "", "a waiting process names the holder once"


def test_the_death_of_the_holder_frees_the_lock(warehouse: Path, home: Home) -> None:
    with holder(warehouse, home.root) as first:
        wait_until_held(first)
        with pytest.raises(RefusedError, match=str(first.pid)), writer_lock(warehouse, on_wait=refuse):
            pass
        first.kill()
        first.wait()
        with writer_lock(warehouse, on_wait=refuse):
            pass


def test_the_sentence_names_the_present_holder_not_a_dead_one(warehouse: Path, home: Home) -> None:
    with holder(warehouse, home.root) as dead:
        wait_until_held(dead)
    with holder(warehouse, home.root) as living:
        wait_until_held(living)
        with pytest.raises(RefusedError) as refused, writer_lock(warehouse, on_wait=refuse):
            pass
    assert re.search(rf"process {living.pid}\b", str(refused.value))
    assert f"process {dead.pid}" not in str(refused.value)


def test_an_error_inside_frees_the_lock(warehouse: Path) -> None:
    with pytest.raises(ZeroDivisionError), writer_lock(warehouse, on_wait=refuse):
        _ = 1 / 0
    with writer_lock(warehouse, on_wait=refuse):
        pass


def test_two_homes_do_not_touch(warehouse: Path, home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    other.root.mkdir()
    with holder(warehouse, home.root) as first, holder(other.warehouse, other.root) as second:
        wait_until_held(first)
        wait_until_held(second)  # it would never be, if the two shared a lock


@pytest.mark.parametrize("spell", [lambda file: file, lambda file: file.parent / ".." / file.parent.name / file.name])
def test_the_lock_belongs_to_the_file_not_to_the_home_of_who_asks(
    warehouse: Path, tmp_path: Path, spell: Callable[[Path], Path]
) -> None:
    """Somebody who runs dbt by hand on this warehouse, with another home or none in the environment, waits as well."""
    with holder(spell(warehouse), tmp_path / "elsewhere") as first:
        wait_until_held(first)
        with pytest.raises(RefusedError), writer_lock(warehouse, on_wait=refuse):
            pass


def test_files_of_one_name_in_two_folders_have_two_locks(warehouse: Path, home: Home, tmp_path: Path) -> None:
    twin = tmp_path / "twin" / warehouse.name
    twin.parent.mkdir()
    with holder(twin, home.root) as first:
        wait_until_held(first)
        with writer_lock(warehouse, on_wait=refuse):
            pass


def test_warehouse_and_live_file_are_written_at_the_same_time(warehouse: Path) -> None:
    with writer_lock(warehouse, on_wait=refuse), writer_lock(warehouse.with_name("live.duckdb"), on_wait=refuse):
        pass


def test_a_lock_that_is_given_back_in_time_is_taken(warehouse: Path, home: Home) -> None:
    with holder(warehouse, home.root) as first:
        wait_until_held(first)
        with writer_lock_if_free(warehouse) as free:
            assert not free
        threading.Timer(0.5, first.kill).start()
        with writer_lock_if_free(warehouse, within_seconds=30) as free:
            assert free
            assert first.wait(10), "taken from who has ended, not beside it"
            with pytest.raises(RefusedError), writer_lock(warehouse, on_wait=refuse):
                pass


def test_a_lock_that_is_not_given_back_is_left(warehouse: Path, home: Home) -> None:
    with holder(warehouse, home.root) as first:
        wait_until_held(first)
        with writer_lock_if_free(warehouse, within_seconds=0.5) as free:
            assert not free
        assert first.poll() is None
