"""What the clients of both audience tools share: one site, one table, one period at a time."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Protocol

from ingestion.connectors.audience.sites import Site
from ingestion.engine.windows import ONE_DAY, Window

PLATFORM = "audience"

Page = list[dict[str, Any]]

#: Complete days that are read again: tools go on treating the visits of the last days.
LAG = timedelta(days=3)


class Tool(Protocol):
    """A tool that measures sites."""

    @property
    def address(self) -> str:
        """Address that is asked, without secrets."""
        ...

    def hours(self, site: Site, period: Window) -> Iterator[Page]:
        """Yield the records of `hourly_visits`."""
        ...

    def month(self, table: str, site: Site, period: Window) -> Iterator[Page]:
        """Yield the records of a monthly table for a month, or what has passed of it."""
        ...


def first_day(since: date, last_complete: date | None) -> date:
    """Return the day from which a site is read.

    Args:
        since: First day of the site.
        last_complete: Last day that was over when it was read, if the site was read before.
    """
    return since if last_complete is None else max(since, last_complete - LAG + ONE_DAY)
