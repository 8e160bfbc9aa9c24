"""How commands print: results on stdout; progress, remarks and failures on stderr."""

import csv
import json
import math
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import ExpectedFailure

if TYPE_CHECKING:
    from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AsJsonInFrench = Annotated[bool, typer.Option("--json", help="Écrit du JSON.")]

#: A file or a pipe has no width: no table is cut there.
_PIPE_COLUMNS = 400


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


def run(app: Callable[[], None]) -> None:
    """Run the application; an expected failure is one sentence on stderr and exit code 1."""
    try:
        app()
    except Exception as problem:
        failure = _expected(problem)
        if failure is None:
            raise
        fail(failure)
        sys.exit(1)


def _expected(problem: Exception) -> Exception | None:
    """Return the failure to print; None for an error of programming."""
    from supersync.errors import SupersetFailure

    from core import denied, disk, settings

    if isinstance(problem, ExpectedFailure | SupersetFailure):
        return problem
    return disk.explain(problem) or denied.explain(problem, lambda: settings.home().root)


def say(*lines: str) -> None:
    for line in lines:
        typer.echo(harmless(line))


def remark(text: str) -> None:
    """Print on stderr what is not part of the result."""
    typer.echo(harmless(text), err=True)


def fail(failure: Exception) -> None:
    """Print a failure on stderr; the command goes on or exits with 1."""
    progress().print(harmless(str(failure)), style="bold red", markup=False, emoji=False)


@cache
def progress() -> "Console":
    """Return the console that shows progress, on stderr."""
    from rich.console import Console

    return Console(stderr=True, soft_wrap=True, highlight=False)


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], form: Format) -> None:
    match form:
        case Format.table:
            print_table(columns, rows)
        case Format.csv:
            print_csv(columns, rows)
        case Format.json:
            print_json([dict(zip(columns, plain(row), strict=True)) for row in rows])


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], unbroken: str = "") -> None:
    """Print rows as a table, in which the column `unbroken` keeps each cell on one line."""
    from rich.console import Console
    from rich.table import Column, Table

    table = Table(
        *(Column(name, no_wrap=True) if name == unbroken else Column(name, overflow="fold") for name in columns)
    )
    for row in rows:
        table.add_row(*("" if value is None else harmless(str(value)) for value in row))
    Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS, emoji=False).print(table, markup=False)


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    csv.writer(sys.stdout, lineterminator="\n").writerows([columns, *rows])
    sys.stdout.flush()  # a reader that has gone is noticed here, where Typer ends the command quietly


def print_json(value: Any) -> None:
    """Print a value as JSON; what JSON has no type for is text."""
    typer.echo(json.dumps(value, default=str, ensure_ascii=False, indent=2))


def plain(value: Any) -> Any:
    """Return a value as JSON has it: a number for a decimal, null for what is no number, text for the rest."""
    match value:
        case float() if not math.isfinite(value):
            return None
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case dict():
            return {str(key): plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case None | bool() | int() | float() | str():
            return value
    return str(value)


def harmless(text: str) -> str:
    """Return a text without the invisible characters by which a citizen's words could command a terminal."""
    return "".join(mark for mark in text if mark in "\n\t" or unicodedata.category(mark) not in {"Cc", "Cf"})
