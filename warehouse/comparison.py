"""Compares what two engines have built, table by table.

Both are files of a target, or what was published of them: what Spark builds is shown in its file as views of its lake.
Whole numbers, decimals, days, instants and texts are to be equal; doubles within a share of 1e-12, since a sum of
doubles depends on its order.
"""
# ruff: noqa: S608 - names of tables and columns that the two files have

from pathlib import Path
from typing import NamedTuple

import duckdb

from core.errors import ExpectedFailure
from core.sql import literal

TOLERANCE = 1e-12
#: What is a table of DuckDB where it builds; a view is made of these in both.
TABLES = """
    select schema_name, table_name from duckdb_tables()
    where database_name = 'left_side' and not starts_with(schema_name, 'raw_') and not starts_with(table_name, '_dlt_')
        and not starts_with(schema_name, 'quarantine') and schema_name <> 'archive'
    order by all
"""
SHOWN = "select distinct schema_name, table_name from duckdb_columns() where database_name = 'right_side'"


class Difference(NamedTuple):
    """How a table differs: rows that only one side has, by the columns in which they do."""

    table: str
    left_rows: int
    right_rows: int
    only_left: int
    only_right: int
    columns: tuple[str, ...]

    def __str__(self) -> str:
        found = f"{self.left_rows} and {self.right_rows} rows, {self.only_left} and {self.only_right} of them alone"
        return f"{self.table}: {found}; columns: {', '.join(self.columns) or 'none alone'}"


class Comparison:
    """Two files, open for reading.

    Args:
        left: What is taken for right.
        right: What is compared with it.

    Raises:
        ExpectedFailure: one is no DuckDB file, or is being written.
    """

    def __init__(self, left: Path, right: Path) -> None:
        self._connection = duckdb.connect(":memory:", config={"threads": 2})
        self._connection.execute("set TimeZone = 'UTC'")
        for name, file in (("left_side", left), ("right_side", right)):
            try:
                self._connection.execute(f"attach {literal(str(file))} as {name} (read_only)")
            except duckdb.IOException as problem:
                raise ExpectedFailure(
                    f"The file {file} cannot be read: {str(problem).splitlines()[0]}",
                    "Name two DuckDB files that nobody writes, such as two of published/daily/*/serving.duckdb.",
                ) from None

    def tables(self) -> list[tuple[str, str]]:
        return self._connection.execute(TABLES).fetchall()

    def absent(self) -> list[tuple[str, str]]:
        """Return the tables that the right side does not show."""
        shown = set(self._connection.execute(SHOWN).fetchall())
        return [table for table in self.tables() if table not in shown]

    def rows(self, schema: str, table: str) -> int:
        return self._count(f'select 1 from left_side."{schema}"."{table}"')

    def difference(self, schema: str, table: str) -> Difference | None:
        """Return how a table differs; None where it does not."""
        names = {side: f'{side}."{schema}"."{table}"' for side in ("left_side", "right_side")}
        described = self._connection.execute(f"describe {names['left_side']}").fetchall()
        columns = {name: kind for name, kind, *_ in described}
        listed = ", ".join(f'"{name}"' for name in columns)
        left, right = (f"select {listed} from {name}" for name in names.values())
        alone = self._alone(left, right), self._alone(right, left)
        if alone == (0, 0) or (alone[0] == alone[1] and self._is_close(left, right, columns)):
            return None
        differing = (
            name
            for name in columns
            if self._alone(f'select "{name}" from {names["left_side"]}', f'select "{name}" from {names["right_side"]}')
        )
        return Difference(f"{schema}.{table}", self._count(left), self._count(right), *alone, tuple(differing))

    def _alone(self, one: str, other: str) -> int:
        return self._count(f"{one} except all {other}")

    def _count(self, query: str) -> int:
        [(count,)] = self._connection.execute(f"select count(*) from ({query})").fetchall()
        return count

    def _is_close(self, left: str, right: str, columns: dict[str, str]) -> bool:
        """Return whether rows that are equal in all else differ in doubles by no more than the tolerance."""
        doubles = [name for name, kind in columns.items() if kind in ("DOUBLE", "FLOAT")]
        others = [name for name in columns if name not in doubles]
        if not doubles or not others:
            return False
        order = ", ".join(f'"{name}"' for name in [*others, *doubles])
        numbered = [f"select *, row_number() over (order by {order}) as place from ({side})" for side in (left, right)]
        far = " or ".join(
            [f'l."{name}" is distinct from r."{name}"' for name in others]
            + [
                f'(l."{name}" is null) <> (r."{name}" is null) or '
                f'abs(l."{name}" - r."{name}") > {TOLERANCE} * greatest(1, abs(l."{name}"))'
                for name in doubles
            ]
        )
        return not self._count(
            f"select 1 from ({numbered[0]}) as l join ({numbered[1]}) as r using (place) where {far}"
        )
