"""Connector of official alerts: weather, floods and epidemics, as the context of a crisis."""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import chain, islice
from typing import Any

import dlt
from dlt.extract import DltResource

from core.clock import today
from ingestion.connectors.official_alerts.client import HealthAlerts, Page, Rivers, Vigilance, subject
from ingestion.connectors.official_alerts.contract import ALERTS, CONTRACT
from ingestion.engine.windows import ONE_DAY, Window

__all__ = ["CONTRACT", "address", "build_source", "build_window", "kept_since"]

#: From when on the past is read at the first load.
SINCE = date(2025, 1, 1)

PAGE_ROWS = 2000

GREEN = "1"


def address() -> str:
    """Return the addresses that `build_source` reads, without secrets."""
    return f"{Vigilance().address}, {Rivers().address}, {HealthAlerts().address}"


@dlt.source(name="official_alerts")
def build_source() -> DltResource:
    """Return the statements of the three sources: one that fails, fails the load, and its address says which.

    Kept by hand, since none of it is a cursor: the day of the last map read, to fetch from the archive what was missed
    while nothing was loaded; the last week of the health alerts; and where a warning was in force, so that its end,
    which the sources only say by turning green, is read.
    """

    @dlt.resource(name=ALERTS.name)
    def alerts() -> Iterator[Page]:
        state = dlt.current.resource_state()
        vigilance, now = Vigilance(), today()
        last_map = date.fromisoformat(state["last_map"]) if "last_map" in state else SINCE - ONE_DAY
        archived = vigilance.archived(last_map + ONE_DAY, before=now)
        yield from _gathered(_raised(page, state) for page in archived)
        yield _raised(vigilance.in_force(), state)
        state["last_map"] = now.isoformat()
        yield _raised(Rivers().in_force(), state)
        last_week = date.fromisoformat(state.get("last_week", SINCE.isoformat()))
        for page in _gathered(HealthAlerts().weeks(max(SINCE, last_week - HealthAlerts.LAG))):
            yield page
            weeks = [str(record["valid_from"])[:10] for record in page]
            state["last_week"] = max([state.get("last_week", ""), *weeks]) or None

    return alerts()


@dlt.source(name="official_alerts")
def build_window(window: Window) -> DltResource:
    """Return the archived maps of some days and the health alerts of the weeks that end on one of them.

    Vigicrues shows the present only. Where a warning was in force before is read in the maps of the day before.

    Args:
        window: The days.
    """

    @dlt.resource(name=ALERTS.name)
    def alerts() -> Iterator[Page]:
        vigilance, raised = Vigilance(), {}
        for page in vigilance.archived(window.start - ONE_DAY, before=window.start):
            _raised(page, raised)
        archived = vigilance.archived(window.start, before=min(window.end + ONE_DAY, today()))
        yield from _gathered(_raised(page, raised) for page in archived)
        yield from _gathered(HealthAlerts().weeks(window.start, window.end))

    return alerts()


def kept_since() -> date:
    return SINCE


def _gathered(pages: Iterable[Page]) -> Iterator[Page]:
    """Yield the same records in fewer pages: each page costs a look into the warehouse."""
    records = chain.from_iterable(pages)
    return iter(lambda: list(islice(records, PAGE_ROWS)), [])


def _raised(page: Page, state: dict[str, Any]) -> Page:
    """Return the statements about what is not green, or was not when it was last read.

    All others say every few hours, of a thousand territories, that nothing happens.
    """
    source = page[0]["source"] if page else None
    before = {tuple(each) for each in state.get("raised", ()) if each[0] == source}
    others = [each for each in state.get("raised", ()) if each[0] != source]
    now = {subject(record) for record in page if str(record["level"]) != GREEN}
    state["raised"] = others + [list(each) for each in sorted(now)]
    return [record for record in page if subject(record) in now | before]
