"""Connector of the audience of the Gendarmerie's sites, measured by Piano Analytics or Matomo."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cache
from itertools import chain, islice

import dlt
from dlt.extract import DltResource

from core import clock
from ingestion.connectors.audience.client import ONE_DAY, Page, Tool, by_month, first_day
from ingestion.connectors.audience.contract import CONTRACT, HOURLY_VISITS
from ingestion.connectors.audience.exports import adapter
from ingestion.connectors.audience.matomo import Matomo
from ingestion.connectors.audience.piano import Piano
from ingestion.connectors.audience.sites import Site, declared_sites

__all__ = ["CONTRACT", "adapter", "address", "build_source"]

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
    tools = {name: cache(tool) for name, tool in _TOOLS.items()}
    return [_resource(table.name, tools) for table in CONTRACT]


def _resource(table: str, tools: Mapping[str, Callable[[], Tool]]) -> DltResource:
    def pages() -> Iterator[Page]:
        state = dlt.current.resource_state()
        today = clock.today()
        for site in declared_sites():
            last = state.get(site.state_key)
            start = first_day(site.since, date.fromisoformat(last) if last else None)
            records = chain.from_iterable(_pages(tools[site.tool](), table, site, start, today))
            # Each page costs a look into the warehouse, and months are small.
            yield from iter(lambda: list(islice(records, PAGE_ROWS)), [])  # noqa: B023 (used up before the next site)
            state[site.state_key] = (today - ONE_DAY).isoformat()

    return dlt.resource(pages, name=table)()


def _pages(tool: Tool, table: str, site: Site, start: date, today: date) -> Iterator[Page]:
    """Yield a table of a site from a day on; no tool is asked for the future, which Piano refuses."""
    if table == HOURLY_VISITS.name:
        for period in by_month(start, today):
            yield from tool.hours(site, period)
    else:
        for period in by_month(start.replace(day=1), today):
            yield from tool.month(table, site, period)
