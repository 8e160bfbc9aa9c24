"""Connector of Google Play and the App Store: reviews of the ministry's apps."""

import logging
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import dlt
from dlt.extract import DltResource

from core.clock import today
from ingestion.connectors.app_stores.client import APP_STORE_FULL_ROWS, PLAY_WINDOW, App, AppStore, Page, Play, apps
from ingestion.connectors.app_stores.contract import CONTRACT, REVIEWS
from ingestion.engine.parsers import epoch_or_iso

__all__ = ["CONTRACT", "NO_WINDOW", "address", "build_source"]

NO_WINDOW = (
    "both stores show a window of their own, Google Play one week and the App Store the latest 500 reviews",
    "Load what they show with --full; the Play Console's monthly exports have older reviews: load them with --file.",
)

log = logging.getLogger(__name__)


def address() -> str:
    """Return the addresses that `build_source` reads, without secrets."""
    stores = {"play": Play, "app_store": AppStore}
    return ", ".join(stores[store]().address for store in dict.fromkeys(app.store for app in apps()))


@dlt.source(name="app_stores")
def build_source() -> DltResource:
    """Return the reviews as pages of records: each time, all that the stores still show.

    There is nothing to ask for since a date: both stores show a window that moves on, and a change of an old review
    brings it back into the window. The day of the last reading is kept, to say what was lost between two windows.
    """

    @dlt.resource(name=REVIEWS.name)
    def reviews() -> Iterator[Page]:
        read_on = dlt.current.resource_state().setdefault("read_on", {})
        read_today = today()
        for app in apps():
            oldest, number = read_today, 0
            for page in _pages(app):
                yield page
                number += len(page)
                oldest = min([oldest, *(day for record in page if (day := _day(record)))])
            last = read_on.get(str(app))
            if last is not None:
                _warn_of_loss(app, date.fromisoformat(last), window_start(app, read_today, oldest, number))
            read_on[str(app)] = read_today.isoformat()

    return reviews()


def window_start(app: App, read_on: date, oldest: date, number: int) -> date:
    """Return the first day that a store still shows whole.

    Args:
        app: App and store.
        read_on: Day of reading.
        oldest: Day of the oldest review that the store shows.
        number: How many it shows; an App Store window that is not full goes back to the beginning.
    """
    if app.store == "play":
        return read_on - PLAY_WINDOW
    return oldest + timedelta(days=1) if number > APP_STORE_FULL_ROWS else date.min


def _warn_of_loss(app: App, last_read: date, start: date) -> None:
    lost_days = (start - last_read).days
    if lost_days > 0:
        log.warning(
            "app_stores: %s was last read on %s, and the store shows reviews from %s only: those of %d days are lost."
            " Load at least once a week.",
            app,
            last_read,
            start,
            lost_days,
        )


def _pages(app: App) -> Iterator[Page]:
    return Play().reviews(app.identifier) if app.store == "play" else AppStore().reviews(app.identifier)


def _day(record: dict[str, Any]) -> date | None:
    """Return the day of a review; nothing where the contract rejects it."""
    try:
        return epoch_or_iso(str(record.get("lastModified") or record.get("updated"))).date()
    except ValueError:
        return None
