"""Client of Matomo (Reporting API, platform-contracts.md §6.2 [high on the form of a call, medium on its fields])."""

from collections.abc import Iterator
from typing import Any

from requests import JSONDecodeError, Response

from core.errors import ExpectedFailure
from core.settings import get, require
from ingestion.connectors.audience.client import PLATFORM, Page
from ingestion.connectors.audience.sites import Site
from ingestion.engine.contract import CHANGED_FORMAT
from ingestion.engine.http import Api, without_query
from ingestion.engine.windows import Window
from privacy import redact

KEY_SETTING = "CYBERIMPACT_AUDIENCE_MATOMO_TOKEN"

HOURS = "VisitTime.getVisitInformationPerServerTime"

#: Report of each monthly table, and the column that its label becomes, where the label is one property.
REPORTS: dict[str, tuple[str, str | None]] = {
    "geo_visits": ("UserCountry.getCity", None),
    "pages_visits": ("Actions.getPageUrls", "page"),
    "sources_visits": ("Referrers.getReferrerType", "src"),
    "devices_visits": ("DevicesDetection.getType", "device_type"),
}

PAGE_ROWS = 1000
_MOST_PAGES = 500


class Matomo:
    """The instance of Matomo that the settings name."""

    PATH = "index.php"

    def __init__(self) -> None:
        base = require("CYBERIMPACT_AUDIENCE_MATOMO_URL").rstrip("/")
        self._token = get(KEY_SETTING, "anonymous")
        self._api = Api(PLATFORM, base, KEY_SETTING, check=_check)

    @property
    def address(self) -> str:
        return self._api.base_url

    def hours(self, site: Site, period: Window) -> Iterator[Page]:
        """Yield the visits by hour: Matomo gives an object by day, in which a day without visits is an empty list.

        Raises:
            ExpectedFailure: they cannot be read.
        """
        days = f"{period.start},{period.end}"
        answer = self._ask(site, HOURS, period="day", date=days, filter_limit=-1)
        where = self._api.where(self.PATH)
        by_day = {period.start.isoformat(): answer} if isinstance(answer, list) else answer
        yield [
            {"tool": "matomo", "site": site.name, "date": day, "site_level2": None, **row}
            for day, rows in by_day.items()
            for row in (_renamed(row, "visit_hour", where) for row in rows)
            if str(row.get("nb_visits")) != "0"  # every hour of a day is listed
        ]

    def month(self, table: str, site: Site, period: Window) -> Iterator[Page]:
        """Yield the visits of a month by the properties of a table.

        Raises:
            ExpectedFailure: they cannot be read whole.
        """
        report, column = REPORTS[table]
        where = self._api.where(self.PATH)
        month = f"{period.start:%Y-%m}"
        for rows in self._rows(site, report, f"{month}-01"):
            yield [
                {"tool": "matomo", "site": site.name, "month": month, **_counted(_renamed(row, column, where))}
                for row in rows
            ]

    def _rows(self, site: Site, report: str, date: str) -> Iterator[Page]:
        """Yield the pages of a report; a form is paged by hand, since dlt's paginators know queries and JSON only.

        Raises:
            ExpectedFailure: the report does not end.
        """
        for number in range(_MOST_PAGES):
            rows = self._ask(
                site,
                report,
                period="month",
                date=date,
                flat=1,
                filter_limit=PAGE_ROWS,
                filter_offset=number * PAGE_ROWS,
            )
            if rows:
                yield rows
            if len(rows) < PAGE_ROWS:
                return
        raise ExpectedFailure(
            f"{self._api.where(self.PATH)}: {report} of {site.name} does not end after {_MOST_PAGES} pages.",
            "Nothing was loaded: narrow the site with page_contains in config/sites.yml.",
        )

    def _ask(self, site: Site, report: str, **options: Any) -> Any:
        form = {
            "module": "API",
            "method": report,
            "idSite": site.site_id,
            "format": "JSON",
            "language": "en",
            "token_auth": self._token,  # in the body: an address ends in logs
            **options,
        }
        if site.page_contains:
            form["segment"] = f"pageUrl=@{site.page_contains}"
        return self._api.post(self.PATH, form=form)


def _renamed(row: dict[str, Any], column: str | None, where: str) -> dict[str, Any]:
    """Return a row whose label has the name of what it means; without a name, the columns beside it say it all.

    Raises:
        ExpectedFailure: it has no label.
    """
    if not isinstance(row, dict) or "label" not in row:
        raise ExpectedFailure(f"{where}: a row of the report has no 'label'.", CHANGED_FORMAT)
    others = {name: value for name, value in row.items() if name != "label"}
    if column == "page":
        return {"page": others.pop("url", None) or row["label"], **others}
    return {column: row["label"], **others} if column else others


def _counted(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its bounces: pages have them as a rounded share of the visits that began there ("41%")."""
    share, entries = str(row.get("bounce_rate", "")).removesuffix("%"), str(row.get("entry_nb_visits", ""))
    if "bounce_count" in row or not (share.isdecimal() and entries.isdecimal()):
        return row
    return {**row, "bounce_count": round(int(share) * int(entries) / 100)}


def _check(response: Response) -> ExpectedFailure | None:
    """Read the errors, which Matomo gives with status 200 [memory], and refuse what is no report."""
    if not response.ok:
        return None
    where = f"{PLATFORM}, address {without_query(response.url)}"
    try:
        answer = response.json()
    except JSONDecodeError:
        return None
    if not isinstance(answer, list | dict):
        return ExpectedFailure(f"{where}: the answer is no report.", CHANGED_FORMAT)
    if isinstance(answer, dict) and answer.get("result") == "error":
        said = redact(str(answer.get("message", "")))[:200]
        return ExpectedFailure(
            f"{where}: Matomo refuses the question ({said}).",
            f"Nothing was loaded: check {KEY_SETTING} in .env, and the site in config/sites.yml.",
        )
    return None
