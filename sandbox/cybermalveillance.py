"""Stand-in of the drops of Cybermalveillance.gouv.fr and 17Cyber: cases counted by day, public, threat and place.

No drop is published: the record is the one that the contract proposes. Volume, shares of the publics and of the threats
follow the figures of 2024; a row counts many cases, so that a file stays small. A half-year comes as CSV or as JSON,
up to the last whole month.
"""

import json
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from random import Random

from sandbox.effects import kept
from sandbox.events import draw, poisson, pressure, weekday_share
from sandbox.files import csv_bytes
from sandbox.periods import half_years, last_whole_month
from sandbox.places import homes

#: Together 420 000 requests a year.
ROWS_PER_DAY = 96
MEAN_CASES_PER_ROW = 12
DAYS_UNTIL_NOTICED = 2

HEADER = (
    "date",
    "public",
    "categorie_menace",
    "code_departement",
    "nb_parcours",
    "nb_mise_en_relation_prestataire",
    "nb_tchat_fsi",
    "nb_orientation_plainte",
    "orientation",
    "satisfaction_pct",
)

PUBLICS, PUBLIC_SHARES = ("particulier", "entreprise_association", "collectivite_administration"), (94, 5, 1)

Threat = tuple[str, float, float, str | None, str]

#: Threat, shares of the cases of an ordinary day (of private persons, of all others), the kind of event that multiplies
#: it, and where it leads.
THREATS: tuple[Threat, ...] = (
    ("hameçonnage", 34, 21, "phishing", "conseil"),
    ("piratage de compte", 17, 20, "data_breach", "conseil"),
    ("faux support technique", 6, 4, None, "prestataire"),
    ("violation de données personnelles", 6, 6, "data_breach", "plainte"),
    ("rançongiciel", 0.3, 13, None, "prestataire"),
    ("virus", 3, 3, None, "prestataire"),
    ("cyberharcèlement", 4, 0.5, None, "pharos"),
    ("fraude à la carte bancaire", 6, 1, "card_fraud", "perceval"),
    ("faux conseiller bancaire", 4, 3, "card_fraud", "thesee"),
    ("fraude au virement / faux RIB", 1.5, 12, None, "plainte"),
    ("chantage à la webcam / sextorsion", 3, 0.2, None, "thesee"),
    ("escroquerie à l'annonce / achat en ligne", 5, 1.5, None, "thesee"),
    ("usurpation d'identité", 3, 3, "data_breach", "plainte"),
    ("spam (SMS/e-mail/téléphone)", 3, 6, "phishing", "conseil"),
    ("défiguration de site", 0.1, 3, None, "prestataire"),
    ("déni de service", 0.1, 2, None, "prestataire"),
    ("arnaque au colis / infraction (SMS)", 5, 1, "phishing", "conseil"),
)

Row = tuple[str | int | float | None, ...]


def drops(seed: int, until: date) -> Iterator[tuple[str, bytes]]:
    """Yield the drops delivered up to a day: the first half of a year as CSV, the second as JSON."""
    for period in half_years(last_whole_month(until)):
        rows = [row for day in period.days() for row in cases_of(seed, day)]
        name = f"17cyber_{period.name}"
        if period.name.endswith("S1"):
            yield f"{name}.csv", csv_bytes((HEADER, *rows), ";")
        else:
            cases = {"cas": [dict(zip(HEADER, row, strict=True)) for row in rows]}
            yield f"{name}.json", json.dumps(cases, ensure_ascii=False).encode()


@lru_cache(maxsize=4096)
def cases_of(seed: int, day: date) -> tuple[Row, ...]:
    """Return the counts of a day, each for another public, threat, place and outcome."""
    chance = draw(seed, "cybermalveillance", day)
    pulls = [pressure(seed, day, kind, lag_days=DAYS_UNTIL_NOTICED) if kind else 1.0 for *_, kind, _ in THREATS]
    of_persons, of_others = (
        [threat[place] * pull for threat, pull in zip(THREATS, pulls, strict=True)] for place in (1, 2)
    )
    ordinary = sum(threat[1] for threat in THREATS)
    number = poisson(chance, ROWS_PER_DAY * weekday_share(day) * sum(of_persons) / ordinary)
    drawn = [
        (public, chance.choices(THREATS, of_persons if public == PUBLICS[0] else of_others)[0], place)
        for public, place in zip(chance.choices(PUBLICS, PUBLIC_SHARES, k=number), homes(chance, number), strict=True)
    ]
    rows = {
        (public, threat[0], place.code): _row(chance, day, public, threat, place.code)
        for public, threat, place in drawn
    }
    left = kept(seed, "victims_assisted", day, (code for _, _, code in rows))
    return tuple(row for row, stays in zip(rows.values(), left, strict=True) if stays)


def _row(chance: Random, day: date, public: str, threat: Threat, departement: str | None) -> Row:
    name, *_, outcome = threat
    cases = 1 + poisson(chance, MEAN_CASES_PER_ROW - 1)
    handed = {
        "prestataire": poisson(chance, cases * 0.6) if outcome == "prestataire" else 0,
        "tchat": poisson(chance, cases * 0.15),
        "plainte": poisson(chance, cases * (0.7 if outcome in {"plainte", "thesee"} else 0.1)),
    }
    satisfaction = round(chance.uniform(85, 98), 1) if chance.random() < 0.5 else None  # noqa: PLR2004
    return (
        day.isoformat(),
        public,
        name,
        departement,
        cases,
        *(min(cases, count) for count in handed.values()),
        outcome,
        satisfaction,
    )
