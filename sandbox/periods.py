"""The periods for which files are delivered, and CSV as bytes. Knows no platform and invents nothing."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sandbox.scenario import START

#: First month of the second half of a year.
JULY = 7


@dataclass(frozen=True)
class Period:
    """Days that one file covers, both included.

    Attributes:
        name: `2025-S1` for the first half of 2025.
        first: First day.
        last: Last day that is told.
    """

    name: str
    first: date
    last: date

    def days(self) -> Iterator[date]:
        for offset in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=offset)


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


def csv_bytes(rows: Iterable[Sequence[object]], delimiter: str, encoding: str = "utf-8") -> bytes:
    """Return rows as a CSV file with the line ends of Windows; `None` is an empty field."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode(encoding, errors="replace")
