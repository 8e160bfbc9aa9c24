"""Stand-ins of the audience tools: Piano Analytics (Data API v3) and Matomo (Reporting API).

The visits of a month by place, source or device are those of its hours, dealt out: the tables add up. Campaigns bring
visitors to Ma Sécurité, floods and frauds to the site of the Gendarmerie.
"""

from calendar import month_name
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import clock
from sandbox.drift import drifted, fault_of, first_row
from sandbox.events import START, draw, poisson, pressure, weekday_share
from sandbox.periods import days
from sandbox.places import REGIONS, departements

PREFIX = "/audience"
PIANO = f"{PREFIX}/piano/v3"
MATOMO = f"{PREFIX}/matomo"
SETTINGS = {"CYBERIMPACT_AUDIENCE_PIANO_URL": PIANO, "CYBERIMPACT_AUDIENCE_MATOMO_URL": MATOMO}

GENDARMERIE, SERVICE_PUBLIC, MA_SECURITE = "614694", "1", "matomo 1"

#: Visits of an ordinary day.
DAILY_VISITS = {GENDARMERIE: 9_000, SERVICE_PUBLIC: 1_200, MA_SECURITE: 700}

#: Days between two on which the measure of Ma Sécurité fails.
UNMEASURED_EVERY_DAYS = 45

#: How much what happens brings, per site.
ATTRACTING = {
    GENDARMERIE: {"flood": 1.2, "rumour": 0.8, "prevention": 0.4},
    SERVICE_PUBLIC: {"card_fraud": 0.5, "phishing": 0.4},
    MA_SECURITE: {"prevention": 3.0, "phishing": 0.3},
}

#: Share of the visits by hour, from 0.
HOURS = (6, 3, 0, 0, 0, 3, 10, 22, 45, 70, 80, 75, 55, 62, 74, 76, 72, 66, 58, 52, 50, 46, 32, 15)
OFFICE_HOURS = range(9, 17)

SUB_SITES = {"national": 70, "recrutement": 20, "musee": 4, "gign": 4, "cyberimpact": 2}
SMALL_SITES = frozenset({"recrutement", "musee", "gign", "cyberimpact"})

SOURCES = (
    ("Search engines", "Google", "https://www.google.com/search?q=mon+adresse+jean.exemple@exemple.fr", 52),
    ("Search engines", "Bing", "https://www.bing.com/", 9),
    ("Direct traffic", "N/A", "N/A", 22),
    ("Social media", "Facebook", "https://www.facebook.com/", 7),
    ("Referrer sites", "service-public.fr", "https://www.service-public.fr/", 6),
    ("Portal sites", "Gouvernement", "https://www.gouvernement.fr/", 2),
    ("Webmails", "Outlook", "N/A", 1),
    ("N/A", "N/A", "N/A", 1),
)
DEVICES = (
    ("Mobile Phone", "Android", "Chrome", "French", 34),
    ("Mobile Phone", "iOS", "Safari", "French", 24),
    ("Desktop", "Windows", "Chrome", "French", 19),
    ("Desktop", "Windows", "Edge", "French", 10),
    ("Desktop", "macOS", "Safari", "English", 5),
    ("Tablet", "iPadOS", "Safari", "French", 5),
    ("Desktop", "Linux", "Firefox", "French", 2),
    ("TV", "Android TV", "N/A", "N/A", 1),
)
PAGES = (
    ("accueil", 30),
    ("contacter la gendarmerie", 18),
    ("recrutement::sous-officier", 14),
    ("recrutement::officier", 6),
    ("arnaques en ligne", 9),
    ("pre-plainte en ligne", 12),
    ("horaires des brigades", 8),
    ("actualites", 7),
    ("prevention::cambriolages", 6),
    ("gign::presentation", 4),
)
ABROAD = (("Belgium", "Brussels", "Brussels", 3), ("Switzerland", "Geneva", "Geneva", 2), ("N/A", "N/A", "N/A", 2))

LARGEST_PAGE = 10_000
MOST_COLUMNS = 50
METRICS = frozenset({"m_visits", "m_unique_visitors", "m_bounces", "m_time_spent_per_visits"})
PROPERTIES = {
    "hours": frozenset({"date", "visit_hour", "site_level2"}),
    "places": frozenset({"date_year", "date_month", "geo_country", "geo_region", "geo_city"}),
    "pages": frozenset({"date_year", "date_month", "page", "page_full_name", "site_level2"}),
    "sources": frozenset({"date_year", "date_month", "src", "src_detail", "src_referrer_url"}),
    "devices": frozenset({"date_year", "date_month", "device_type", "os_group", "browser_group", "browser_language"}),
}

Row = dict[str, Any]


def shared(total: int, weights: Sequence[float]) -> list[int]:
    """Deal a total out by weight, so that the parts are whole and add up (largest remainders)."""
    total_weight = sum(weights) or 1
    exact = [total * weight / total_weight for weight in weights]
    parts = [int(part) for part in exact]
    order = sorted(range(len(weights)), key=lambda rank: exact[rank] - parts[rank], reverse=True)
    for rank in order[: total - sum(parts)]:
        parts[rank] += 1
    return parts


@lru_cache(maxsize=8192)
def visits(seed: int, site: str, day: date) -> int:
    """Return the visits of a site on a day; Ma Sécurité is not measured on some."""
    if site == MA_SECURITE and (day - START).days % UNMEASURED_EVERY_DAYS == UNMEASURED_EVERY_DAYS - 1:
        return 0
    chance = draw(seed, f"audience/{site}", day)
    drawn = sum(weight * (pressure(seed, day, kind) - 1) for kind, weight in ATTRACTING[site].items())
    return poisson(chance, DAILY_VISITS[site] * weekday_share(day) * (1 + drawn))


@lru_cache(maxsize=4096)
def hours(seed: int, site: str, day: date) -> tuple[tuple[str, str, int], ...]:
    """Return hour, part of the site and visits; small parts are visited in office hours only."""
    total = visits(seed, site, day)
    if site != GENDARMERIE:
        by_hour = shared(total, [share if hour in OFFICE_HOURS else 0 for hour, share in enumerate(HOURS)])
        return tuple((str(hour), "N/A", count) for hour, count in enumerate(by_hour) if count)
    chance = draw(seed, f"audience/{site}/hours", day)
    unknown = 5 if chance.random() < 0.1 else 0  # noqa: PLR2004
    found = [("N/A", "N/A", unknown)] if unknown else []
    for part, count in zip(SUB_SITES, shared(total - unknown, list(SUB_SITES.values())), strict=True):
        open_hours = sorted(chance.sample(OFFICE_HOURS, 3)) if part in SMALL_SITES else range(24)
        weights = [HOURS[hour] if hour in open_hours else 0 for hour in range(24)]
        found += [(str(hour), part, n) for hour, n in enumerate(shared(count, weights)) if n]
    return tuple(found)


def begun_hours(seed: int, site: str, day: date) -> Iterator[tuple[str, str, int]]:
    """Yield what `hours` returns of the hours that have begun in Paris; an unknown hour begins with its day."""
    at = clock.local(clock.now())
    for hour, part, count in hours(seed, site, day):
        if (day, int(hour) if hour != "N/A" else 0) <= (at.date(), at.hour):
            yield hour, part, count


def days_of(start: date, end: date) -> Iterable[date]:
    """Yield the days from one to another, both included, that the history has."""
    return days(max(start, START), end)


def _weighted(table: str) -> list[tuple[tuple[str, ...], float]]:
    """Return the properties of the rows of a monthly table, with their weight."""
    if table == "places":
        region_of = {code: region.name for region in REGIONS for code in region.departements}
        places: list[tuple[tuple[str, ...], float]] = [
            (("France", region_of[place.code], place.town), place.population / 700_000)
            for place in departements()
            if place.code in region_of
        ]
        return places + [((country, region, city), weight) for country, region, city, weight in ABROAD]
    if table == "pages":
        parts = [page.rpartition("::")[0] or "national" for page, _ in PAGES]
        return [
            ((page.rpartition("::")[2], f"gendarmerie::{page}", part if part in SUB_SITES else "national"), weight)
            for (page, weight), part in zip(PAGES, parts, strict=True)
        ]
    return [(tuple(row[:-1]), row[-1]) for row in (SOURCES if table == "sources" else DEVICES)]


def _metrics(count: int, longer: int = 0) -> Row:
    """Return the metrics of some visits as Piano gives them; the time is a mean per visit, in milliseconds."""
    return {
        "m_visits": count,
        "m_unique_visitors": max(1, round(count * 0.87)),
        "m_bounces": round(count * 0.41),
        "m_time_spent_per_visits": 150_000 + 7 * (count % 9_973) + longer,
    }


def piano_rows(seed: int, site: str, table: str, start: date, end: date) -> tuple[Row, ...]:
    """Return the rows of a question, most visited first; of the running day, those of the hours that have begun."""
    at = clock.local(clock.now())
    return _piano_rows(seed, site, table, start, end, at.hour if end >= at.date() else None)


@lru_cache(maxsize=512)
def _piano_rows(
    seed: int,
    site: str,
    table: str,
    start: date,
    end: date,
    _running_hour: int | None,  # part of the cache key: the rows of the running day change
) -> tuple[Row, ...]:
    if table == "hours":
        rows = [
            {"date": day.isoformat(), "visit_hour": hour, "site_level2": part, **_metrics(count)}
            for day in days_of(start, end)
            for hour, part, count in begun_hours(seed, site, day)
        ]
    else:
        names = {
            "places": ("geo_country", "geo_region", "geo_city"),
            "pages": ("page", "page_full_name", "site_level2"),
            "sources": ("src", "src_detail", "src_referrer_url"),
            "devices": ("device_type", "os_group", "browser_group", "browser_language"),
        }[table]
        total = sum(count for day in days_of(start, end) for _, _, count in begun_hours(seed, site, day))
        weighted = _weighted(table)
        parts = shared(total, [weight for _, weight in weighted])
        month = {"date_year": start.year, "date_month": month_name[start.month]}
        rows = [
            {**month, **dict(zip(names, properties, strict=True)), **_metrics(count, len(properties[0]))}
            for (properties, _), count in zip(weighted, parts, strict=True)
            if count
        ]
    return tuple(sorted(rows, key=lambda row: -row["m_visits"]))


def routes(seed: int, today: Callable[[], date]) -> list[Route]:
    """Return what both tools answer."""

    async def piano(request: Request) -> Response:
        if not request.headers.get("x-api-key"):
            return _piano_error(401, "Authentication failed.")
        return _piano(seed, today(), await request.json(), fault_of(request))

    async def matomo(request: Request) -> Response:
        form = {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}
        if "token_auth" in request.query_params:
            return _matomo_error("The token must be sent as a POST parameter.")
        if form.get("token_auth", "anonymous") == "anonymous":
            return _matomo_error(ACCESS_DENIED)
        return _matomo(seed, today(), form, fault_of(request))

    return [
        Route(f"{PIANO}/data/getData", piano, methods=["POST"]),
        Route(f"{MATOMO}/index.php", matomo, methods=["POST"]),
    ]


ACCESS_DENIED = "You can't access this resource as it requires 'view' access for the website id = 1."


def refuse(fault: str) -> Response | None:
    """Return Piano's own answers; Matomo's proxies and servers answer like any other."""
    match fault:
        case "unauthorized":
            return _piano_error(401, "Authentication failed.")
        case "forbidden":
            return _piano_error(403, "You do not have access to this space.")
        case _:
            return None


def _piano_error(status: int, message: str) -> Response:
    return JSONResponse({"ErrorCode": status, "ErrorMessage": message, "ErrorType": "Query"}, status)


def _piano(seed: int, today: date, asked: Row, fault: str) -> Response:
    if missing := {"columns", "space", "period", "sort"} - asked.keys():
        return _piano_error(400, f"Missing parameter: {', '.join(sorted(missing))}.")
    columns = set(asked["columns"])
    table = next((name for name, own in PROPERTIES.items() if columns <= METRICS | own and columns & own == own), None)
    if table is None or len(columns) > MOST_COLUMNS or not columns & METRICS:
        return _piano_error(400, "Invalid columns.")
    size, number = asked.get("max-results", 50), asked.get("page-num", 1)
    if not 0 < size <= LARGEST_PAGE:
        return _piano_error(400, "max-results must be between 1 and 10000.")
    period, site = asked["period"]["p1"][0], str(asked["space"]["s"][0])
    start, end = date.fromisoformat(period["start"]), date.fromisoformat(period["end"])
    if end > max(today, clock.today()):  # a history served up to an earlier day has no rows after it
        return _piano_error(400, "The period must not be in the future.")
    if site not in {GENDARMERIE, SERVICE_PUBLIC}:
        return _piano_error(403, "You do not have access to this space.")
    rows = piano_rows(seed, site, table, start, min(end, today))
    wanted = asked.get("filter", {}).get("property", {}).get("page_full_name", {}).get("$lk", "")
    if site == SERVICE_PUBLIC and wanted != "gendarmerie":
        rows = tuple({**row, "m_visits": row["m_visits"] * 60} for row in rows)  # the whole site
    first = first_row(fault, (number - 1) * size)
    page = [_drifted(row, "m_visits", fault) for row in rows[first : first + size]]
    return JSONResponse({"DataFeed": {"Columns": [{"Name": name} for name in asked["columns"]], "Rows": page}})


def _matomo_error(message: str) -> Response:
    return JSONResponse({"result": "error", "message": message})


def _matomo(seed: int, today: date, form: dict[str, str], fault: str) -> Response:
    method = form.get("method", "")
    if form.get("module") != "API" or form.get("format", "").lower() != "json":
        return _matomo_error("Please specify the module and the format.")
    if form.get("idSite") != "1":
        return _matomo_error("An unexpected website was found in the request: website id was set to '0' .")
    if method == "VisitTime.getVisitInformationPerServerTime":
        start, _, end = form["date"].partition(",")
        asked = days_of(date.fromisoformat(start), min(date.fromisoformat(end or start), today))
        return JSONResponse({day.isoformat(): _matomo_hours(seed, day, fault) for day in asked})
    tables = {
        "UserCountry.getCity": "places",
        "Actions.getPageUrls": "pages",
        "Referrers.getReferrerType": "sources",
        "DevicesDetection.getType": "devices",
    }
    if method not in tables:
        return _matomo_error(f"The method '{method}' does not exist or is not available in the module.")
    month = date.fromisoformat(form["date"])
    last = min(today, (month + timedelta(days=31)).replace(day=1) - timedelta(days=1))
    rows = _matomo_month(seed, tables[method], month, last)
    offset, limit = int(form.get("filter_offset", 0)), int(form.get("filter_limit", 100))
    offset = first_row(fault, offset)
    page = rows[offset:] if limit == -1 else rows[offset : offset + limit]
    return JSONResponse([_drifted(row, "nb_visits", fault) for row in page])


def _matomo_metrics(count: int) -> Row:
    return {
        "nb_visits": count,
        "nb_actions": count * 3,
        "nb_users": 0,
        "max_actions": min(count, 12),
        "sum_visit_length": count * 140,
        "bounce_count": round(count * 0.41),
        "nb_visits_converted": 0,
    }


def _matomo_hours(seed: int, day: date, fault: str) -> list[Row]:
    """Return the 24 hours of a day, or an empty list when nothing was measured."""
    by_hour = {int(hour): count for hour, _, count in begun_hours(seed, MA_SECURITE, day)}
    if not by_hour:
        return []
    rows = (
        {
            "label": f"{hour}h",
            "nb_uniq_visitors": round(by_hour.get(hour, 0) * 0.9),
            **_matomo_metrics(by_hour.get(hour, 0)),
            "segment": f"visitServerHour=={hour}",
        }
        for hour in range(24)
    )
    return [_drifted(row, "nb_visits", fault) for row in rows]


def _matomo_month(seed: int, table: str, month: date, last: date) -> list[Row]:
    total = sum(count for day in days_of(month, last) for _, _, count in begun_hours(seed, MA_SECURITE, day))
    weighted = _weighted(table)
    counts: dict[tuple[str, ...], int] = {}
    for (properties, _), count in zip(weighted, shared(total, [weight for _, weight in weighted]), strict=True):
        label = properties if table in {"places", "pages"} else properties[:1]
        counts[label] = counts.get(label, 0) + count
    rows = [_matomo_row(table, label, count) for label, count in counts.items() if count]
    return sorted(rows, key=lambda row: -row["nb_visits"])


def _matomo_row(table: str, label: tuple[str, ...], count: int) -> Row:
    monthly = {"sum_daily_nb_uniq_visitors": round(count * 0.9), **_matomo_metrics(count)}
    if table == "places":
        country, region, city = (None if part == "N/A" else part for part in label)
        shown = ", ".join(part or "Unknown" for part in (city, region, country))
        place = {"country_name": country or "Unknown", "region_name": region, "city_name": city, "country": "fr"}
        return {"label": shown, **monthly, **place, "lat": "46.2", "long": "2.2"}
    if table == "pages":
        address = f"https://masecurite.interieur.gouv.fr/{label[0].replace(' ', '-')}"
        return {
            "label": f"/{label[0].replace(' ', '-')}",
            "nb_visits": count,
            "nb_hits": count * 2,
            "sum_time_spent": count * 60,
            "entry_nb_visits": count // 2,
            "sum_daily_nb_uniq_visitors": round(count * 0.9),
            "bounce_rate": "41%",
            "exit_rate": "30%",
            "avg_time_on_page": 60,
            "url": f"{address}?utm_source=lettre&mail=jean.exemple@exemple.fr",
        }
    renamed = {"Direct traffic": "Direct Entry", "Mobile Phone": "Smartphone", "N/A": "Unknown"}
    return {"label": renamed.get(label[0], label[0]), **monthly}


def _drifted(row: Row, name: str, fault: str) -> Row:
    return drifted(
        row,
        fault,
        renamed={name: f"{name}_v4"},
        flipped={name: "plusieurs"},
        nested={name: "value"},
        edited={name: row[name] and row[name] + 1},  # where nobody came, nobody is found later
    )
