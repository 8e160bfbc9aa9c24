"""Connector of Ma Sécurité: the news and advice that citizens read in the ministry's app."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dlt
from dlt.extract import DltResource

from ingestion.configuration import first_day
from ingestion.connectors.ma_securite.client import News, Page, created_at
from ingestion.connectors.ma_securite.contract import CONTRACT, NEWS

__all__ = ["CONTRACT", "NO_WINDOW", "address", "build_source"]

NO_WINDOW = ("no filter by date of its API is known", "Load all news again with --full.")

#: News may be shown days after their creation, and corrected: what is younger is read again.
LAG = timedelta(days=7)


def address() -> str:
    """Return the address that `build_source` reads, without secrets."""
    return News().address


@dlt.source(name="ma_securite")
def build_source() -> DltResource:
    """Return the news as pages of records, back to the last creation that was read, less a lag.

    No filter by date is known, so the latest come first and reading ends at the first page that is older. The cursor is
    moved by hand (`advance`), by valid dates only, so that a record which the contract rejects cannot carry it away.
    """
    first = f"{first_day('ma_securite')}T00:00:00Z"
    created_since = dlt.sources.incremental("created_at", initial_value=first, lag=LAG.total_seconds())

    @dlt.resource(name=NEWS.name)
    def news(created: dlt.sources.incremental[Any] = created_since) -> Iterator[Page]:
        start, latest = created.start_value or first, ""
        created.advance(None)
        for page in News().latest():
            yield page
            moments = [text for record in page if (text := created_at(record))]
            latest = max([latest, *moments])
            if moments and max(moments) < start:
                break
        created.advance(latest or None)

    return news()
