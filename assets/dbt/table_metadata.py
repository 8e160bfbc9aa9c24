"""What Dagster shows of a table that was built: its rows and, of a KPI, its latest figures and their page."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from audit.cells import Period
from core import settings
from warehouse import dbt_project
from warehouse.databases import opened_for_reading

SHOWN_PERIODS = 12
BARS = "▁▂▃▄▅▆▇█"

PRESENT = """
    select schema_name, table_name from duckdb_tables() union all select schema_name, view_name from duckdb_views()
"""
#: The national figures of the finest of these periods that a KPI has.
LATEST = """
    select period_type, period_start, numerator, denominator, value
    from {table}
    where territory_code = 'FR' and breakdown_dimension = 'total' and period_type in ('month', 'quarter', 'year')
    qualify dense_rank() over (order by list_position(['month', 'quarter', 'year'], period_type)) = 1
    order by period_start desc limit ?
"""
COLUMNS = ("period", "numerator", "denominator", "value")


def of_tables(database: Path, nodes: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return metadata of tables and views that were built, by dbt's unique id; of one that is not there, none.

    Args:
        database: The file.
        nodes: Models and seeds of the manifest.
    """
    found = {}
    with opened_for_reading(database) as connection:
        present = set(connection.execute(PRESENT).fetchall())
        for node in nodes:
            schema, name = node["schema"], node.get("alias") or node["name"]
            if (schema, name) in present:
                found[node["unique_id"]] = _of_table(connection, node, f'"{schema}"."{name}"')
    return found


def _of_table(connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any], table: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    # A view over a table that another file lacks, or that was never built, has no rows to count.
    try:
        [(rows,)] = connection.execute(f"select count(*) from {table}").fetchall()  # noqa: S608 - names of the manifest
    except duckdb.Error:
        return metadata
    metadata["dagster/row_count"] = rows
    kpi = dbt_project.meta(node).get("kpi")
    if kpi and node["resource_type"] == "model":
        metadata |= _of_kpi(kpi["code"], connection.execute(LATEST.format(table=table), [SHOWN_PERIODS]).fetchall())
    return metadata


def _of_kpi(code: str, rows: list[tuple]) -> dict[str, Any]:
    """Return the course of a KPI in the nation, and the address of its latest figure."""
    if not rows:
        return {}
    periods = [Period(period_type, start) for period_type, start, *_ in rows]
    values = [value for *_, value in rows]
    shown = [
        dg.TableRecord({name: "" if cell is None else str(cell) for name, cell in zip(COLUMNS, cells, strict=True)})
        for cells in zip(periods, *zip(*(row[2:] for row in rows), strict=True), strict=True)
    ]
    schema = dg.TableSchema(columns=[dg.TableColumn(name) for name in COLUMNS])
    return {
        "course": dg.MetadataValue.text(sparkline([None if value is None else float(value) for value in values[::-1]])),
        "latest": dg.MetadataValue.table(shown, schema=schema),
        "page": dg.MetadataValue.url(f"{settings.web_url()}/chiffre/{code}/{periods[0]}/FR"),
        # A number, so that Dagster draws how it changed from build to build.
        **({} if values[0] is None else {"latest_value": dg.MetadataValue.float(float(values[0]))}),
    }


def sparkline(values: list[float | None]) -> str:
    """Return one bar per value, from the least to the greatest of them; a space where there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    least, span = min(known), (max(known) - min(known)) or 1.0
    return "".join(
        " " if value is None else BARS[min(int((value - least) / span * len(BARS)), len(BARS) - 1)] for value in values
    )
