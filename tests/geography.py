"""Where a row counts: codes of départements and postal codes to territories, and territories to their levels.

The only data taken from the project are lists of the COG and of ISO 3166-2: territories, postal codes, public holidays.
"""

import csv
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

SEEDS = Path(__file__).parents[1] / "dbt_project" / "seeds"

NATION, ABROAD, UNKNOWN = "FR", "XX", "ZZ"

#: Codes of the platforms that the COG does not list as départements (§9.1, 5).
OTHER_CODES = {"75C": "FR-75C", "69M": "FR-69", "69D": "FR-69", "99": ABROAD}

#: Codes as files hold them, damage included, and the territory that each means.
DIRTY_CODES = {
    "01": "FR-01", "1": "FR-01", "6": "FR-06", "06": "FR-06", "6.0": "FR-06", "2A": "FR-2A", "2a": "FR-2A",
    "2B": "FR-2B", "20": UNKNOWN, "33": "FR-33", "59": "FR-59", "67": "FR-67", "69": "FR-69",
    "69M": "FR-69", "69D": "FR-69",
    "75": "FR-75C", "75C": "FR-75C", "96": UNKNOWN, "97": UNKNOWN, "98": UNKNOWN, "99": ABROAD,
    "971": "FR-971", "973": "FR-973", "974": "FR-974", "975": "FR-PM", "976": "FR-976", "977": "FR-BL", "978": "FR-MF",
    "984": UNKNOWN, "986": "FR-WF", "987": "FR-PF", "988": "FR-NC", "": UNKNOWN,
}  # fmt: skip

#: Postal codes as files hold them, without their zero too (§0.2; §9.1, 4).
DIRTY_POSTAL_CODES = {
    "06600": "FR-06", "6600": "FR-06", "02000": "FR-02", "2000": "FR-02", "09100": "FR-09", "9100": "FR-09",
    "01000": "FR-01", "1000": "FR-01", "20000": "FR-2A", "20090": "FR-2A", "20200": "FR-2B", "20600": "FR-2B",
    "33120": "FR-33", "69300": "FR-69", "75016": "FR-75C", "78000": "FR-78", "97133": "FR-BL", "97150": "FR-MF",
    "97233": "FR-972", "98600": "FR-WF", "98800": "FR-NC", "99999": UNKNOWN, "20999": UNKNOWN, "": UNKNOWN,
}  # fmt: skip


def rows(seed: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a seed of the dbt project, read as data."""
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@cache
def levels() -> dict[str, tuple[tuple[str, str], ...]]:
    """Return the level and code of each place that a row of a territory counts for, the nation included."""
    found = {
        NATION: (),
        ABROAD: (("abroad", ABROAD),),
        UNKNOWN: (("unknown", UNKNOWN),),
    }
    for row in rows("territories"):
        found[row["territory_code"]] = (
            ("departement", row["territory_code"]),
            ("gendarmerie_region", row["gendarmerie_region_code"]),
            *((("region", row["region_code"]),) if row["region_code"] else ()),
        )
    for row in rows("regions"):
        found[row["region_code"]] = (
            ("region", row["region_code"]),
            ("gendarmerie_region", row["gendarmerie_region_code"]),
        )
    return {territory: (("nation", NATION), *places) for territory, places in found.items()}


@cache
def populations() -> dict[tuple[str, str], int]:
    """Return the inhabitants of each place of each level."""
    found: dict[tuple[str, str], int] = {}
    for row in rows("territories"):
        for place in levels()[row["territory_code"]]:
            found[place] = found.get(place, 0) + int(row["population"])
    return found


@cache
def departements() -> dict[str, str]:
    """Return the territory of each code of a département."""
    return {row["departement_code"]: row["territory_code"] for row in rows("territories")} | OTHER_CODES


def of_departement(code: str) -> str:
    """Return the territory of a code as a file holds it; a code that is no département's is not placed."""
    bare = code.removesuffix(".0").upper()
    return departements().get(bare.zfill(2), UNKNOWN) if bare else UNKNOWN


@cache
def postal_codes() -> dict[str, str]:
    """Return the territory of each postal code of the COG."""
    return {row["postal_code"]: of_departement(row["departement_code"]) for row in rows("postal_codes")}


def of_postal_code(code: str) -> str:
    """Return the territory of a postal code as a file holds it, by the list of the COG and never by its prefix."""
    return postal_codes().get(code.zfill(5), UNKNOWN) if code else UNKNOWN


@cache
def holidays() -> frozenset[date]:
    """Return the public holidays of the whole country."""
    return frozenset(
        date.fromisoformat(row["date_day"]) for row in rows("public_holidays") if row["territory_code"] == NATION
    )
