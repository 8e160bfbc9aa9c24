"""Connector of the operations database: topics, verdicts, crises and alerts."""

from collections.abc import Iterable, Iterator

import dlt
from dlt.extract import DltResource

from core.settings import home
from ingestion.connectors.operations.contract import CONTRACT
from ingestion.engine.contract import Table
from warehouse.operations_database import Page, name, pages

__all__ = ["CONTRACT", "NO_WINDOW", "address", "build_source"]

NO_WINDOW = ("every load reads all of its rows", "Load it without a window.")


def address() -> str:
    """Return what `build_source` reads: the file of the home, or PostgreSQL."""
    return name(home())


@dlt.source(name="operations")
def build_source() -> Iterable[DltResource]:
    """Return all rows of each table: a verdict or a delivery changes rows of any age, and the tables are small."""
    return [dlt.resource(_pages, name=table.name)(table) for table in CONTRACT]


def _pages(table: Table) -> Iterator[Page]:
    return pages(home(), table.name, {field.name for field in table.fields})
