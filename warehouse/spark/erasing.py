"""Removes rows from the files of a lake.

It needs no cluster, and nothing of Spark: a home that DuckDB builds again has the lake of before still.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from core.content_store import flush
from core.sql import literal
from warehouse.spark import files
from warehouse.spark.lake import MADE_BY, TAKEN_IN, VERSIONS, Lake, versions_of

#: Where a job of Spark or a Python model writes what it has not finished, what has replaced a file by halves, and what
#: no reader sees.
UNFINISHED = (
    *("_temporary", ".spark-staging*", ".*.partial", "*.rewritten"),
    *("_metadata", "_common_metadata", "[._]*.parquet"),
    f"{TAKEN_IN}/{MADE_BY}*",
)
_MAGIC = b"PAR1"
#: A row as a whole, under a name that no column has.
_ROW = '"the whole row"'


def remove_archived(lake: Lake, schema: str, archive: str, condition: str, values: Sequence[Any]) -> int:
    """Remove rows from all versions of an archive.

    A process that dies in between leaves each file as it was or as it is to be.

    Args:
        lake: The lake.
        schema: Schema of the archive.
        archive: The archive, as its model is named.
        condition: SQL of the rows, in the names of its columns.
        values: Of the parameters in it.

    Returns:
        The rows removed, each version counted.
    """
    table = versions_of(archive)
    rows = sum(_remove(file, condition, values) for file in _files(lake.table_folder(schema, table)))
    if rows:
        files.record(lake, [(schema, table)])
    return rows


def remove_holding(lake: Lake, text: str) -> Counter[str]:
    """Remove the rows that hold a text in any column of any table, and what unfinished jobs have left.

    What a build has taken in goes as a whole: the next one takes it in again.

    Returns:
        The rows removed by table, as `visibility.fct_mention`; the versions of an archive count as its own.
    """
    sweep(lake)
    removed: Counter[str] = Counter()
    condition = f"contains({_ROW}::varchar, ?)"
    for folder in sorted(lake.folder.glob("*/*/")):
        schema, table = folder.parts[-2:]
        if schema == TAKEN_IN:
            if any(_count(file, condition, [text]) for file in _files(folder)):
                shutil.rmtree(folder)
            continue
        rows = sum(_remove(file, condition, [text]) for file in _files(folder))
        named = [path for path in sorted(folder.rglob("*")) if text in path.name]
        _remove_named(named)
        if rows or named:
            removed[f"{schema}.{table.removesuffix(VERSIONS)}"] += rows
            files.record(lake, [(schema, table)])
    return removed


def _remove_named(paths: Iterable[Path]) -> None:
    """Remove files, and folders of partitions, whose own name holds what is erased: no row is left in them."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def sweep(lake: Lake) -> None:
    """Remove what jobs and models that were killed have left: no table shows it. The caller holds the target's lock."""
    for pattern in UNFINISHED:
        for left in list(lake.folder.rglob(pattern)):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def _files(folder: Path) -> Iterator[Path]:
    """Yield the Parquet files of a folder, whatever their names: Spark reads them all."""
    found = (file for file in sorted(folder.rglob("[!._]*")) if file.is_file())
    return (file for file in found if _is_parquet(file))


def _is_parquet(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(_MAGIC)) == _MAGIC


def _count(file: Path, condition: str, values: Sequence[Any]) -> int:
    return len(_places(file, f"coalesce({condition}, false)", values))


def _places(file: Path, condition: str, values: Sequence[Any]) -> pa.ChunkedArray:
    """Return the numbers of the rows of a file for which a condition holds."""
    rows = f"read_parquet({literal(str(file))}, file_row_number = true)"
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        query = f"select file_row_number from {rows} as {_ROW} where {condition} order by 1"  # noqa: S608 - of the program
        return connection.execute(query, values).to_arrow_table().column(0)


def _remove(file: Path, condition: str, values: Sequence[Any]) -> int:
    """Rewrite a file without some of its rows, in Spark's types, and return how many those were."""
    if not (count := _count(file, condition, values)):
        return 0
    kept = _places(file, f"not coalesce({condition}, false)", values)
    fresh = file.with_name(f"{file.name}.rewritten")
    rows = _without_dictionaries(pq.ParquetFile(file).read().take(kept))
    pq.write_table(rows, fresh, compression="zstd", use_deprecated_int96_timestamps=True)
    shutil.copymode(file, fresh)
    flush(fresh)
    file.with_name(f".{file.name}.crc").unlink(missing_ok=True)  # of the former content
    fresh.replace(file)
    flush(file.parent)
    return count


def _without_dictionaries(rows: pa.Table) -> pa.Table:
    """Return rows whose values are their own: a dictionary keeps those of rows that are gone."""
    plain = (
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field for field in rows.schema
    )
    return rows.cast(pa.schema(plain, rows.schema.metadata))
