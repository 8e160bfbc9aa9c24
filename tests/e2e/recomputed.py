"""One KPI of each roll-up from what the sandbox's platforms show to its observations: in pandas, without SQL.

Written from the definitions in `meta.kpi` alone. `tests.rollups` adds the observations up.
"""

import io
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import pandas as pd

from sandbox import experiences, jdma, perceval, pre_plainte, prevention_actions, services_publics_plus, social_accounts
from tests.geography import ABROAD, UNKNOWN, of_departement, of_postal_code
from tests.rollups import Observation

SEED = 17
#: The last day that the platforms show: March changes to summer time, and the monthly drops of April have not come.
NOW = date(2025, 4, 10)

PARIS = "Europe/Paris"


def observations(rows: Iterable[Mapping[str, Any]], *dimensions: str) -> list[Observation]:
    """Return rows of day, place, n, d, entity and breakdowns as observations."""
    return [
        Observation(
            record_key=str(index),
            occurred_on=row["day"],
            territory_code=row["place"],
            numerator=row["n"],
            denominator=row.get("d", 0),
            entity_key=row.get("entity"),
            parts={name: row.get(name) for name in dimensions},
        )
        for index, row in enumerate(rows)
    ]


def dropped(module: Any) -> Iterable[bytes]:
    return (content for _, content in module.drops(SEED, NOW))


#: Of the typologies, those that the Gendarmerie filters on; the API gives no identifier of a structure.
GENDARMERIE = {
    "Brigade de gendarmerie",
    "Région de Gendarmerie",
    "Unité Numérique",
    "Service en ligne Perceval",
    "Pré-plainte en ligne (PPEL)",
    "Gendarmerie Nationale",
}
THEMES = ("accessibilite", "information_explication", "relation", "reactivite", "simplicite_complexite")


def opinions() -> list[Observation]:
    """Return what citizens felt of the whole, and of each theme on which they said it."""
    records = [services_publics_plus.record(experience, NOW) for experience in experiences.history(SEED, NOW)]
    of_themes = [
        {
            "day": date.fromisoformat(record["date_de_publication"]),
            "place": ABROAD
            if record["pays"] not in (None, "France")
            else of_postal_code(record["code_postal_usager"] or ""),
            "scope": "gendarmerie"
            if GENDARMERIE & {record["intitule_typologie_1"], record["intitule_typologie_2"]}
            else "autres",
            "theme": theme,
            "n": int(record[theme or "ressenti_usager"] == "Positif"),
            "d": 1,
        }
        for record in records
        for theme in (None, *THEMES)
        if theme is None or record[theme] is not None
    ]
    return observations(of_themes, "scope", "theme")


SATISFACTION_MARKS = {"good": 10, "medium": 5, "bad": 0}


def satisfaction() -> list[Observation]:
    answers = [
        {
            "day": pd.Timestamp(review.created_at).tz_convert(PARIS).date(),
            "place": UNKNOWN,
            "service": review.service.title,
            "n": SATISFACTION_MARKS[answer["intention"]],
            "d": 1,
        }
        for review in jdma.history(SEED, NOW)
        for answer in review.shown(NOW)
        if answer["field_code"] == "satisfaction"
    ]
    return observations(answers, "service")


def followers() -> list[Observation]:
    frame = pd.concat(pd.read_csv(io.BytesIO(content), encoding="utf-8-sig") for content in dropped(social_accounts))
    departement = frame["account"].str.extract(r"^Gendarmerie_(\w+)$")[0]
    readings = frame.assign(
        day=frame["day"].map(date.fromisoformat),
        entity=frame["network"] + "/" + frame["account"],
        account_scope=departement.isna().map({True: "national", False: "local"}),
        place=departement.fillna("").map(of_departement),
        n=frame["followers"],
    )
    return observations(readings.to_dict("records"), "network", "account_scope")


@cache
def declarations() -> pd.DataFrame:
    frame = pd.concat(pd.read_csv(io.BytesIO(content), dtype=str) for content in dropped(pre_plainte))
    begun, ended = (pd.to_datetime(frame[f"stats_{name}_declaration"], errors="coerce") for name in ("debut", "fin"))
    frame = frame[begun.notna()]  # 31 February is set aside by the load
    start, end = (
        moments[begun.notna()].dt.tz_localize(PARIS, nonexistent=pd.Timedelta(hours=1), ambiguous="NaT")
        for moments in (begun, ended)
    )
    persons = frame["stats_pers_physique"] + frame["stats_pers_morale"]
    return frame.assign(
        day=start.dt.date,
        place=frame["stats_dpt_unite"].fillna("").map(of_departement),
        person_type=persons.map({"10": "physique", "01": "morale"}).fillna("inconnu"),
        outcome=end.notna().map({True: "envoyée", False: "abandonnée"}),
        seconds=(end - start).dt.total_seconds(),
    )


def pre_complaints() -> list[Observation]:
    return observations(declarations().assign(n=1).to_dict("records"), "person_type", "outcome")


def pre_complaint_seconds() -> list[Observation]:
    within_a_day = declarations().query("0 <= seconds <= 86_400")
    rows = within_a_day.assign(n=within_a_day["seconds"].astype(int)).to_dict("records")
    return observations(rows, "person_type")


AGES = {"00": "Non précisé ou moins de 15 ans", "75+": "75 ans et plus"}


@cache
def card_frauds() -> Mapping[str, Mapping[str, Any]]:
    (content,) = dropped(perceval)
    return json.loads(content)


def fraud_reports() -> list[Observation]:
    by_place = [
        {"day": date.fromisoformat(f"{month}-01"), "place": of_departement(code), "age_class": None, "n": count}
        for month, counts in card_frauds()["dpt_report_month"].items()
        for code, count in counts.items()
    ]
    by_age = [
        {
            "day": date.fromisoformat(f"{month}-01"),
            "place": UNKNOWN,
            "age_class": AGES.get(age, age.replace("-", " à ") + " ans"),
            "n": count,
        }
        for month, counts in card_frauds()["age_categories_month"].items()
        for age, count in counts.items()
    ]
    return observations([*by_place, *by_age], "age_class")


def fraud_amounts() -> list[Observation]:
    amounts = card_frauds()["amount_of_money_day"]
    days = [
        {"day": date.fromisoformat(day), "place": UNKNOWN, "n": Decimal(str(amounts.get(day, 0))), "d": count}
        for day, count in card_frauds()["nb_report_day"].items()
    ]
    return observations(days)


def prevention_hours() -> list[Observation]:
    (content,) = dropped(prevention_actions)
    frame = pd.read_csv(io.BytesIO(content), sep=";", dtype=str, encoding="utf-8-sig")
    frame = frame[(frame["Identifiant"] != "EXEMPLE") & (frame["Public visé"] != "Tout le monde")]
    frame = frame[frame["Type d'action"] != "Évolution de service en ligne"]
    actions = frame.assign(
        day=pd.to_datetime(frame["Date de début"], format="%d/%m/%Y").dt.date,
        place=frame["Département"].fillna("").map(of_departement),
        n=frame["Heures"].astype(int),
    )
    return observations(actions.to_dict("records"))


#: The observations of one KPI of each roll-up, and of each kind: counts, euros, marks, exclusive parts, victims.
RECOMPUTED: Mapping[str, Callable[[], list[Observation]]] = {
    "followers": followers,
    "perceval_amount_eur": fraud_amounts,
    "perceval_mean_amount_eur": fraud_amounts,
    "perceval_reports": fraud_reports,
    "positive_share": opinions,
    "pre_complaint_duration_median": pre_complaint_seconds,
    "pre_complaints": pre_complaints,
    "prevention_hours_per_10k": prevention_hours,
    "satisfaction_score": satisfaction,
}
