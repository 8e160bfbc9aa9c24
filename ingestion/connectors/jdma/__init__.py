"""Connector of Je donne mon avis: services, statistics, reviews and answers."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import dlt
from dlt.extract import DltResource

from core import clock
from core.errors import ExpectedFailure
from core.settings import get
from ingestion.configuration import first_day
from ingestion.connectors.jdma.client import (
    FIRST_VERSION,
    SECOND_VERSION,
    Account,
    FormAbsent,
    RouteAbsent,
    Scope,
    base_address,
    following,
    scopes,
)
from ingestion.connectors.jdma.contract import ANSWERS, CONTRACT, REVIEWS, SERVICES, STATISTICS
from ingestion.connectors.jdma.exports import open_export as open_file
from ingestion.connectors.jdma.flattening import Page, answers, review, service_forms
from ingestion.engine.parsers import day
from ingestion.engine.windows import Window

__all__ = ["CONTRACT", "address", "build_source", "build_window", "kept_since", "open_file"]

log = logging.getLogger(__name__)

SINCE_SETTING = "CYBERIMPACT_JDMA_SINCE"
#: Where a form begins of which no review has come yet.
FIRST_DAY = "2019-01-01"

#: A month is counted again as long as its reviews may gain answers: until this many months after it.
MONTHS_READ_AGAIN = 2

#: A review is saved step by step: what was begun less than this before the last one read is read again.
LAG = timedelta(days=7)


def address() -> str:
    """Return the address that `build_source` reads, without secrets."""
    return base_address()


@dlt.source(name="jdma")
def build_source() -> tuple[DltResource, ...]:
    """Return services, statistics, reviews and answers: all of them at first, then what is new or may have changed.

    The last month with an answer, and the last review, of each service and form are kept by hand: what lies before them
    is read again on purpose, since a review gains answers after it was begun, and a service that a new key opens has a
    history of its own. Reviews and their answers are two readings, so that neither waits in memory for the other.
    """
    return _services(), _statistics(), _reviews(_listing), _answers(_listing)


@dlt.source(name="jdma")
def build_window(window: Window) -> tuple[DltResource, ...]:
    """Return the reviews and answers of some days, and the statistics of the whole months that they touch.

    Args:
        window: The days.
    """

    def listing(*, include_answers: bool) -> Iterator[Page]:
        days = {"start_date": window.start.isoformat(), "end_date": window.end.isoformat()}
        for form in _forms():
            yield from form.reviews(days, include_answers=include_answers)

    return _statistics_of(window), _reviews(listing), _answers(listing)


def kept_since() -> date:
    """Return the first month of the statistics that is read."""
    return _first_month(None)


@dlt.resource(name=SERVICES.name)
def _services() -> Iterator[Page]:
    for scope in scopes():
        yield [record for service in scope.services for record in service_forms(service, scope.where)]


@dlt.resource(name=STATISTICS.name)
def _statistics() -> Iterator[Page]:
    state = dlt.current.resource_state()
    this_month = datetime.now(UTC).date().replace(day=1)
    for scope in scopes():
        _refuse_older_version(scope, state)
        version = scope.version.name  # the second version repeats the records of the first, under other addresses
        first = {product: _first_month(state.get(f"{version}/{product}")) for product in scope.products}
        month = min(first.values(), default=following(this_month))
        while month <= this_month:
            due = [product for product in first if first[product] <= month]
            for page in scope.account.statistics(scope.version, due, month):
                state.update({f"{version}/{record['product_id']}": month.isoformat() for record in page})
                yield page
            month = following(month)


@dlt.resource(name=STATISTICS.name)
def _statistics_of(window: Window) -> Iterator[Page]:
    for scope in scopes():
        _refuse_older_version(scope, dlt.current.resource_state())
        for month in window.whole_months.months():
            yield from scope.account.statistics(scope.version, scope.products, month.start)


def _refuse_older_version(scope: Scope, state: Mapping[str, Any]) -> None:
    """Refuse the first version where the second was read: the same answers would be counted with and without form.

    Raises:
        ExpectedFailure: that is the case.
    """
    if scope.version == FIRST_VERSION and any(place.startswith(SECOND_VERSION.name) for place in state):
        raise ExpectedFailure(
            f"{scope.where}: the platform answers in the first version of its API only, after it had the second.",
            "Nothing was loaded, the data loaded before stays: load again later.",
        )


@dlt.resource(name=REVIEWS.name)
def _reviews(listing: Callable[..., Iterator[Page]]) -> Iterator[Page]:
    try:
        for page in listing(include_answers=False):
            yield [review(found) for found in page]
    except RouteAbsent:
        log.warning("jdma: the platform has no /avis, or closed it; reviews come with exports only, in drop/jdma/.")


@dlt.resource(name=ANSWERS.name)
def _answers(listing: Callable[..., Iterator[Page]]) -> Iterator[Page]:
    with suppress(RouteAbsent):  # reported with the reviews
        for page in listing(include_answers=True):
            yield [answer for found in page for answer in answers(found, f"jdma, address {address()}/avis")]


def _listing(*, include_answers: bool) -> Iterator[Page]:
    """Yield the reviews of every form that the keys open, and remember the last one of each."""
    state = dlt.current.resource_state()
    for form in _forms():
        last = state.get(form.name)
        days = {"start_date": (date.fromisoformat(last) - LAG).isoformat()} if last else {}
        for page in form.reviews(days, include_answers=include_answers):
            state[form.name] = max([state.get(form.name, FIRST_DAY), *map(_day, page)])
            yield page


class _Form(NamedTuple):
    """A form of a service, and the key that opens it."""

    account: Account
    product: int
    form: int

    @property
    def name(self) -> str:
        return f"{self.product}/{self.form}"

    def reviews(self, days: Mapping[str, str], *, include_answers: bool) -> Iterator[Page]:
        try:
            yield from self.account.reviews(self.product, self.form, days, include_answers=include_answers)
        except FormAbsent:
            log.warning("jdma: form %s of service %s cannot be read any more.", self.form, self.product)


def _forms() -> Iterator[_Form]:
    """Yield every form that the keys open.

    Raises:
        RouteAbsent: a key opens the first version of the API only, which has no reviews.
    """
    for scope in scopes():
        if scope.version == FIRST_VERSION:
            raise RouteAbsent(f"{scope.where}: this version of the API has no reviews.", "Load exports with --file.")
        for product, form in scope.forms:
            yield _Form(scope.account, product, form)


def _first_month(last: str | None) -> date:
    """Return the month from which a service is counted, given the last one in which it had an answer.

    Raises:
        ExpectedFailure: the setting of the first month is no month.
    """
    if last is not None:
        months = int(last[:4]) * 12 + int(last[5:7]) - 1 - MONTHS_READ_AGAIN
        return date(months // 12, months % 12 + 1, 1)
    first = get(SINCE_SETTING) or first_day("jdma").isoformat()[: len("2025-01")]
    try:
        return date.fromisoformat(f"{first}-01")
    except ValueError:
        raise ExpectedFailure(f"{SINCE_SETTING} is {first!r}, which is not a month.", "Write it as 2025-01.") from None


def _day(found: Any) -> str:
    """Return the day of Paris on which a review was begun; an invalid one is ignored, and none is later than today."""
    try:
        return min(day(str(found["created_at"])), clock.today().isoformat())
    except (KeyError, TypeError, ValueError):
        return FIRST_DAY
