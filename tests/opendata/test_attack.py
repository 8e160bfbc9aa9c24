"""A reader who adds and subtracts all that is open finds no count below five."""

import csv
from datetime import date
from pathlib import Path

from core.settings import Home
from opendata import declaration, package
from tests.dbt.attack import WIDE, Cell, Territory, confined, system
from tests.opendata.conftest import LIST, PLACES, cells
from tests.opendata.test_package import WHEN

TERRITORIES = [Territory(place, region, None) for place, region in PLACES.items()]
#: The attack's names of a count and of a part of it, which is no more: here people, and those who had an answer.
PEOPLE, ANSWERS = "victims whose handover is known", "victims handed over"


def read(folder: Path) -> dict[Cell, int | None]:
    """Return what a reader knows of each cell: how many people, and, by the share, how many have an answer."""
    known: dict[Cell, int | None] = {}
    with (folder / "experiences" / "experiences.csv").open(encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened):
            start = date.fromisoformat(row["debut_periode"])
            where = (row["type_periode"], start, row["niveau_territoire"], row["code_territoire"], "total", "total")
            count = int(row["effectif"]) if row["effectif"] else None
            people = Cell(PEOPLE, *where)
            known[people] = known.get(people) if count is None else count
            if row["indicateur"] == "answer_rate":
                known[Cell(ANSWERS, *where)] = None if count is None else round(float(row["valeur"]) * count)
    return known


def narrowest(known: dict[Cell, int | None]) -> int:
    """Return how wide the narrowest interval is that is left of a hidden count of people."""
    hidden = sorted(cell for cell, count in known.items() if count is None)
    return min(confined(hidden, *system(known, TERRITORIES)).values())


def people(known: dict[Cell, int | None], year: int) -> dict[str, int | None]:
    found = known.items()
    return {cell.territory_code: n for cell, n in found if cell.quantity == PEOPLE and cell.period_start.year == year}


def test_the_open_files_give_nothing_away(declared: Home, tmp_path: Path) -> None:
    package.build(declared, tmp_path / "out")
    known = read(tmp_path / "out")
    assert sum(count is None for count in people(known, 2024).values()) >= 4
    assert narrowest(known) >= WIDE


def test_the_attack_finds_what_is_given_away(declared: Home, tmp_path: Path) -> None:
    """The proof can fail: hide the two small counts alone, and subtraction finds them."""
    package.build(declared, tmp_path / "out")
    known = read(tmp_path / "out")
    truth = {place: count for _, place, count, _ in cells(2024)}
    for cell, count in known.items():
        if count is None and cell.quantity == PEOPLE and truth[cell.territory_code] >= WIDE:
            known[cell] = truth[cell.territory_code]
    assert narrowest(known) == 0


def test_what_is_exempt_is_shown_as_it_is(declared: Home, signer, tmp_path: Path) -> None:
    """The exemption stands in the signed list, with its reason."""
    exempt = LIST.replace("[experiences, answer_rate]", "[experiences, answer_rate]\n    unprotected: Public.")
    (declared.config / "opendata.yml").write_text(exempt, encoding="utf-8")
    declaration.sign(declared, signer, "Chef", WHEN)
    package.build(declared, tmp_path / "out")
    assert people(read(tmp_path / "out"), 2024) == {place: count for _, place, count, _ in cells(2024)}
