"""Where the invented citizens live: départements, regions, and random homes."""

import csv
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

#: The clock of the country.
PARIS = ZoneInfo("Europe/Paris")


@dataclass(frozen=True)
class Departement:
    """A département, its population and its largest towns.

    Attributes:
        code: Code of the COG, such as `33`, `2A` or `974`.
        name: Name.
        population: Number of inhabitants.
        postal_codes: Some of its postal codes, at least one.
        town: Its largest town.
    """

    code: str
    name: str
    population: int
    postal_codes: tuple[str, ...]
    town: str

    @property
    def is_overseas(self) -> bool:
        return len(self.code) > len("2A")


@dataclass(frozen=True)
class Region:
    """An administrative region and the codes of the départements that it is made of."""

    code: str
    name: str
    departements: frozenset[str]


def _region(code: str, name: str, members: str) -> Region:
    return Region(code, name, frozenset(members.split()))


REGIONS = (
    _region("01", "Guadeloupe", "971"),
    _region("02", "Martinique", "972"),
    _region("03", "Guyane", "973"),
    _region("04", "La Réunion", "974"),
    _region("06", "Mayotte", "976"),
    _region("11", "Île-de-France", "75 77 78 91 92 93 94 95"),
    _region("24", "Centre-Val de Loire", "18 28 36 37 41 45"),
    _region("27", "Bourgogne-Franche-Comté", "21 25 39 58 70 71 89 90"),
    _region("28", "Normandie", "14 27 50 61 76"),
    _region("32", "Hauts-de-France", "02 59 60 62 80"),
    _region("44", "Grand Est", "08 10 51 52 54 55 57 67 68 88"),
    _region("52", "Pays de la Loire", "44 49 53 72 85"),
    _region("53", "Bretagne", "22 29 35 56"),
    _region("75", "Nouvelle-Aquitaine", "16 17 19 23 24 33 40 47 64 79 86 87"),
    _region("76", "Occitanie", "09 11 12 30 31 32 34 46 48 65 66 81 82"),
    _region("84", "Auvergne-Rhône-Alpes", "01 03 07 15 26 38 42 43 63 69 73 74"),
    _region("93", "Provence-Alpes-Côte d'Azur", "04 05 06 13 83 84"),
    _region("94", "Corse", "2A 2B"),
)


@lru_cache(maxsize=1)
def departements() -> tuple[Departement, ...]:
    """Return the départements, in the order of their codes."""
    with (Path(__file__).parent / "departements.csv").open(newline="", encoding="utf-8") as handle:
        return tuple(
            Departement(
                row["code"], row["name"], int(row["population"]), tuple(row["postal_codes"].split()), row["town"]
            )
            for row in csv.DictReader(handle)
        )


@lru_cache(maxsize=128)
def departement(code: str) -> Departement:
    return next(place for place in departements() if place.code == code)


@lru_cache(maxsize=1)
def _cumulated_populations() -> tuple[int, ...]:
    return tuple(accumulate(place.population for place in departements()))


def homes(chance: Random, number: int) -> list[Departement]:
    """Draw where a number of citizens live: each inhabitant of the country is as likely as any other."""
    return chance.choices(departements(), cum_weights=_cumulated_populations(), k=number)


def home(chance: Random) -> Departement:
    """Draw where one citizen lives."""
    return homes(chance, 1)[0]
