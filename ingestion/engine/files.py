"""Strict CSV reading: bytes to records with their physical lines."""

import codecs
import csv
import hashlib
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from io import BytesIO
from pathlib import Path

from core.errors import ExpectedFailure
from core.normalize_text import fold
from ingestion.engine.records import Block, Record, one_by_one
from privacy import redact, redact_label

DELIMITERS = (";", ",")
#: A file is read whole, and takes about ten times its size in memory.
MAX_MEBIBYTES = 256
#: A quoted field that runs over more physical lines than this lost its closing quote.
MAX_RECORD_LINES = 1000
#: Lines that are split together, where each is a whole record.
BLOCK_LINES = 500
#: No export has such a line: its line ends are lost, or it is no text.
MAX_LINE_MEBIBYTES = 16

#: What UTF-8 files of French administrations hold instead of quotes and dashes: cp1252 bytes taken for ISO 8859-1. The
#: five points that cp1252 does not define stay.
_C1_CONTROLS = re.compile("[\x80\x82-\x8c\x8e\x91-\x9c\x9e\x9f]")
_SIGNATURES = {
    b"PK\x03\x04": "a spreadsheet or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive",
}


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("cp1252", errors="replace"), error.end


#: A byte that is not UTF-8 is read as cp1252: serves pure cp1252 files, mixed ones, and those cut within a character.
codecs.register_error("cyberimpact_cp1252", _as_cp1252)


@dataclass(frozen=True)
class Repairs:
    """Characters of a file that were not valid UTF-8, or were C1 control characters, and were read as cp1252.

    Attributes:
        count: Their number.
        line: Physical line of the first one.
        column: Its place in that line, in characters, from 1.
    """

    count: int = 0
    line: int | None = None
    column: int | None = None

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        return f"{self.count} repaired characters, the first in line {self.line}, column {self.column}"


NO_REPAIRS = Repairs()


@dataclass(frozen=True)
class CsvFile:
    """A CSV file, read once.

    Attributes:
        name: File name without its folder, redacted.
        sha256: Of the bytes that were read.
        size_bytes: Their number.
        header: Labels of the first record.
        repaired: Characters that were repaired.
    """

    name: str
    sha256: str
    size_bytes: int
    header: tuple[str, ...]
    repaired: Repairs
    _delimiter: str
    _lines: Sequence[str]
    _first: int

    def records(self) -> Iterator[Record]:
        """Yield every record after the header, each on its own: see `pieces`."""
        return one_by_one(self.pieces())

    def pieces(self) -> Iterator[Record | Block]:
        """Yield every record after the header; those that need no care together.

        A damaged record is given alone and reading goes on at the next physical line, so that a lost quote does not
        swallow the records after it. A quote that stays open, with no complete record after it, means that the file was
        cut there.
        """
        damaged: list[Record] = []
        for piece in self._all_pieces():
            if isinstance(piece, Block) or piece.problem is None:
                yield from damaged
                damaged.clear()
                yield piece
            else:
                damaged.append(piece)
        if damaged and damaged[0].problem == _OPEN_QUOTE:
            damaged = damaged[:1]
        yield from damaged[:-1]
        yield from (replace(line, is_cut=self._is_cut(line)) for line in damaged[-1:])

    def _all_pieces(self) -> Iterator[Record | Block]:
        position = self._first
        while position < len(self._lines):
            end = min(position + BLOCK_LINES, len(self._lines))
            if found := _plain(self._lines[position:end], self._delimiter, len(self.header)):
                columns = dict(zip(self.header, zip(*found, strict=True), strict=True))
                yield Block(range(position + 1, end + 1), columns)
                position = end
            while position < end:
                if not self._lines[position].strip():
                    position += 1
                    continue
                record, position = self._record(position)
                yield record

    def _is_cut(self, last: Record) -> bool:
        ends_within_line = self._lines[-1] != ""
        return last.problem == _OPEN_QUOTE or (ends_within_line and len(last.values) < len(self.header))

    def _record(self, position: int) -> tuple[Record, int]:
        fields, following, problem = _record(self._lines, position, self._delimiter, len(self.header))
        return Record(position + 1, dict(zip(self.header, fields, strict=False)), problem), following


def _plain(lines: Sequence[str], delimiter: str, width: int) -> list[list[str]]:
    """Return the fields of lines of which each is a whole record; nothing when one of them is not, or may be blank."""
    try:
        found = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return []
    each_is_whole = width > 1 and len(found) == len(lines) and set(map(len, found)) == {width}
    return found if each_is_whole else []


_OPEN_QUOTE = "a quoted field is not closed"


def _record(lines: Sequence[str], start: int, delimiter: str, width: int) -> tuple[list[str], int, str | None]:
    """Return the fields of the record that begins at `start`, where the next one begins, and what is wrong with it.

    Of a record with a wrong number of fields, the last field is left out: it may be cut.
    """
    end = _closing_line(lines, start)
    problem = _OPEN_QUOTE if end is None else None
    for last in dict.fromkeys((start if end is None else end, start)):
        try:
            fields = _split("\n".join(lines[start : last + 1]), delimiter)
        except csv.Error:
            problem = problem or "its quotes are not balanced"
            continue
        if len(fields) == width:
            return fields, last + 1, None
        swallowed = len(fields) > width and last > start
        following = start + 1 if swallowed else last + 1
        return (
            fields[:width] if len(fields) > width else fields[:-1],
            following,
            problem or (f"it has {len(fields)} fields where the header has {width}"),
        )
    return [], start + 1, problem


def _closing_line(lines: Sequence[str], start: int) -> int | None:
    """Return the line on which all quotes opened since `start` are closed, `None` when there is none."""
    quotes = 0
    for number in range(start, min(start + MAX_RECORD_LINES, len(lines))):
        quotes += lines[number].count('"')
        if quotes % 2 == 0:
            return number
    return None


def _split(record: str, delimiter: str) -> list[str]:
    rows = list(csv.reader([record], delimiter=delimiter, strict=True))
    if len(rows) != 1:
        raise csv.Error("more than one record")
    return rows[0]


_DAY_IN_NAME = re.compile(r"(?<!\d)(20\d\d)([-_.]?)(\d\d)\2(\d\d)(?!\d)")


def exported_day(name: str) -> date | None:
    """Return the last day that the name of a file holds, such as `export_2026-02-03.csv`; `None` without any."""
    days = []
    for year, _, month, day in _DAY_IN_NAME.findall(name):
        with suppress(ValueError):
            days.append(date(int(year), int(month), int(day)))
    return max(days, default=None)


def open_csv(path: Path, where: str, recognised: Callable[[Sequence[str]], int]) -> CsvFile:
    """Read a CSV file whole and find its delimiter.

    Args:
        path: The file; it is neither moved nor changed.
        where: Platform, for messages; the file name is added.
        recognised: Counts the labels of a header that a contract knows; the delimiter with the most is taken.

    Raises:
        ExpectedFailure: the file cannot be read, is empty, is no CSV, or its header is damaged.
    """
    where = f"{where}, file {name_of(path)}"
    data, lines, repaired = _lines(path, where)
    first = next(number for number, line in enumerate(lines) if line.strip())
    headers: dict[str, tuple[list[str], int]] = {}
    for delimiter in DELIMITERS:
        fields, following, problem = _header(lines, first, delimiter)
        if problem is None:
            headers[delimiter] = (fields, following)
    if not headers:
        raise ExpectedFailure(
            f"{where}, line {first + 1}: the header is cut or its quotes are not balanced.",
            "Nothing was loaded: export the file again and load the new one.",
        )
    delimiter = max(headers, key=lambda candidate: recognised(headers[candidate][0]))
    labels = tuple(" ".join(label.split()) for label in headers[delimiter][0])
    _refuse_doubles(labels, where)
    return CsvFile(
        name=name_of(path),
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        header=labels,
        repaired=repaired,
        _delimiter=delimiter,
        _lines=lines,
        _first=headers[delimiter][1],
    )


def open_headerless_csv(path: Path, where: str, labels: Sequence[str]) -> CsvFile:
    """Read a CSV file whose columns are known by their order; a header that repeats the labels is passed over.

    Args:
        path: The file; it is neither moved nor changed.
        where: Platform, for messages; the file name is added.
        labels: Columns, in the order of the file.

    Raises:
        ExpectedFailure: the file cannot be read, is empty, is no CSV, or its first record has other columns.
    """
    where = f"{where}, file {name_of(path)}"
    data, lines, repaired = _lines(path, where)
    first = next(number for number, line in enumerate(lines) if line.strip())
    delimiter = max(DELIMITERS, key=lines[first].count)
    fields, following, problem = _record(lines, first, delimiter, len(labels))
    if problem is not None and len(fields) < len(labels) - 1:
        raise ExpectedFailure(
            f"{where}, line {first + 1}: {problem.replace('the header has', 'the platform gives')}.",
            f"Nothing was loaded: the columns are, in this order, {delimiter.join(labels)}.",
        )
    has_header = [fold(field) for field in fields] == [fold(label) for label in labels]
    return CsvFile(
        name=name_of(path),
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        header=tuple(labels),
        repaired=repaired,
        _delimiter=delimiter,
        _lines=lines,
        _first=following if has_header else first,
    )


def _lines(path: Path, where: str) -> tuple[bytes, list[str], Repairs]:
    """Return the bytes of a text file, its physical lines, and the characters that were repaired."""
    data = read_bytes(path, where)
    _refuse_other_formats(data, where)
    _refuse_long_line(data, where)
    text, repaired = decode(data)
    return data, [line.removesuffix("\r") for line in text.split("\n")], repaired


def name_of(path: Path) -> str:
    """Return the name of a file as messages and load logs may hold it: redacted. Its SHA-256 is what identifies it."""
    return redact_label(path.name)


def read_bytes(path: Path, where: str, most_mebibytes: int = MAX_MEBIBYTES) -> bytes:
    """Return the content of a regular file; one that grows while it is read is no larger than the bound either.

    Raises:
        ExpectedFailure: it cannot be read, is no regular file, or is larger than `most_mebibytes`.
    """
    try:
        is_regular = stat.S_ISREG(path.stat().st_mode)
        with path.open("rb") if is_regular else BytesIO() as file:
            content = file.read((most_mebibytes << 20) + 1)
    except OSError as problem:
        raise ExpectedFailure(
            f"{where}: the file cannot be read ({problem.strerror}).", "Check its path and that you may read it."
        ) from problem
    if not is_regular:
        raise ExpectedFailure(f"{where}: it is no regular file.", "Give the path of a file.")
    if len(content) > most_mebibytes << 20:
        raise ExpectedFailure(
            f"{where}: the file is larger than {most_mebibytes} MiB.", "Split it by period and load the parts."
        )
    return content


def _refuse_other_formats(data: bytes, where: str) -> None:
    again = "Nothing was loaded: export the data as CSV, UTF-8, with ';' or ',' as delimiter, and load that file."
    if not data.strip(b"\xef\xbb\xbf \t\r\n\x00"):
        raise ExpectedFailure(f"{where}: the file is empty.", again)
    for signature, kind in _SIGNATURES.items():
        if data.startswith(signature):
            raise ExpectedFailure(f"{where}: the file is {kind}, not a CSV file.", again)
    start = data[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")) or b"<html" in start:
        raise ExpectedFailure(f"{where}: the file is a web page, not a CSV file: the download failed.", again)
    if start.startswith((b"{", b"[")):
        raise ExpectedFailure(f"{where}: the file is JSON, not a CSV file.", again)
    if b"\x00" in data and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ExpectedFailure(f"{where}: the file holds binary data, not text.", again)


def _refuse_long_line(data: bytes, where: str) -> None:
    start, most = 0, MAX_LINE_MEBIBYTES << 20
    while len(data) - start > most:
        end = data.rfind(b"\n", start, start + most)
        if end < 0:
            raise ExpectedFailure(
                f"{where}: a line is longer than {MAX_LINE_MEBIBYTES} MiB.",
                "Nothing was loaded: export the data as CSV with one record a line, and load that file.",
            )
        start = end + 1


def decode(data: bytes) -> tuple[str, Repairs]:
    """Return the text of a file, and the characters that were repaired."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace"), NO_REPAIRS
    text = data.decode("utf-8-sig", errors="cyberimpact_cp1252")
    not_utf8 = len(text) - len(data.decode("utf-8-sig", errors="ignore"))
    repaired, controls = _C1_CONTROLS.subn(lambda found: found[0].encode("latin-1").decode("cp1252"), text)
    if not not_utf8 + controls:
        return repaired, NO_REPAIRS
    first = min(_first_bad_byte(data), (found.start() if (found := _C1_CONTROLS.search(text)) else len(text)))
    before = text[:first]
    return repaired, Repairs(not_utf8 + controls, before.count("\n") + 1, first - before.rfind("\n"))


def _first_bad_byte(data: bytes) -> int:
    """Return the place, in characters, of the first byte that is not UTF-8; the number of characters without any."""
    try:
        return len(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return len(error.object[: error.start].decode("utf-8"))


def _header(lines: Sequence[str], start: int, delimiter: str) -> tuple[list[str], int, str | None]:
    """Read the header, whose width is not known before."""
    try:
        width = len(_split(lines[start], delimiter))
    except csv.Error:
        width = 0
    return _record(lines, start, delimiter, width) if width else ([], start + 1, "unreadable")


def _refuse_doubles(labels: tuple[str, ...], where: str) -> None:
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ExpectedFailure(
            f"{where}: the header names {redact(', '.join(map(repr, twice)))} more than once.",
            "Nothing was loaded: remove or rename the double and load again.",
        )
