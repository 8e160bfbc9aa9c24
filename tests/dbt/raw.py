"""Hand-made raw tables for the tests of the dbt project."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from core.settings import home
from ingestion.engine.load_log import collect_loads
from ingestion.engine.loading import ensure_tables
from warehouse.dbt_project import DAILY, platforms_read, read_manifest

SCHEMA = "raw_services_publics_plus"
DEFAULTS = {
    "experiences": {"generation": "api"},
    "structures": {},
    "load_log": {
        "load_key": "load",
        "origin": "https://example.test",
        "origin_kind": "api",
        "entity": "experiences",
        "unknown_columns": "[]",
        "dropped_columns": "[]",
        **dict.fromkeys(("rows_read", "rows_new", "rows_updated", "rows_unchanged", "rows_quarantined"), 0),
    },
}

Row = Mapping[str, Any]


def create_empty() -> None:
    """Create the raw tables of every platform that the project reads, as a build by Dagster does."""
    for platform in platforms_read(read_manifest(), DAILY):
        ensure_tables(platform)


def create(**tables: Iterable[Row]) -> Path:
    """Write raw tables of Services Publics+ into the warehouse of the home, as a load would leave them.

    Args:
        tables: Rows of `experiences`, `structures` and `load_log`; fields that a row lacks are null.

    Returns:
        The warehouse.
    """
    ensure_tables("services_publics_plus")
    warehouse = home().warehouse
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for table, rows in tables.items():
            insert(connection, table, rows)
        if "load_log" in tables:
            connection.execute(
                f"insert into {SCHEMA}._dlt_loads (load_id, schema_name, status, inserted_at)"
                f" select distinct _dlt_load_id, 'hand', 0, now() from {SCHEMA}.load_log"
            )
    collect_loads()
    return warehouse


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Row]) -> None:
    filled = [
        {"_dlt_load_id": "1700000000.0", "_dlt_id": f"{table}-{number}"} | DEFAULTS[table] | row
        for number, row in enumerate(rows)
    ]
    columns = sorted({column for row in filled for column in row})
    if filled:
        marks = ", ".join("?" for _ in columns)
        connection.executemany(
            f"insert into {SCHEMA}.{table} ({', '.join(columns)}) values ({marks})",
            [[row.get(column) for column in columns] for row in filled],
        )
