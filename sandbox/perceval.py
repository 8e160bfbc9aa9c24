"""Stand-in of the file of PERCEV@L: one JSON with four series, up to the last month that is over.

Reports per day, mean loss and classes of age follow the published figures; the series add up, since all are counts of
the same invented reports. Victims notice the fraud some days after it; who gave a card's number to a false site, later.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from sandbox.effects import kept
from sandbox.events import START, draw, poisson, pressure, weekday_share
from sandbox.periods import days, last_whole_month
from sandbox.places import homes

REPORTS_PER_DAY = 630
MEAN_LOSS_EUROS = 468
DAYS_UNTIL_NOTICED = 4
#: From a false link to the debits, and how many of them come from there while a wave lasts.
DAYS_FROM_PHISHING, PHISHING_WEIGHT = 9, 0.25

AGE_CLASSES = ("00", "15-24", "25-34", "35-44", "45-54", "55-64", "65-74", "75+")
AGE_SHARES = (3, 9, 16, 18, 19, 17, 12, 6)


@dataclass(frozen=True)
class Day:
    """The reports of a day, counted."""

    reports: int
    euros: float
    by_departement: Counter[str]
    by_age: Counter[str]


def drops(seed: int, until: date) -> Iterator[tuple[str, bytes]]:
    """Yield the one file delivered up to a day, none before the first month is over: name and content."""
    last = last_whole_month(until)
    if last < START:
        return
    document = series(seed, last)
    yield f"perceval_{START:%Y-%m}_{last:%Y-%m}.json", json.dumps(document, indent=1).encode()


def series(seed: int, last: date) -> dict[str, dict]:
    """Return the four series from the start of the history up to a day."""
    reports: dict[str, int] = {}
    amounts: dict[str, float] = {}
    departements_of: dict[str, Counter[str]] = {}
    ages_of: dict[str, Counter[str]] = {}
    for day in days(START, last):
        found = reports_of(seed, day)
        reports[day.isoformat()] = found.reports
        if found.euros:
            amounts[day.isoformat()] = found.euros
        departements_of.setdefault(f"{day:%Y-%m}", Counter()).update(found.by_departement)
        ages_of.setdefault(f"{day:%Y-%m}", Counter()).update(found.by_age)
    return {
        "age_categories_month": {month: {age: counts[age] for age in AGE_CLASSES} for month, counts in ages_of.items()},
        "amount_of_money_day": amounts,
        "dpt_report_month": {month: dict(sorted(counts.items())) for month, counts in departements_of.items()},
        "nb_report_day": reports,
    }


@lru_cache(maxsize=4096)
def reports_of(seed: int, day: date) -> Day:
    """Return the reports of a day; on a few days the producer's amounts are missing."""
    chance = draw(seed, "perceval", day)
    wave = pressure(seed, day, "card_fraud", lag_days=DAYS_UNTIL_NOTICED)
    wave += PHISHING_WEIGHT * (pressure(seed, day, "phishing", lag_days=DAYS_FROM_PHISHING) - 1.0)
    number = poisson(chance, REPORTS_PER_DAY * weekday_share(day) * wave)
    is_missing = chance.random() < 0.01  # noqa: PLR2004
    mean_loss = MEAN_LOSS_EUROS * chance.uniform(0.85, 1.15) if not is_missing else 0.0
    codes = [place.code for place in homes(chance, number)]
    ages = chance.choices(AGE_CLASSES, AGE_SHARES, k=number)
    left = kept(seed, "perceval_reports", day, codes)
    return Day(
        reports=sum(left),
        euros=round(sum(left) * mean_loss, 2),
        by_departement=Counter(code for code, stays in zip(codes, left, strict=True) if stays),
        by_age=Counter(age for age, stays in zip(ages, left, strict=True) if stays),
    )
