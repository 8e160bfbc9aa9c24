"""The commands of `cyberimpact engine`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import say
from core.errors import ExpectedFailure

app = typer.Typer(no_args_is_help=True, help="What builds: DuckDB, or a cluster of Spark.")
#: Tells of builds and publications: it differs each time.
RECORDS = "audit"


@app.callback()
def engine() -> None:
    """What builds: DuckDB, or a cluster of Spark."""


@app.command()
def compare(
    left: Annotated[Path, typer.Argument(help="A DuckDB file of one build: published/daily/…/serving.duckdb.")],
    right: Annotated[Path, typer.Argument(help="A file of another build of the same data, by another engine, say.")],
) -> None:
    """Compare two builds table by table, and name the columns in which rows differ.

    All values must be equal, but doubles, which may differ by a share of 1e-12. Tables on builds are left out.
    """
    from warehouse.comparison import Comparison

    comparison = Comparison(left, right)
    tables = [table for table in comparison.tables() if table[0] != RECORDS]
    absent = [table for table in comparison.absent() if table in tables]
    shared = [table for table in tables if table not in absent]
    found = [difference for table in shared if (difference := comparison.difference(*table))]
    say(*map(str, found), *(f"{schema}.{name}: only in {left}" for schema, name in absent))
    rows = sum(comparison.rows(*table) for table in shared)
    say(f"{len(tables)} tables of {rows} rows compared, without those of the schema {RECORDS}.")
    if found or absent:
        raise ExpectedFailure(
            f"{len(found) + len(absent)} tables differ.",
            "If both were built on one day from the same loads, the engines disagree: keep both files and report it.",
        )
    say("All are equal.")
