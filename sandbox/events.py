"""The events of the invented country, from which every stand-in draws its day."""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from random import Random

from sandbox.places import departement, departements, home

#: The first day of the invented history.
START = date(2025, 1, 1)

#: Where an event begins and what it is called; `{place}` stands for the département where it is strongest.
_KINDS: dict[str, tuple[str, tuple[str, ...], int, tuple[int, int], float, bool]] = {
    # kind: label, keywords, mean days between two, shortest and longest, strength, is a crisis
    "phishing": (
        "Vague d'hameçonnage au faux colis",
        ("hameçonnage", "phishing", "faux colis", "lien frauduleux", "arnaque SMS"),
        70,
        (6, 16),
        2.6,
        False,
    ),
    "card_fraud": (
        "Vague de fraudes à la carte bancaire",
        ("fraude carte", "débit inconnu", "achat en ligne frauduleux", "faux conseiller"),
        90,
        (10, 25),
        1.8,
        False,
    ),
    "data_breach": (
        "Fuite de données d'un opérateur",
        ("fuite de données", "données volées", "piratage", "mot de passe"),
        110,
        (5, 15),
        2.2,
        False,
    ),
    "outage": (
        "Panne de la pré-plainte en ligne",
        ("site en panne", "pré-plainte", "bug", "impossible de se connecter"),
        120,
        (3, 6),
        2.0,
        False,
    ),
    "rumour": (
        "Rumeur d'enlèvements d'enfants dans {place}",
        ("camionnette blanche", "enlèvement", "faites tourner", "partagez"),
        55,
        (2, 5),
        3.0,
        True,
    ),
    "flood": (
        "Crue dans {place}",
        ("inondation", "crue", "évacuation", "route coupée", "montée des eaux"),
        100,
        (3, 8),
        2.8,
        True,
    ),
    "heatwave": (
        "Canicule dans {place}",
        ("canicule", "incendie", "feu de forêt", "sécheresse"),
        365,
        (6, 14),
        2.0,
        True,
    ),
    "epidemic": (
        "Épidémie de gastro-entérite dans {place}",
        ("épidémie", "eau contaminée", "urgences", "symptômes"),
        240,
        (8, 20),
        2.0,
        True,
    ),
    "prevention": (
        "Campagne de prévention dans {place}",
        ("prévention", "conseils", "sensibilisation", "Ma Sécurité"),
        30,
        (5, 20),
        1.2,
        False,
    ),
}

#: Kinds that touch the whole country; the others touch a few neighbouring départements.
_NATIONAL = frozenset({"phishing", "card_fraud", "data_breach", "outage"})

_MONTHS_OF_HEAT = frozenset({6, 7, 8})

_WEEKDAY_SHARES = (1.12, 1.10, 1.08, 1.06, 1.04, 0.85, 0.75)

_FIRST_NAMES = (
    "Camille",
    "Nathalie",
    "Karim",
    "Jean-Pierre",
    "Sandrine",
    "Thi Mai",
    "Olivier",
    "Fatima",
    "Guillaume",
    "Aurélie",
    "Mehdi",
    "Françoise",
)
_LAST_NAMES = (
    "Lefebvre",
    "Moreau",
    "Benali",
    "Nguyen",
    "Garnier",
    "Da Silva",
    "Le Goff",
    "Rousseau",
    "El Mansouri",
    "Kowalski",
    "Fontaine",
    "Perrin",
)


@dataclass(frozen=True)
class Event:
    """Something that citizens live through and that platforms show, each with its delay.

    Attributes:
        code: Identifier, the same for ever.
        kind: `phishing`, `card_fraud`, `data_breach`, `outage`, `rumour`, `flood`, `heatwave`, `epidemic` or
            `prevention`.
        label: What people call it, in French.
        start: First day.
        days: Number of days.
        departements: Codes of the départements that it touches; empty for the whole country.
        strength: What it adds at its height, as a multiple of an ordinary day.
        is_crisis: Whether someone on duty should have been alerted.
        keywords: Words that people use for it.
    """

    code: str
    kind: str
    label: str
    start: date
    days: int
    departements: tuple[str, ...]
    strength: float
    is_crisis: bool
    keywords: tuple[str, ...]

    def intensity(self, day: date) -> float:
        """Return what the event adds on a day: it rises to its strength in a third of its time, then fades."""
        age = (day - self.start).days
        if not 0 <= age < self.days:
            return 0.0
        height = max(1.0, self.days / 3)
        rising = (age + 1) / height
        fading = (self.days - age) / (self.days - height + 1)
        return self.strength * min(1.0, rising, fading)


def draw(seed: int, platform: str, day: date) -> Random:
    """Return the chance of one platform on one day: it depends on nothing else, so history never moves."""
    return Random(f"{seed}/{platform}/{day.isoformat()}")  # noqa: S311 (an invented day, not a secret)


def weekday_share(day: date) -> float:
    """Return how busy a day of the week is; the seven shares have the mean 1."""
    return _WEEKDAY_SHARES[day.weekday()]


def poisson(chance: Random, mean: float) -> int:
    """Draw a count; beyond a mean of 50 the normal law is near enough."""
    if mean > 50:  # noqa: PLR2004
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count


def french_name(chance: Random) -> tuple[str, str]:
    """Draw an invented first name and surname."""
    return chance.choice(_FIRST_NAMES), chance.choice(_LAST_NAMES)


@lru_cache(maxsize=64)
def _events_of_month(seed: int, year: int, month: int) -> tuple[Event, ...]:
    found = []
    first = date(year, month, 1)
    for kind, (label, keywords, every, (shortest, longest), strength, is_crisis) in _KINDS.items():
        chance = draw(seed, f"event/{kind}", first)
        expected = 30 / every
        if kind == "heatwave":
            expected = 0.6 if month in _MONTHS_OF_HEAT else 0.0
        for rank in range(poisson(chance, expected)):
            start = first + timedelta(days=chance.randrange(28))
            touched = () if kind in _NATIONAL else _neighbours(chance)
            found.append(
                Event(
                    code=f"{kind}-{start.isoformat()}-{rank}",
                    kind=kind,
                    label=label.format(place=departement(touched[0]).name if touched else "la France"),
                    start=start,
                    days=chance.randint(shortest, longest),
                    departements=touched,
                    strength=round(strength * chance.uniform(0.7, 1.3), 2),
                    is_crisis=is_crisis,
                    keywords=keywords,
                )
            )
    return tuple(found)


def _neighbours(chance: Random) -> tuple[str, ...]:
    """Draw one to three départements that follow each other in the list: most of them touch."""
    places = departements()
    most_touched = home(chance)
    if most_touched.is_overseas:
        return (most_touched.code,)
    first = places.index(most_touched)
    return tuple(place.code for place in places[first : first + chance.randint(1, 3)] if not place.is_overseas)


def events(seed: int, until: date) -> tuple[Event, ...]:
    """Return every event that has begun by a day, oldest first."""
    months = [(year, month) for year in range(START.year, until.year + 1) for month in range(1, 13)]
    found = (event for year, month in months for event in _events_of_month(seed, year, month))
    return tuple(sorted((e for e in found if e.start <= until), key=lambda e: (e.start, e.code)))


def staged(kind: str, code: str, start: date) -> Event:
    """Return an event that no seed draws: it touches one département, on one day."""
    label, keywords, _, _, strength, is_crisis = _KINDS[kind]
    return Event(
        code=f"staged-{kind}-{code}-{start.isoformat()}",
        kind=kind,
        label=label.format(place=departement(code).name),
        start=start,
        days=1,
        departements=(code,),
        strength=strength,
        is_crisis=is_crisis,
        keywords=keywords,
    )


@lru_cache(maxsize=2048)
def active(seed: int, day: date) -> tuple[Event, ...]:
    return tuple(event for event in events(seed, day) if event.intensity(day) > 0)


def pressure(seed: int, day: date, kind: str, departement: str | None = None, lag_days: int = 0) -> float:
    """Return how much more of something there is on a day than on an ordinary one.

    Args:
        seed: Which history is generated.
        day: Day on which a platform shows it.
        kind: Kind of event.
        departement: Code of a département; the country as a whole when it is not given.
        lag_days: Usual delay of the platform.

    Returns:
        1.0 on an ordinary day, up to about 4 at the height of an event that touches the place.
    """
    lived_on = day - timedelta(days=lag_days)
    places = len(departements())
    added = 0.0
    for event in active(seed, lived_on):
        if event.kind != kind:
            continue
        if departement is None:
            added += event.intensity(lived_on) * (len(event.departements) / places if event.departements else 1.0)
        elif not event.departements or departement in event.departements:
            added += event.intensity(lived_on)
    return 1.0 + added
