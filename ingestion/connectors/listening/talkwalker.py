"""Client of Talkwalker: search results and histograms as records of the contract."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests
from dlt.sources.helpers.rest_client.paginators import OffsetPaginator

from core.errors import ExpectedFailure
from core.normalize_text import fold_place
from core.settings import get
from ingestion.connectors.listening.contract import identifier
from ingestion.engine.http import Api, PlatformFailure, RetryPolicy, without_query
from privacy import redact

Page = list[dict[str, Any]]

URL_SETTING = "CYBERIMPACT_LISTENING_URL"
KEY_SETTING = "CYBERIMPACT_LISTENING_API_KEY"

#: Limits of the search [certain]: records per page, and the sum of offset and page that it refuses to reach.
PAGE_ROWS = 500
WINDOW_ROWS = 10_000

#: A window of time with more mentions is halved: its last page would reach the limit.
MOST_PAGED_ROWS = WINDOW_ROWS - PAGE_ROWS

#: What a first load reads.
FIRST_WINDOW = timedelta(days=30)

#: Reactions are added to a mention for days after it was found: what was found less than this ago is read again.
LAG = timedelta(days=3)

#: What is counted again by every load: late finds change the hours that have passed.
COUNTED = timedelta(days=7)

#: The minute over which calls are counted [certain]: no header says when it ends.
QUOTA_WINDOW = timedelta(seconds=60)

_LATER = "Nothing was loaded, the data loaded before stays: load again later."

#: Beginning of Talkwalker's source type to the network [inferred but for BLOG]; anything else is the web.
_NETWORKS = {
    "SOCIALMEDIA_TWITTER": "x",
    "SOCIALMEDIA_FACEBOOK": "facebook",
    "SOCIALMEDIA_INSTAGRAM": "instagram",
    "SOCIALMEDIA_TIKTOK": "tiktok",
    "SOCIALMEDIA_YOUTUBE": "youtube",
    "SOCIALMEDIA_TELEGRAM": "telegram",
    "SOCIALMEDIA_BLUESKY": "bluesky",
    "SOCIALMEDIA_MASTODON": "mastodon",
    "MESSAGEBOARD": "forum",
    "ONLINENEWS": "press",
    "NEWSPAPER": "press",
}

#: Fields of a document that the neutral record says in its own words, or that repeat or enrich what it says.
_KNOWN = frozenset(
    {
        "url", "indexed", "published", "title", "title_snippet", "content", "content_snippet", "root_url", "domain_url",
        "host_url", "parent_url", "lang", "sentiment", "reach", "engagement", "trending_score", "word_count",
        "source_type", "post_type", "matched_profile", "cluster_id", "tags_internal", "images", "videos", "entity_url",
        "extra_author_attributes", "extra_source_attributes", "article_extended_attributes",
        "source_extended_attributes", "search_indexed",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Span:
    """A window of time, in milliseconds since 1970: the first belongs to it, the last does not."""

    start: int
    end: int

    def halves(self) -> "tuple[Span, Span]":
        middle = (self.start + self.end) // 2
        return Span(self.start, middle), Span(middle, self.end)

    def query(self, field: str) -> str:
        """Return the window as Talkwalker's query language says it, whose limits are both open [reported]."""
        return f"{field}:>{self.start - 1} AND {field}:<{self.end}"


class Project:
    """The Talkwalker project that the settings name.

    Raises:
        ExpectedFailure: no address is set: it holds the project, so that there is no default.
    """

    def __init__(self) -> None:
        base = get(URL_SETTING, "").rstrip("/")
        if not base:
            raise ExpectedFailure(
                f"listening: the setting {URL_SETTING} is absent.",
                "Set it to https://api.talkwalker.com/api/v1/search/p/<project>, or load an export with --file.",
            )
        self.name = without_query(base).rpartition("/")[2]
        self._api = Api("listening", base, KEY_SETTING, params={"access_token": get(KEY_SETTING, "")}, check=check)

    @property
    def address(self) -> str:
        return without_query(self._api.base_url)

    def newest(self) -> int | None:
        """Return when the newest mention was found, in milliseconds: the vendor's clock counts, not ours."""
        newest = {"sort_by": "search_indexed", "sort_order": "desc", "offset": 0, "hpp": 1, "hl": "false"}
        answer = self._api.get("results", newest)
        try:
            documents = answer["result_content"]["data"]
            return int(documents[0]["data"]["search_indexed"]) if documents else None
        except (KeyError, TypeError, ValueError):
            raise ExpectedFailure(
                f"{self._api.where('results')}: the answer holds no search results.",
                f"Check the address of the project in {URL_SETTING} (.env).",
            ) from None

    def mentions(self, span: Span, field: str) -> Iterator[Page]:
        """Yield the mentions found or published in a window of time, in the order of their finding, as neutral records.

        New finds come last, so that the pages do not shift while they are read.

        Args:
            span: Window of time.
            field: `searchindexed` for the time of finding, `published` for that of publication.

        Raises:
            ExpectedFailure: Talkwalker cannot be read whole.
        """
        total = self.total(span, field)
        if total > MOST_PAGED_ROWS and span.end - span.start > 1:
            for half in span.halves():
                yield from self.mentions(half, field)
        elif total:
            yield from self._whole(span, field, total)

    def _query(self, span: Span, field: str) -> dict[str, Any]:
        query = span.query(field)
        return {"q": query, "sort_by": "search_indexed", "sort_order": "asc", "hl": "false"}

    def total(self, span: Span, field: str) -> int:
        """Return how many mentions were found or published in a window of time: see `mentions`.

        Raises:
            ExpectedFailure: Talkwalker cannot be read.
        """
        answer = self._api.get("results", {**self._query(span, field), "offset": 0, "hpp": 0})
        total = (answer.get("pagination") or {}).get("total") if isinstance(answer, dict) else None
        if not isinstance(total, int):
            raise ExpectedFailure(f"{self._api.where('results')}: the answer has no pagination.total.", _LATER)
        return total

    def _whole(self, span: Span, field: str, total: int) -> Iterator[Page]:
        """Yield the pages of a window, and refuse at their end an answer that lacks mentions counted before."""
        pages = self._api.pages(
            "results",
            self._query(span, field),
            paginator=OffsetPaginator(limit=PAGE_ROWS, limit_param="hpp", total_path="pagination.total"),
            most=WINDOW_ROWS // PAGE_ROWS,
            selector="result_content.data[*].data",
        )
        seen: set[str] = set()
        for page in pages:
            seen.update(str(document.get("url")) for document in page)
            yield [neutral(document, self.name) for document in page]
        if len(seen) < total:
            raise ExpectedFailure(
                f"{self._api.where('results')}: {len(seen)} mentions came, and Talkwalker counted {total}.", _LATER
            )

    def volumes(self, span: Span, breakdown: str | None) -> Page:
        """Return hourly counts of mentions by their publication.

        Args:
            span: Window of time.
            breakdown: `sourcetype`, or none for the whole.

        Raises:
            ExpectedFailure: Talkwalker cannot be read, or answers no histogram.
        """
        query = {"q": span.query("published"), "interval": "hour", **({"breakdown": breakdown} if breakdown else {})}
        path = "histogram/published"
        answer = self._api.get(path, query)
        try:
            histogram = answer["result_histogram"]
            names = histogram["header"]["v"] if breakdown else ["total"]
            return [
                {
                    "vendor": "talkwalker",
                    "vendor_query": self.name,
                    "bin_start": instant(hour["t"]),
                    "bin_interval": "hour",
                    "breakdown": breakdown or "total",
                    "breakdown_value": name,
                    "mentions": value,
                }
                for hour in histogram["data"]
                for name, value in zip(names, hour["v"], strict=True)
            ]
        except (KeyError, TypeError, ValueError):
            raise ExpectedFailure(
                f"{self._api.where(path)}: the answer is not a histogram of the expected form.", _LATER
            ) from None


def check(response: requests.Response) -> ExpectedFailure | None:
    """Judge an answer by Talkwalker's own `status_code`, a text that has nothing to do with the status of HTTP."""
    said = _said(response)
    code = str(said.get("status_code", "0"))
    where = f"listening, address {without_query(response.url)}"
    match response.status_code, code:
        case HTTPStatus.UNAUTHORIZED, "8":
            what = f"{where}: the calls of this minute are used up (status 401, code 8)."
            wait = min(QUOTA_WINDOW, timedelta(seconds=RetryPolicy.from_settings().longest_wait_seconds))
            return PlatformFailure(what, until=datetime.now(UTC) + wait)
        case HTTPStatus.UNAUTHORIZED, "9":
            return ExpectedFailure(
                f"{where}: the credits of the account are used up (status 401, code 9).",
                "Nothing was loaded, the data loaded before stays: buy credits, or wait for the next month.",
            )
        case HTTPStatus.TOO_MANY_REQUESTS, "30":
            return PlatformFailure(f"{where}: too many streams of the account are open (status 429, code 30).")
        case HTTPStatus.OK, refused if refused != "0":
            message = redact(str(said.get("status_message", "")))[:200]
            return ExpectedFailure(f"{where}: Talkwalker refuses with code {refused} ({message}).", _LATER)
        case _:
            return None


def _said(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except requests.exceptions.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def instant(milliseconds: Any) -> Any:
    """Return milliseconds since 1970 as ISO 8601; anything else unchanged, for the contract to reject."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int):
        return milliseconds
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return str(milliseconds)


def network(source_types: Any) -> str:
    """Return the network of Talkwalker's source types, such as `["BLOG", "BLOG_OTHER"]`."""
    for kind in source_types if isinstance(source_types, list) else ():
        for beginning, name in _NETWORKS.items():
            if str(kind).startswith(beginning):
                return name
    return "web"


@cache
def _departements() -> Mapping[str, str]:
    with Path(__file__).with_name("departements.csv").open(encoding="utf-8", newline="") as file:
        return {fold_place(row["name"]): row["code"] for row in csv.DictReader(file)}


def neutral(document: Mapping[str, Any], project: str) -> dict[str, Any]:
    """Return a document as a neutral record; fields that Talkwalker was not known to have follow as they are.

    `reach` is taken for the potential impressions [inferred], and the département comes from the region's name where it
    is that of a département [inferred].
    """
    author = document.get("extra_author_attributes") or {}
    world = (document.get("extra_source_attributes") or {}).get("world_data") or {}
    reactions = document.get("article_extended_attributes") or {}
    country, region = world.get("country_code"), world.get("region")
    record = {
        "mention_id": identifier(document.get("url")),
        "source_platform": network(document.get("source_type")),
        "published_at": instant(document.get("published")),
        "collected_at": instant(document.get("search_indexed")),
        "url": document.get("url"),
        "lang": document.get("lang"),
        "title": document.get("title"),
        "text": document.get("content"),
        "author_id": author.get("id"),
        "author_name": author.get("name"),
        "author_followers": (document.get("source_extended_attributes") or {}).get("followers"),
        "is_share": "SHARE" in (document.get("post_type") or ()),
        "parent_id": identifier(document.get("parent_url")),
        "likes": reactions.get("likes"),
        "shares": reactions.get("shares"),
        "comments": reactions.get("comments"),
        "views": reactions.get("views"),
        "engagement": document.get("engagement"),
        "impressions_potential": document.get("reach"),
        "sentiment": document.get("sentiment"),
        "topics": ";".join(map(str, document.get("matched_profile") or ())),
        "country": country.upper() if isinstance(country, str) else country,
        "region": region,
        "department_code": _departements().get(fold_place(region)) if isinstance(region, str) else None,
        "vendor": "talkwalker",
        "vendor_query": project,
    }
    return {name: value for name, value in document.items() if name not in _KNOWN} | record
