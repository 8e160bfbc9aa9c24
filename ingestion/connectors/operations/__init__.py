"""Connector of the operations database: topics, verdicts, crises and alerts."""

from collections.abc import Iterable, Iterator

import dlt
from dlt.extract import DltResource

from core.settings import home
from ingestion.connectors.operations.contract import CONTRACT
from warehouse.operations_database import Page, pages

__all__ = ["CONTRACT", "address", "build_source"]


def address() -> str:
    """Return the file that `build_source` reads."""
    return home().operations.name


@dlt.source(name="operations")
def build_source() -> Iterable[DltResource]:
    """Return all rows of each table: a verdict or a delivery changes rows of any age, and the tables are small."""
    return [dlt.resource(_pages, name=table.name)(table.name) for table in CONTRACT]


def _pages(table: str) -> Iterator[Page]:
    return pages(home().operations, table)
