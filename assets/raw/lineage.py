"""The columns of raw tables and their lineage from platform fields, from the contracts."""

from collections.abc import Iterator

import dagster as dg

from assets.raw import sources
from audit.lineage import Column, Edge
from ingestion.engine.contract import Table
from ingestion.engine.reports import LOAD_LOG
from ingestion.platforms import PLATFORMS, Platform


def tables(platform: Platform) -> tuple[Table, ...]:
    return platform.connector.CONTRACT


def given(table: Table) -> dict[str, list[str]]:
    """Return the platform fields of each raw column, under all names used so far; load columns have none."""
    labels = {field.name: field.labels or (field.name,) for field in table.fields if not field.filled_by_load}
    found = {column: list(names) for column, names in labels.items()}
    if parts := [name for part in table.key_parts for name in labels.get(part, ())]:
        found[table.key] = parts
    return found


def edges() -> Iterator[Edge]:
    """Yield the edges from the fields that platforms give to raw columns."""
    for platform in PLATFORMS:
        for table in tables(platform):
            for column, names in given(table).items():
                for name in names:
                    yield Edge(
                        Column("platform", f"{platform.name}.{table.name}", name),
                        Column("raw", f"{platform.dataset}.{table.name}", column),
                    )


def column_schema(platform: Platform, entity: str) -> dg.TableSchema:
    """Return the columns of a raw table, the load log included, as Dagster shows them."""
    [table] = [table for table in (*tables(platform), LOAD_LOG) if table.name == entity]
    return dg.TableSchema(
        [
            dg.TableColumn(
                field.name, field.type, field.description, dg.TableColumnConstraints(nullable=field.nullable)
            )
            for field in table.fields
        ]
    )


def column_lineage(platform: Platform, entity: str) -> dg.TableColumnLineage:
    """Return the lineage of a raw table as Dagster draws it: its columns come from the platform itself."""
    [table] = [table for table in tables(platform) if table.name == entity]
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(sources.key(platform), f"{entity}.{name}") for name in names]
            for column, names in given(table).items()
        }
    )
