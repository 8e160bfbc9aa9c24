"""Brings the load logs of all platforms together in the warehouse, whichever file each lives in. Loads no platform."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager

import duckdb

from ingestion.contract import Field, Table
from ingestion.locks import writer_lock
from ingestion.platforms import PLATFORMS, Platform
from ingestion.reports import LOAD_LOG
from ingestion.settings import home
from ingestion.sql import literal
from ingestion.tables import DUCKDB_TYPES

DATASET = "raw_platforms"

LOADS = Table(
    name="loads",
    key=LOAD_LOG.key,
    description="Every load of every platform, as the platforms' own load logs tell it.",
    fields=(Field("platform", "Name of the platform.", nullable=False), *LOAD_LOG.fields),
)


def collect_loads() -> int:
    """Make `raw_platforms.loads` anew from every load log that there is.

    A platform that was never loaded has no row. What is loaded in micro-batches lives in a file of its own, which is
    read under its writer lock, for as long as the copy of a few rows takes.

    Returns:
        The number of loads.
    """
    columns = ", ".join(f"{field.name} {DUCKDB_TYPES[field.type]}" for field in LOADS.fields)
    with writer_lock(home().warehouse), duckdb.connect(str(home().warehouse)) as connection, _live(connection) as files:
        connection.execute("begin")
        connection.execute(f"create schema if not exists {DATASET}")
        connection.execute(f"create or replace table {DATASET}.{LOADS.name} ({columns})")
        rows = sum(_copy(connection, platform, files[platform.database]) for platform in _logged(connection, files))
        connection.execute("commit")
    return rows


@contextmanager
def _live(connection: duckdb.DuckDBPyConnection) -> Generator[dict[str, str]]:
    """Attach the live file, where there is one, and give the name of each database in the connection."""
    [(warehouse,)] = connection.execute("select current_database()").fetchall()
    if not home().live.exists():
        yield {"warehouse": warehouse}
        return
    with writer_lock(home().live):
        connection.execute(f"attach {literal(str(home().live))} as live (read_only)")
        try:
            yield {"warehouse": warehouse, "live": "live"}
        finally:
            connection.execute("detach live")


def _logged(connection: duckdb.DuckDBPyConnection, files: dict[str, str]) -> Iterable[Platform]:
    """Return the platforms that have a load log."""
    query = "select database_name, schema_name from duckdb_tables() where table_name = ?"
    found = set(connection.execute(query, [LOAD_LOG.name]).fetchall())
    return [entry for entry in PLATFORMS if (files.get(entry.database), entry.dataset) in found]


def _copy(connection: duckdb.DuckDBPyConnection, platform: Platform, database: str) -> int:
    """Copy the completed loads of a platform, and return how many they are."""
    schema, columns = f'"{database}".{platform.dataset}', ", ".join(field.name for field in LOAD_LOG.fields)
    statement = (
        f"insert into {DATASET}.{LOADS.name} select ?, {columns} from {schema}.{LOAD_LOG.name}"  # noqa: S608
        f" where _dlt_load_id in (select load_id from {schema}._dlt_loads where status = 0)"
    )
    [(rows,)] = connection.execute(statement, [platform.name]).fetchall()
    return rows
