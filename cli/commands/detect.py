"""The `detect` command: scores the values of a CSV file."""

import csv
import io
import math
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TextIO

from analytics.signals import Detector
from core.errors import ExpectedFailure

COLUMNS = ["timestamp", "value", "expected", "upper", "score", "alert"]
_MISSING = frozenset({"", "na", "nan", "null", "none"})


def detect(file: Path, output: Path | None, timestamp: str, value: str) -> str:
    """Score a CSV file, or standard input for `-`, and return a sentence about it.

    Nothing is written unless every row could be scored.

    Args:
        file: The file, with a header, in time order.
        output: Where the scored rows go; standard output when None.
        timestamp: Column of the moments, in ISO 8601. The season is that of the clock they show.
        value: Column of the values. A row whose value is missing is kept, with an empty score.

    Raises:
        ExpectedFailure: the file cannot be read or written, or what it holds cannot be scored.
    """
    if str(file) == "-":
        rows = list(_scored(sys.stdin, "standard input", timestamp, value))
    else:
        try:
            with file.open(encoding="utf-8-sig", newline="") as source:
                rows = list(_scored(source, str(file), timestamp, value))
        except OSError as error:
            raise ExpectedFailure(f"{file} cannot be read: {error.strerror}.", "Check its path.") from None
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    if output is None:
        sys.stdout.write(text.getvalue())
    else:
        try:
            output.write_text(text.getvalue(), encoding="utf-8")
        except OSError as error:
            raise ExpectedFailure(f"{output} cannot be written: {error.strerror}.", "Check its path.") from None
    scores, alerts = sum(row[-2] != "" for row in rows), sum(row[-1] == "true" for row in rows)
    return f"{len(rows)} rows, {scores} scored; {alerts} would have alerted."


def _scored(source: TextIO, name: str, timestamp: str, value: str) -> Iterator[list[str]]:
    """Return one scored row for each row of a file, in its order."""
    detector = Detector()
    for line, moment, number in _read(source, name, timestamp, value):
        if number.strip().lower() in _MISSING:
            yield [moment, number, "", "", "", ""]
            continue
        score = detector.step(_moment(moment, name, line, timestamp), _number(number, name, line, value))
        bounds = ["" if math.isnan(bound) else repr(bound) for bound in (detector.expected, detector.upper)]
        yield [moment, number, *bounds, repr(score), str(score >= Detector.ALERT).lower()]


def _read(source: TextIO, name: str, timestamp: str, value: str) -> Iterator[tuple[int, str, str]]:
    """Return line, timestamp and value of each row."""
    reader = csv.DictReader(source)
    try:
        header = reader.fieldnames or []
        for column in (timestamp, value):
            if column not in header:
                raise ExpectedFailure(
                    f"{name}, line 1: there is no column {column!r}; there are: {', '.join(header) or 'none'}.",
                    "Name the columns with --timestamp and --value.",
                )
        for row in reader:
            yield reader.line_num, row[timestamp] or "", row[value] or ""
    except (csv.Error, UnicodeDecodeError) as error:
        raise ExpectedFailure(
            f"{name}, after line {reader.line_num}: {error}.", "Give a CSV file in UTF-8, with commas."
        ) from None


def _moment(text: str, name: str, line: int, column: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise ExpectedFailure(
            f"{name}, line {line}, column {column!r}: {text!r} is not a timestamp.",
            "Write it as 2026-11-24 08:05:00 or 2026-11-24T08:05:00+01:00.",
        ) from None


def _number(text: str, name: str, line: int, column: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ExpectedFailure(
            f"{name}, line {line}, column {column!r}: {text!r} is not a number.",
            "Write a finite number with a decimal point, or leave the field empty where the value is missing.",
        )
    return number
