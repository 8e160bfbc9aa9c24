"""Safe reading of XLSX workbooks: cells to records with their row numbers.

A formula counts for the value that the spreadsheet program stored with it; macros and links to other files are not
looked at.
"""

import hashlib
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from core.errors import ExpectedFailure
from ingestion.engine.files import name_of, read_bytes
from ingestion.engine.records import Record
from privacy import redact

MAX_MEBIBYTES = 50
#: What the parts of a workbook may take once unpacked: a register of 100 000 rows takes less than 100 MiB.
MAX_UNPACKED_MEBIBYTES = 300
MAX_ROWS = 100_000
#: What Excel can number.
MAX_ROW_NUMBER = 1_048_576
#: Rows, empty ones too: a program that formats a whole column writes a few thousand.
MAX_ROW_TAGS = 400_000
MAX_PARTS = 1_000
#: Opening and closing tags of all parts: a hundred thousand rows of twenty cells have eight million.
MAX_TAGS = 20_000_000
MAX_COLUMNS = 256
#: Titles and notes may stand above the header.
HEADER_WITHIN_ROWS = 20
#: A row with fewer known labels is not taken for a header.
LEAST_LABELS = 2

_PIECE, _OVERLAP = 1 << 20, 64
_UTF_16 = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
#: `<row r="12">`, with any prefix and in any order of its attributes, and the row of a cell, `<c r="B12">`.
_ROW_NUMBER = re.compile(rb"<(?:\w{1,16}:)?(?:row|c)\s[^<>]{0,48}?\br\s?=\s?[\"'][A-Za-z]{0,4}(\d{1,12})")

_AGAIN = "Nothing was loaded: save the register as .xlsx, or as CSV in UTF-8, and load that file."

Cells = tuple[str | None, ...]


@dataclass(frozen=True)
class XlsxFile:
    """One sheet of a workbook, read once.

    Attributes:
        name: File name without its folder, redacted.
        sha256: Of the bytes that were read.
        size_bytes: Their number.
        header: Labels of its columns; a column without a label is named by its letter.
    """

    name: str
    sha256: str
    size_bytes: int
    header: tuple[str, ...]
    _rows: Sequence[tuple[int, Cells]]

    def records(self) -> Iterator[Record]:
        """Yield every row below the header that is not empty; its position is the row number that Excel shows."""
        for number, cells in self._rows:
            yield Record(number, dict(zip(self.header, cells, strict=True)))


def open_xlsx(path: Path, where: str, recognised: Callable[[Sequence[str]], int]) -> XlsxFile:
    """Read the first sheet of a workbook whose header is recognised.

    Args:
        path: The file; it is neither moved nor changed.
        where: Platform, for messages; the file name is added.
        recognised: Counts the labels of a header that a contract knows.

    Raises:
        ExpectedFailure: the file cannot be read, is no workbook, unpacks to too much, or no header is recognised.
    """
    where = f"{where}, file {name_of(path)}"
    data = read_bytes(path, where, MAX_MEBIBYTES)
    refuse_unsafe(data, where)
    try:
        workbook = load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheets = {sheet.title: _rows(sheet, where) for sheet in workbook.worksheets}
    except ExpectedFailure:
        raise
    except Exception as problem:
        raise ExpectedFailure(f"{where}: the workbook is damaged ({type(problem).__name__}).", _AGAIN) from problem
    for rows in sheets.values():
        for rank, (_, cells) in enumerate(rows[:HEADER_WITHIN_ROWS]):
            if recognised([cell for cell in cells if cell]) >= LEAST_LABELS:
                return _sheet(name_of(path), data, cells, rows[rank + 1 :], where)
    raise ExpectedFailure(
        f"{where}: no sheet has a header that is recognised (sheets: {redact(', '.join(sheets))[:80]}).",
        "Nothing was loaded: keep the header of the template as it is and load the file again.",
    )


def refuse_unsafe(data: bytes, where: str) -> None:
    """Refuse what is no workbook, and what would take the memory or the time of the machine, before it is parsed.

    Raises:
        ExpectedFailure: it names the bound that is passed.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            if "xl/workbook.xml" not in archive.namelist():
                raise ExpectedFailure(f"{where}: the file is an archive, not an XLSX workbook.", _AGAIN)
            if len(members) > MAX_PARTS:
                raise ExpectedFailure(f"{where}: the workbook has more than {MAX_PARTS} parts.", _AGAIN)
            left = _Left(MAX_UNPACKED_MEBIBYTES << 20, MAX_TAGS)
            for member in members:
                with archive.open(member) as part:
                    _refuse_unsafe_part(part, left, where)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error) as problem:
        raise ExpectedFailure(f"{where}: the file is not an XLSX workbook, or is damaged.", _AGAIN) from problem


@dataclass
class _Left:
    """What the parts of a workbook that are still to be read may have, all together."""

    size: int
    tags: int


def _refuse_unsafe_part(part: IO[bytes], left: _Left, where: str) -> None:
    """Read a part piece by piece, whatever size it claims; what it holds is taken from what is left."""
    rows, end = 0, b""
    while piece := part.read(_PIECE):
        text = end + piece
        left.size -= len(piece)
        left.tags -= piece.count(b"<")
        rows += _count_rows(text) - _count_rows(end)
        farthest = max((int(found[1]) for found in _ROW_NUMBER.finditer(text)), default=0)
        if _DECLARATION.search(text) or (not end and piece.startswith(_UTF_16)):
            raise ExpectedFailure(
                f"{where}: the workbook declares XML entities, or is not UTF-8: no spreadsheet program writes that.",
                "Do not load it.",
            )
        for is_passed, excess in (
            (left.size < 0, f"unpacks to more than {MAX_UNPACKED_MEBIBYTES} MiB"),
            (left.tags < 0, f"has more than {MAX_TAGS} tags"),
            (rows > MAX_ROW_TAGS, f"has more than {MAX_ROW_TAGS} rows in a sheet, empty ones included"),
            (farthest > MAX_ROW_NUMBER, f"goes beyond row {MAX_ROW_NUMBER}, the last that Excel has"),
        ):
            if is_passed:
                raise ExpectedFailure(
                    f"{where}: the workbook {excess}.",
                    "Nothing was loaded: copy the filled rows into a new workbook, by period, and load that.",
                )
        end = text[-_OVERLAP:]


def _count_rows(text: bytes) -> int:
    return text.count(b"<row") + text.count(b":row")


def _rows(sheet: Any, where: str) -> list[tuple[int, Cells]]:
    """Return the rows of a sheet that are not empty, with their numbers."""
    if not hasattr(sheet, "reset_dimensions"):
        return []  # a sheet that holds a chart only
    sheet.reset_dimensions()  # the size that a program wrote into the file may be wrong
    found: list[tuple[int, Cells]] = []
    rows = sheet.iter_rows(max_row=MAX_ROW_NUMBER, max_col=MAX_COLUMNS, values_only=True)
    for number, values in enumerate(rows, 1):
        if values.count(None) == len(values):
            continue
        cells = tuple(_text(value) for value in values)
        if any(cells):
            found.append((number, cells))
        if len(found) > MAX_ROWS:
            raise ExpectedFailure(
                f"{where}: the sheet has more than {MAX_ROWS} rows.", "Split it by period and load the parts."
            )
    return found


def _text(value: object) -> str | None:
    """Return the value of a cell as a person would type it; dates in ISO 8601."""
    match value:
        case bool():
            text = "oui" if value else "non"
        case datetime():
            text = value.isoformat(timespec="seconds").removesuffix("T00:00:00")  # a date, in Excel, is a midnight
        case float() if value.is_integer():
            text = str(int(value))
        case None:
            text = ""
        case _:
            text = " ".join(str(value).split())
    return text or None


def _sheet(name: str, data: bytes, labels: Cells, rows: list[tuple[int, Cells]], where: str) -> XlsxFile:
    width = max(_width(cells) for cells in (labels, *(cells for _, cells in rows)))
    header = tuple(label or f"colonne {get_column_letter(rank)}" for rank, label in enumerate(_fit(labels, width), 1))
    twice = sorted({label for label in header if header.count(label) > 1})
    if twice:
        raise ExpectedFailure(
            f"{where}: the header names {redact(', '.join(map(repr, twice)))} more than once.",
            "Nothing was loaded: remove or rename the double and load again.",
        )
    return XlsxFile(
        name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        header=header,
        _rows=[(number, _fit(cells, width)) for number, cells in rows],
    )


def _width(cells: Cells) -> int:
    return max((rank for rank, cell in enumerate(cells, 1) if cell), default=0)


def _fit(cells: Cells, width: int) -> Cells:
    return (*cells[:width], *(None,) * (width - len(cells)))
