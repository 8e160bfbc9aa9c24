"""One writer per DuckDB file, across processes."""

import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from core.settings import make_folder

POLL_SECONDS = 0.2


def _say(holder: str) -> None:
    print(f"Waiting: {holder}", file=sys.stderr, flush=True)


def _words(arguments: list[str]) -> list[str]:
    """Leave out options: one may carry a pseudonym, and this is written to the disk."""
    return [argument for argument in arguments if not argument.startswith("-")]


def _describe(lock_file: Path, name: str) -> str:
    try:
        holder = json.loads(lock_file.read_text())
    except (OSError, ValueError):
        return f"{name} is being written by another process."
    return f"{name} is being written by {holder['command']} (process {holder['pid']}, since {holder['since']})."


@contextmanager
def writer_lock(file: Path, on_wait: Callable[[str], None] = _say) -> Generator[int]:
    """Hold the right to write a DuckDB file; wait for it as long as another process has it.

    The lock is an `flock` on a file in `locks/` beside the database, never on the database itself: the kernel frees
    it at the death of the process, and closing a copy of the database does not drop it, as it would
    DuckDB's own POSIX lock. A child to which the yielded file descriptor is passed holds it too, until it ends.

    Args:
        file: The DuckDB file to be written.
        on_wait: Called once, with a sentence that says who holds the lock, before the wait begins.
    """
    file = file.resolve()
    lock_file = file.parent / "locks" / f"{file.name}.lock"
    make_folder(lock_file.parent)
    with lock_file.open("a+") as handle:
        announced = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not announced:
                    on_wait(_describe(lock_file, file.name))
                    announced = True
                time.sleep(POLL_SECONDS)
        handle.truncate(0)
        json.dump(
            {
                "pid": os.getpid(),
                "command": " ".join([Path(sys.argv[0]).name, *_words(sys.argv[1:3])]),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            },
            handle,
        )
        handle.flush()
        yield handle.fileno()


class _HeldError(Exception):
    """Another process writes the file."""


def _give_up(holder: str) -> NoReturn:
    raise _HeldError(holder)


@contextmanager
def writer_lock_if_free(file: Path, within_seconds: float = 0.0) -> Generator[bool]:
    """Take the writer lock of a DuckDB file if it is free, and yield whether it was taken.

    Args:
        file: The DuckDB file to be written.
        within_seconds: How long at most to wait for who has it; by default not at all.
    """
    until = time.monotonic() + within_seconds
    with ExitStack() as stack:
        while not (free := _is_taken(file, stack)) and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        yield free


def _is_taken(file: Path, stack: ExitStack) -> bool:
    try:
        stack.enter_context(writer_lock(file, on_wait=_give_up))
    except _HeldError:
        return False
    return True
