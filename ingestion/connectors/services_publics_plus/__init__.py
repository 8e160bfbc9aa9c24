"""Connector of Services Publics+: experiences of users, structures, quality results."""

import logging
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import dlt
from dlt.extract import DltResource

from core import clock
from ingestion.connectors.services_publics_plus.client import (
    DatasetAbsent,
    Experiences,
    Page,
    QualityResults,
    portal_address,
    results_dataset,
)
from ingestion.connectors.services_publics_plus.contract import CONTRACT, EXPERIENCES, QUALITY_RESULTS
from ingestion.engine.contract import Header, Table
from ingestion.engine.parsers import day
from ingestion.engine.windows import Window

__all__ = ["CONTRACT", "address", "build_source", "build_window", "kept_since"]

log = logging.getLogger(__name__)


def address() -> str:
    """Return the address of the portal that `build_source` reads, without secrets."""
    return portal_address()


@dlt.source(name="services_publics_plus")
def build_source() -> tuple[DltResource, ...]:
    """Return experiences and quality results as pages of records: all of them at first, then what may have changed.

    The date of the last publication, or update, is kept by hand: `dlt.sources.incremental` leaves out the rows below
    its cursor, and an old experience is exactly what a late answer changes.
    """
    return _experiences(), _quality_results()


@dlt.resource(name=EXPERIENCES.name)
def _experiences() -> Iterator[Page]:
    state = dlt.current.resource_state()
    portal, last = Experiences(), state.get("last_publication")
    for page in portal.since(date.fromisoformat(last)) if last else portal.everything():
        yield page
        state["last_publication"] = _latest(EXPERIENCES, "date_de_publication", page, state.get("last_publication"))


@dlt.resource(name=QUALITY_RESULTS.name)
def _quality_results() -> Iterator[Page]:
    state = dlt.current.resource_state()
    last = state.get("last_update")
    for page in _where_present(QualityResults().since(date.fromisoformat(last) if last else None)):
        yield page
        state["last_update"] = _latest(QUALITY_RESULTS, "date_mise_a_jour", page, state.get("last_update"))


@dlt.source(name="services_publics_plus")
def build_window(window: Window) -> tuple[DltResource, DltResource]:
    """Return the experiences published, and the quality results updated, on some days.

    Args:
        window: The days.
    """
    return (
        dlt.resource(Experiences().published(window), name=EXPERIENCES.name),
        dlt.resource(_where_present(QualityResults().updated(window)), name=QUALITY_RESULTS.name),
    )


def kept_since() -> date:
    """Return no limit but that of our retention: the portal has everything that was published."""
    return date.min


def _where_present(pages: Iterator[Page]) -> Iterator[Page]:
    """Yield the pages of a dataset that the portal may lack."""
    try:
        yield from pages
    except DatasetAbsent:
        log.warning(
            "services_publics_plus: the portal has no dataset %r; the quality results are left out.", results_dataset()
        )


def _latest(table: Table, name: str, page: Page, so_far: str | None) -> str | None:
    """Return the latest day that a field of a page holds, or that of the pages before."""
    days = (_day(record, table.understand(tuple(record), address()), name) for record in page)
    return max(so_far or "", max(days, default="")) or None


def _day(record: Mapping[str, Any], header: Header, name: str) -> str:
    """Return the day that a field of a record holds; an invalid one is ignored, and none is later than today."""
    label = next((label for label, declared in header.columns.items() if declared.name == name), None)
    try:
        return min(day(str(record[label])), clock.today().isoformat()) if label else ""
    except ValueError:
        return ""
