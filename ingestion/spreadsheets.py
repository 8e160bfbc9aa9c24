"""Safe reading of XLSX workbooks: cells to records with their row numbers. Knows no contract, and evaluates nothing.

A formula counts for the value that the spreadsheet program stored with it; macros and links to other files are not
looked at.
"""

import hashlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from ingestion.errors import ExpectedFailure
from ingestion.files import name_of, read_bytes
from ingestion.privacy import redact
from ingestion.records import Record

MAX_MEBIBYTES = 50
#: What the parts of a workbook may take once unpacked: a register of 100 000 rows takes less than 100 MiB.
MAX_UNPACKED_MEBIBYTES = 300
MAX_ROWS = 100_000
MAX_COLUMNS = 256
#: Titles and notes may stand above the header.
HEADER_WITHIN_ROWS = 20
#: A row with fewer known labels is not taken for a header.
LEAST_LABELS = 2

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
    data = read_bytes(path, where)
    _refuse_unsafe(data, where)
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


def _refuse_unsafe(data: bytes, where: str) -> None:
    """Refuse what is no workbook, and what would take the memory of the machine when unpacked or parsed."""
    if len(data) > MAX_MEBIBYTES << 20:
        raise ExpectedFailure(
            f"{where}: the file is larger than {MAX_MEBIBYTES} MiB.", "Split it by period and load the parts."
        )
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > MAX_UNPACKED_MEBIBYTES << 20:
                raise ExpectedFailure(
                    f"{where}: the workbook unpacks to more than {MAX_UNPACKED_MEBIBYTES} MiB.",
                    "Nothing was loaded: remove what is not the register from it, or split it by period.",
                )
            if "xl/workbook.xml" not in archive.namelist():
                raise ExpectedFailure(f"{where}: the file is an archive, not an XLSX workbook.", _AGAIN)
            for member in members:
                with archive.open(member) as part:
                    if b"<!DOCTYPE" in part.read(1024).upper():
                        raise ExpectedFailure(
                            f"{where}: the workbook declares XML entities, which none has.", "Do not load it."
                        )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as problem:
        raise ExpectedFailure(f"{where}: the file is not an XLSX workbook, or is damaged.", _AGAIN) from problem


def _rows(sheet: Any, where: str) -> list[tuple[int, Cells]]:
    """Return the rows of a sheet that are not empty, with their numbers."""
    if not hasattr(sheet, "reset_dimensions"):
        return []  # a sheet that holds a chart only
    sheet.reset_dimensions()  # the size that a program wrote into the file may be wrong
    found: list[tuple[int, Cells]] = []
    for number, values in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True), 1):
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
