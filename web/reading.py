"""Reads the published copies, each through the copy that a right opens."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from core import settings
from core.sql import literal
from warehouse.published import DAILY, LIVE, Copy, sealed
from warehouse.reader_copies import NothingPublishedError, path_for
from warehouse.rights import Right

Row = dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """Open copies: whatever is asked, the files hold what the right grants and nothing else.

    Tables of the daily copy are asked by `schema.table`, those of the live one by `live_serving.schema.table`.

    Attributes:
        connection: Sealed, in UTC.
        copies: Which copies there are.
    """

    connection: duckdb.DuckDBPyConnection
    copies: frozenset[Copy]

    def rows(self, query: str, values: Any = None) -> list[Row]:
        """Return the rows of a query by column; times are in UTC.

        Args:
            query: SQL, in which no value of a request stands: they are bound.
            values: What is bound, a sequence or a mapping.
        """
        result = self.connection.execute(query, values or [])
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, map(_aware, row), strict=True)) for row in result.fetchall()]

    def rows_of(self, table: str, query: str, values: Any = None) -> list[Row]:
        """Return the rows of a query on a table; none where the copies lack it, as those of an earlier version may."""
        return self.rows(query, values) if self.has(table) else []

    def row(self, query: str, values: Any = None) -> Row | None:
        """Return the first row of a query, None where there is none."""
        return next(iter(self.rows(query, values)), None)

    def has(self, table: str) -> bool:
        """Return whether the copies hold a table, `schema.table`, or `live_serving.schema.table`."""
        *catalog, schema, name = table.split(".")
        found = self.row(
            "select 1 from duckdb_tables() where database_name = ? and schema_name = ? and table_name = ?",
            [catalog[0] if catalog else DAILY.catalog, schema, name],
        )
        return found is not None


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


@contextmanager
def opened(right: Right) -> Generator[Reading]:
    """Open the current copies of what a right grants.

    The daily copy stands for what there is to read. The live copy is left out where none was published yet, and for a
    right that grants nothing of it: a copy per right is made anew at each publication, which there is every minute.

    Raises:
        NothingPublishedError: no daily copy was published yet.
        AccessError: the right grants nothing, or a copy cannot be had.
    """
    home = settings.home()
    paths = {DAILY: path_for(DAILY.link(home), right)}
    if right.is_everything or any(table.partition(".")[2].startswith("live_") for table in right.tables):
        with suppress(NothingPublishedError):
            paths[LIVE] = path_for(LIVE.link(home), right)

    def attach(connection: duckdb.DuckDBPyConnection) -> None:
        for copy, path in paths.items():
            connection.execute(f"attach {literal(str(path))} as {copy.catalog} (read_only)")

    with sealed(attach) as connection:
        yield Reading(connection, frozenset(paths))
