"""Recognises a full disk in the errors of libraries, and words it with its remedy."""

import errno
import shutil
from collections.abc import Generator
from contextlib import contextmanager

from core.errors import ExpectedFailure, causes_of
from core.settings import home

#: As the system, SQLite and a quota say it.
_WORDS = ("No space left on device", "database or disk is full", "Disk quota exceeded")
_INPUT_OUTPUT, _NOTHING_BYTES = "disk I/O error", 1 << 20


def is_full(text: str) -> bool:
    return any(words in text for words in _WORDS)


def explain(problem: BaseException) -> ExpectedFailure | None:
    """Return the failure to show where a full disk is among the causes of an exception, None where it is not."""
    causes = list(causes_of(problem))
    full = any(isinstance(cause, OSError) and cause.errno in {errno.ENOSPC, errno.EDQUOT} for cause in causes)
    said = "\n".join(map(str, causes))
    # SQLite's log of writes does not say why it could not grow.
    full = full or is_full(said) or (_INPUT_OUTPUT in said and shutil.disk_usage(home().root).free < _NOTHING_BYTES)
    return failure() if full else None


@contextmanager
def explained() -> Generator[None]:
    """Raise what the block raises, worded where its cause is a full disk.

    Raises:
        ExpectedFailure: the disk is full.
    """
    try:
        yield
    except Exception as problem:
        if full := explain(problem):
            raise full from problem
        raise


def failure(where: str = "") -> ExpectedFailure:
    return ExpectedFailure(
        f"{where}{': the' if where else 'The'} disk is full, that of {home().root} or that of temporary files.",
        "Free some space and repeat the command: what was loaded and published before stays as it was.",
    )
