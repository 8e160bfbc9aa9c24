"""Connector of social listening: mentions and volumes, whichever the vendor."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import dlt
from dlt.extract import DltResource

from core.errors import ExpectedFailure
from core.settings import get
from ingestion.connectors.listening.contract import COLUMNAR, CONTRACT, MENTIONS, VOLUMES
from ingestion.connectors.listening.exports import open_file
from ingestion.connectors.listening.talkwalker import COUNTED, FIRST_WINDOW, LAG, Page, Project, Span
from ingestion.engine.windows import Window

__all__ = [
    "COLUMNAR", "CONTRACT", "address", "build_source", "build_window", "found_since", "kept_since", "open_file",
]  # fmt: skip

VENDOR_SETTING = "CYBERIMPACT_LISTENING_VENDOR"
_HOUR = 3_600_000
_NEVER = 1 << 53


def _project() -> Project:
    """Return the project of the vendor that the settings name.

    Raises:
        ExpectedFailure: the vendor has no address, or is unknown.
    """
    vendor = get(VENDOR_SETTING, "talkwalker")
    if vendor == "talkwalker":
        return Project()
    if vendor == "file":
        raise ExpectedFailure(
            f"listening: {VENDOR_SETTING} is 'file': there is no address to read.",
            "Put the vendor's exports in drop/listening/, or load one with --file.",
        )
    raise ExpectedFailure(f"listening: {VENDOR_SETTING} is {vendor!r}.", "Set it to 'talkwalker' or 'file'.")


def address() -> str:
    """Return the address that `build_source` reads, without secrets."""
    return _project().address


def found_since(moment: datetime) -> int:
    """Return how many mentions the vendor has found since an instant, without asking for one: that costs no credit.

    Raises:
        ExpectedFailure: the vendor has no address, or cannot be read.
    """
    return _project().total(Span(round(moment.timestamp() * 1000), _NEVER), "searchindexed")


@dlt.source(name="listening")
def build_source() -> tuple[DltResource, ...]:
    """Return mentions and volumes: the last 30 days at first, then what was found or counted since, less a lag.

    When the newest mention was found is kept by hand: `dlt.sources.incremental` leaves out the rows below its cursor,
    and an older mention is exactly what a late reaction changes.
    """

    @dlt.resource(name=MENTIONS.name)
    def mentions() -> Iterator[Page]:
        state, project = dlt.current.resource_state(), _project()
        newest = project.newest()
        if newest is None:
            return
        last = state.get("last_found")
        start = newest - _milliseconds(FIRST_WINDOW) if last is None else last - _milliseconds(LAG)
        yield from project.mentions(Span(start, newest + 1), "searchindexed")
        state["last_found"] = max(newest, last or 0)

    @dlt.resource(name=VOLUMES.name)
    def volumes() -> Iterator[Page]:
        project = _project()
        newest = project.newest()
        if newest is None:
            return
        start = newest - _milliseconds(COUNTED)
        yield from _volumes(project, Span(start - start % _HOUR, newest + 1))

    return mentions(), volumes()


@dlt.source(name="listening")
def build_window(window: Window) -> tuple[DltResource, DltResource]:
    """Return the mentions published on some days, and their volumes, as far as the vendor's contract goes back.

    Args:
        window: The days.
    """
    project = _project()
    span = Span(*(round(moment.timestamp() * 1000) for moment in window.instants))
    return (
        dlt.resource(project.mentions(span, "published"), name=MENTIONS.name),
        dlt.resource(_volumes(project, span), name=VOLUMES.name),
    )


def kept_since() -> date:
    """Return no limit but that of our retention: how far a project goes back is between its holder and the vendor."""
    return date.min


def _volumes(project: Project, span: Span) -> Iterator[Page]:
    yield project.volumes(span, None)
    yield project.volumes(span, "sourcetype")


def _milliseconds(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
