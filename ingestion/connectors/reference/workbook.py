"""Reads the ministry's workbook of offences per service: wide sheets to long records."""

import hashlib
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

from openpyxl import load_workbook

from core.errors import ExpectedFailure
from ingestion.connectors.reference.contract import CRIMES
from ingestion.engine.files import name_of, read_bytes
from ingestion.engine.parsed_file import ParsedFile, Part
from ingestion.engine.records import Record
from ingestion.engine.spreadsheets import MAX_ROW_NUMBER, refuse_unsafe

_SHEET = re.compile(r"Services (GN|PN) (\d{4})", re.IGNORECASE)
_UNUSED = "index non utilisé"
_AGAIN = "Nothing was loaded: give the workbook of offences per service as .xlsx, and other reference data as CSV."

#: Columns A and B hold the index and its label; each further one is a service.
_FIRST_SERVICE = 2

Cells = tuple[Any, ...]


class _Service(NamedTuple):
    """A column of a sheet."""

    column: int
    departement: str
    name: str


def parse_crimes(path: Path) -> ParsedFile:
    """Return the offences of every sheet named `Services GN <year>` or `Services PN <year>`.

    Row 1 holds the code of the département of each service, row 2 its name, the further rows one index each
    (§8.2, certain). The position of a record is its rank among the cells of all sheets.

    Raises:
        ExpectedFailure: the file is no workbook, unpacks to too much, or has no such sheet.
    """
    where = f"reference, file {name_of(path)}"
    data = read_bytes(path, where)
    refuse_unsafe(data, where)
    try:
        workbook = load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheets = {sheet: found for sheet in workbook.worksheets if (found := _SHEET.fullmatch(sheet.title.strip()))}
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as problem:
        raise ExpectedFailure(f"{where}: the file is no XLSX workbook ({type(problem).__name__}).", _AGAIN) from None
    if not sheets:
        raise ExpectedFailure(f"{where}: no sheet is named like 'Services GN 2021'.", _AGAIN)
    return ParsedFile(name_of(path), hashlib.sha256(data).hexdigest(), len(data), (Part(CRIMES, _records(sheets)),))


def _records(sheets: dict[Any, re.Match[str]]) -> Iterator[Record]:
    positions = count(1)
    for sheet, found in sheets.items():
        sheet.reset_dimensions()  # the size that a program wrote into the file may be wrong
        for cell in _cells(sheet.iter_rows(max_row=MAX_ROW_NUMBER, values_only=True)):
            yield Record(next(positions), {"year": found[2], "institution": found[1].upper(), **cell})


def _cells(rows: Iterator[Cells]) -> Iterator[dict[str, Any]]:
    """Yield one record per index in use and service."""
    codes, names = [*islice(rows, 2), (), ()][:2]
    services = [
        _Service(column, departement, name)
        for column, (departement, name) in enumerate(zip(codes, names, strict=False))
        if column >= _FIRST_SERVICE and departement is not None and name is not None
    ]
    for row in rows:
        index, label, *_ = (*row, None, None)
        if index is None or _UNUSED in str(label).casefold():
            continue
        for service in services:
            yield {
                "departement": service.departement,
                "service": service.name,
                "index_code": index,
                "label": label,
                "value": row[service.column] if service.column < len(row) else None,
            }
