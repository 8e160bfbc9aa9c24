"""Percev@l: one cumulative JSON file with four series of counts.

{"nb_report_day": {"2024-03-14": 12}, "amount_of_money_day": {"2024-03-14": 5615.5},
 "dpt_report_month": {"2024-03": {"06": 40}}, "age_categories_month": {"2024-03": {"25-34": 40}}}
"""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.geography import NATION, of_departement
from tests.rawfiles.deliveries import FIRST_DAY, FUTURE, LAST_DAY, Desk, Table

PLATFORM = "perceval"
REPORTS, AMOUNTS = "nb_report_day", "amount_of_money_day"
DEPARTEMENTS, AGES = "dpt_report_month", "age_categories_month"

#: Codes of the file; Paris is `75` in odd months and `75C` in even ones.
CODES = (
    "1",
    "02",
    "06",
    "2A",
    "2B",
    "20",
    "33",
    "59",
    "67",
    "69M",
    "75",
    "971",
    "973",
    "977",
    "978",
    "984",
    "987",
    "99",
)
#: Classes of age, and what readers see; what `00` means is open (§9.1, 3).
CLASSES = {
    "00": "Non précisé ou moins de 15 ans",
    "15-24": "15 à 24 ans",
    "25-34": "25 à 34 ans",
    "35-44": "35 à 44 ans",
    "45-54": "45 à 54 ans",
    "55-64": "55 à 64 ans",
    "65-74": "65 à 74 ans",
    "75+": "75 ans et plus",
}

Series = dict[str, dict[Any, Any]]


def deliver(desk: Desk) -> None:
    """Write the file as it was at the end of 2024, and a year later with corrections of the past and bad entries."""
    whole = _series(desk)
    table = Table()
    _write(desk, table, "perceval_2024.json", _until(whole, date(2024, 12, 31)))
    for day in list(whole[REPORTS])[100:110]:
        month = day[:7]
        whole[REPORTS][day] += 7
        whole[DEPARTEMENTS][month, "33"] += 7
        whole[AGES][month, "35-44"] += 7
    _write(desk, table, "perceval_2025.json", whole, has_bad_entries=True)

    for (series, key), row in table.rows.items():
        value = row["value"]
        if series == REPORTS:
            _add_day(desk, key, 0, value)
        elif series == AMOUNTS:
            _add_day(desk, key, value, 0)
        else:
            day = date.fromisoformat(f"{key[0]}-01")
            if series == DEPARTEMENTS:
                desk.figures.add("perceval_reports", day, of_departement(key[1]), value)
            else:
                desk.figures.add(
                    "perceval_reports", day, NATION, value, parts={"age_class": CLASSES[key[1]]}, is_total=False
                )


def _add_day(desk: Desk, day: str, amount: Decimal | int, reports: int) -> None:
    for kpi in ("perceval_amount_eur", "perceval_mean_amount_eur"):
        desk.figures.add(kpi, date.fromisoformat(day), NATION, amount, reports)


def _series(desk: Desk) -> Series:
    """Return the series, by day or by month and part; they agree, but for July 2025, and November 2022 is zero."""
    random = desk.random(PLATFORM)
    found: Series = {REPORTS: {}, AMOUNTS: {}, DEPARTEMENTS: {}, AGES: {}}
    days = (LAST_DAY - FIRST_DAY).days + 1
    for number in range(days):
        day = FIRST_DAY + timedelta(days=number)
        month = f"{day:%Y-%m}"
        reports = random.randrange(20, 60)
        found[REPORTS][str(day)] = reports
        if number % 97 != 5:  # a day whose amount was not given stays in the timeline
            found[AMOUNTS][str(day)] = Decimal(random.randrange(reports * 5_000, reports * 60_000)) / 100
        for _ in range(reports):
            code = random.choices(CODES, weights=[1 if c == "984" else 9 for c in CODES])[0]
            code = "75C" if code == "75" and day.month % 2 == 0 else code
            for series, part in ((DEPARTEMENTS, code), (AGES, random.choice(list(CLASSES)))):
                found[series][month, part] = found[series].get((month, part), 0) + 1
    found[DEPARTEMENTS]["2025-07", "2B"] += 30
    found[REPORTS]["2022-11-15"] = found[DEPARTEMENTS]["2022-11", "33"] = found[AGES]["2022-11", "35-44"] = 0
    found[AMOUNTS]["2022-11-15"] = Decimal(0)
    return found


def _until(series: Series, day: date) -> Series:
    last = str(day)
    return {
        name: {key: value for key, value in values.items() if (key if isinstance(key, str) else key[0]) <= last}
        for name, values in series.items()
    }


def _write(desk: Desk, table: Table, name: str, series: Series, has_bad_entries: bool = False) -> None:
    document: dict[str, dict[str, Any]] = {REPORTS: dict(series[REPORTS])}
    document[AMOUNTS] = {day: float(amount) for day, amount in series[AMOUNTS].items()}
    for series_name in (DEPARTEMENTS, AGES):
        document[series_name] = {}
        for (month, part), count in series[series_name].items():
            document[series_name].setdefault(month, {})[part] = count
    if has_bad_entries:
        document[REPORTS] |= {"2024-02-31": 5, str(FUTURE): 5}
        document[AMOUNTS]["2022-12-31"] = -5.0
        document[DEPARTEMENTS]["2022-13"] = {"33": 5}
        document[AGES]["2022-12"] = {"18-24": 5}
    file = desk.file(PLATFORM, name, json.dumps(document).encode(), 5 if has_bad_entries else 0)
    table.take(
        file,
        (
            ((series_name, key), {"value": value})
            for series_name in series
            for key, value in series[series_name].items()
        ),
    )
