"""Compares two states of the warehouse: which tables differ, and which figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from audit.copy_digests import Tables, of_table
from core.sql import literal

SHOWN_FIGURES = 10
#: What tells of builds and runs differs each time.
RECORDS = ("audit", "quarantine")
TABLES = """
    select schema_name, table_name, list(column_name || ' ' || data_type order by column_index) as columns
    from duckdb_columns()
    where database_name = ? and not internal and not starts_with(schema_name, 'raw_')
        and schema_name not in (select unnest(?)) and not starts_with(table_name, '_dlt_')
        and (schema_name, table_name) in (select (schema_name, table_name) from duckdb_tables() where database_name = ?)
    group by all
"""
COORDINATES = (
    *("kpi_code", "period_type", "period_start", "territory_level", "territory_code"),
    *("breakdown_dimension", "breakdown_value"),
)
MEASURES = ("numerator", "denominator", "value", "observations", "is_suppressed")
BOTH = f"""
    from (from before.kpi.kpi_value where kpi_code = coalesce($code, kpi_code)) as before
    full join (from after.kpi.kpi_value where kpi_code = coalesce($code, kpi_code)) as after
        using ({", ".join(COORDINATES)})
    where {" or ".join(f"before.{name} is distinct from after.{name}" for name in MEASURES)}
"""
FIGURES = f"""
    select
        coalesce(before.kpi_code, after.kpi_code) as code,
        count(*) filter (where before.kpi_code is null) as added,
        count(*) filter (where after.kpi_code is null) as removed,
        count(*) filter (where before.kpi_code is not null and after.kpi_code is not null) as changed
    {BOTH}
    group by 1 order by 1
"""
#: Of one KPI, whole nation and latest periods first.
EXAMPLES = f"""
    select
        {", ".join(COORDINATES[1:])}, before.value as value_before, after.value as value_after
    {BOTH}
    order by territory_code != 'FR', breakdown_dimension != 'total', period_type != 'month', period_start desc,
        territory_code
    limit $shown
"""


@dataclass(frozen=True)
class Table:
    """A table that differs; a state that lacks it has no number of rows."""

    name: str
    rows_before: int | None
    rows_after: int | None


@dataclass(frozen=True)
class Kpi:
    """The figures of a KPI that differ: how many, and some of them as rows of `EXAMPLES`."""

    code: str
    added: int
    removed: int
    changed: int
    examples: list[dict[str, Any]]


@dataclass(frozen=True)
class Difference:
    """What differs between two states of the warehouse."""

    tables: list[Table]
    kpis: list[Kpi]


def compare(before: Path, after: Path) -> Difference:
    """Return what differs between two DuckDB files of the warehouse, which nobody writes meanwhile.

    Raw tables and the records of builds are left out. A table differs where its columns or its rows do, whatever their
    order.
    """
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {literal(str(before))} as before (read_only)")
        connection.execute(f"attach {literal(str(after))} as after (read_only)")
        old, new = (_tables(connection, catalog) for catalog in ("before", "after"))
        tables = [
            Table(name, _rows(old.get(name)), _rows(new.get(name)))
            for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name)
        ]
        has_figures = all("kpi.kpi_value" in found for found in (old, new))
        return Difference(tables, _kpis(connection) if has_figures else [])


def compare_figures(before: Path, after: Path) -> list[Kpi]:
    """Return the KPIs whose figures differ between two DuckDB files, which nobody writes meanwhile."""
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.execute(f"attach {literal(str(before))} as before (read_only)")
        connection.execute(f"attach {literal(str(after))} as after (read_only)")
        return _kpis(connection)


def _tables(connection: duckdb.DuckDBPyConnection, catalog: str) -> Tables:
    return {
        f"{schema}.{name}": of_table(connection, (catalog, schema, name), columns)
        for schema, name, columns in connection.execute(TABLES, [catalog, [*RECORDS], catalog]).fetchall()
    }


def _rows(found: Mapping[str, Any] | None) -> int | None:
    return found["rows"] if found else None


def _kpis(connection: duckdb.DuckDBPyConnection) -> list[Kpi]:
    def examples(code: str) -> list[dict[str, Any]]:
        asked = connection.execute(EXAMPLES, {"code": code, "shown": SHOWN_FIGURES})
        names = [column[0] for column in asked.description or ()]
        return [dict(zip(names, row, strict=True)) for row in asked.fetchall()]

    return [Kpi(*row, examples(row[0])) for row in connection.execute(FIGURES, {"code": None}).fetchall()]


def as_json(found: Difference) -> Mapping[str, Any]:
    """Return a difference as JSON has it; values are exact texts."""
    return {
        "tables": [vars(table) for table in found.tables],
        "kpis": [
            vars(kpi) | {"examples": [{name: _text(cell) for name, cell in row.items()} for row in kpi.examples]}
            for kpi in found.kpis
        ],
    }


def _text(cell: Any) -> str | None:
    return None if cell is None else str(cell)
