"""Connector of the audience of the Gendarmerie's sites, measured by Piano Analytics or Matomo."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import cache
from itertools import chain, islice

import dlt
from dlt.extract import DltResource

from core import clock
from ingestion.connectors.audience.client import Page, Tool, first_day
from ingestion.connectors.audience.contract import CONTRACT, HOURLY_VISITS
from ingestion.connectors.audience.exports import adapter
from ingestion.connectors.audience.matomo import Matomo
from ingestion.connectors.audience.piano import Piano
from ingestion.connectors.audience.sites import Site, declared_sites
from ingestion.engine.windows import ONE_DAY, Window

__all__ = ["CONTRACT", "adapter", "address", "build_source", "build_window", "kept_since"]

PAGE_ROWS = 2000

_TOOLS: dict[str, Callable[[], Tool]] = {"piano": Piano, "matomo": Matomo}


def address() -> str:
    """Return the addresses that `build_source` reads, without secrets."""
    return ", ".join(_TOOLS[name]().address for name in sorted({site.tool for site in declared_sites()}))


@dlt.source(name="audience")
def build_source() -> list[DltResource]:
    """Return the tables as pages of records: all of them at first, then what is not final yet.

    Kept by hand, per site: the last day that was over when it was read. A cursor of dlt would leave out the rows below
    it, and those are the ones that change: the last days go on being treated, and a month grows until it ends.
    """
    return [_resource(table.name, _due) for table in CONTRACT]


@dlt.source(name="audience")
def build_window(window: Window) -> list[DltResource]:
    """Return the tables of some days; the monthly ones of the whole months that they touch, since a month is one row.

    Args:
        window: The days.
    """

    def asked() -> Iterator[tuple[Site, Window]]:
        for site in declared_sites():
            if site.since <= window.end:
                yield site, Window(max(window.start, site.since), window.end)

    return [_resource(table.name, asked) for table in CONTRACT]


def kept_since() -> date:
    """Return the first day of the first site."""
    return min(site.since for site in declared_sites())


def _due() -> Iterator[tuple[Site, Window]]:
    """Yield each site with the days that are new or not final, and remember them once they were read."""
    state, today = dlt.current.resource_state(), clock.today()
    for site in declared_sites():
        last = state.get(site.state_key)
        yield site, Window(first_day(site.since, date.fromisoformat(last) if last else None), today)
        state[site.state_key] = (today - ONE_DAY).isoformat()


def _resource(table: str, asked: Callable[[], Iterable[tuple[Site, Window]]]) -> DltResource:
    def pages() -> Iterator[Page]:
        tools = {name: cache(tool) for name, tool in _TOOLS.items()}
        for site, window in asked():
            records = chain.from_iterable(_pages(tools[site.tool](), table, site, window))
            # Each page costs a look into the warehouse, and months are small.
            yield from iter(lambda: list(islice(records, PAGE_ROWS)), [])  # noqa: B023 (used up before the next site)

    return dlt.resource(pages, name=table)()


def _pages(tool: Tool, table: str, site: Site, window: Window) -> Iterator[Page]:
    """Yield a table of a site; no tool is asked for the future, which Piano refuses."""
    if table == HOURLY_VISITS.name:
        for period in window.months():
            yield from tool.hours(site, period)
    else:
        for period in window.whole_months.months():
            yield from tool.month(table, site, period)
