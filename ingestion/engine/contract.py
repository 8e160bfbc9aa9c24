"""Contracts: the fields, key and rules of a table, and how they apply to a record."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from types import NoneType
from typing import Any, Literal

import pyarrow as pa

from core import clock
from core.errors import ExpectedFailure
from core.normalize_text import fold, words
from ingestion.engine.parsers import code, identifier, pseudonym, term
from privacy import MARK, mask_identifiers, names_personal_datum, pseudonymise, redact, redact_label, shorten

#: What to do when a platform no longer gives what its contract says.
CHANGED_FORMAT = (
    "Nothing was loaded: the platform changed its format; compare it with the contract in ingestion/ and adapt that."
)

Value = str | int | float | Decimal | datetime | None
Row = dict[str, Any]

_DLT_TYPES = {"boolean": "bool"}
DUCKDB_TYPES = {
    "text": "VARCHAR",
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
    "double": "DOUBLE",
    "decimal": "DECIMAL(38,6)",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
}
_ARROW_TYPES = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "double": pa.float64(),
    "decimal": pa.decimal128(38, 6),
    "timestamp": pa.timestamp("us", tz="UTC"),
}

#: Headers that a table remembers.
MOST_HEADERS = 1000


@dataclass(frozen=True)
class Field:
    """A column of a raw table.

    Attributes:
        name: Column in the warehouse; also accepted as a header label.
        description: What it holds, for the catalogue.
        labels: Other header labels, over all header generations; case, accents and punctuation do not matter.
        parse: Makes the canonical value of a trimmed, non-empty text; raises `ValueError`. It says what the field may
            hold of persons: `term` a value of a closed list, `identifier` and `code` what a machine has drawn,
            `redacted_text` and `free_text` what somebody writes, `pseudonym` who it is, `published` what an institution
            says of itself.
        type: Type in the warehouse.
        required: A header without this column is refused.
        nullable: A record may leave it empty.
        filled_by_load: The load fills it; no column of the platform does.
    """

    name: str
    description: str
    labels: tuple[str, ...] = ()
    parse: Callable[[str], Value] = term
    type: Literal["text", "bigint", "boolean", "double", "decimal", "timestamp"] = "text"
    required: bool = False
    nullable: bool = True
    filled_by_load: bool = False

    @property
    def protect(self) -> Callable[[str], str]:
        """What makes a value of a rejected record fit to be kept."""
        if self.parse is pseudonym:
            return pseudonymise
        return identifier if self.parse in {identifier, code} else redact

    @property
    def hints(self) -> dict[str, Any]:
        """The column, as dlt declares it."""
        declared: dict[str, Any] = {
            "data_type": _DLT_TYPES.get(self.type, self.type),
            "nullable": self.nullable,
            "description": self.description,
        }
        return declared | ({"precision": 38, "scale": 6} if self.type == "decimal" else {})


#: Filled for every table that declares them.
GENERATION = Field("generation", "Header generation in which the platform gave the record.", filled_by_load=True)
UNKNOWN_COLUMNS = Field(
    "colonnes_inconnues",
    "JSON object of the columns that the contract does not know, redacted; empty when there are none.",
    filled_by_load=True,
)


@dataclass(frozen=True)
class Dropped:
    """Columns that are known and, for the stated reason, never written."""

    labels: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Generation:
    """A known version of a platform's header, recognised by labels, exactly as spelled, that no other version has."""

    name: str
    marks: tuple[str, ...]


@dataclass(frozen=True)
class Rejection:
    """Why a record is not loaded: the field, the reason, and the value, redacted."""

    field: str | None
    reason: str
    value: str | None = None


class RejectedError(Exception):
    """Raised by a table's rule for a record whose fields contradict each other."""

    def __init__(self, field: str, reason: str, value: str | None = None) -> None:
        super().__init__(f"{field} {reason}")
        self.rejection = Rejection(field, reason, None if value is None else shorten(value))


@dataclass(frozen=True)
class Header:
    """A header, matched to the contract.

    Attributes:
        columns: Label to the field that it means.
        unknown: Labels that the contract does not know, and whose values are kept.
        dropped: Label to the reason for which its values are not kept.
        generation: Name of the header generation, `unknown` when no mark was found.
        redacted: What stands for a label that holds personal data; the labels of the contract hold none.
    """

    columns: Mapping[str, Field]
    unknown: tuple[str, ...]
    dropped: Mapping[str, str]
    generation: str
    redacted: Mapping[str, str] = field(default_factory=dict)

    @property
    def named_unknown(self) -> tuple[str, ...]:
        """The unknown labels, redacted: what a report and a load log may hold."""
        return tuple(self.redacted.get(label, label) for label in self.unknown)

    @property
    def named_dropped(self) -> Mapping[str, str]:
        """The dropped labels, redacted, each with its reason."""
        return {self.redacted.get(label, label): reason for label, reason in self.dropped.items()}


def _no_rule(row: Row) -> Row:
    return row


@dataclass(frozen=True)
class NotAfterLoad:
    """The rule that a record describes the past: none of these dates may lie after the load.

    A day or a month must have begun where the record comes from. A time without a zone is the local time of that place.

    Attributes:
        fields: Dates as text (`YYYY-MM`, `YYYY-MM-DD` or a local time), or instants.
        departement: Field with the code of a département, where the dates may be in its own local time: of that time
            and the one of Paris, the clock that is ahead counts. An instant was then made of a time as one of Paris.
        tolerance: How far the clock of the platform may be ahead.
    """

    fields: tuple[str, ...]
    departement: str | None = None
    tolerance: timedelta = timedelta(hours=1)

    def broken_by(self, row: Row) -> str | None:
        """Return the first field of a row that lies after now, `None` where there is none."""
        limit = (clock.now() + self.tolerance).astimezone(clock.PARIS)
        local = limit.replace(tzinfo=None)
        if self.departement:
            local = max(local, limit.astimezone(clock.zone_of(row.get(self.departement))).replace(tzinfo=None))
            limit = local.replace(tzinfo=clock.PARIS)
        for name in self.fields:
            value = row.get(name)
            if value and value > (limit if isinstance(value, datetime) else local.isoformat()[: len(value)]):
                return name
        return None

    def broken_in(self, columns: Mapping[str, Sequence[Any]]) -> dict[int, str]:
        """Return the first field that lies after now, by the rank of its row; no row is asked where none is late."""
        dates = {name: columns[name] for name in self.fields if name in columns}
        latest = {name: max(filter(None, values), default=None) for name, values in dates.items()}
        if self.broken_by(latest) is None:  # the clock of Paris: none counts that is behind it
            return {}
        read = dates | {name: columns[name] for name in filter(None, (self.departement,)) if name in columns}
        rows = (dict(zip(read, values, strict=True)) for values in zip(*read.values(), strict=True))
        return {rank: late for rank, row in enumerate(rows) if (late := self.broken_by(row)) is not None}


@dataclass(frozen=True)
class Derived:
    """Fields that follow from others of the same row; computed once per distinct combination of these.

    Attributes:
        fields: What is filled.
        reads: Fields of the platform that it follows from.
        compute: Takes their values, in order, and returns those of `fields`.
    """

    fields: tuple[str, ...]
    reads: tuple[str, ...]
    compute: Callable[..., tuple[Any, ...]]

    def of(self, columns: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
        """Return the columns of `fields`."""
        inputs = zip(*(columns[name] for name in self.reads), strict=True)
        outputs = _each_once(lambda values: self.compute(*values), inputs)
        return {name: [values[place] for values in outputs] for place, name in enumerate(self.fields)}


@dataclass
class Reading:
    """What a contract makes of records that have one header.

    Attributes:
        columns: Canonical values of the good records, by field.
        kept: Which records these are, by rank.
        rejections: Why the others are rejected, by rank.
    """

    columns: dict[str, Sequence[Any]]
    kept: Sequence[int]
    rejections: dict[int, Rejection] = field(default_factory=dict)

    def reject(self, found: Mapping[int, Rejection]) -> None:
        """Take out records, given by their rank among those that are left."""
        if not found:
            return
        self.rejections |= {self.kept[rank]: rejection for rank, rejection in found.items()}
        left = [rank for rank in range(len(self.kept)) if rank not in found]
        self.kept = [self.kept[rank] for rank in left]
        self.columns = {name: [values[rank] for rank in left] for name, values in self.columns.items()}


class _Computed(dict):
    """The results of a function, computed when they are first asked for."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self._compute = compute

    def __missing__(self, value: Any) -> Any:
        result = self[value] = self._compute(value)
        return result


def _each_once(compute: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
    """Return the result of a function for each value, computed once for equal ones."""
    return list(map(_Computed(compute).__getitem__, values))


@dataclass(frozen=True)
class Table:
    """The contract of one raw table.

    Attributes:
        name: Table in `raw_<platform>`.
        key: Field that identifies a record.
        key_parts: Fields that identify it together; the load then fills `key` with their values, joined by "|".
        description: What a row is.
        fields: Its columns, in order.
        version: Version of what senders are promised (`ingestion.contracts`): the first number rises where a change
            breaks a sender, the second where it adds something.
        dated_by: Field that dates a row; a row of a table without one is never too old to be kept.
        versioned_by: Field that says which of two records of one key is the newer: the platform's own date of
            modification. Where a table names none, the record that was read last wins.
        archived_in: Table of the warehouse, with its schema, where rows that concern persons outlive the live file.
            It has the column `dated_by`, in UTC without a zone: retention reaches it.
        not_after_load: Dates that may not lie in the future; `None` where a record may describe plans.
        any_of: Groups of fields of which a header, and a record, must have at least one.
        dropped: Columns known and not written.
        generations: Known states of the header.
        derived: Fields that are computed of others.
        rule: Completes or refuses a row by several of its fields at once; raises `RejectedError`. The fields that it
            fills are the same in all rows of a header.
    """

    name: str
    key: str
    description: str
    fields: tuple[Field, ...]
    key_parts: tuple[str, ...] = ()
    version: str = "1.0.0"
    dated_by: str | None = None
    versioned_by: str | None = None
    archived_in: str | None = None
    not_after_load: NotAfterLoad | None = None
    any_of: tuple[tuple[str, ...], ...] = ()
    dropped: tuple[Dropped, ...] = ()
    generations: tuple[Generation, ...] = ()
    derived: tuple[Derived, ...] = ()
    rule: Callable[[Row], Row] = _no_rule
    _headers: dict[tuple[str, ...], Header] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def _by_label(self) -> dict[str, Field]:
        return {fold(label): f for f in self.fields if not f.filled_by_load for label in (f.name, *f.labels)}

    @cached_property
    def _dropped_by_label(self) -> dict[str, str]:
        return {fold(label): group.reason for group in self.dropped for label in group.labels}

    @cached_property
    def _filled(self) -> frozenset[str]:
        return frozenset(f.name for f in self.fields if f.filled_by_load)

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields)

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """Schema of the rows that are handed to the destination, the content hash included."""
        columns = [pa.field(f.name, _ARROW_TYPES[f.type], f.nullable) for f in self.fields]
        return pa.schema([*columns, pa.field("_content_hash", pa.string())])

    def arrow(self, rows: Sequence[Sequence[Value]]) -> pa.Table:
        """Return rows, each with the values of all fields in their order and its `_content_hash`, as an Arrow table."""
        columns = zip(*rows, strict=True) if rows else [()] * len(self.arrow_schema)
        return pa.table(
            [pa.array(values, column.type) for values, column in zip(columns, self.arrow_schema, strict=True)],
            self.arrow_schema,
        )

    @cached_property
    def column_hints(self) -> dict[str, dict[str, Any]]:
        """The same columns, as dlt hints."""
        hints: dict[str, dict[str, Any]] = {f.name: f.hints for f in self.fields}
        hints["_content_hash"] = {
            "data_type": "text",
            "nullable": True,
            "description": "MD5 of the canonical row: equal rows are not written again.",
        }
        return hints

    def recognised(self, header: Iterable[str]) -> int:
        """Count the labels of a header that this table knows."""
        folded = [fold(label) for label in header]
        return sum(label in self._by_label or label in self._dropped_by_label for label in folded)

    def field_of(self, label: str) -> Field | None:
        """Return the field that a label means."""
        return self._by_label.get(fold(label))

    def understand(self, header: Sequence[str], where: str) -> Header:
        """Map the labels of a header to fields.

        Args:
            header: Labels, in any order.
            where: Platform and file or address, for the message.

        Raises:
            ExpectedFailure: a required column is missing, or two labels mean the same field.
        """
        key = tuple(header)
        found = self._headers.get(key)
        if found is None:
            if len(self._headers) >= MOST_HEADERS:  # each record that somebody sends may name other fields
                self._headers.clear()
            found = self._headers[key] = self._understand(key, where)
        return found

    def _understand(self, header: tuple[str, ...], where: str) -> Header:
        columns: dict[str, Field] = {}
        dropped: dict[str, str] = {}
        unknown: list[str] = []
        for label in header:
            folded = fold(label)
            if folded in self._by_label:
                columns[label] = self._by_label[folded]
            elif folded in self._dropped_by_label:
                dropped[label] = self._dropped_by_label[folded]
            elif names_personal_datum(words(label)):
                dropped[label] = "unknown to the contract, and its name announces a personal datum"
            else:
                unknown.append(label)
        self._refuse_doubles(columns, where)
        self._refuse_missing({f.name for f in columns.values()}, header, where)
        strange = [*unknown, *(label for label in dropped if fold(label) not in self._dropped_by_label)]
        redacted = {label: shown for label in strange if (shown := redact_label(label)) != label}
        return Header(columns, tuple(unknown), dropped, self._generation(header), redacted)

    def _refuse_doubles(self, columns: Mapping[str, Field], where: str) -> None:
        for name, times in Counter(f.name for f in columns.values()).items():
            if times > 1:
                labels = " and ".join(repr(redact_label(label)) for label, f in columns.items() if f.name == name)
                raise ExpectedFailure(
                    f"{where}: the columns {labels} both mean {name!r}.",
                    "Nothing was loaded: remove the one that is too many and load again.",
                )

    def _refuse_missing(self, present: set[str], header: tuple[str, ...], where: str) -> None:
        groups = [(f.name,) for f in self.fields if f.required] + list(self.any_of)
        for group in groups:
            if present.isdisjoint(group):
                accepted = [label for f in self.fields if f.name in group for label in (*f.labels, f.name)]
                # Two labels that are known make it a header, whose other labels look like pseudonyms to a redactor.
                found = mask_identifiers("; ".join(header)) if len(present) > 1 else shown(header)
                raise ExpectedFailure(
                    f"{where}: the required column {' or '.join(group)} of table {self.name!r} is missing"
                    f" (accepted labels: {', '.join(accepted)}; found: {found}).",
                    "Nothing was loaded: give the complete export, or, if the platform renamed the column, add its new"
                    " label to the contract in ingestion/.",
                )

    def _generation(self, header: tuple[str, ...]) -> str:
        spelled = {" ".join(label.split()).casefold() for label in header}
        found = {g.name: sum(mark.casefold() in spelled for mark in g.marks) for g in self.generations}
        return max(found, key=found.__getitem__) if any(found.values()) else "unknown"

    def read(self, given: Mapping[str, Sequence[Any]], header: Header, where: Callable[[int], str]) -> Reading:
        """Validate records of one header against the contract, column by column: each distinct value is parsed once.

        Args:
            given: Label to the values that the platform gave, one for each record: texts, numbers or null.
            header: What `understand` made of the labels.
            where: Returns platform, file or address, and line or position of a record, by rank, for the message.

        Returns:
            The canonical rows, with the fields that the header has and no others, and why the others are rejected.

        Raises:
            ExpectedFailure: a value is a list, an object or a truth value: the platform changed its format.
        """
        reading = Reading({}, range(len(next(iter(given.values())))))
        refused: dict[int, Rejection] = {}
        for label, declared in header.columns.items():
            values = self._canonical_column(declared, label, given[label], where)
            reading.columns[declared.name] = values
            if Rejection in set(map(type, values)):
                refused = {n: value for n, value in enumerate(values) if isinstance(value, Rejection)} | refused
        reading.reject(refused)
        for group in self.any_of:
            self._refuse_without_any(reading, group)
        if UNKNOWN_COLUMNS.name in self._filled:
            unknown = [
                self._unknown({label: given[label][n] for label in header.unknown}, header, where(n))
                if header.unknown
                else {}
                for n in reading.kept
            ]
            reading.columns[UNKNOWN_COLUMNS.name] = [
                json.dumps(values, ensure_ascii=False, sort_keys=True) if values else None for values in unknown
            ]
        self._apply_rules(reading)
        if self.key_parts:
            reading.columns[self.key] = self._joined_keys(reading, header, given)
        return reading

    def _canonical_column(
        self, declared: Field, label: str, given: Sequence[Any], where: Callable[[int], str]
    ) -> list[Any]:
        """Return the canonical values of a column, or the rejection of each that has none."""

        def canonical(value: str | None) -> Value | Rejection:
            if value is None:
                return None if declared.nullable else Rejection(declared.name, "is empty, and must not be")
            try:
                return declared.parse(value)
            except ValueError as problem:
                return Rejection(declared.name, str(problem), shorten(value))

        if set(map(type, given)) <= {str, NoneType}:
            return _each_once(lambda text: canonical(" ".join(text.split()) or None if text else None), given)
        texts = (self._scalar(declared, value, label, where(n)) for n, value in enumerate(given))
        return list(map(canonical, texts))

    @staticmethod
    def _refuse_without_any(reading: Reading, group: tuple[str, ...]) -> None:
        rejection = Rejection(group[0], f"is empty, and so is every other of: {', '.join(group)}")
        present = [reading.columns[name] for name in group if name in reading.columns]
        rows = zip(*present, strict=True)
        reading.reject({rank: rejection for rank, row in enumerate(rows) if all(value is None for value in row)})

    def _apply_rules(self, reading: Reading) -> None:
        """Complete rows by the rules of the table, and reject those whose fields contradict each other or the clock."""
        for derived in self.derived:
            reading.columns |= derived.of(reading.columns)
        if self.rule is not _no_rule:
            rows, refused = [], {}
            names = tuple(reading.columns)
            for rank, values in enumerate(zip(*reading.columns.values(), strict=True)):
                try:
                    rows.append(self.rule(dict(zip(names, values, strict=True))))
                except RejectedError as refusal:
                    refused[rank] = refusal.rejection
            reading.reject(refused)
            if rows:
                reading.columns = {name: [row[name] for row in rows] for name in rows[0]}
        if self.not_after_load:
            late = self.not_after_load.broken_in(reading.columns)
            shown = {rank: str(reading.columns[name][rank]) for rank, name in late.items()}
            reading.reject(
                {n: RejectedError(name, "lies after the load", shown[n]).rejection for n, name in late.items()}
            )

    def _joined_keys(self, reading: Reading, header: Header, given: Mapping[str, Sequence[Any]]) -> list[str]:
        labels = {declared.name: label for label, declared in header.columns.items()}
        nothing = [None] * len(reading.kept)
        parts = (
            map(
                _key_part,
                reading.columns.get(part, nothing),
                [given[labels[part]][n] for n in reading.kept] if part in labels else nothing,
            )
            for part in self.key_parts
        )
        return list(map("|".join, zip(*parts, strict=True)))

    @staticmethod
    def _scalar(declared: Field, value: Any, label: str, where: str) -> str | None:
        """Return a value as text; a truth value where one is declared."""
        if declared.type == "boolean" and isinstance(value, bool):
            return str(value).lower()
        return scalar(value, label, where)

    def minimise(self, record: Mapping[str, Any], header: Header, where: str) -> Row:
        """Return what may be kept of a rejected record: declared and unknown fields, redacted."""
        kept: Row = {}
        for label, declared in header.columns.items():
            value = self._scalar(declared, record[label], label, where)
            kept[declared.name] = None if value is None else declared.protect(value)
        return kept | self._unknown(record, header, where)

    def key_of(self, values: Mapping[str, Any]) -> str | None:
        """Return the key of a damaged or rejected record, where it can be read."""
        found: dict[str, str] = {}
        for label, value in values.items():
            declared = self._by_label.get(fold(label))
            if declared is None or declared.name not in (self.key_parts or (self.key,)):
                continue
            bare = "" if value is None else " ".join(str(value).split())
            try:
                found[declared.name] = str(declared.parse(bare)) if bare and self.key_parts else declared.protect(bare)
            except ValueError:
                return None
        if not self.key_parts:
            return found.get(self.key) or None
        return "|".join(found[part] for part in self.key_parts) if found.keys() == set(self.key_parts) else None

    @staticmethod
    def _unknown(record: Mapping[str, Any], header: Header, where: str) -> dict[str, str]:
        """Return the values of the unknown columns, redacted; a nested one as JSON."""
        kept = {}
        for label in header.unknown:
            value = record[label]
            value = json.dumps(value, ensure_ascii=False) if isinstance(value, bool | dict | list) else value
            as_text = scalar(value, label, where)
            if as_text is not None:
                kept[_unused(header.redacted.get(label, label), kept)] = shorten(as_text)
        return kept


def _unused(name: str, taken: Mapping[str, str]) -> str:
    """Return a name that no other one has: two labels may be the same once they are redacted."""
    rank = 2
    while name in taken:
        name = f"{name.removesuffix(f' ({rank - 1})')} ({rank})"
        rank += 1
    return name


def _key_part(value: Any, given: Any) -> str:
    """Return what a field adds to the key of its row.

    Two values that redaction makes alike stay two: redacted values differ by their keyed pseudonym. A key that
    takes them together would lose all but one of their rows.
    """
    if value is None:
        return ""
    part = str(value)
    is_redacted = isinstance(given, str) and part != given and "[" in part and MARK.search(part)
    return f"{part}~{pseudonymise(given)}" if is_redacted else part


def scalar(value: Any, label: str, where: str) -> str | None:
    """Return a platform's value as trimmed text with single spaces, `None` when it is empty.

    Raises:
        ExpectedFailure: it is not a text or a number.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return " ".join(value.split()) or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpectedFailure(
            f"{where}: the column {redact_label(label)!r} holds a {type(value).__name__} where a text or a number is"
            " declared.",
            CHANGED_FORMAT,
        )
    return str(value)


def shown(header: Iterable[str]) -> str:
    """Return a header for a message, redacted: without a header, the first line of a file is a personal record."""
    return redact("; ".join(header))


def choose_table(tables: Iterable[Table], header: Sequence[str], where: str) -> Table:
    """Return the table whose contract knows most of a header.

    Raises:
        ExpectedFailure: no table knows two labels of it.
    """
    best = max(tables, key=lambda table: table.recognised(header))
    if best.recognised(header) < min(2, len(best.fields)):
        raise ExpectedFailure(
            f"{where}: the header is not recognised (it begins: {shown(header)[:80]!r}).",
            "Nothing was loaded: check that this is the platform's export, as CSV in UTF-8, delimited by ';' or ','.",
        )
    return best
