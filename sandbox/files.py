"""Writes rows as the bytes of a CSV file or workbook, which depend on the rows alone."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from openpyxl import Workbook

#: When every workbook was written: a clock would make a new file of the same rows.
WRITTEN_AT = datetime(2025, 1, 1)  # noqa: DTZ001 (archives know no time zone)


def csv_bytes(rows: Iterable[Sequence[object]], delimiter: str, encoding: str = "utf-8") -> bytes:
    """Return rows as a CSV file with the line ends of Windows; `None` is an empty field."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode(encoding, errors="replace")


def xlsx_bytes(sheets: Mapping[str, Iterable[Sequence[object]]]) -> bytes:
    """Return a workbook.

    Args:
        sheets: Title of each sheet to its rows.
    """
    workbook = Workbook(write_only=True)
    for title, rows in sheets.items():
        sheet = workbook.create_sheet(title)
        for row in rows:
            sheet.append(row)
    saved = io.BytesIO()
    workbook.save(saved)
    return _without_clock(saved)


def _without_clock(saved: io.BytesIO) -> bytes:
    """Return an archive of openpyxl with all its times replaced."""
    fixed = io.BytesIO()
    with zipfile.ZipFile(saved) as archive, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", f"{WRITTEN_AT:%Y-%m-%dT%H:%M:%SZ}".encode(), content)
            copy.writestr(zipfile.ZipInfo(name, WRITTEN_AT.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)
    return fixed.getvalue()
