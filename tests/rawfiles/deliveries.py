"""Files on disk, and what a load must say of each: rows new, updated, quarantined; the rest changes nothing."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from tests.rawfiles.figures import Figures

Row = dict[str, Any]

FIRST_DAY, LAST_DAY = date(2023, 1, 1), date(2025, 12, 31)
YEARS = (2023, 2024, 2025)
MONTHS = tuple(date(year, month, 1) for year in YEARS for month in range(1, 13))
#: A day that no load can have seen yet.
FUTURE = date(2049, 5, 17)


@dataclass(frozen=True)
class Size:
    """How much the platforms deliver."""

    experiences: int = 1500
    chats: int = 2500
    declarations: int = 3000
    reviews: int = 600
    listings: int = 40
    mentions: int = 800
    actions: int = 150
    cases: int = 1200


SMALL = Size()
LARGE = Size(
    experiences=50_000,
    chats=500_000,
    declarations=1_000_000,
    reviews=20_000,
    listings=500,
    mentions=50_000,
    actions=5_000,
    cases=40_000,
)


@dataclass
class File:
    """A file, and what its load must report.

    Attributes:
        platform: Platform that it is loaded for.
        path: Where it lies.
        read: Rows that it holds.
        new: Keys that were not known.
        updated: Keys that were known with other content.
        quarantined: Rows that break the contract.
        is_refused: Whether the load must end with an error, and load nothing.
        repaired: Characters that are not UTF-8, and are read as cp1252.
        reverted: Rows that change to an older value, where no date says which is newer.
    """

    platform: str
    path: Path
    read: int = 0
    new: int = 0
    updated: int = 0
    quarantined: int = 0
    is_refused: bool = False
    repaired: int = 0
    reverted: int = 0

    @property
    def other(self) -> int:
        """Rows that change nothing: equal to what is known, older than it, or replaced further down in the file."""
        return self.read - self.new - self.updated - self.quarantined


@dataclass
class Table:
    """What a table must hold after the files that were written so far.

    Attributes:
        rows: Last content per key.
        modified: Tells the date of a row by which the newer one wins; without one, the later one in time does.
    """

    rows: dict[Any, Row] = field(default_factory=dict)
    modified: Callable[[Row], Any] | None = None

    def take(self, file: File, found: Iterable[tuple[Any, Row]]) -> None:
        """Take the good rows of a file: the last of a key wins, or the newest where rows are dated."""
        last: dict[Any, Row] = {}
        for key, row in found:
            file.read += 1
            if key not in last or not self._is_older(row, last[key]):
                last[key] = row
        for key, row in last.items():
            before = self.rows.get(key)
            if before is None:
                file.new += 1
            elif self._is_older(row, before) or before | row == before:
                continue
            else:
                file.updated += 1
            self.rows[key] = (before or {}) | row

    def _is_older(self, row: Row, other: Row) -> bool:
        return self.modified is not None and self.modified(row) < self.modified(other)


@dataclass
class Desk:
    """Where files are written, what is noted about them, and the visits from regions that nobody knows."""

    folder: Path
    size: Size
    figures: Figures
    files: list[File] = field(default_factory=list)
    unknown_regions: Counter[str] = field(default_factory=Counter)

    def random(self, platform: str) -> Random:
        """Return the chance of a platform, the same in every run."""
        return Random(f"cyberimpact {platform}")

    def file(self, platform: str, name: str, data: bytes, quarantined: int = 0, is_refused: bool = False) -> File:
        """Write a file; rows that break the contract are counted here, good ones by `Table.take`."""
        path = self.folder / platform / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        file = File(platform, path, read=quarantined, quarantined=quarantined, is_refused=is_refused)
        self.files.append(file)
        return file


def some_day(random: Random, first: date = FIRST_DAY, last: date = LAST_DAY) -> date:
    """Return a day between two, both included."""
    return first + timedelta(days=random.randrange((last - first).days + 1))


def some_time(random: Random, first: date = FIRST_DAY, last: date = LAST_DAY) -> datetime:
    """Return a time of day, to the minute, outside of the hours that the change of clocks touches."""
    return datetime.combine(some_day(random, first, last), datetime.min.time()) + timedelta(
        hours=random.choice([hour for hour in range(24) if hour not in (1, 2, 3)]), minutes=random.randrange(60)
    )


def csv_text(rows: Iterable[Sequence[Any]], delimiter: str = ";", header: Sequence[str] | None = None) -> str:
    """Return rows as CSV, quoted where needed, empty for null."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    if header is not None:
        writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def json_lines(records: Iterable[Mapping[str, Any]]) -> bytes:
    """Return records as an extraction tool leaves them: one JSON object a line."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()
