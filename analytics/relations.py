"""What dbt's Python models share: the rows that a model held before, rows made of rows, and rows as an Arrow table."""

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import singledispatch
from pathlib import Path
from typing import Any

import pyarrow as pa

Types = Mapping[str, pa.DataType]
Rows = Iterable[Sequence[Any]]
#: Rows of a batch: enough for what a function looks up once a batch, and few enough for memory.
BATCH_ROWS = 100_000


class RowsFailed(Exception):
    """A function failed on a batch of rows. The message says where, and nothing of what the rows hold."""


@singledispatch
def map_rows(session: Any, relation: Any, function: Callable[[Rows], Rows], types: Types) -> Any:
    """Return what a function makes of the rows of a relation, as a relation.

    It runs here, in one process. An engine that runs functions elsewhere registers how, for its own type of session.

    Args:
        session: What dbt gives a model as its session.
        relation: The rows; their columns hold texts, numbers and days.
        function: Makes rows of a batch of rows, each of them whatever other rows there are. It can be pickled.
        types: Columns of the rows that it makes, with their types.

    Raises:
        RowsFailed: the function fails, or makes a value that its type cannot hold.
    """
    batches = map_batches(function, types, relation.to_arrow_reader(BATCH_ROWS))
    return session.from_arrow(pa.Table.from_batches(batches, pa.schema(list(types.items()))))


def map_batches(
    function: Callable[[Rows], Rows], types: Types, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Yield what a function makes of the rows of each batch; see `map_rows`."""
    for batch in batches:
        yield from _mapped(function, types, batch).to_batches()


def _mapped(function: Callable[[Rows], Rows], types: Types, batch: pa.RecordBatch) -> pa.Table:
    mapped: Any = getattr(function, "func", function)  # of a partial, its function
    try:
        rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        return as_table(function(rows), types)
    except Exception as problem:  # noqa: BLE001 - its own message may quote a text, which goes into no log
        last = traceback.extract_tb(problem.__traceback__)[-1]
        where = f"{last.name}, line {last.lineno} of {Path(last.filename).name}"
        failed = (
            f"{type(problem).__name__} in {where}, mapping {mapped.__qualname__} over a batch of {batch.num_rows} rows."
        )
        raise RowsFailed(failed) from None


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


def as_table(rows: Rows, types: Types) -> pa.Table:
    """Return rows as an Arrow table.

    Args:
        rows: Rows, each with a value for every column, in their order.
        types: Columns with their types.
    """
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    return pa.table({name: pa.array(column, kind) for (name, kind), column in zip(types.items(), columns, strict=True)})
