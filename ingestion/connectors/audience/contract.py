"""Contract of the audience of the sites, common to both tools.

Units are those of the tools until a row is complete: Piano gives a mean in milliseconds per visit, Matomo a sum in
seconds. `time_spent_seconds` is the sum in seconds for both.
"""

import calendar
import re
from decimal import Decimal
from urllib.parse import urlsplit, urlunsplit

from ingestion.engine.contract import GENERATION, UNKNOWN_COLUMNS, Dropped, Field, Generation, NotAfterLoad, Row, Table
from ingestion.engine.parsers import choice, count, day, decimal_number, redacted_text, term

#: How Piano writes a property that it does not know.
NOT_AVAILABLE = "N/A"

#: `visit_hour` of a visit whose hour the tool does not know: null cannot be part of a key.
UNKNOWN_HOUR = -1

_MONTHS = {name.casefold(): number for number, name in enumerate(calendar.month_name) if name}
_YEAR_AND_NAME = re.compile(r"(\d{4}) ([A-Za-z]+)")
_HOUR = re.compile(r"(\d{1,2})h?")
_LAST_HOUR = 23


def hour(value: str) -> int:
    """Return an hour of the day, 0 to 23; -1 for `N/A`.

    Raises:
        ValueError: it is neither.
    """
    if value == NOT_AVAILABLE:
        return UNKNOWN_HOUR
    found = _HOUR.fullmatch(value)
    if found is None or int(found[1]) > _LAST_HOUR:
        raise ValueError("is not an hour of the day")
    return int(found[1])


def month(value: str) -> str:
    """Return a month as `YYYY-MM`; `2026 January`, Piano's year and English name, becomes `2026-01`.

    Raises:
        ValueError: it is not a month.
    """
    named = _YEAR_AND_NAME.fullmatch(value)
    number = _MONTHS.get(named[2].casefold()) if named else None
    written = f"{named[1]}-{number:02}" if named and number else value
    if not re.fullmatch(r"20[0-4]\d-(?:0[1-9]|1[0-2])", written):
        raise ValueError("is not a month")
    return written


def known_text(value: str) -> str | None:
    """Return a text without structured identifiers; nothing for `N/A`."""
    return None if value == NOT_AVAILABLE else redacted_text(value)


def known_term(value: str) -> str | None:
    """Return a value of the tool's own list, such as 'Portal sites', which nobody types; nothing for `N/A`."""
    return None if value == NOT_AVAILABLE else term(value)


def bare_address(value: str) -> str | None:
    """Return an address without query and fragment, which may hold what a visitor typed; nothing for `N/A`."""
    if value == NOT_AVAILABLE:
        return None
    parts = urlsplit(value)
    return redacted_text(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")))


def _complete(row: Row) -> Row:
    """Add the time spent as a sum in seconds, and whether the hour is known where there is one."""
    per_visit = row.get("time_spent_per_visit_milliseconds")
    total = Decimal(row.get("visit_length_seconds") or 0) if per_visit is None else per_visit * row["visits"] / 1000
    row = {**row, "time_spent_seconds": round(total, 6)}
    return {**row, "is_hour_known": row["visit_hour"] != UNKNOWN_HOUR} if "visit_hour" in row else row


_WHERE = (
    Field("audience_key", "Tool, site, time and properties.", nullable=False, filled_by_load=True),
    Field("tool", "'piano' or 'matomo'.", parse=choice({"piano": (), "matomo": ()}), required=True, nullable=False),
    Field("site", "Name of the site in sites.yml.", required=True, nullable=False),
)

_MONTH = Field("month", "Month, YYYY-MM.", parse=month, required=True, nullable=False)

_SUB_SITE = Field("site_level2", "Part of the site, such as 'recrutement'; Piano only.", (), known_term)

_METRICS = (
    Field("visits", "Visits.", ("m_visits", "nb_visits"), count, "bigint", required=True, nullable=False),
    Field(
        "unique_visitors",
        "Different visitors in the hour or month; they do not add up. Empty where the tool does not count them so.",
        ("m_unique_visitors", "nb_uniq_visitors"),
        count,
        "bigint",
    ),
    Field(
        "daily_visitors",
        "Sum over the days of the different visitors of each; Matomo's months only.",
        ("sum_daily_nb_uniq_visitors",),
        count,
        "bigint",
    ),
    Field("bounces", "Visits of fewer than two pages.", ("m_bounces", "bounce_count"), count, "bigint"),
    Field(
        "time_spent_per_visit_milliseconds",
        "Mean time of a visit, as Piano gives it.",
        ("m_time_spent_per_visits",),
        decimal_number,
        "decimal",
    ),
    Field(
        "visit_length_seconds",
        "Time of all visits together, as Matomo gives it.",
        ("sum_visit_length", "sum_time_spent"),
        count,
        "bigint",
    ),
    Field("time_spent_seconds", "Time of all visits together.", type="decimal", nullable=False, filled_by_load=True),
    GENERATION,
    UNKNOWN_COLUMNS,
)

_GENERATIONS = (
    Generation("piano_v3", ("m_visits", "m_bounces")),
    Generation("matomo", ("nb_visits", "sum_visit_length", "sum_time_spent")),
)

_UNUSED = (
    "nb_users nb_actions nb_hits max_actions nb_visits_converted sum_daily_nb_users entry_nb_visits"
    " entry_nb_uniq_visitors entry_nb_actions entry_sum_visit_length entry_bounce_count exit_nb_visits"
    " exit_nb_uniq_visitors sum_daily_entry_nb_uniq_visitors sum_daily_exit_nb_uniq_visitors avg_time_on_page"
    " bounce_rate exit_rate avg_time_on_site nb_actions_per_visit"
)

_DROPPED = (
    Dropped(tuple(_UNUSED.split()), "figures of Matomo that no KPI needs, or ratios of others"),
    Dropped(
        ("segment", "logo", "idsubdatatable", "referrer_type", "country", "region", "lat", "long"),
        "how Matomo draws and opens a report",
    ),
)


def _table(name: str, description: str, time: tuple[Field, ...], properties: tuple[Field, ...]) -> Table:
    return Table(
        name=name,
        key="audience_key",
        key_parts=("tool", "site", *(field.name for field in (*time, *properties) if not field.filled_by_load)),
        description=description,
        fields=(*_WHERE, *time, *properties, *_METRICS),
        dated_by=time[0].name,
        not_after_load=NotAfterLoad((time[0].name,)),
        any_of=(("time_spent_per_visit_milliseconds", "visit_length_seconds"),),
        dropped=_DROPPED,
        generations=_GENERATIONS,
        rule=_complete,
    )


HOURLY_VISITS = _table(
    "hourly_visits",
    "Visits of a site by hour, local time of the site, and part of the site.",
    (
        Field("date", "Day, local time of the site, ISO 8601.", parse=day, required=True, nullable=False),
        Field(
            "visit_hour",
            "Hour 0 to 23, local time of the site; -1 where the tool does not know it.",
            (),
            hour,
            "bigint",
            required=True,
            nullable=False,
        ),
        Field("is_hour_known", "Whether `visit_hour` is an hour.", type="boolean", nullable=False, filled_by_load=True),
    ),
    (_SUB_SITE,),
)

GEO_VISITS = _table(
    "geo_visits",
    "Visits of a site by month and place of the visitor.",
    (_MONTH,),
    (
        Field("geo_country", "Country, in English.", ("country_name",), known_term, required=True),
        Field("geo_region", "Region; outside France, Piano writes a city here.", ("region_name",), known_term),
        Field("geo_city", "City.", ("city_name",), known_term),
    ),
)

PAGES_VISITS = _table(
    "pages_visits",
    "Visits of a page by month; a visit counts for each page that it saw.",
    (_MONTH,),
    (
        Field("page", "Name of the page (Piano) or its address (Matomo).", ("url",), bare_address, required=True),
        Field("page_full_name", "Name with its chapters; Piano only.", (), known_text),
        _SUB_SITE,
    ),
)

SOURCES_VISITS = _table(
    "sources_visits",
    "Visits of a site by month and origin.",
    (_MONTH,),
    (
        Field(
            "src", "Kind of origin, in the words of the tool, such as 'Search engines'.", (), known_term, required=True
        ),
        Field("src_detail", "Origin, such as the name of the search engine; Piano only.", (), known_text),
        Field("src_referrer_url", "Address of the origin, without its query; Piano only.", (), bare_address),
    ),
)

DEVICES_VISITS = _table(
    "devices_visits",
    "Visits of a site by month and device.",
    (_MONTH,),
    (
        Field(
            "device_type", "Device, in the words of the tool, such as 'Mobile Phone'.", (), known_term, required=True
        ),
        Field("os_group", "Operating system; Piano only.", (), known_term),
        Field("browser_group", "Browser; Piano only.", (), known_term),
        Field("browser_language", "Language of the browser; Piano only.", (), known_term),
    ),
)

CONTRACT = (HOURLY_VISITS, GEO_VISITS, PAGES_VISITS, SOURCES_VISITS, DEVICES_VISITS)
