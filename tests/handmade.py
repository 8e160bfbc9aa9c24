"""Warehouses and published copies made by hand, small enough to read at a glance. No fixture, no test."""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from core.settings import Home
from warehouse.publication import Relation

RELATIONS = (
    Relation("kpi", "kpi_value"),
    Relation("perception", "fct_experience"),
    Relation("audit", "freshness"),
)

#: Rows of each large table, unless more are asked for.
ROWS = 1_000


def write_warehouse(home: Home, generation: int = 0, nodes: Mapping[str, str] | None = None, rows: int = ROWS) -> None:
    """Write a whole warehouse whose every row carries one generation number.

    Args:
        home: Where it is written; a warehouse that is there is replaced.
        generation: The number of this build.
        nodes: Status by name in `audit.build_status`; one model that succeeded by default.
        rows: Rows of each large table.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    fresh = home.warehouse.with_suffix(".fresh")
    fresh.unlink(missing_ok=True)
    with duckdb.connect(str(fresh)) as connection:
        for schema in ("kpi", "perception", "audit", "staging"):
            connection.execute(f"create schema {schema}")
        connection.execute(
            "create table kpi.kpi_value as select 'experiences' as kpi_code, i as row_number, "
            f"{generation} as generation from range({rows}) r(i)"
        )
        connection.execute("comment on table kpi.kpi_value is 'Les valeurs d''un « indicateur »'")
        connection.execute("comment on column kpi.kpi_value.kpi_code is 'Code : l''identifiant'")
        connection.execute(
            f"create table perception.fct_experience as select i as experience_id, {generation} as generation "
            f"from range({rows}) r(i)"
        )
        connection.execute(
            "create table audit.freshness as select 'services_publics_plus' as platform, "
            f"now() as last_loaded_at, date '2026-01-01' + {generation} as data_as_of, {generation} as generation"
        )
        connection.execute("create table staging.stg_secret as select 1 as generation")
        connection.execute(
            "create table audit.build_status (unique_id varchar primary key, name varchar, status varchar)"
        )
        for name, status in (nodes or {"kpi_value": "success"}).items():
            connection.execute(
                "insert into audit.build_status values (?, ?, ?)", [f"model.cyberimpact.{name}", name, status]
            )
    fresh.replace(home.warehouse)


def write_copy(home: Home, statements: str, *, target: str = "daily", file_name: str = "serving.duckdb") -> Path:
    """Write a published copy as `publish` would leave it, its tables made by the statements, and return its file."""
    folder = home.published / target / "20260101T000000Z-abcdef"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / file_name)) as connection:
        connection.execute(statements)
    (folder.parent / "current").symlink_to(folder.name)
    return folder / file_name
