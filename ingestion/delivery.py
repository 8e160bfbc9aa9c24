"""What a file holds, table by table, in the formats that platforms deliver. Holds no record to its contract."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion.contract import Table, choose_table
from ingestion.errors import ExpectedFailure
from ingestion.files import NO_REPAIRS, CsvFile, Repairs, open_csv, open_headerless_csv, read_bytes
from ingestion.records import Record
from ingestion.spreadsheets import open_xlsx


@dataclass(frozen=True)
class Part:
    """The records of one table."""

    table: Table
    records: Iterable[Record]


@dataclass(frozen=True)
class Delivery:
    """A file that was opened, recognised, and is ready to be read.

    Attributes:
        name: File name without its folder.
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


def csv_delivery(path: Path, platform: str, contract: Sequence[Table]) -> Delivery:
    """Return a CSV file with a header, of the table whose contract knows it best.

    Raises:
        ExpectedFailure: the file cannot be read, no table is recognised, or a required column is missing.
    """
    file = open_csv(path, platform, lambda header: max(table.recognised(header) for table in contract))
    where = f"{platform}, file {file.name}"
    table = choose_table(contract, file.header, where)
    table.understand(file.header, where)
    return of_csv(file, Part(table, file.records()))


def headerless_csv_delivery(path: Path, platform: str, table: Table, labels: Sequence[str]) -> Delivery:
    """Return a CSV file whose columns are known by their order; a header that it has all the same is recognised.

    Raises:
        ExpectedFailure: the file cannot be read.
    """
    file = open_headerless_csv(path, platform, labels)
    return of_csv(file, Part(table, file.records()))


def of_csv(file: CsvFile, *parts: Part) -> Delivery:
    """Return a CSV file as the given parts."""
    return Delivery(file.name, file.sha256, file.size_bytes, parts, file.repaired)


def xlsx_delivery(path: Path, platform: str, contract: Sequence[Table]) -> Delivery:
    """Return the first sheet of a workbook whose header is recognised, of the table whose contract knows it best.

    Raises:
        ExpectedFailure: the file cannot be read, no sheet is recognised, or a required column is missing.
    """
    file = open_xlsx(path, platform, lambda header: max(table.recognised(header) for table in contract))
    where = f"{platform}, file {file.name}"
    table = choose_table(contract, file.header, where)
    table.understand(file.header, where)
    return Delivery(file.name, file.sha256, file.size_bytes, (Part(table, file.records()),))


def json_delivery(
    path: Path, platform: str, read: Callable[[Any], Iterable[tuple[Table, Iterable[Mapping[str, Any]]]]]
) -> Delivery:
    """Return a JSON document.

    Args:
        path: The file.
        platform: For messages.
        read: Finds the records of each table in the document; a document that is not of the platform makes it raise
            `KeyError`, `TypeError`, `AttributeError` or `ValueError`.

    Raises:
        ExpectedFailure: the file cannot be read, is no JSON, names something twice, or is not of the platform.
    """
    where = f"{platform}, file {path.name}"
    data = read_bytes(path, where)
    again = "Nothing was loaded: check that this is the platform's file, whole, and load it again."
    try:
        document = json.loads(data, object_pairs_hook=_without_doubles)
    except ValueError as problem:
        raise ExpectedFailure(f"{where}: the file is not whole JSON ({problem}).", again) from None
    try:
        parts = tuple(Part(table, _records(found)) for table, found in read(document))
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise ExpectedFailure(
            f"{where}: the document is not of the expected form ({type(problem).__name__}: {problem}).", again
        ) from None
    return Delivery(path.name, hashlib.sha256(data).hexdigest(), len(data), parts)


def _records(found: Iterable[Mapping[str, Any]]) -> list[Record]:
    return [Record(position, values) for position, values in enumerate(found, start=1)]


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that names a key twice: JSON readers would keep the last value and say nothing."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found
