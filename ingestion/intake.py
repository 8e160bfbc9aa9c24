"""Holds records to the contract of one table and tells new, changed and equal ones apart. Writes nothing itself."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from ingestion.contract import CHANGED_FORMAT, GENERATION, Rejection, Row, Table
from ingestion.errors import ExpectedFailure
from ingestion.records import Record

#: From this many records on, a field that no record satisfies is a change of the platform, not bad records.
MANY_RECORDS = 20

#: Called after each page, or batch of a file, with the number of its records.
Progress = Callable[[int], None]

#: Begins the reason of a record whose key another one has, with other content.
REPEATED = "repeats"

_SEPARATOR = "\x1f"
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Origin:
    """Where records come from.

    Attributes:
        platform: Name of the platform.
        kind: `file`, `api` or `quarantine`.
        name: File name, or address without query.
        sha256: Of the file's bytes.
        size_bytes: Of the file.
    """

    platform: str
    kind: str
    name: str
    sha256: str | None = None
    size_bytes: int | None = None

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


@dataclass
class Intake:
    """Takes the records of one table, batch by batch, and counts what becomes of them.

    Attributes:
        table: The contract.
        origin: Where the records come from.
        existing: Returns, for keys, the rows that the warehouse has, by key.
        progress: Called after each batch with the number of its records.
        generation: Header generation of the records; that of the first record when it is not given.
    """

    table: Table
    origin: Origin
    existing: Callable[[Sequence[str]], Mapping[str, Row]]
    progress: Progress
    generation: str | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    rows_read: int = 0
    rows_new: int = 0
    rows_updated: int = 0
    rows_unchanged: int = 0
    unknown_columns: set[str] = field(default_factory=set)
    dropped_columns: dict[str, str] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    cut_at: int | None = None
    accepted: dict[str, tuple[str, int]] = field(default_factory=dict)

    def take(self, batch: Iterable[Record]) -> pa.Table:
        """Return the rows of a batch that the warehouse does not have yet, or has otherwise.

        A column that the header does not have says nothing: the value known so far stays.

        Raises:
            ExpectedFailure: a required column is missing, a type flipped, or no record satisfies some field.
        """
        rows: list[tuple[Record, Row]] = []
        read_before = self.rows_read
        for record in batch:
            self.rows_read += 1
            outcome = self._judge(record)
            if isinstance(outcome, Rejection):
                self._quarantine(record, outcome)
            else:
                rows.append((record, outcome))
        self._refuse_hopeless()
        known = self.existing([row[self.table.key] for _, row in rows])
        changed = [new for record, row in rows if (new := self._changed(record, row, known)) is not None]
        self.progress(self.rows_read - read_before)
        return self.table.arrow(changed)

    def _judge(self, record: Record) -> Row | Rejection:
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

    def _changed(self, record: Record, row: Row, known: Mapping[str, Row]) -> Row | None:
        key = row[self.table.key]
        before = known.get(key, {})
        row = {GENERATION.name: self.generation, **row}
        complete = {name: row.get(name, before.get(name)) for name in self.table.field_names}
        digest = content_hash(complete)
        if key in self.accepted:
            first_digest, first_position = self.accepted[key]
            if digest == first_digest:
                self.rows_unchanged += 1
            else:
                self._quarantine(
                    record, Rejection(self.table.key, f"{REPEATED} that of {self._at(first_position)}, otherwise", key)
                )
            return None
        self.accepted[key] = (digest, record.position)
        if before.get("_content_hash") == digest:
            self.rows_unchanged += 1
            return None
        if before:
            self.rows_updated += 1
        else:
            self.rows_new += 1
        return {**complete, "_content_hash": digest}

    def _at(self, position: int) -> str:
        return f"{'line' if self.origin.kind == 'file' else 'record'} {position}"

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


def content_hash(row: Row) -> str:
    """Return the MD5 of a row, which tells rows apart and protects nothing; the header generation is not content.

    Hashed are the values in the order of the contract, separated by U+001F, which no canonical text holds.
    """
    content = (_as_content(value) for name, value in row.items() if name != GENERATION.name)
    return hashlib.md5(_SEPARATOR.join(content).encode(), usedforsecurity=False).hexdigest()


def _as_content(value: Any) -> str:
    """Return a value as `ingestion.columnar` says it in SQL; null is empty, which no canonical text is."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return str((value - _EPOCH) // timedelta(microseconds=1))
    return str(value)
