"""The command `query`."""

import itertools
from typing import Annotated

import typer

from cli.output import Format, print_rows
from core import settings
from core.errors import ExpectedFailure


def query(
    sql: Annotated[str, typer.Argument(help="One SQL query.")],
    format: Annotated[Format, typer.Option(help="How to print the result.")] = Format.table,  # noqa: A002
) -> None:
    """Query the published copies, read-only: the daily one, and the live one as `live_serving` where it exists."""
    import duckdb

    from warehouse import published

    with published.connect(settings.home()) as connection:
        try:
            if len(connection.extract_statements(sql)) != 1:
                raise ExpectedFailure("The text does not hold exactly one query.", "Give one query.")
            result = connection.execute(sql)
            columns, rows = unique([column[0] for column in result.description or []]), result.fetchall()
        except duckdb.Error as error:
            raise ExpectedFailure(str(error).strip(), "Correct the query.") from None
    print_rows(columns, rows, format)


def unique(names: list[str]) -> list[str]:
    """Return column names of which no two are equal: the second `a` becomes `a_2`."""
    found: list[str] = []
    for name in names:
        times = itertools.count(2)
        candidate = name
        while candidate in found:
            candidate = f"{name}_{next(times)}"
        found.append(candidate)
    return found
