"""Copies the load logs of all platforms into one table of the warehouse."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager

import duckdb

from core.locks import writer_lock, writer_lock_if_free
from core.settings import home
from core.sql import literal
from ingestion.engine.contract import Field, Table
from ingestion.engine.reports import LOAD_LOG
from ingestion.engine.tables import DUCKDB_TYPES
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


def collect_loads() -> int:
    """Rebuild `raw_platforms.loads` from every load log that there is.

    A platform that was never loaded has no row. What is loaded in micro-batches lives in a file of its own, which is
    read under its writer lock, for as long as the copy of a few rows takes. Where a micro-batch does not give that file
    back within a minute its loads stay as they were collected before: the daily build waits no longer.

    Returns:
        The number of loads.
    """
    columns = ", ".join(f"{field.name} {DUCKDB_TYPES[field.type]}" for field in LOADS.fields)
    with writer_lock(home().warehouse), duckdb.connect(str(home().warehouse)) as connection, _live(connection) as files:
        connection.execute("begin")
        connection.execute(f"create schema if not exists {DATASET}")
        connection.execute(f"create table if not exists {DATASET}.{LOADS.name} ({columns})")
        for field in LOADS.fields:  # a table that an earlier version made lacks the newer ones
            connection.execute(
                f"alter table {DATASET}.{LOADS.name} add column if not exists {field.name} {DUCKDB_TYPES[field.type]}"
            )
        read = [entry.name for entry in PLATFORMS if entry.database in files]
        connection.execute(f"delete from {DATASET}.{LOADS.name} where platform in (select unnest(?))", [read])  # noqa: S608
        for platform in _logged(connection, files):
            _copy(connection, platform, files[platform.database])
        [(rows,)] = connection.execute(f"select count(*) from {DATASET}.{LOADS.name}").fetchall()  # noqa: S608
        connection.execute("commit")
    return rows


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


def _logged(connection: duckdb.DuckDBPyConnection, files: dict[str, str]) -> Iterable[Platform]:
    query = "select database_name, schema_name from duckdb_tables() where table_name = ?"
    found = set(connection.execute(query, [LOAD_LOG.name]).fetchall())
    return [entry for entry in PLATFORMS if (files.get(entry.database), entry.dataset) in found]


def _copy(connection: duckdb.DuckDBPyConnection, platform: Platform, database: str) -> None:
    schema = f'"{database}".{platform.dataset}'
    statement = (
        f"insert into {DATASET}.{LOADS.name} by name"  # noqa: S608
        f" select ? as platform, log.* exclude (_content_hash, _dlt_load_id, _dlt_id)"
        f" from {schema}.{LOAD_LOG.name} as log"
        f" where _dlt_load_id in (select load_id from {schema}._dlt_loads where status = 0)"
    )
    connection.execute(statement, [platform.name])
