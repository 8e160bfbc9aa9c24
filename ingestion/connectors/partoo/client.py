"""Client of Partoo's REST API v2: answers as flat records."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from dlt.sources.helpers.rest_client.paginators import BasePaginator
from requests import Request, Response

from core.errors import ExpectedFailure
from core.settings import get
from ingestion.configuration import first_day
from ingestion.connectors.partoo.contract import METRICS
from ingestion.engine.http import Api

Record = dict[str, Any]
Page = list[Record]

ADDRESS = "https://api.partoo.co/v2"
KEY_SETTING = "CYBERIMPACT_PARTOO_API_KEY"
METRICS_SETTING = "CYBERIMPACT_PARTOO_METRICS"
SINCE_SETTING = "CYBERIMPACT_PARTOO_SINCE"

#: Metrics asked for when the settings name none: those of the vendor's specification that count views and actions.
ASKED_METRICS = ("views_maps", "views_search", "actions_website", "actions_phone", "actions_driving_directions")

#: Accepted for reviews [reported]; a server that ignores it gives 30, and paging still ends.
REVIEWS_PER_PAGE = 100

#: Presence is not paged: it is asked for in windows, so that no answer grows without bound.
WINDOW = timedelta(days=28)

MOST_PAGES = 20_000

_CHANGED = (
    "Nothing was loaded, the data loaded before stays: compare the answer with Partoo's documentation and adapt"
    " ingestion/connectors/partoo/client.py."
)


class MaxPagePaginator(BasePaginator):
    """Pages numbered up to `max_page`, whether the platform counts from 0 or from 1: both are documented [certain].

    Args:
        where: Platform and address, for messages.
    """

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where = where
        self._asked: int | None = None

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:  # noqa: ARG002 (of the interface)
        body = response.json()
        page, last = _number(body, "page", self._where), _number(body, "max_page", self._where)
        if self._asked is not None and page != self._asked:
            raise ExpectedFailure(f"{self._where}: page {self._asked} was asked for, and page {page} came.", _CHANGED)
        self._has_next_page = page < last
        self._asked = page + 1

    def update_request(self, request: Request) -> None:
        query = request.params if isinstance(request.params, dict) else {}
        request.params = {**query, "page": self._asked}


class Partoo:
    """The account whose key the settings hold."""

    def __init__(self) -> None:
        key = get(KEY_SETTING)
        base = get("CYBERIMPACT_PARTOO_URL", ADDRESS).rstrip("/")
        self._api = Api("partoo", base, KEY_SETTING, {"x-APIKey": key} if key else {})

    @property
    def address(self) -> str:
        return self._api.base_url

    def businesses(self) -> Iterator[Page]:
        """Yield all listings.

        Raises:
            ExpectedFailure: the platform cannot be read whole.
        """
        for page in self._listing("business/search", "businesses", {}):
            yield [flat_business(record) for record in page]

    def groups(self) -> Iterator[Page]:
        """Yield all groups and their subgroups.

        Raises:
            ExpectedFailure: as `businesses`.
        """
        for page in self._listing("groups", "groups", {}):
            yield [group for record in page for group in _family(record)]

    def reviews(self, filters: Mapping[str, str]) -> Iterator[Page]:
        """Yield the reviews that satisfy the filters, such as `update_date__gte`.

        Raises:
            ExpectedFailure: as `businesses`.
        """
        for page in self._listing("reviews", "reviews", {**filters, "per_page": REVIEWS_PER_PAGE}):
            yield [flat_review(record) for record in page]

    def presence(self, since: date, until: date) -> Iterator[Page]:
        """Yield the metrics of every listing and day of a period, its last day included.

        Raises:
            ExpectedFailure: the platform refuses, or does not give a metric that was asked for.
        """
        metrics = asked_metrics()
        while since <= until:
            last = min(until, since + WINDOW - timedelta(days=1))
            query = {
                "metrics": ",".join(metrics),
                "dimensions": "business,day",
                "filter_date__gte": since.isoformat(),
                "filter_date__lte": last.isoformat(),
            }
            answer = self._api.get("presence_analytics", query)
            where = self._api.where("presence_analytics")
            yield [value for record in _objects(answer, where) for value in _values(record, metrics, where)]
            since = last + timedelta(days=1)

    def publisher_states(self, read_on: date) -> Iterator[Page]:
        """Yield how many listings are in each state at each publisher.

        Raises:
            ExpectedFailure: the platform refuses, or its answer has another form.
        """
        path = "publisher_states/business_info"
        answer = self._api.get(path)
        where = self._api.where(path)
        yield [
            {"read_on": read_on.isoformat(), "publisher": publisher, "state": state, **_object(figures, where)}
            for publisher, states in _object(answer, where).items()
            for state, figures in _object(states, where).items()
        ]

    def _listing(self, path: str, name: str, query: Mapping[str, Any]) -> Iterator[Page]:
        """Yield the pages of a listing, and refuse one that lacks records which the platform counts."""
        where = self._api.where(path)
        found: set[str] = set()
        announced = 0
        pages = self._api.pages(path, query, paginator=MaxPagePaginator(where), most=MOST_PAGES, selector="$")
        for (body,) in pages:
            page = _objects(body.get(name), where)
            found.update(str(record.get("id")) for record in page)
            announced = _number(body, "count", where)
            yield page
        if len(found) < announced:
            raise ExpectedFailure(
                f"{where}: {len(found)} {name} came, and the platform counts {announced}.",
                "Nothing was loaded, the data loaded before stays: load again later.",
            )


def asked_metrics() -> tuple[str, ...]:
    """Return the presence metrics that the settings ask for.

    Raises:
        ExpectedFailure: one of them is unknown.
    """
    metrics = tuple(name.strip() for name in get(METRICS_SETTING, ",".join(ASKED_METRICS)).split(",") if name.strip())
    unknown = [name for name in metrics if name not in METRICS]
    if unknown or not metrics:
        raise ExpectedFailure(
            f"{METRICS_SETTING} names {', '.join(unknown) or 'nothing'}, which Partoo does not count.",
            f"Use some of: {', '.join(METRICS)}.",
        )
    return metrics


def presence_since() -> str:
    """Return the first day of the presence that is read, ISO 8601.

    Raises:
        ExpectedFailure: the setting is no date.
    """
    text = get(SINCE_SETTING) or first_day("partoo").isoformat()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ExpectedFailure(f"{SINCE_SETTING} is {text!r}, which is no date.", "Write it as YYYY-MM-DD.") from None


def flat_business(record: Record) -> Record:
    """Return a listing with one truth value per subscription instead of an object."""
    flat = {name: value for name, value in record.items() if name != "subscriptions"}
    for product, state in (record.get("subscriptions") or {}).items():
        flat[f"{product}_active"] = state.get("active") if isinstance(state, dict) else state
    return flat


def _family(group: Record) -> Iterator[Record]:
    """Yield a group, then its subgroups."""
    yield {name: value for name, value in group.items() if name != "subgroups"}
    yield from group.get("subgroups") or ()


def flat_review(record: Record) -> Record:
    """Return a review with the number and the first time of its answers instead of the answers."""
    flat = {name: value for name, value in record.items() if name not in {"comments", "tags"}}
    comments = record.get("comments") or []
    answered = [str(answer["date"]) for answer in comments if isinstance(answer, dict) and answer.get("date")]
    tags = [str(tag.get("label")) for tag in record.get("tags") or () if isinstance(tag, dict) and tag.get("label")]
    return {
        **flat,
        "comments_count": len(comments),
        "answered_at": min(answered, default=None),
        "tags": ", ".join(tags) or None,
    }


def _values(record: Record, metrics: Iterable[str], where: str) -> Iterator[Record]:
    """Yield one record per metric of a listing and day."""
    missing = [name for name in metrics if name not in record]
    if missing:
        raise ExpectedFailure(
            f"{where}: the metric {missing[0]} was asked for, and the answer does not have it.",
            f"Nothing was loaded: if Partoo renamed it, name the new one in {METRICS_SETTING} (.env).",
        )
    yield from values_by_metric(record)


def values_by_metric(record: Record) -> Iterator[Record]:
    """Yield one record per metric that a record of presence has."""
    others = {name: value for name, value in record.items() if name not in METRICS}
    for name in METRICS:
        if name in record:
            yield {**others, "metric": name, "value": record[name]}


def _object(value: Any, where: str) -> Record:
    if not isinstance(value, dict):
        raise ExpectedFailure(f"{where}: the answer holds a {type(value).__name__} instead of an object.", _CHANGED)
    return value


def _objects(value: Any, where: str) -> Page:
    if not isinstance(value, list):
        raise ExpectedFailure(f"{where}: the answer holds a {type(value).__name__} instead of a list.", _CHANGED)
    return [_object(record, where) for record in value]


def _number(body: Any, name: str, where: str) -> int:
    value = _object(body, where).get(name)
    if not isinstance(value, int):
        raise ExpectedFailure(f"{where}: the answer has no number {name!r}.", _CHANGED)
    return value
