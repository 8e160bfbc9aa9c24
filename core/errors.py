"""Failures that a user is expected to meet, with their remedy."""

from collections.abc import Iterable, Iterator
from datetime import datetime


class ExpectedFailure(Exception):
    """A failure with a known cause and a known remedy.

    Args:
        what: What happened and where, in one sentence, free of secrets and personal data.
        remedy: What the reader can do about it, in one sentence.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"


class TransientFailure(ExpectedFailure):
    """A failure that may pass by itself.

    Args:
        what: As `ExpectedFailure`.
        remedy: As `ExpectedFailure`.
        until: When the next attempt is allowed, where that is known.
    """

    def __init__(self, what: str, remedy: str, until: datetime | None = None) -> None:
        super().__init__(what, remedy)
        self.until = until


def first_of(items: Iterable[object], most: int) -> str:
    """Return the first of some items for a sentence, and how many there are more: `a, b and 2 more`."""
    names = [str(item) for item in items]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def causes_of(problem: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and what caused it, each once: a chain may come back to itself."""
    seen: set[int] = set()
    while problem is not None and id(problem) not in seen:
        seen.add(id(problem))
        yield problem
        problem = problem.__cause__ or problem.__context__
