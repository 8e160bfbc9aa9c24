"""Client of Piano Analytics, formerly AT Internet (Data API v3, platform-contracts.md §6.1 [high])."""

from collections.abc import Iterator, Mapping
from typing import Any

from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator
from requests import JSONDecodeError, Response

from core.errors import ExpectedFailure
from core.settings import get
from ingestion.connectors.audience.client import PLATFORM, Page
from ingestion.connectors.audience.sites import Site
from ingestion.engine.contract import CHANGED_FORMAT
from ingestion.engine.http import Api, without_query
from ingestion.engine.windows import Window
from privacy import redact

KEY_SETTING = "CYBERIMPACT_AUDIENCE_PIANO_KEY"

METRICS = ("m_visits", "m_unique_visitors", "m_bounces", "m_time_spent_per_visits")

#: Properties of each table; they make its key.
PROPERTIES = {
    "hourly_visits": ("date", "visit_hour", "site_level2"),
    "geo_visits": ("date_year", "date_month", "geo_country", "geo_region", "geo_city"),
    "pages_visits": ("date_year", "date_month", "page", "page_full_name", "site_level2"),
    "sources_visits": ("date_year", "date_month", "src", "src_detail", "src_referrer_url"),
    "devices_visits": ("date_year", "date_month", "device_type", "os_group", "browser_group", "browser_language"),
}

#: Limits of the API [certain]: rows per page, and rows of one question over all of its pages.
PAGE_ROWS = 10_000
MOST_ROWS = 200_000

_MOST_PAGES = MOST_ROWS // PAGE_ROWS + 1


class Piano:
    """The Data API that the settings name."""

    PATH = "data/getData"

    def __init__(self) -> None:
        base = get("CYBERIMPACT_AUDIENCE_PIANO_URL", "https://api.atinternet.io/v3").rstrip("/")
        key = get(KEY_SETTING)
        self._api = Api(PLATFORM, base, KEY_SETTING, {"x-api-key": key} if key else {}, check=_check)

    @property
    def address(self) -> str:
        return self._api.base_url

    def hours(self, site: Site, period: Window) -> Iterator[Page]:
        """Yield the visits by hour.

        Raises:
            ExpectedFailure: they cannot be read whole.
        """
        for rows in self._rows("hourly_visits", site, period):
            yield [{"tool": "piano", "site": site.name, **row} for row in rows]

    def month(self, table: str, site: Site, period: Window) -> Iterator[Page]:
        """Yield the visits of a month by the properties of a table.

        Raises:
            ExpectedFailure: they cannot be read whole.
        """
        for rows in self._rows(table, site, period):
            yield [{"tool": "piano", "site": site.name, **with_month(row)} for row in rows]

    def _rows(self, table: str, site: Site, period: Window) -> Iterator[Page]:
        """Yield the pages of an answer, which ends with an empty one."""
        question: dict[str, Any] = {
            "space": {"s": [site.site_id]},
            "columns": [*METRICS, *PROPERTIES[table]],
            "period": {"p1": [{"type": "D", "start": period.start.isoformat(), "end": period.end.isoformat()}]},
            "sort": ["-m_visits"],
            "max-results": PAGE_ROWS,
        }
        if site.page_contains:
            question["filter"] = {"property": {"page_full_name": {"$lk": site.page_contains}}}
        found = 0
        pages = self._api.pages(
            self.PATH,
            {},
            paginator=PageNumberPaginator(base_page=1, page_body_path="page-num", total_path=None),
            most=_MOST_PAGES,
            selector="DataFeed.Rows",
            method="POST",
            json=question,
        )
        for page in pages:
            found += len(page)
            if found >= MOST_ROWS:
                raise ExpectedFailure(
                    f"{self._api.where(self.PATH)}: {table} of {site.name} from {period.start} to {period.end} has"
                    f" {MOST_ROWS} rows or more, and Piano gives no more than that.",
                    "Nothing was loaded: narrow the site with page_contains in config/sites.yml.",
                )
            if page:
                yield page


def with_month(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its month in one piece; Piano gives the year, and the month as an English name."""
    others = {name: value for name, value in row.items() if name not in {"date_year", "date_month"}}
    return {"month": f"{row.get('date_year')} {row.get('date_month')}", **others}


def _check(response: Response) -> ExpectedFailure | None:
    """Read the errors as Piano words them; refuse an answer without rows, which would pass for the end of them."""
    where = f"{PLATFORM}, address {without_query(response.url)}"
    try:
        answer = response.json()
    except JSONDecodeError:
        return None
    if response.ok:
        feed = answer.get("DataFeed") if isinstance(answer, dict) else None
        if isinstance(feed, dict) and isinstance(feed.get("Rows"), list):
            return None
        return ExpectedFailure(f"{where}: the answer has no DataFeed.Rows.", CHANGED_FORMAT)
    if isinstance(answer, dict) and "ErrorMessage" in answer and response.status_code == 400:  # noqa: PLR2004
        return ExpectedFailure(
            f"{where}: Piano refuses the question ({redact(str(answer['ErrorMessage']))[:200]}).",
            "Nothing was loaded: compare the site in config/sites.yml with the account at Piano.",
        )
    return None
