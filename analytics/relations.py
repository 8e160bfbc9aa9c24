"""What dbt's Python models share: the rows that a model held before, and rows as an Arrow table."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa


def former(session: Any, relation: Any, columns: Sequence[str]) -> Any:
    """Return what a model held before this build, a DuckDB relation; empty where it has never been built.

    Args:
        session: DuckDB connection of dbt.
        relation: The model itself, `dbt.this`.
        columns: Columns wanted; a table that lacks one is taken for absent.
    """
    known = session.execute(
        "select column_name from information_schema.columns where table_schema = ? and table_name = ?"
        " and table_catalog = current_database()",
        [relation.schema, relation.identifier],
    ).fetchall()
    if not set(columns) <= {name for (name,) in known}:
        return session.from_arrow(pa.table({name: pa.array([], pa.string()) for name in columns}))
    return session.table(f'"{relation.schema}"."{relation.identifier}"').select(", ".join(columns))


def as_dicts(relation: Any) -> list[dict[str, Any]]:
    """Return the rows of a DuckDB relation by the names of their columns."""
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def as_table(rows: Iterable[Sequence[Any]], types: Mapping[str, pa.DataType]) -> pa.Table:
    """Return rows as an Arrow table.

    Args:
        rows: Rows, their values in the order of the columns.
        types: Columns with their types.
    """
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    return pa.table({name: pa.array(values, kind) for (name, kind), values in zip(types.items(), columns, strict=True)})
