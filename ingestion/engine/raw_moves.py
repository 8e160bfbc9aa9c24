"""Moves the raw tables of a platform between its DuckDB file and the lake, to where the setting has them.

Their rows, their loads and the cursors go along. The transaction that removes the tables from their former place shows
them in the new one, and compares both. A move that is interrupted is begun again, or ended, by the next one.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.common.schema import Schema
from dlt.extract import DltSource

from core import disk
from core.errors import ExpectedFailure
from core.locks import writer_lock
from core.settings import home
from ingestion.engine import raw_lake
from ingestion.engine.contract import Table
from ingestion.engine.pipelines import open_pipeline
from ingestion.engine.raw_lake import Lake
from ingestion.engine.reports import LOAD_LOG
from ingestion.platforms import Platform, platform

#: What dlt keeps of a pipeline in a database. In the lake it keeps its own.
_STATE = ("_dlt_version", "_dlt_pipeline_state")

Columns = Mapping[str, Sequence[str]]
#: Rows of each table, and the sum of their hashes.
Digests = dict[str, tuple[int, int]]


def move(name: str) -> dict[str, int]:
    """Move the raw tables of a platform to where `CYBERIMPACT_RAW_LAKE_PLATFORMS` has them.

    Args:
        name: The platform.

    Returns:
        The rows of each table that was moved; nothing where all lie there already.

    Raises:
        ExpectedFailure: the lake cannot be reached or holds other rows, or the rows there differ from those in the
            database. Nothing is lost then.
    """
    chosen = platform(name)
    database = home().database(chosen.database)
    contract = (*chosen.connector.CONTRACT, LOAD_LOG)
    with writer_lock(database), disk.explained():
        with duckdb.connect(str(database)) as connection:
            has_rows = raw_lake.has_rows(connection, chosen)
            has_register = raw_lake.is_table(connection, chosen, raw_lake.REGISTER)
            tables = [table for table in contract if raw_lake.is_table(connection, chosen, table.name)]
        if raw_lake.holds(chosen):
            return _into_lake(chosen, database, tables) if has_rows else {}
        return _out_of_lake(chosen, database, contract, tables) if has_register else {}


def _into_lake(chosen: Platform, database: Path, tables: Sequence[Table]) -> dict[str, int]:
    lake = Lake.of(chosen)
    cursors = _cursors(open_pipeline(chosen.name, chosen.dataset, database))
    raw_lake.make_folder()
    with duckdb.connect(str(database)) as connection:
        loads = connection.execute(f"select load_id from {chosen.dataset}.{raw_lake.LOADS}").fetchall()  # noqa: S608
        lake.refuse_other_rows({load_id for (load_id,) in loads})
        lake.begin(connection)  # from here on loads and purges are refused until the move has ended
    _continue(open_pipeline(chosen.name, chosen.dataset, database, raw_lake.address()), cursors)
    with duckdb.connect(str(database)) as connection:
        for table in tables:
            lake.add(connection, table)
        lake.note_loads(connection)
        connection.execute("begin")
        columns = _columns(connection, chosen, tables)
        before = _digests(connection, chosen, columns)
        for name in (*(table.name for table in tables), *_STATE):
            connection.execute(f'drop table if exists {chosen.dataset}."{name}"')
        connection.execute(f"drop schema if exists {chosen.dataset}_staging cascade")
        lake.refresh(connection)
        lake.create_views(connection, (*chosen.connector.CONTRACT, LOAD_LOG))
        return _ended(connection, before, _digests(connection, chosen, columns))


def _out_of_lake(chosen: Platform, database: Path, contract: Iterable[Table], moved: Iterable[Table]) -> dict[str, int]:
    """Move all but what an interrupted move has moved, and remove the lake's files."""
    lake = Lake.of(chosen)
    tables = [table for table in contract if table not in moved]
    rows: dict[str, int] = {}
    if tables:
        cursors = _cursors(open_pipeline(chosen.name, chosen.dataset, database, raw_lake.address()))
        raw_lake.show(chosen, contract)  # checks the files, and a load that was interrupted may have ended
        _continue(open_pipeline(chosen.name, chosen.dataset, database), cursors)
        with duckdb.connect(str(database)) as connection:
            connection.execute("begin")
            columns = _columns(connection, chosen, tables)
            before = _digests(connection, chosen, columns)
            for table in tables:
                _make_table(connection, lake, table)
            rows = _ended(connection, before, _digests(connection, chosen, columns))
    lake.clear()
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"drop table {lake.register}")
    return rows


def _make_table(connection: duckdb.DuckDBPyConnection, lake: Lake, table: Table) -> None:
    """Make a table of what a view of the lake shows."""
    name = f'{lake.chosen.dataset}."{table.name}"'
    connection.execute(f"drop view {name}; create table {name} as {lake.newest(connection, table)}")
    required = [declared.name for declared in table.fields if not declared.nullable]
    for column in (*required, "_dlt_load_id", "_dlt_id"):
        connection.execute(f'alter table {name} alter "{column}" set not null')


def _cursors(pipeline: dlt.Pipeline) -> Mapping[str, Any]:
    return pipeline.state.get("sources", {})


def _continue(pipeline: dlt.Pipeline, cursors: Mapping[str, Any]) -> None:
    """Have a pipeline read on where another one stopped."""
    with pipeline.managed_state() as state:
        state["sources"] = dict(cursors)
    pipeline.run(DltSource(Schema(pipeline.pipeline_name), pipeline.pipeline_name, []))


def _columns(connection: duckdb.DuckDBPyConnection, chosen: Platform, tables: Iterable[Table]) -> Columns:
    """Return the columns of the contract that each table has: its next load adds those that are new."""
    there = {table.name: connection.sql(f'from {chosen.dataset}."{table.name}"').columns for table in tables}
    by_us = ("_content_hash", "_dlt_load_id", "_dlt_id")
    return {
        table.name: [
            name for name in (*(declared.name for declared in table.fields), *by_us) if name in there[table.name]
        ]
        for table in tables
    }


def _digests(connection: duckdb.DuckDBPyConnection, chosen: Platform, columns: Columns) -> Digests:
    found = {}
    for table, names in columns.items():
        hashed = ", ".join(f'"{name}"' for name in names)
        query = f'select count(*), coalesce(sum(hash({hashed})), 0) from {chosen.dataset}."{table}"'  # noqa: S608
        [found[table]] = connection.execute(query).fetchall()
    return found


def _ended(connection: duckdb.DuckDBPyConnection, before: Digests, after: Digests) -> dict[str, int]:
    """Commit a move after which all rows are there.

    Raises:
        ExpectedFailure: rows differ, and the move is taken back.
    """
    differing = [name for name, digest in before.items() if after[name] != digest]
    if differing:
        connection.execute("rollback")
        raise ExpectedFailure(
            f"After the move, rows of {', '.join(differing)} would not be those from before.",
            "Nothing was moved. Rows of a load that never ended are the usual cause: take the platform out of"
            f" {raw_lake.PLATFORMS_SETTING} and move it, load it, name it again, and move it then.",
        )
    connection.execute("commit")
    return {name: rows for name, (rows, _) in after.items()}
