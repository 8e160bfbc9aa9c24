"""Parses a file into records by table, in the formats that platforms use."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from core.errors import ExpectedFailure
from ingestion.engine.contract import Table, choose_table
from ingestion.engine.files import (
    NO_REPAIRS,
    CsvFile,
    Repairs,
    decode,
    name_of,
    open_csv,
    open_headerless_csv,
    read_bytes,
)
from ingestion.engine.json_files import AGAIN, is_json, lifted, read_records, without_doubles
from ingestion.engine.records import Block, Record, one_by_one
from ingestion.platforms import Platform


@dataclass(frozen=True)
class Part:
    """The records of one table."""

    table: Table
    records: Iterable[Record | Block]


@dataclass(frozen=True)
class ParsedFile:
    """A file that was opened, recognised, and is ready to be read.

    Attributes:
        name: File name without its folder, redacted.
        sha256: Of its bytes.
        size_bytes: Their number.
        parts: What it holds, one part per table.
        repaired: Characters that were repaired.
    """

    name: str
    sha256: str
    size_bytes: int
    parts: tuple[Part, ...]
    repaired: Repairs = NO_REPAIRS


#: Endings of the names of JSON documents and JSON Lines.
JSON_LINES = (".jsonl", ".ndjson")
JSON_SUFFIXES = (".json", *JSON_LINES)

#: Makes the records of a table of one record of a file.
Adapt = Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any]]]

#: Says, for the labels of a file and its name, which tables it holds and how their records are made; `None` for the
#: table whose contract knows the labels best.
Adapter = Callable[[Sequence[str], str], Sequence[tuple[Table | None, Adapt]]]


def as_it_is(values: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Return a record of a file as the one record of a table."""
    return [values]


def as_they_are(_labels: Sequence[str], _name: str) -> Sequence[tuple[Table | None, Adapt]]:
    """Return one table, whose records are those of the file."""
    return [(None, as_it_is)]


def open_file(platform: Platform, path: Path) -> ParsedFile:
    """Open a file as the platform's connector does: by a way of its own, or as an export.

    Raises:
        ExpectedFailure: the file cannot be read, no table is recognised, or a required column is missing.
    """
    module = platform.connector
    if hasattr(module, "open_file"):
        return module.open_file(path)
    return parse_tabular(path, platform.name, module.CONTRACT, getattr(module, "adapter", as_they_are))


def parse_tabular(path: Path, platform: str, contract: Sequence[Table], adapter: Adapter = as_they_are) -> ParsedFile:
    """Parse an export: CSV with a header, a JSON document, or JSON Lines, recognised by its content.

    Args:
        path: The file.
        platform: For messages.
        contract: Tables of the platform.
        adapter: What the platform's exports say otherwise than its contract.

    Raises:
        ExpectedFailure: the file cannot be read, no table is recognised, or a required column is missing.
    """
    where = f"{platform}, file {name_of(path)}"
    data = read_bytes(path, where)
    text, repaired = decode(data)
    if not is_json(text):
        file = open_csv(path, platform, lambda header: max(table.recognised(header) for table in contract))
        parts = _parts(file.pieces, file.header, contract, adapter, where)
        return ParsedFile(file.name, file.sha256, file.size_bytes, tuple(parts), file.repaired)
    known = _known_labels(contract)
    found: list[Part] = []
    is_lines = path.suffix.lower() in JSON_LINES
    for stream, records in read_records(text, where, is_lines=is_lines).items():
        flat = [replace(record, values=lifted(record.values, known)) for record in records]
        named = [table for table in contract if table.name == stream]
        labels = tuple(dict.fromkeys(label for record in flat for label in record.values))
        whole = [
            record if record.problem else replace(record, values={**dict.fromkeys(labels), **record.values})
            for record in flat
        ]
        found += _parts(partial(iter, whole), labels, named or contract, adapter, where)
    return ParsedFile(name_of(path), hashlib.sha256(data).hexdigest(), len(data), _joined(found), repaired)


def _known_labels(contract: Sequence[Table]) -> Callable[[str], bool]:
    return lambda label: any(table.recognised([label]) for table in contract)


def _parts(
    records: Callable[[], Iterable[Record | Block]],
    labels: Sequence[str],
    contract: Sequence[Table],
    adapter: Adapter,
    where: str,
) -> Iterator[Part]:
    """Yield what a file holds of each table.

    Raises:
        ExpectedFailure: no table is recognised, or a required column is missing.
    """
    for rank, (named, adapt) in enumerate(adapter(labels, where)):
        table = named or _recognised(contract, adapt, labels, where)
        yield Part(table, _adapted(records(), adapt, table, reports_damage=rank == 0))


def _recognised(contract: Sequence[Table], adapt: Adapt, labels: Sequence[str], where: str) -> Table:
    """Return the table whose contract knows the labels best, and to which none is missing."""
    header = tuple(next(iter(adapt(dict.fromkeys(labels)))))
    table = choose_table(contract, header, where)
    table.understand(header, where)
    return table


def _adapted(
    pieces: Iterable[Record | Block], adapt: Adapt, table: Table, *, reports_damage: bool
) -> Iterator[Record | Block]:
    """Yield the records of a table; a damaged one is reported once, and a nested value damages its record."""
    for record in pieces if adapt is as_it_is else one_by_one(pieces):
        if isinstance(record, Block):  # of a CSV file, whose values are texts
            yield record
            continue
        if record.problem is not None:
            if reports_damage:
                yield record
            continue
        for values in adapt(record.values):
            complex_values = [label for label, value in values.items() if isinstance(value, (dict, list))]
            nested = next((field for label in complex_values if (field := table.field_of(label))), None)
            problem = f"the column {nested.name} holds a nested value" if nested else None
            yield Record(record.position, {} if nested else values, problem)


def _joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return one part per table; several streams may hold records of the same table."""
    by_table: dict[Table, list[Iterable[Record | Block]]] = {}
    for part in parts:
        by_table.setdefault(part.table, []).append(part.records)
    return tuple(Part(table, chain.from_iterable(records)) for table, records in by_table.items())


def parse_headerless_csv(path: Path, platform: str, table: Table, labels: Sequence[str]) -> ParsedFile:
    """Return a CSV file whose columns are known by their order; a header that it has all the same is recognised.

    Raises:
        ExpectedFailure: the file cannot be read.
    """
    file = open_headerless_csv(path, platform, labels)
    return parsed_csv(file, Part(table, file.pieces()))


def parsed_csv(file: CsvFile, *parts: Part) -> ParsedFile:
    """Return a CSV file as the given parts."""
    return ParsedFile(file.name, file.sha256, file.size_bytes, parts, file.repaired)


def parse_xlsx(path: Path, platform: str, contract: Sequence[Table]) -> ParsedFile:
    """Return the first sheet of a workbook whose header is recognised, of the table whose contract knows it best.

    Raises:
        ExpectedFailure: the file cannot be read, no sheet is recognised, or a required column is missing.
    """
    from ingestion.engine.spreadsheets import open_xlsx  # what it stands on is needed for this one format only

    file = open_xlsx(path, platform, lambda header: max(table.recognised(header) for table in contract))
    where = f"{platform}, file {file.name}"
    table = choose_table(contract, file.header, where)
    table.understand(file.header, where)
    return ParsedFile(file.name, file.sha256, file.size_bytes, (Part(table, file.records()),))


def parse_json(
    path: Path, platform: str, read: Callable[[Any], Iterable[tuple[Table, Iterable[Mapping[str, Any]]]]]
) -> ParsedFile:
    """Return a JSON document.

    Args:
        path: The file.
        platform: For messages.
        read: Finds the records of each table in the document; a document that is not of the platform makes it raise
            `KeyError`, `TypeError`, `AttributeError` or `ValueError`.

    Raises:
        ExpectedFailure: the file cannot be read, is no JSON, names something twice, or is not of the platform.
    """
    where = f"{platform}, file {name_of(path)}"
    data = read_bytes(path, where)
    try:
        document = json.loads(decode(data)[0], object_pairs_hook=without_doubles)
    except (ValueError, RecursionError) as problem:
        raise ExpectedFailure(f"{where}: the file is not whole JSON ({problem}).", AGAIN) from None
    try:
        parts = tuple(Part(table, _records(found)) for table, found in read(document))
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise ExpectedFailure(
            f"{where}: the document is not of the expected form ({type(problem).__name__}: {problem}).", AGAIN
        ) from None
    return ParsedFile(name_of(path), hashlib.sha256(data).hexdigest(), len(data), parts)


def _records(found: Iterable[Mapping[str, Any]]) -> list[Record]:
    return [Record(position, values) for position, values in enumerate(found, start=1)]
