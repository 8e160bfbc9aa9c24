"""Services Publics+: what users say of public services, and of which structures. Its contract and its reading."""

from collections.abc import Iterator
from datetime import date

import dlt
from dlt.extract import DltResource

from ingestion.parsers import past_time
from ingestion.services_publics_plus.client import Page, Portal
from ingestion.services_publics_plus.contract import CONTRACT, EXPERIENCES

__all__ = ["CONTRACT", "address", "build_source"]


def address() -> str:
    """Return the address that `build_source` reads, without secrets."""
    return Portal().address


@dlt.source(name="services_publics_plus")
def build_source() -> DltResource:
    """Return the experiences as pages of records: all of them at first, then what is new or newly answered.

    The date of the last publication is kept by hand: `dlt.sources.incremental` leaves out the rows below its cursor,
    and an old experience is exactly what a late answer changes.
    """

    @dlt.resource(name=EXPERIENCES.name)
    def experiences() -> Iterator[Page]:
        state = dlt.current.resource_state()
        portal, last = Portal(), state.get("last_publication")
        for page in portal.since(date.fromisoformat(last)) if last else portal.everything():
            yield page
            last = max((_publication(record) for record in page), default="")
            state["last_publication"] = max(state.get("last_publication", ""), last) or None

    return experiences()


def _publication(record: dict) -> str:
    """Return the day of a publication; a record that the contract rejects moves nothing."""
    try:
        return past_time(str(record["date_de_publication"]))[:10]
    except (KeyError, ValueError):
        return ""
