"""The official and usual names of French places, for lookup."""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

from analytics.geo import place_words as vocabulary
from core.normalize_text import place_words

GAZETTEER = Path(__file__).with_name("gazetteer.csv")
#: Inhabitants of a commune that is known beyond its département.
KNOWN = 8_000


class Entry(NamedTuple):
    """A place of the COG: `level` is `commune`, `departement` or `region`, `population` 0 but for communes."""

    name: str
    level: str
    code: str
    territory_code: str
    population: int


class Names(NamedTuple):
    """All names: the places that bear them, the lengths of names by first word, and names as hashtags glue them."""

    places: dict[tuple[str, ...], tuple[Entry, ...]]
    lengths: dict[str, tuple[int, ...]]
    glued: dict[str, tuple[str, ...]]


@cache
def all_names() -> Names:
    names: dict[tuple[str, ...], list[Entry]] = {}
    by_code: dict[str, Entry] = {}
    with GAZETTEER.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            entry = Entry(row["name"], row["level"], row["code"], row["territory_code"], int(row["population"] or 0))
            if entry.level != "commune":
                by_code.setdefault(entry.territory_code, entry)
            parts = parts_of(entry.name)
            names.setdefault(parts, []).append(entry)
            if parts[0] in ("le", "les") and len(parts) > 1:  # au Havre, aux Sables-d'Olonne
                names.setdefault(parts[1:], []).append(entry)
    for alias, code in vocabulary.ALIASES.items():
        names.setdefault(tuple(alias.split()), []).append(by_code[code])
    for short, name in vocabulary.SHORT_NAMES.items():
        names.setdefault(tuple(short.split()), []).extend(names[tuple(name.split())])
    for other in vocabulary.OTHERS:
        names[tuple(other.split())] = []
    lengths: dict[str, set[int]] = {}
    for parts in names:
        lengths.setdefault(parts[0], set()).add(len(parts))
    return Names(
        {parts: tuple(entries) for parts, entries in names.items()},
        {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()},
        {"".join(parts): parts for parts, entries in names.items() if entries},
    )


def parts_of(name: str) -> tuple[str, ...]:
    return place_words(name)


@cache
def by_number() -> dict[str, Entry]:
    """Return each département by its number."""
    every = (entry for entries in all_names().places.values() for entry in entries)
    return {entry.code.lower(): entry for entry in every if entry.level == "departement"}


def bearers(name: tuple[str, ...]) -> tuple[Entry, ...]:
    """Return the places that bear a name, whose words are given."""
    return all_names().places.get(name, ())


def bears(name: tuple[str, ...], level: str) -> bool:
    return any(entry.level == level for entry in bearers(name))


def glued(written: str) -> tuple[str, ...]:
    """Return the words of a name that is written in one, such as `larochelle`; none where it is no name."""
    return all_names().glued.get(written, ())


def greatest(entries: tuple[Entry, ...]) -> Entry | None:
    """Return the département or region of a name, else its greatest commune, if it is well known."""
    known = [entry for entry in entries if entry.level != "commune" or entry.population >= KNOWN]
    levels = ("commune", "region", "departement")
    return max(known, key=lambda entry: (levels.index(entry.level), entry.population), default=None)
