"""Connector of Partoo: listings of the units on the web, and reviews of them."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import dlt
from dlt.extract import DltResource

from core.clock import today
from ingestion.connectors.partoo.client import Page, Partoo, presence_since
from ingestion.connectors.partoo.contract import BUSINESSES, CONTRACT, GROUPS, PRESENCE, PUBLISHER_STATES, REVIEWS
from ingestion.connectors.partoo.exports import adapter
from ingestion.engine.parsers import day, epoch_or_iso
from ingestion.engine.windows import Window

__all__ = ["CONTRACT", "adapter", "address", "build_source", "build_window", "kept_since"]

#: Google revises its last days: what is younger is read again.
LAG = timedelta(days=5)

#: An answer need not move `update_date` [inferred]: reviews answered within this time are read again.
ANSWER_LAG = timedelta(days=60)

#: Before the first review of any unit.
FIRST = "2005-01-01T00:00:00Z"


def address() -> str:
    """Return the address that `build_source` reads, without secrets."""
    return Partoo().address


@dlt.source(name="partoo")
def build_source() -> tuple[DltResource, ...]:
    """Return listings and groups whole, reviews and presence from where the last load ended, less a lag.

    The platform filters by itself: the cursors are moved by hand (`advance`), by valid dates only, so that a record
    which the contract rejects cannot carry them away.
    """
    updated_since = dlt.sources.incremental("update_date", initial_value=FIRST, lag=LAG.total_seconds())
    counted_since = dlt.sources.incremental("date", initial_value=presence_since(), lag=LAG.days)

    @dlt.resource(name=BUSINESSES.name)
    def businesses() -> Iterator[Page]:
        yield from Partoo().businesses()

    @dlt.resource(name=GROUPS.name)
    def groups() -> Iterator[Page]:
        yield from Partoo().groups()

    @dlt.resource(name=REVIEWS.name)
    def reviews(updated: dlt.sources.incremental[Any] = updated_since) -> Iterator[Page]:
        start, latest = updated.start_value or FIRST, ""
        updated.advance(None)
        for filters in _questions(start):
            for page in Partoo().reviews(filters):
                yield page
                latest = max([latest, *(_instant(record) for record in page)])
        updated.advance(latest or None)

    @dlt.resource(name=PRESENCE.name)
    def presence(counted: dlt.sources.incremental[Any] = counted_since) -> Iterator[Page]:
        start, latest = counted.start_value or presence_since(), ""
        counted.advance(None)
        for page in Partoo().presence(date.fromisoformat(start[:10]), today()):
            yield page
            latest = max([latest, *(_day(record) for record in page)])
        counted.advance(latest or None)

    @dlt.resource(name=PUBLISHER_STATES.name)
    def publisher_states() -> Iterator[Page]:
        yield from Partoo().publisher_states(today())

    return businesses, groups, reviews, presence, publisher_states


@dlt.source(name="partoo")
def build_window(window: Window) -> tuple[DltResource, DltResource]:
    """Return the reviews that changed, and the presence that was counted, on some days; the rest is of the present.

    Args:
        window: The days.
    """
    first, after = (moment.replace(tzinfo=None).isoformat() for moment in window.instants)
    reviews = Partoo().reviews({"update_date__gte": first, "update_date__lte": after})
    presence = Partoo().presence(window.start, window.end)
    return dlt.resource(reviews, name=REVIEWS.name), dlt.resource(presence, name=PRESENCE.name)


def kept_since() -> date:
    """Return the first day of the presence that is read."""
    return date.fromisoformat(presence_since())


def _questions(start: str) -> Iterator[dict[str, str]]:
    """Yield the filters of the questions that bring every change of the reviews."""
    if start == FIRST:
        yield {}
        return
    since = datetime.fromisoformat(start).replace(tzinfo=None)
    yield {"update_date__gte": since.isoformat(timespec="seconds")}
    yield {"update_date__gte": (since - ANSWER_LAG).isoformat(timespec="seconds"), "state__in": "treated"}


def _instant(record: dict[str, Any]) -> str:
    """Return when a review last changed, UTC; nothing where the contract rejects it."""
    try:
        return epoch_or_iso(str(record["update_date"])).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (KeyError, ValueError):
        return ""


def _day(record: dict[str, Any]) -> str:
    """Return the day of a value; nothing where the contract rejects it."""
    try:
        return day(str(record["date"]))
    except (KeyError, ValueError):
        return ""
