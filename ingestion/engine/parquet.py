"""Reads a Parquet file, and translates a contract into SQL where the translation is exact."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core import clock
from core.errors import ExpectedFailure
from core.sql import literal
from ingestion.engine.contract import CHANGED_FORMAT, GENERATION, Field, Header, Table, choose_table
from ingestion.engine.files import exported_day, name_of
from ingestion.engine.parsers import (
    FIRST_YEAR,
    LAST_YEAR,
    count,
    flag,
    free_text,
    identifier,
    pseudonym,
    redacted_text,
    term,
    utc_time,
)
from ingestion.engine.validation import Origin
from privacy import redact_label

#: What is not a single space between two words: white space as Python knows it, which RE2 knows by other names.
_ODD = r"[\t-\r\x1c-\x1f\x85\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
_SPACES = rf" *{_ODD}(?:{_ODD}| )*|  +"

#: SQL of a text without spaces around it, null when it is empty; `trim` alone costs twenty times as much.
_TRIMMED = (
    "case when {c}::varchar = '' or starts_with({c}::varchar, ' ') or ends_with({c}::varchar, ' ')"
    " then nullif(trim({c}::varchar), '') else {c}::varchar end"
)

#: SQL of a text with single spaces.
_ONE_SPACED = (
    f"case when regexp_matches({{c}}, '{_ODD}|  ')"
    f" then nullif(trim(regexp_replace({{c}}, '{_SPACES}', ' ', 'g')), '') else {{c}} end"
)
#: What may hide a mail or a number in a value of a list: Python looks closer.
_DOUBTFUL = (
    r"@|[&%][#a-zA-Z0-9]|(?i:\b(?:at|arobase?|dot|point)\b)|\d(?:[^\d]{0,3}\d){8}|[^\x00-\x{24f}\x{2000}-\x{206f}]"
)

#: SQL of the canonical value of a column `{c}`; null where it is not sure to be good.
PARSERS: Mapping[Callable, str] = {
    term: f"case when regexp_matches({{c}}, '{_DOUBTFUL}') then null else {{c}} end",
    identifier: "{c}",
    free_text: _ONE_SPACED,
    redacted_text: _ONE_SPACED,
    pseudonym: "{c}",
    count: "case when {c} >= 0 and try_cast({c} as bigint) = {c} then try_cast({c} as bigint) end",
    flag: "{c}",
    utc_time: (
        f"case when {{c}}::timestamptz >= timestamptz '{FIRST_YEAR}-01-01 00:00:00+00'"
        f" and {{c}}::timestamptz < timestamptz '{LAST_YEAR + 1}-01-01 00:00:00+00' then {{c}}::timestamptz end"
    ),
}

#: Types of a Parquet column that hold the fields of a type.
_ACCEPTED: Mapping[str, tuple[Callable[[pa.DataType], bool], ...]] = {
    "text": (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer),
    "bigint": (pa.types.is_integer, pa.types.is_floating),
    "boolean": (pa.types.is_boolean,),
    "timestamp": (pa.types.is_timestamp,),
}


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file and what SQL makes of its columns.

    Attributes:
        path: The file.
        origin: Its name, hash and size.
        rows: How many it has.
        table: The contract that knows most of its columns.
        header: What that makes of them.
        parsers: Parser of a field to SQL.
    """

    path: Path
    origin: Origin
    rows: int
    table: Table
    header: Header
    parsers: Mapping[Callable, str]

    @classmethod
    def open(
        cls, path: Path, platform: str, contract: Sequence[Table], parsers: Mapping[Callable, str]
    ) -> "ParquetFile":
        """Open a file and match its columns to the contract.

        Raises:
            ExpectedFailure: as `load_parquet`.
        """
        where = f"{platform}, file {name_of(path)}"
        try:
            metadata = pq.read_metadata(path)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except (OSError, pa.ArrowException) as problem:
            reason = getattr(problem, "strerror", None) or "it is no whole Parquet file"
            raise ExpectedFailure(
                f"{where}: the file cannot be read ({reason}).",
                "Nothing was loaded: check the file, or export it again.",
            ) from None
        schema = metadata.schema.to_arrow_schema()
        table = choose_table(contract, schema.names, where)
        header = table.understand(schema.names, where)
        for label, declared in header.columns.items():
            kind = schema.field(label).type
            if not pa.types.is_null(kind) and not any(accepts(kind) for accepts in _ACCEPTED[declared.type]):
                raise ExpectedFailure(
                    f"{where}: the column {redact_label(label)!r} holds {kind} where {declared.type} is declared.",
                    CHANGED_FORMAT,
                )
        origin = Origin(platform, "file", name_of(path), digest, path.stat().st_size, exported_day(path.name))
        return cls(path, origin, metadata.num_rows, table, header, parsers)

    @cached_property
    def fields(self) -> Mapping[str, tuple[str, Field]]:
        """The fields that the file has, by name, each with its label."""
        return {declared.name: (label, declared) for label, declared in self.header.columns.items()}

    @property
    def scan(self) -> str:
        return f"read_parquet({literal(str(self.path))}, file_row_number = true)"

    @property
    def given(self) -> str:
        """SQL of the file's rows by field; texts are trimmed, empty ones null."""
        columns = (
            f"{_on(_TRIMMED, label)} as {quoted(name)}"
            if declared.type == "text"
            else f"{quoted(label)} as {quoted(name)}"
            for name, (label, declared) in self.fields.items()
        )
        return f"select file_row_number, {', '.join(columns)} from {self.scan}"  # noqa: S608 (labels are quoted)

    @property
    def raw(self) -> str:
        """SQL of the file's rows under their labels, as texts, numbers and truth values."""
        columns = (
            f"{quoted(label)}::varchar as {quoted(label)}" if declared.type == "timestamp" else quoted(label)
            for label, declared in self.fields.values()
        )
        return f"select file_row_number, {', '.join(columns)} from {self.scan}"  # noqa: S608 (labels are quoted)

    @property
    def said(self) -> str:
        """SQL of the rows, each with the canonical values of its fields as `said_<field>`."""
        values = (
            f"{_on(self.parsers[declared.parse], name)} as {said_column(name)}"
            for name, (_, declared) in self.fields.items()
        )
        return f"select *, {', '.join(values)} from ({self.given})"  # noqa: S608 (labels are quoted)

    @property
    def is_sure(self) -> str:
        """SQL of whether the contract surely accepts a row of `said`, with its texts as they are."""
        checks = (
            f"(said.{said_column(name)} is not null or said.{quoted(name)} is null)"
            if declared.nullable
            else f"said.{said_column(name)} is not null"
            for name, (_, declared) in self.fields.items()
        )
        spaces = (  # column by column: of one with few values, each is looked at once
            f"(said.{quoted(name)} is null or not regexp_matches(said.{quoted(name)}, '{_ODD}|  '))"
            for name, (_, declared) in self.fields.items()
            if declared.type == "text" and declared.parse not in {free_text, redacted_text}
        )
        return " and ".join((*checks, *spaces, *self._not_after_load))

    @property
    def _not_after_load(self) -> Iterator[str]:
        """SQL of whether the instants of a row of `said` lie before the load, where the contract asks it."""
        rule = self.table.not_after_load
        if rule is None or rule.departement is not None:
            return
        limit = literal((clock.now() + rule.tolerance).isoformat())
        for name in rule.fields:
            if name in self.fields and self.fields[name][1].type == "timestamp":
                yield f"coalesce(said.{said_column(name)} <= timestamptz {limit}, true)"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _on(sql: str, name: str) -> str:
    """Return SQL on a column; `format` would trip over the braces of regular expressions."""
    return sql.replace("{c}", quoted(name))


def said_column(name: str) -> str:
    return quoted(f"said_{name}")


def canonical(table: Table) -> str:
    """Return SQL of the text whose MD5 is the content hash, as `validation.content_hash` computes it."""
    values = ", chr(31), ".join(_on(_CONTENT[f.type], f.name) for f in table.fields if f.name != GENERATION.name)
    return f"concat({values})"


#: SQL of a value in the content hash.
_CONTENT: Mapping[str, str] = {"text": "{c}", "bigint": "{c}", "boolean": "{c}", "timestamp": "epoch_us({c})"}
