"""Checks records against the contract of one table and sorts them: new, changed, equal, replaced, outdated.

Two records of one key are ordered by the date of modification that the contract names in `versioned_by`: the newer one
wins, in a file and across loads. Where no date decides, the record that was read last wins.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from core.errors import ExpectedFailure
from ingestion.engine.contract import CHANGED_FORMAT, GENERATION, Rejection, Row, Table
from ingestion.engine.records import Record

#: From this many records on, a field that no record satisfies is a change of the platform, not bad records.
MANY_RECORDS = 20

#: Rows that are given to dlt at once, at least, unless they are the last.
ROWS_TOGETHER = 5000

#: Called after each page, or batch of a file, with the number of its records.
ProgressCallback = Callable[[int], None]

#: Returns which of the loads, by identifier, took a later export than one that ends on a day.
LaterExports = Callable[[Iterable[str], date | None], set[str]]

_SEPARATOR = "\x1f"
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Origin:
    """Where records come from.

    Attributes:
        platform: Name of the platform.
        kind: `file`, `api`, `window` (days of it that were asked for again) or `quarantine`.
        name: File name, or address without query.
        sha256: Of the file's bytes.
        size_bytes: Of the file.
        exported_on: Day of the export, where the name of the file holds one.
    """

    platform: str
    kind: str
    name: str
    sha256: str | None = None
    size_bytes: int | None = None
    exported_on: date | None = None

    @property
    def where(self) -> str:
        return f"{self.platform}, {'file' if self.kind == 'file' else 'address'} {self.name}"

    def at(self, position: int) -> str:
        return f"{self.where}, {'line' if self.kind == 'file' else 'record'} {position}"


@dataclass(frozen=True)
class Quarantined:
    """A record that is not loaded, as far as it may be kept."""

    position: int
    record_key: str | None
    rejection: Rejection
    payload: Row | None


@dataclass(frozen=True, slots=True)
class _Accepted:
    """The record that wins so far for its key.

    Attributes:
        digest: Content hash of the complete row.
        version: Date of modification, `None` where there is none.
        outcome: `new`, `updated` or `unchanged`.
        place: Batch and row among what is to be written; `None` for an unchanged row.
    """

    digest: str
    version: Any
    outcome: str
    place: tuple[int, int] | None


@dataclass
class TableValidator:
    """Validates the records of one table, batch by batch, and counts the outcome of each record once.

    Attributes:
        table: The contract.
        origin: Where the records come from.
        existing: Returns, for keys, the rows that the warehouse has, by key.
        progress: Called after each batch with the number of its records.
        generation: Header generation of the records; that of the first record when it is not given.
        later_exports: Returns, of identifiers of loads, those that took a later export than one that ends on a day.
    """

    table: Table
    origin: Origin
    existing: Callable[[Sequence[str]], Mapping[str, Row]]
    progress: ProgressCallback
    generation: str | None = None
    later_exports: LaterExports = lambda _, __: set()
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    rows_read: int = 0
    rows_new: int = 0
    rows_updated: int = 0
    rows_unchanged: int = 0
    rows_replaced: int = 0
    rows_outdated: int = 0
    unknown_columns: set[str] = field(default_factory=set)
    dropped_columns: dict[str, str] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    cut_at: int | None = None
    accepted: dict[str, _Accepted] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)
    latest_day: date | None = None
    _pending: list[pa.Table] = field(default_factory=list)
    _superseded: dict[int, set[int]] = field(default_factory=dict)
    _updated: dict[str, tuple[int, str]] = field(default_factory=dict)

    def validate(self, batch: Iterable[Record]) -> None:
        """Validate a batch of records; what is to be written waits for `changes`.

        A column that the header does not have says nothing: the value known so far stays.

        Raises:
            ExpectedFailure: a required column is missing, a type flipped, or no record satisfies some field.
        """
        rows: list[tuple[Record, Row]] = []
        read_before = self.rows_read
        for record in batch:
            self.rows_read += 1
            outcome = self._validate(record)
            if isinstance(outcome, Rejection):
                self._quarantine(record, outcome)
            else:
                rows.append((record, outcome))
        self._refuse_hopeless()
        known = self.existing([row[self.table.key] for _, row in rows])
        changed: list[Row] = []
        for record, row in rows:
            self._compare(record, row, known.get(row[self.table.key], {}), changed)
        self._pending.append(self.table.arrow(changed))
        self.progress(self.rows_read - read_before)

    def changes(self) -> Iterator[pa.Table]:
        """Yield the rows that the warehouse does not have yet, or has otherwise: one for each key, the one that won.

        Pages are put together: dlt examines each table that it is given, however few rows it has.
        """
        together: list[pa.Table] = []
        waiting = 0
        for number, rows in enumerate(self._pending):
            lost = self._superseded.get(number)
            together.append(rows.filter(pa.array(rank not in lost for rank in range(rows.num_rows))) if lost else rows)
            waiting += together[-1].num_rows
            if waiting >= ROWS_TOGETHER:
                yield pa.concat_tables(together)
                together, waiting = [], 0
        if together:
            yield pa.concat_tables(together)
        self._pending.clear()

    @property
    def last_day(self) -> date | None:
        """The last day that the records cover, as far as it can be known: of an API, that of the load."""
        if self.origin.kind == "api":
            return self.started_at.date()
        return max(filter(None, (self.latest_day, self.origin.exported_on)), default=None)

    @property
    def updated_positions(self) -> list[int]:
        """Where the records stand that changed a row, and that no date of modification orders."""
        return sorted(position for position, _ in self._updated.values())

    def reverted_positions(self) -> list[int]:
        """Where the records stand that changed a row which a later export had written, as far as it can be known."""
        if not self._updated:
            return []
        later = self.later_exports({load_id for _, load_id in self._updated.values()}, self.last_day)
        return sorted(position for position, load_id in self._updated.values() if load_id in later)

    def note_update(self, key: str, position: int, load_id: str) -> None:
        """Remember which load wrote the row that a record changes, where no date of modification orders the two."""
        if self.origin.kind == "file":
            self._updated[key] = (position, load_id)

    def _validate(self, record: Record) -> Row | Rejection:
        if record.is_cut:
            self.cut_at = record.position
        if record.problem is not None:
            reason = f"the file is truncated here: {record.problem}" if record.is_cut else record.problem
            return Rejection(None, reason)
        header = self.table.understand(tuple(record.values), self.origin.where)
        self.generation = self.generation or header.generation
        self.unknown_columns.update(header.named_unknown)
        self.dropped_columns.update(header.named_dropped)
        return self.table.read(record.values, header, self.origin.at(record.position))

    def _compare(self, record: Record, row: Row, stored: Row, changed: list[Row]) -> None:
        """Count a good record, and add its complete row to `changed` when it wins over what is known of its key."""
        key, winner = row[self.table.key], self.accepted.get(row[self.table.key])
        row = {GENERATION.name: self.generation, **row}
        before = stored if winner is None or winner.place is None else self._pending_row(winner.place, changed)
        complete = {name: row.get(name, before.get(name)) for name in self.table.field_names}
        digest = content_hash(complete)
        version = complete.get(self.table.versioned_by) if self.table.versioned_by else None
        self.note_day(complete.get(self.table.dated_by or ""))
        if winner is not None:
            if digest == winner.digest:
                self.rows_unchanged += 1
                return
            self.rows_replaced += 1
            if is_older(version, winner.version):
                return
            self._take_back(key, winner)
        elif stored and is_older(version, stored.get(self.table.versioned_by or "")):
            self.rows_outdated += 1
            return
        outcome = "new" if not stored else "unchanged" if stored.get("_content_hash") == digest else "updated"
        setattr(self, f"rows_{outcome}", getattr(self, f"rows_{outcome}") + 1)
        place = None if outcome == "unchanged" else (len(self._pending), len(changed))
        self.accepted[key] = _Accepted(digest, version, outcome, place)
        if place is not None:
            changed.append({**complete, "_content_hash": digest})
        if outcome == "updated" and version is None:
            self.note_update(key, record.position, stored.get("_dlt_load_id", ""))

    def _pending_row(self, place: tuple[int, int], changed: Sequence[Row]) -> Row:
        """Return a row that waits to be written, of this batch or of one before."""
        batch, rank = place
        return changed[rank] if batch == len(self._pending) else self._pending[batch].slice(rank, 1).to_pylist()[0]

    def _take_back(self, key: str, winner: _Accepted) -> None:
        """Undo what was counted and kept of a record that another one of the same key replaces."""
        setattr(self, f"rows_{winner.outcome}", getattr(self, f"rows_{winner.outcome}") - 1)
        self._updated.pop(key, None)
        if winner.place is not None:
            batch, rank = winner.place
            self._superseded.setdefault(batch, set()).add(rank)

    def note_day(self, value: Any) -> None:
        """Keep the latest day that the records cover."""
        day = value.date() if isinstance(value, datetime) else day_of(value)
        if day is not None and (self.latest_day is None or day > self.latest_day):
            self.latest_day = day

    def _quarantine(self, record: Record, rejection: Rejection) -> None:
        payload = None
        if record.problem is None:
            where = self.origin.at(record.position)
            payload = self.table.minimise(record.values, self.table.understand(tuple(record.values), where), where)
            payload[GENERATION.name] = self.generation
        key = self.table.key_of(record.values)
        self.quarantined.append(Quarantined(record.position, key, rejection, payload))

    def _refuse_hopeless(self) -> None:
        if self.origin.kind == "quarantine" or self.rows_read < MANY_RECORDS or len(self.quarantined) < self.rows_read:
            return
        (name, reason), times = Counter((q.rejection.field, q.rejection.reason) for q in self.quarantined).most_common(
            1
        )[0]
        first = next(q for q in self.quarantined if q.rejection.field == name)
        if times == self.rows_read:
            raise ExpectedFailure(
                f"{self.origin.at(first.position)}: the column {name or 'count'} {reason} in all of {times} records"
                f" (first value: {first.rejection.value!r}).",
                CHANGED_FORMAT,
            )


def is_older(version: Any, other: Any) -> bool:
    """Return whether a date of modification lies before another one; an absent date lies before all."""
    return other is not None and (version is None or version < other)


def day_of(value: Any) -> date | None:
    """Return the last day of a day, time or month in ISO form; `None` for any other value."""
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value[:10] if len(value) > len("2026-01") else f"{value}-01")
    except ValueError:
        return None


def content_hash(row: Row) -> str:
    """Return the MD5 of a row, to compare rows, not to protect them; the header generation is not content.

    Hashed are the values in the order of the contract, separated by U+001F, which no canonical text holds.
    """
    content = (_as_content(value) for name, value in row.items() if name != GENERATION.name)
    return hashlib.md5(_SEPARATOR.join(content).encode(), usedforsecurity=False).hexdigest()


def _as_content(value: Any) -> str:
    """Return a value as `ingestion.engine.columnar` says it in SQL; null is empty, which no canonical text is."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return str((value - _EPOCH) // timedelta(microseconds=1))
    return str(value)
