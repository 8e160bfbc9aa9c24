"""Days, months and half-years of the history and of files."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sandbox.events import START

#: First month of the second half of a year.
JULY = 7


def days(first: date, last: date) -> Iterator[date]:
    """Yield the days from one to another, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


@dataclass(frozen=True)
class Period:
    """Days that one file covers, both included.

    Attributes:
        name: `2025-S1` for the first half of 2025.
        first: First day.
        last: Last day that is served.
    """

    name: str
    first: date
    last: date

    def days(self) -> Iterator[date]:
        return days(self.first, self.last)


def half_years(until: date) -> Iterator[Period]:
    """Yield the half-years since the start of the history; the last one ends on the given day."""
    first = START
    while first <= until:
        is_second = first.month >= JULY
        following = date(first.year + 1, 1, 1) if is_second else date(first.year, JULY, 1)
        yield Period(f"{first.year}-S{2 if is_second else 1}", first, min(until, following - timedelta(days=1)))
        first = following


def last_whole_month(until: date) -> date:
    """Return the last day of the last month that is over by a day, or on it."""
    tomorrow = until + timedelta(days=1)
    return tomorrow.replace(day=1) - timedelta(days=1)
