"""Checks records against the contract of one table and sorts them: new, changed, equal, replaced, outdated.

Two records of one key are ordered by the date of modification that the contract names in `versioned_by`: the newer one
wins, in a file and across loads. Where no date decides, the record that was read last wins.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import repeat
from operator import itemgetter
from typing import Any, Self

import pyarrow as pa

from core.errors import ExpectedFailure
from ingestion.engine.contract import CHANGED_FORMAT, GENERATION, Field, Reading, Rejection, Row, Table
from ingestion.engine.records import Block, Record

#: From this many records on, a field that no record satisfies is a change of the platform, not bad records.
MANY_RECORDS = 20

#: Rows that are given to dlt at once, at least, unless they are the last.
ROWS_TOGETHER = 5000

#: Called after each page, or batch of a file, with the number of its records.
ProgressCallback = Callable[[int], None]

#: Returns which of the loads, by identifier, took a later export than one that ends on a day.
LaterExports = Callable[[Iterable[str], date | None], set[str]]

_SEPARATOR = "\x1f"
_FLAGS = {None: "", True: "true", False: "false"}
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Origin:
    """Where records come from.

    Attributes:
        platform: Name of the platform.
        kind: `file`, `api`, `window` (days of it that were asked for again), `inbox` (what was sent) or `quarantine`.
        name: File name, or address without query; `inbox` of what was sent.
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
        if self.kind == "inbox":
            return f"{self.platform}, {self.name}"
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


#: The record that wins so far for its key: content hash of the complete row; date of modification, where there is one;
#: `new`, `updated` or `unchanged`; batch and row among what is to be written, `None` for an unchanged row.
_Accepted = tuple[str, Any, str, tuple[int, int] | None]

#: A good record: its place in the batch, key, values of all fields in their order, their content hash, and the places
#: of the fields that its header lacks.
_Candidate = tuple[int, str, tuple[Any, ...], str, Sequence[int]]


@dataclass(slots=True)
class _Group:
    """The records of a batch that have one header, by column.

    Attributes:
        ranks: Their places in the batch.
        columns: Label to their values.
    """

    ranks: list[int]
    columns: dict[str, list[Any]]

    @classmethod
    def of(cls, labels: Iterable[str]) -> Self:
        return cls([], {label: [] for label in labels})

    def append(self, rank: int, values: Iterable[Any]) -> None:
        self.ranks.append(rank)
        for column, value in zip(self.columns.values(), values, strict=True):
            column.append(value)

    def extend(self, ranks: Iterable[int], columns: Iterable[Sequence[Any]]) -> None:
        self.ranks.extend(ranks)
        for column, values in zip(self.columns.values(), columns, strict=True):
            column.extend(values)

    def values(self, rank: int) -> dict[str, Any]:
        return {label: column[rank] for label, column in self.columns.items()}


@dataclass
class TableValidator:
    """Validates the records of one table, batch by batch, and counts the outcome of each record once.

    Attributes:
        table: The contract.
        origin: Where the records come from.
        existing: Returns, for keys and names of fields, the rows that the warehouse has, by key: these fields, the date
            of modification, the content hash, and the load that wrote it.
        progress: Called after each batch with the number of its records.
        generation: Header generation of the records; that of the first record when it is not given.
        later_exports: Returns, of identifiers of loads, those that took a later export than one that ends on a day.
    """

    table: Table
    origin: Origin
    existing: Callable[[Sequence[str], Sequence[str]], Mapping[str, Row]]
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

    def validate(self, batch: Iterable[Record | Block]) -> None:
        """Validate a batch of records; what is to be written waits for `changes`.

        A column that the header does not have says nothing: the value known so far stays.

        Raises:
            ExpectedFailure: a required column is missing, a type flipped, or no record satisfies some field.
        """
        candidates, positions = self._read(batch)
        self.rows_read += len(positions)
        self._refuse_hopeless()
        lacking = sorted({place for *_, absent in candidates for place in absent})
        known = self.existing([key for _, key, *_ in candidates], [self.table.field_names[place] for place in lacking])
        changed: list[tuple[Any, ...]] = []
        for candidate in candidates:
            self._compare(candidate, positions, known, changed)
        self._pending.append(self.table.arrow(changed))
        self.progress(len(positions))

    @cached_property
    def _version_place(self) -> int | None:
        return self.table.field_names.index(self.table.versioned_by) if self.table.versioned_by else None

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

    def _read(self, pieces: Iterable[Record | Block]) -> tuple[list[_Candidate], list[int]]:
        """Return the good records in their order, and the position of all, by rank; set the others aside."""
        positions: list[int] = []
        damaged: dict[int, Record] = {}
        groups: dict[tuple[str, ...], _Group] = {}
        for piece in pieces:
            rank = len(positions)
            if isinstance(piece, Block):
                positions.extend(piece.positions)
                labels = tuple(piece.columns)
                groups.setdefault(labels, _Group.of(labels)).extend(range(rank, len(positions)), piece.columns.values())
                continue
            positions.append(piece.position)
            if piece.problem is not None:
                damaged[rank] = piece
            else:
                labels = tuple(piece.values)
                groups.setdefault(labels, _Group.of(labels)).append(rank, piece.values.values())
        refused: list[tuple[int, Record, Rejection]] = []
        for rank, record in damaged.items():
            if record.is_cut:
                self.cut_at = record.position
            reason = f"the file is truncated here: {record.problem}" if record.is_cut else record.problem
            refused.append((rank, record, Rejection(None, reason or "")))
        candidates: list[_Candidate] = []
        for labels, group in groups.items():
            header = self.table.understand(labels, self.origin.where)
            self.generation = self.generation or header.generation
            self.unknown_columns.update(header.named_unknown)
            self.dropped_columns.update(header.named_dropped)
            ranks = group.ranks
            reading = self.table.read(group.columns, header, lambda n, ranks=ranks: self.origin.at(positions[ranks[n]]))
            for n, rejection in reading.rejections.items():
                refused.append((ranks[n], Record(positions[ranks[n]], group.values(n)), rejection))
            if reading.kept:
                candidates += self._candidates(reading, [ranks[n] for n in reading.kept])
        for _, record, rejection in sorted(refused, key=itemgetter(0)):
            self._quarantine(record, rejection)
        return candidates if len(groups) == 1 else sorted(candidates), positions

    def _candidates(self, reading: Reading, ranks: Sequence[int]) -> Iterator[_Candidate]:
        """Yield the rows that were read, complete but for the fields that the header lacks."""
        count = len(ranks)
        columns: dict[str, Sequence[Any]] = {GENERATION.name: [self.generation] * count, **reading.columns}
        names = self.table.field_names
        absent = tuple(place for place, name in enumerate(names) if name not in columns)
        complete = [columns.get(name) or [None] * count for name in names]
        self.note_days(columns.get(self.table.dated_by or "", ()))
        digests = content_hashes(self.table.fields, complete)
        return zip(ranks, columns[self.table.key], zip(*complete, strict=True), digests, repeat(absent))

    def _compare(
        self,
        candidate: _Candidate,
        positions: Sequence[int],
        known: Mapping[str, Row],
        changed: list[tuple[Any, ...]],
    ) -> None:
        """Count a good record, and add its complete row to `changed` when it wins over what is known of its key."""
        rank, key, values, digest, absent = candidate
        winner, stored = self.accepted.get(key), known.get(key)
        if absent and (winner or stored):
            values = self._completed(values, absent, winner, stored or {}, changed)
            digest = content_hash(dict(zip(self.table.field_names, values, strict=True)))
        version = None if self._version_place is None else values[self._version_place]
        if winner is not None:
            if digest == winner[0]:
                self.rows_unchanged += 1
                return
            self.rows_replaced += 1
            if is_older(version, winner[1]):
                return
            self._take_back(key, winner)
        elif stored and is_older(version, stored.get(self.table.versioned_by or "")):
            self.rows_outdated += 1
            return
        if stored and stored.get("_content_hash") == digest:
            self.rows_unchanged += 1
            self.accepted[key] = (digest, version, "unchanged", None)
            return
        self.accepted[key] = (digest, version, "updated" if stored else "new", (len(self._pending), len(changed)))
        changed.append((*values, digest))
        if not stored:
            self.rows_new += 1
            return
        self.rows_updated += 1
        if version is None:
            self.note_update(key, positions[rank], stored.get("_dlt_load_id", ""))

    def _completed(
        self,
        values: tuple[Any, ...],
        absent: Sequence[int],
        winner: _Accepted | None,
        stored: Row,
        changed: Sequence[tuple[Any, ...]],
    ) -> tuple[Any, ...]:
        """Return values with those that are known of the fields that their header lacks."""
        names = self.table.field_names
        place = winner and winner[3]
        before = stored if place is None else self._pending_row(place, changed)
        complete = list(values)
        for place in absent:
            complete[place] = before.get(names[place])
            if names[place] == self.table.dated_by:
                self.note_days([complete[place]])
        return tuple(complete)

    def _pending_row(self, place: tuple[int, int], changed: Sequence[tuple[Any, ...]]) -> Row:
        """Return a row that waits to be written, of this batch or of one before."""
        batch, rank = place
        if batch < len(self._pending):
            return self._pending[batch].slice(rank, 1).to_pylist()[0]
        return dict(zip(self.table.field_names, changed[rank], strict=False))

    def _take_back(self, key: str, winner: _Accepted) -> None:
        """Undo what was counted and kept of a record that another one of the same key replaces."""
        _, _, outcome, place = winner
        setattr(self, f"rows_{outcome}", getattr(self, f"rows_{outcome}") - 1)
        self._updated.pop(key, None)
        if place is not None:
            batch, rank = place
            self._superseded.setdefault(batch, set()).add(rank)

    def note_days(self, values: Iterable[Any]) -> None:
        """Keep the latest day that the records cover."""
        days = {value[:10] if isinstance(value, str) else value for value in values}
        found = (value.date() if isinstance(value, datetime) else day_of(value) for value in days)
        self.latest_day = max(filter(None, (self.latest_day, *found)), default=None)

    def _quarantine(self, record: Record, rejection: Rejection) -> None:
        payload = None
        if record.problem is None:
            where = self.origin.at(record.position)
            payload = self.table.minimise(record.values, self.table.understand(tuple(record.values), where), where)
            payload[GENERATION.name] = self.generation
        key = self.table.key_of(record.values)
        self.quarantined.append(Quarantined(record.position, key, rejection, payload))

    def _refuse_hopeless(self) -> None:
        if self.origin.kind in ("inbox", "quarantine"):  # of many senders: what one breaks is no change of the platform
            return
        if self.rows_read < MANY_RECORDS or len(self.quarantined) < self.rows_read:
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


def content_hashes(fields: Sequence[Field], columns: Sequence[Sequence[Any]]) -> Iterator[str]:
    """Return the content hash of each of the rows that columns hold, in the order of the contract."""
    content = (
        _as_contents(declared, values)
        for declared, values in zip(fields, columns, strict=True)
        if declared.name != GENERATION.name
    )
    rows = map(_SEPARATOR.join, zip(*content, strict=True))
    return (hashlib.md5(row.encode(), usedforsecurity=False).hexdigest() for row in rows)


def _as_contents(declared: Field, values: Sequence[Any]) -> Iterable[str]:
    """Return what `_as_content` does of the values of a field."""
    if declared.type == "text":
        return ["" if value is None else value for value in values]
    if declared.type == "timestamp":
        instants = pa.array(values, pa.timestamp("us", tz="UTC")).cast(pa.int64()).cast(pa.string())
        return instants.fill_null("").to_pylist()
    return map(_FLAGS.__getitem__ if declared.type == "boolean" else _as_content, values)


def _as_content(value: Any) -> str:
    """Return a value as `ingestion.engine.columnar` says it in SQL; null is empty, which no canonical text is."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return str((value - _EPOCH) // timedelta(microseconds=1))
    return str(value)
