"""Stand-ins of the official alerts: Météo-France vigilance, Vigicrues, and the alert levels of Santé publique France.

Floods, heatwaves and epidemics of the scenario show here, in the same départements, before anyone speaks of them.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import odsql, opendatasoft
from sandbox.clock import history_end
from sandbox.drift import drifted, fault_of
from sandbox.events import START, draw, pressure
from sandbox.periods import days
from sandbox.places import PARIS, REGIONS, Region, departements

PREFIX = "/official_alerts"
METEO_FRANCE = f"{PREFIX}/meteo_france/public/DPVigilance/v1"
ARCHIVE = f"{PREFIX}/meteo_france_archive"
VIGICRUES = f"{PREFIX}/vigicrues/services"
ODISSE = f"{PREFIX}/odisse/api/explore/v2.1"
SETTINGS = {
    "CYBERIMPACT_OFFICIAL_ALERTS_METEO_FRANCE_URL": METEO_FRANCE,
    "CYBERIMPACT_OFFICIAL_ALERTS_METEO_FRANCE_ARCHIVE_URL": ARCHIVE,
    "CYBERIMPACT_OFFICIAL_ALERTS_VIGICRUES_URL": VIGICRUES,
    "CYBERIMPACT_OFFICIAL_ALERTS_ODISSE_URL": ODISSE,
}

DATASET = "ma_region_epidemies_hivernales_alertes"
ODISSE_FIELDS = ("date", "date_lib", "reg", "theme", "valeur")

BULLETIN_HOUR, RIVER_HOUR = time(6), time(10)

STORM, FLOOD, HEAT, WAVES = "3", "4", "6", "9"
GREEN, YELLOW, ORANGE, RED = 1, 2, 3, 4
COASTAL = frozenset(
    {"06", "13", "14", "17", "22", "29", "2A", "2B", "33", "44", "50", "56", "59", "62", "76", "83", "85"}
)

MISSING_KEY = {"code": "900902", "message": "Missing Credentials", "description": "Missing Credentials"}

THEMES = ("Bronchiolite", "Covid-19", "Gastro-entérite", "Grippe")
WINTER_WEEKS = frozenset({*range(1, 9), *range(48, 54)})


def routes(seed: int, today: Callable[[], date]) -> list[Route]:
    """Return what the three sources answer."""

    async def map_of_the_day(request: Request) -> Response:
        if not request.headers.get("apikey"):
            return JSONResponse(MISSING_KEY, 401)
        return JSONResponse(_drifted_map(vigilance(seed, issued_by(today(), BULLETIN_HOUR)), fault_of(request)))

    async def archive(request: Request) -> Response:
        path = request.query_params.get("prefix", "")
        if path == "data/vigilance/vigilance-hexagone-tree.json":
            return JSONResponse(_tree(today()))
        try:
            year, month, day = (int(part) for part in path.removeprefix("data/vigilance/metropole/").split("/")[:3])
            return JSONResponse(vigilance(seed, date(year, month, day)))
        except ValueError:
            return JSONResponse({"code": "NoSuchKey", "message": "The specified key does not exist."}, 404)

    async def floods(request: Request) -> Response:
        levels = river_levels(seed, issued_by(today(), RIVER_HOUR))
        return JSONResponse(_drifted_floods(levels, fault_of(request)))

    async def epidemics(request: Request) -> Response:
        try:
            return opendatasoft.page(request, alert_levels(seed, today()), ODISSE_FIELDS, _drifted_level)
        except odsql.ODSQLError as refusal:
            return opendatasoft.refused("ODSQLError", str(refusal))

    return [
        Route(f"{METEO_FRANCE}/cartevigilance/encours", map_of_the_day),
        Route(f"{ARCHIVE}/download", archive),
        Route(f"{VIGICRUES}/InfoVigiCru.geojson", floods),
        Route(f"{ODISSE}/catalog/datasets/{DATASET}/records", epidemics),
    ]


def refuse(fault: str) -> Response | None:
    """Return what the gateway of Météo-France answers to a missing key, and to too many requests."""
    if fault == "unauthorized":
        return JSONResponse(MISSING_KEY, 401)
    if fault == "quota":
        body = {"code": "900802", "message": "Message throttled out", "description": "You have exceeded your quota"}
        return JSONResponse(body, 429)
    return None


def issued_by(today: date, hour: time) -> date:
    """Return the day of the last bulletin that was issued, given the hour at which each one is."""
    is_out = datetime.combine(today, hour, PARIS) <= history_end(today)
    return today if is_out else today - timedelta(days=1)


def _colour(added: float) -> int:
    """Return the colour for what an event adds to an ordinary day."""
    thresholds = ((2.2, RED), (1.0, ORANGE), (0.0, YELLOW))
    return next((colour for threshold, colour in thresholds if added > threshold), GREEN)


def _instant(day: date, hour: time = time(0)) -> str:
    moment = datetime.combine(day, hour, PARIS).astimezone(UTC)
    return moment.isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=256)
def _colours(seed: int, day: date) -> dict[tuple[str, str], int]:
    """Return the colour by domain and phenomenon, where it is not green."""
    chance = draw(seed, "official_alerts/storms", day)
    stormy = {place.code for place in departements() if chance.random() < 0.015}  # noqa: PLR2004
    found: dict[tuple[str, str], int] = {}
    for place in departements():
        if place.is_overseas:  # which has maps of its own
            continue
        levels = {
            STORM: YELLOW if place.code in stormy else GREEN,
            FLOOD: _colour(pressure(seed, day, "flood", place.code) - 1),
            HEAT: _colour(pressure(seed, day, "heatwave", place.code) - 1),
        }
        found |= {(place.code, phenomenon): colour for phenomenon, colour in levels.items() if colour > GREEN}
        if place.code in COASTAL and place.code in stormy:
            found[f"{place.code}10", WAVES] = YELLOW
    return found


def _domain(code: str, levels: dict[str, int], begin: str, end: str) -> dict[str, Any]:
    phenomena = []
    for phenomenon, colour in levels.items():
        chronology = [{"begin_time": begin, "end_time": end, "color_id": colour}]
        phenomena.append(
            {
                "phenomenon_id": phenomenon,
                "phenomenon_max_color_id": colour,
                "timelaps_items": [] if phenomenon == FLOOD else chronology,  # the product leaves it empty for floods
            }
        )
    return {"domain_id": code, "max_color_id": max(levels.values()), "phenomenon_items": phenomena}


def _watched(day: date) -> tuple[str, ...]:
    """Return the phenomena of a département's map: snow and cold in winter, heat in summer, the others always."""
    seasonal = {"winter": ("5", "7"), "summer": (HEAT,), "between": ()}
    season = "winter" if day.month in {11, 12, 1, 2, 3} else "summer" if day.month in {6, 7, 8, 9} else "between"
    return ("1", "2", STORM, FLOOD, *seasonal[season])


def _period(seed: int, term: str, day: date, begin: str) -> dict[str, Any]:
    colours, end, watched = _colours(seed, day), _instant(day + timedelta(days=1)), _watched(day)
    country = {
        phenomenon: max((colour for (_, other), colour in colours.items() if other == phenomenon), default=GREEN)
        for phenomenon in (*watched, WAVES)
    }
    places = [place.code for place in departements() if not place.is_overseas]
    domains = [
        _domain("FRA", country, begin, end),
        *(_domain(code, {p: colours.get((code, p), GREEN) for p in watched}, begin, end) for code in places),
        *(
            _domain(coast, {WAVES: colours.get((coast, WAVES), GREEN)}, begin, end)
            for coast in (f"{code}10" for code in sorted(COASTAL))
        ),
    ]
    return {
        "echeance": term,
        "begin_validity_time": begin,
        "end_validity_time": end,
        "text_items": {},
        "timelaps": {"domain_ids": domains},
    }


@lru_cache(maxsize=64)
def vigilance(seed: int, day: date) -> dict[str, Any]:
    """Return the map of a day, issued at six in the morning for that day and the next."""
    issued, tomorrow = _instant(day, BULLETIN_HOUR), day + timedelta(days=1)
    periods = [_period(seed, "J", day, issued), _period(seed, "J1", tomorrow, _instant(tomorrow))]
    worst = max(item["max_color_id"] for period in periods for item in period["timelaps"]["domain_ids"])
    product = {
        "warning_type": "vigilance",
        "type_cdp": "CDP_CARTE_EXTERNE",
        "version_vigilance": "V6",
        "version_cdp": "1.0.0",
        "update_time": issued,
        "domain_id": "FRA",
        "global_max_color_id": str(worst),
        "periods": periods,
    }
    return {"product": product, "meta": {"snapshot_id": f"{day:%Y%m%d}060000", "product_datetime": issued}}


def _tree(today: date) -> dict[str, Any]:
    """Return the archive's table of contents: year, month, day, stamp, files."""
    tree: dict[str, Any] = {}
    for day in days(START, today - timedelta(days=1)):
        stamp = _instant(day, BULLETIN_HOUR)[11:].replace(":", "")
        months = tree.setdefault(f"{day:%Y}", {})
        months.setdefault(f"{day:%m}", {})[f"{day:%d}"] = {
            stamp: ["CDP_CARTE_EXTERNE.json", "CDP_TEXTES_VIGILANCE.json"]
        }
    return tree


def river_levels(seed: int, day: date) -> dict[str, Any]:
    """Return the levels of the sections of watched rivers, one invented section per département of the mainland."""
    features = [
        {
            "type": "Feature",
            "properties": {
                "gid": rank,
                "CdEntCru": f"VC{place.code}",
                "lbentcru": f"Rivière de {place.town}",
                "acroentcru": f"VC{place.code}",
                "NivInfViCr": _colour(pressure(seed, day, "flood", place.code) - 1),
                "dhmentcru": "2006/07/05 09:00:00.000",
            },
            "geometry": {"type": "MultiLineString", "coordinates": [[[2.0, 47.0], [2.1, 47.1]]]},
        }
        for rank, place in enumerate(departements(), start=1)
        if not place.is_overseas
    ]
    return {
        "type": "FeatureCollection",
        "name": "InfoVigiCru",
        "RefInfoVigiCru": f"{day:%d%m%Y}_10",
        "DtHrInfoVigiCru": _instant(day, RIVER_HOUR).replace("Z", "+00:00"),
        "features": features,
    }


def _theme_level(seed: int, week: date, region: Region, theme: str) -> int:
    chance = draw(seed, f"official_alerts/{theme}/{region.code}", week)
    if theme == "Gastro-entérite":
        added = max(pressure(seed, week, "epidemic", code, lag_days=3) for code in region.departements) - 1
        return _colour(added)
    if week.isocalendar().week not in WINTER_WEEKS:
        return GREEN
    return chance.choice((YELLOW, ORANGE, ORANGE, RED))


@lru_cache(maxsize=8)
def alert_levels(seed: int, today: date) -> tuple[dict[str, Any], ...]:
    """Return the weekly alert level of every region and theme, dated by the Sunday that ends the week."""
    first = START + timedelta(days=6 - START.weekday())
    weeks = [first + timedelta(weeks=number) for number in range((today - first).days // 7 + 1)]
    return tuple(
        {
            "date": week.isoformat(),
            "date_lib": f"{week.isocalendar().year}-S{week.isocalendar().week:02}",
            "reg": region.code,
            "theme": theme,
            "valeur": _theme_level(seed, week, region, theme),
        }
        for week in weeks
        for region in REGIONS
        for theme in THEMES
    )


def _drifted(record: dict[str, Any], name: str, fault: str) -> dict[str, Any]:
    return drifted(
        record,
        fault,
        renamed={name: f"{name}_bis"},
        flipped={name: "plusieurs"},
        nested={name: "niveau"},
        edited={name: {YELLOW: ORANGE, ORANGE: RED, RED: ORANGE}.get(record[name], record[name])},
    )


def _drifted_level(level: dict[str, Any], fault: str) -> dict[str, Any]:
    return _drifted(level, "valeur", fault)


def _drifted_map(carte: dict[str, Any], fault: str) -> dict[str, Any]:
    if not fault:
        return carte
    periods = [
        {
            **period,
            "timelaps": {
                "domain_ids": [
                    {
                        **domain,
                        "phenomenon_items": [
                            _drifted(item, "phenomenon_max_color_id", fault) for item in domain["phenomenon_items"]
                        ],
                    }
                    for domain in period["timelaps"]["domain_ids"]
                ]
            },
        }
        for period in carte["product"]["periods"]
    ]
    return {**carte, "product": {**carte["product"], "periods": periods}}


def _drifted_floods(collection: dict[str, Any], fault: str) -> dict[str, Any]:
    features = [
        {**feature, "properties": _drifted(feature["properties"], "NivInfViCr", fault)}
        for feature in collection["features"]
    ]
    return {**collection, "features": features}
