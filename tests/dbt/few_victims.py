"""Invented counts of few victims, seeded. A year is a cube of its own: no figure is published over several years."""

import calendar
import random
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise, product
from typing import Any

import duckdb
import pyarrow as pa

from core.settings import home
from ingestion.connectors.perceval.contract import AGE_CLASSES
from ingestion.engine.loading import ensure_tables
from tests.dbt.raw import Row

#: Codes as the producers write them: regions of two and of one, overseas without region, abroad and unknown.
PLACES = ("22", "29", "2A", "2B", "971", "987", "99", None)
PUBLICS = ("particulier", "entreprise_association", "collectivite_administration")
THREATS = ("hameçonnage", "spam", "virus")


def create(years: Iterable[int], seed: int) -> None:
    """Write the raw tables of the two platforms that count victims into the warehouse of the home."""
    chance = random.Random(seed)
    tables: dict[str, list[Row]] = {
        "raw_cybermalveillance.cases": [],
        "raw_perceval.monthly_departements": [],
        "raw_perceval.monthly_ages": [],
        "raw_perceval.daily_reports": [],
        "raw_perceval.daily_amounts": [],
    }
    for year in years:
        density, mean = chance.uniform(0.1, 0.9), chance.uniform(1, 12)
        for month in range(1, chance.randint(3, 7) + 1):
            tables["raw_cybermalveillance.cases"] += cases(chance, date(year, month, 1), density, mean)
            for table, rows in reports(chance, date(year, month, 1), density, mean).items():
                tables[f"raw_perceval.{table}"] += rows
    for platform in ("cybermalveillance", "perceval"):
        ensure_tables(platform)
    with duckdb.connect(str(home().warehouse)) as connection:
        for table, rows in tables.items():
            written = pa.Table.from_pylist(  # noqa: F841 - DuckDB reads it by its name
                [
                    {"_dlt_load_id": "1700000000.0", "_dlt_id": f"{table}-{number}"} | row
                    for number, row in enumerate(rows)
                ]
            )
            connection.execute(f"insert into {table} by name select * from written")


def few(chance: random.Random, mean: float) -> int:
    return int(chance.expovariate(1 / mean))


def cases(chance: random.Random, month: date, density: float, mean: float) -> list[Row]:
    rows = []
    for place, public, threat in product(PLACES, PUBLICS, THREATS):
        if chance.random() > density / 4:
            continue
        victims = few(chance, mean)
        ways = ("nb_mise_en_relation_prestataire", "nb_tchat_fsi", "nb_orientation_plainte")
        counted = chance.random() < 0.9
        rows.append(
            {
                "case_key": f"{month}|{place}|{public}|{threat}",
                "date": month.isoformat(),
                "public": public,
                "categorie_menace": threat,
                "code_departement": place,
                "nb_parcours": victims,
                **{way: chance.randint(0, victims) if counted else None for way in ways},
            }
        )
    return rows


def reports(chance: random.Random, month: date, density: float, mean: float) -> dict[str, list[Row]]:
    """Return the series of a month, which count the same reports by département, by class of age and by day."""
    by_place = {place: few(chance, mean) for place in PLACES[:-1] if chance.random() < density}
    if not by_place:
        return {}
    days = [month.replace(day=day) for day in range(1, calendar.monthrange(month.year, month.month)[1] + 1)]
    by_day = split(chance, sum(by_place.values()), days)
    by_age = split(chance, sum(by_place.values()), AGE_CLASSES)
    name = f"{month:%Y-%m}"
    return {
        "monthly_departements": [
            {"series_key": f"{name}|{place}", "month": name, "dpt_code": place, "count": count}
            for place, count in by_place.items()
        ],
        "monthly_ages": [
            {"series_key": f"{name}|{age}", "month": name, "age_cat": age, "count": count}
            for age, count in by_age.items()
        ],
        "daily_reports": [{"day": day.isoformat(), "count": count} for day, count in by_day.items()],
        "daily_amounts": [{"day": day.isoformat(), "amount": 100 * count} for day, count in by_day.items()],
    }


def split(chance: random.Random, total: int, parts: Sequence[Any]) -> dict[Any, int]:
    """Return the total dealt out to the parts, zeros included."""
    cuts = sorted(chance.randint(0, total) for _ in parts[1:])
    dealt = zip(parts, (high - low for low, high in pairwise([0, *cuts, total])), strict=True)
    return dict(dealt)
