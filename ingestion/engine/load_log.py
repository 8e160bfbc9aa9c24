"""Copies the load logs, what is set aside and the files in the lake of all platforms into tables of the warehouse."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager

import duckdb

from core.locks import writer_lock, writer_lock_if_free
from core.settings import home
from core.sql import literal
from ingestion.engine import quarantine, raw_lake
from ingestion.engine.contract import DUCKDB_TYPES, Field, Table
from ingestion.engine.reports import LOAD_LOG
from ingestion.platforms import PLATFORMS, Platform

DATASET = "raw_platforms"

#: Longer than a micro-batch holds the live file at a time.
LIVE_TIMEOUT_SECONDS = 60.0

LOADS = Table(
    name="loads",
    key=LOAD_LOG.key,
    description="Every load of every platform, from the platforms' own load logs.",
    fields=(Field("platform", "Name of the platform.", nullable=False), *LOAD_LOG.fields),
)

#: Neither keys nor values: how many records wait, and why.
SET_ASIDE = Table(
    name="set_aside",
    key="platform",
    description="How many records of each platform wait in quarantine, by table, origin, field and reason.",
    fields=(
        Field("platform", "Name of the platform.", nullable=False),
        *(
            field
            for field in quarantine.quarantine_table("").fields
            if field.name in {"entity", "origin", "field", "reason"}
        ),
        Field("rows", "Records.", type="bigint", nullable=False),
        Field("first_line", "Line of the first of them in its file, or its rank in the answer.", type="bigint"),
        Field("first_at", "When the first of them was last met.", type="timestamp", nullable=False),
        Field("last_at", "When the last of them was last met.", type="timestamp", nullable=False),
    ),
)

LAKE_FILES = Table(
    name="lake_files",
    key="file",
    description="The files of the platforms whose raw tables lie in the lake.",
    fields=(
        Field("platform", "Name of the platform.", nullable=False),
        Field("entity", "Table.", nullable=False),
        Field("file", "Path of the file below the platform's folder in the lake.", nullable=False),
        Field("load_id", "Load that wrote it.", nullable=False),
        Field("sha256", "Of its bytes, as its load or the last purge has left them.", nullable=False),
    ),
)


def collect_loads() -> int:
    """Rebuild `loads` of every load log that there is, `set_aside` of every quarantine, `lake_files` of every lake.

    A platform that was never loaded has no row. What is loaded in micro-batches lives in a file of its own, which is
    read under its writer lock, for as long as the copy of a few rows takes. Where a micro-batch does not give that file
    back within a minute its loads stay as they were collected before: the daily build waits no longer.

    Returns:
        The number of loads.
    """
    with writer_lock(home().warehouse), duckdb.connect(str(home().warehouse)) as connection, _live(connection) as files:
        connection.execute("begin")
        connection.execute(f"create schema if not exists {DATASET}")
        read = [entry.name for entry in PLATFORMS if entry.database in files]
        for table in (LOADS, SET_ASIDE, LAKE_FILES):
            _empty(connection, table, read)
        for platform in _having(LOAD_LOG.name, connection, files):
            _copy(connection, platform, files[platform.database])
        for platform in _having(raw_lake.REGISTER, connection, files):
            _list(connection, platform, files[platform.database])
        for platform in _quarantined(connection, files):
            _count(connection, platform, files[platform.database])
        [(rows,)] = connection.execute(f"select count(*) from {DATASET}.{LOADS.name}").fetchall()  # noqa: S608
        connection.execute("commit")
    return rows


def _empty(connection: duckdb.DuckDBPyConnection, table: Table, platforms: Sequence[str]) -> None:
    """Create a table where it is absent, give it the columns that it lacks, and forget what is collected anew."""
    name = f"{DATASET}.{table.name}"
    columns = [f'"{field.name}" {DUCKDB_TYPES[field.type]}' for field in table.fields]
    connection.execute(f"create table if not exists {name} ({', '.join(columns)})")
    for column in columns:  # a table that an earlier version made lacks the newer ones
        connection.execute(f"alter table {name} add column if not exists {column}")
    connection.execute(f"delete from {name} where platform in (select unnest(?))", [list(platforms)])  # noqa: S608


@contextmanager
def _live(connection: duckdb.DuckDBPyConnection) -> Generator[dict[str, str]]:
    """Attach the live file, where it can be had, and give each database's name in the connection."""
    [(warehouse,)] = connection.execute("select current_database()").fetchall()
    with writer_lock_if_free(home().live, LIVE_TIMEOUT_SECONDS) as free:
        if not free or not home().live.exists():
            yield {"warehouse": warehouse}
            return
        connection.execute(f"attach {literal(str(home().live))} as live (read_only)")
        try:
            yield {"warehouse": warehouse, "live": "live"}
        finally:
            connection.execute("detach live")


def _having(table: str, connection: duckdb.DuckDBPyConnection, files: dict[str, str]) -> Iterator[Platform]:
    found = _tables(connection)
    return (entry for entry in PLATFORMS if (files.get(entry.database), entry.dataset, table) in found)


def _quarantined(connection: duckdb.DuckDBPyConnection, files: dict[str, str]) -> Iterator[Platform]:
    found = _tables(connection)
    return (entry for entry in PLATFORMS if (files.get(entry.database), quarantine.DATASET, entry.name) in found)


def _tables(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str]]:
    query = "select distinct database_name, schema_name, table_name from duckdb_columns()"
    return set(connection.execute(query).fetchall())


def _copy(connection: duckdb.DuckDBPyConnection, platform: Platform, database: str) -> None:
    schema = f'"{database}".{platform.dataset}'
    statement = (
        f"insert into {DATASET}.{LOADS.name} by name"  # noqa: S608
        f" select ? as platform, log.* exclude (_content_hash, _dlt_load_id, _dlt_id)"
        f" from {schema}.{LOAD_LOG.name} as log"
        f" where _dlt_load_id in (select load_id from {schema}._dlt_loads where status = 0)"
    )
    connection.execute(statement, [platform.name])


def _list(connection: duckdb.DuckDBPyConnection, platform: Platform, database: str) -> None:
    statement = (
        f"insert into {DATASET}.{LAKE_FILES.name} by name select ? as platform, entity, file, load_id, sha256"  # noqa: S608
        f' from "{database}".{platform.dataset}.{raw_lake.REGISTER}'
    )
    connection.execute(statement, [platform.name])


def _count(connection: duckdb.DuckDBPyConnection, platform: Platform, database: str) -> None:
    statement = (
        f"insert into {DATASET}.{SET_ASIDE.name} by name"  # noqa: S608
        " select ? as platform, entity, origin, coalesce(field, '') as field, reason, count(quarantine_id) as rows,"
        " min(line) as first_line, min(quarantined_at) as first_at, max(quarantined_at) as last_at"
        f' from "{database}".{quarantine.DATASET}."{platform.name}" group by all'
    )
    connection.execute(statement, [platform.name])
