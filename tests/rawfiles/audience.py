"""Audience of the sites: rows of Piano Analytics as an extraction tool leaves them, and the same as CSV.

{"tool": "piano", "site": "gendarmerie.interieur.gouv.fr", "date_year": 2024, "date_month": "March",
 "geo_country": "France", "geo_region": "French guiana", "geo_city": "Cayenne", "m_visits": 12, …}
"""

import calendar
from datetime import date, timedelta
from random import Random

from tests.geography import ABROAD, NATION, UNKNOWN
from tests.rawfiles.deliveries import FIRST_DAY, LAST_DAY, MONTHS, Desk, Row, Table, csv_text, json_lines

PLATFORM = "audience"
SITES = ("gendarmerie.interieur.gouv.fr", "service-public.fr")
SUB_SITES = {"recrutement": "recrutement", "national": "national", "gign": "gign", "N/A": "non précisé"}
HOURS = ("0", "8", "23", "N/A")

#: Country and region as the tool writes them, and the place that each is. Punctuation, case and accents vary.
PLACES = {
    ("France", "auvergne-rhône-alpes"): "FR-ARA",
    ("France", "Bretagne"): "FR-BRE",
    ("France", "French guiana"): "FR-GUF",
    ("France", "French polynesia"): "FR-PF",
    ("France", "uvea"): "FR-WF",
    ("France", "new caledonia"): "FR-NC",
    ("France", "provence-alpes-côte d'azur"): "FR-PAC",
    ("France", "provence-alpes-côte d’azur"): "FR-PAC",
    ("France", "provence-alpes-cote-d'azur"): "FR-PAC",
    ("France", "Provence‑Alpes‑Côte‑dʼAzur"): "FR-PAC",
    ("France", "la réunion"): "FR-LRE",
    ("France", "saint-martin"): "FR-MF",
    ("France", "saint barthelemy"): "FR-BL",
    ("France", "centre-val-de-loire"): "FR-CVL",
    ("France", "Ile de France"): "FR-IDF",
    ("France", "Atlantide"): UNKNOWN,
    ("France", "N/A"): UNKNOWN,
    ("N/A", "N/A"): UNKNOWN,
    ("Belgium", "Bruxelles"): ABROAD,
    ("United States", "Saint Paul"): ABROAD,
}
#: Towns whose names are those of persons too.
CITIES = ("Saint-Pierre", "Saint-Louis", "Martin-Église", "Cayenne", "N/A")
SOURCES = {
    "Search engines": "moteurs de recherche",
    "Direct traffic": "accès direct",
    "Social media": "réseaux sociaux",
    "Portal sites": "portails",
    "Webmails": "messageries",
    "N/A": "non précisé",
}
DEVICES = {"Mobile Phone": "mobile", "Desktop": "ordinateur", "Tablet": "tablette", "TV": "télévision"}

METRICS = ("m_visits", "m_unique_visitors", "m_bounces", "m_time_spent_per_visits")


def deliver(desk: Desk) -> None:
    """Write each table as JSON Lines in the tool's names for two years, as CSV for the third, and a corrected month."""
    random = desk.random(PLATFORM)
    _hours(desk, random)
    _months(desk, random, "geo", ("geo_country", "geo_region", "geo_city"), _places)
    _months(desk, random, "sources", ("src", "src_detail", "src_referrer_url"), _sources)
    _months(desk, random, "devices", ("device_type", "os_group", "browser_group", "browser_language"), _devices)


def _metrics(random: Random) -> Row:
    visits = random.randrange(1, 400)
    return {
        "m_visits": visits,
        "m_unique_visitors": visits - visits // 5,
        "m_bounces": visits // 3,
        "m_time_spent_per_visits": random.randrange(1, 90_000) + 0.5,
    }


def _hours(desk: Desk, random: Random) -> None:
    columns = ("date", "visit_hour", "site_level2")
    rows: list[Row] = []
    day = FIRST_DAY
    while day <= LAST_DAY:
        for site in SITES:
            for hour in HOURS:
                sub_site = random.choice(list(SUB_SITES))
                rows.append(_row(random, site, {"date": str(day), "visit_hour": hour, "site_level2": sub_site}))
        day += timedelta(days=5)
    later = [row | _metrics(random) for row in rows if "2025-03" in row["date"]]
    table = Table()
    for name, part in (
        ("hourly_visits_2023_2024.jsonl", [row for row in rows if row["date"] < "2025"]),
        ("hourly_visits_2025.csv", [row for row in rows if row["date"] >= "2025"]),
        ("hourly_visits_2025_03.csv", later),
    ):
        _write(desk, table, name, part, columns)
    for key, row in table.rows.items():
        day, parts = date.fromisoformat(key[1]), {"site": key[0], "sub_site": SUB_SITES[key[3]]}
        desk.figures.add("visits", day, NATION, row["m_visits"], parts=parts)
        desk.figures.add("bounce_share", day, NATION, row["m_bounces"], row["m_visits"], parts=parts)


def _places(desk: Desk, day: date, site: str, key: tuple[str, ...], row: Row) -> None:
    if PLACES[key[0], key[1]] == UNKNOWN and key[1] != "N/A":
        desk.unknown_regions[key[1].casefold()] += row["m_visits"]
    desk.figures.add("regional_visits", day, PLACES[key[0], key[1]], row["m_visits"], parts={"site": site})


def _sources(desk: Desk, day: date, _: str, key: tuple[str, ...], row: Row) -> None:
    part = {"traffic_source": SOURCES[key[0]]}
    desk.figures.add("visits", day, NATION, row["m_visits"], parts=part, is_total=False)
    desk.figures.add("bounce_share", day, NATION, row["m_bounces"], row["m_visits"], parts=part, is_total=False)


def _devices(desk: Desk, day: date, site: str, key: tuple[str, ...], row: Row) -> None:
    part = {"device": DEVICES[key[0]]}
    desk.figures.add("visits", day, NATION, row["m_visits"], parts=part, is_total=False)
    desk.figures.add("bounce_share", day, NATION, row["m_bounces"], row["m_visits"], parts=part, is_total=False)
    desk.figures.add("unique_visitors", day, NATION, row["m_unique_visitors"], parts=part | {"site": site})


def _properties(random: Random, name: str) -> list[tuple[str, ...]]:
    match name:
        case "geo":
            return [(*place, city) for place in PLACES for city in random.sample(CITIES, 2)]
        case "sources":
            return [(kind, "google" if kind == "Search engines" else "N/A", "N/A") for kind in SOURCES]
    return [(device, system, "Chrome", "fr") for device in DEVICES for system in ("Android", "Linux")]


def _months(desk: Desk, random: Random, name: str, columns: tuple[str, ...], count) -> None:
    rows = []
    for month in MONTHS:
        when = {"date_year": month.year, "date_month": calendar.month_name[month.month]}
        rows += [
            _row(random, site, when | dict(zip(columns, values, strict=True)))
            for site in SITES
            for values in _properties(random, name)
        ]
    table = Table()
    when = ("date_year", "date_month")
    _write(desk, table, f"{name}_visits_2023_2024.jsonl", [r for r in rows if r["date_year"] < 2025], (*when, *columns))
    _write(desk, table, f"{name}_visits_2025.csv", [r for r in rows if r["date_year"] == 2025], (*when, *columns))
    months = list(calendar.month_name)
    for (site, year, month, *key), row in table.rows.items():
        count(desk, date(year, months.index(month), 1), site, tuple(key), row)


def _row(random: Random, site: str, properties: Row) -> Row:
    return {"tool": "piano", "site": site, **properties, **_metrics(random)}


def _write(desk: Desk, table: Table, name: str, rows: list[Row], columns: tuple[str, ...]) -> None:
    """Write rows as JSON Lines, or as CSV, where year and month are one column `month`."""
    if name.endswith(".csv"):
        cells = [_cells(row) for row in rows]
        data = csv_text((row.values() for row in cells), ",", list(cells[0])).encode()
    else:
        data = json_lines(rows)
    file = desk.file(PLATFORM, name, data)
    table.take(
        file,
        (
            (
                (row["site"], *(row[column] for column in columns)),
                {metric: row[metric] for metric in METRICS},
            )
            for row in rows
        ),
    )


def _cells(row: Row) -> Row:
    if "date_year" not in row:
        return row
    month = list(calendar.month_name).index(row["date_month"])
    rest = {name: value for name, value in row.items() if name not in ("date_year", "date_month")}
    return {"month": f"{row['date_year']}-{month:02}", **rest}
