"""Which rows the method hides, on small tables. `test_suppression_proof` attacks what the project publishes."""

import random
from collections import Counter
from collections.abc import Mapping
from datetime import date

import pytest

from analytics.disclosure.victims import Cell, Figures, Level, suppressed, suppressed_of_source
from tests.dbt.attack import WIDE, Row, Territory, widths

#: Places of a small country: two regions share a region of gendarmerie, one collectivity has no region.
REGIONS = {"A1": "RA", "A2": "RA", "A3": "RA", "B1": "RB", "B2": "RB", "C1": "RC", "N1": None}
GENDARMERIE = {"A1": "GN-1", "A2": "GN-1", "A3": "GN-1", "B1": "GN-1", "B2": "GN-1", "C1": "GN-2", "N1": "GN-2"}
OUTSIDE = {"XX": "abroad", "ZZ": "unknown"}


def levels() -> list[Level]:
    rows = []
    for place, region in REGIONS.items():
        rows += [Level(place, "departement", place), Level(place, "gendarmerie_region", GENDARMERIE[place])]
        if region:
            rows.append(Level(place, "region", region))
    rows += [Level(place, level, place) for place, level in OUTSIDE.items()]
    return rows + [Level(place, "nation", "FR") for place in (*REGIONS, *OUTSIDE)]


def rolled_up(records: Mapping[tuple[int, str, str], int], breakdown: str | None = None) -> dict[Cell, int]:
    """Return victims per cell, from those of each month, place and value; values exist from the quarter up."""
    cells: Counter[Cell] = Counter()
    for (month, place, value), count in records.items():
        starts = {
            "month": date(2024, month, 1),
            "quarter": date(2024, month - (month - 1) % 3, 1),
            "year": date(2024, 1, 1),
        }
        for row_place, level, code in levels():
            if row_place != place:
                continue
            for period_type, start in starts.items():
                cells[Cell(period_type, start, level, code, "total", "total")] += count
                if breakdown and period_type != "month" and level not in ("region", "departement"):
                    cells[Cell(period_type, start, level, code, breakdown, value)] += count
    return dict(cells)


def cube(seed: int) -> dict[Cell, int]:
    """Return a random small country: sparse, with zeros, single victims and large counts."""
    draw = random.Random(seed)
    scale = draw.choice((2, 8, 40))
    records = {
        (month, place, value): draw.choice((0, 1, 2, draw.randrange(scale), draw.randrange(5 * scale)))
        for month in range(1, draw.choice((4, 7)))
        for place in (*REGIONS, *OUTSIDE)
        for value in ("phishing", "virus", "autre")
        if draw.random() < 0.6
    }
    return rolled_up(records, "threat")


def published(victims: Mapping[Cell, int], hidden: set[Cell]) -> list[Row]:
    return [
        Row("victims_assisted", *cell, None if cell in hidden else count, None, None, None, cell in hidden)
        for cell, count in victims.items()
    ]


@pytest.mark.parametrize("seed", range(3))
def test_no_hidden_count_is_confined(seed: int) -> None:
    victims = cube(seed)
    hidden = suppressed(Figures(victims), levels())
    assert {cell for cell, count in victims.items() if count < WIDE} <= hidden
    places = [Territory(place, region, GENDARMERIE[place]) for place, region in REGIONS.items()]
    found = widths(published(victims, hidden), places)
    assert len(found) == len(hidden)
    assert {cell: width for cell, width in found.items() if width < WIDE} == {}


def test_the_cheapest_neighbour_protects() -> None:
    """One victim in A1: A2 (12), of the same region, is hidden with it, and not B1 (900)."""
    victims = rolled_up({(1, "A1", "x"): 1, (1, "A2", "x"): 12, (1, "A3", "x"): 500, (1, "B1", "x"): 900})
    assert {cell.territory_code for cell in suppressed(Figures(victims), levels())} == {"A1", "A2"}


def test_nothing_small_hides_nothing() -> None:
    victims = rolled_up({(1, "A1", "x"): 5, (1, "A2", "x"): 12})
    assert suppressed(Figures(victims), levels()) == set()


def test_the_order_of_rows_does_not_matter() -> None:
    victims = cube(7)
    backwards = dict(reversed(victims.items()))
    assert suppressed(Figures(victims), levels()) == suppressed(Figures(backwards), list(reversed(levels())))


def test_a_share_is_at_most_the_whole() -> None:
    victims = rolled_up({(1, "A1", "x"): 9, (1, "A2", "x"): 12})
    handed = rolled_up({(1, "A1", "x"): 10, (1, "A2", "x"): 2})
    with pytest.raises(ValueError, match=r"A1, .* a share counts 10 of 9 victims"):
        suppressed(Figures(victims, [handed]), levels())


def test_kpis_of_one_source_hide_the_same_rows() -> None:
    """Two series of the same victims that differ: what is hidden in one is hidden in the other."""
    victims = rolled_up({(1, "A1", "x"): 1, (1, "A2", "x"): 12, (1, "A3", "x"): 50})
    others = rolled_up({(1, "A1", "x"): 6, (1, "A2", "x"): 13, (1, "A3", "x"): 50})
    hidden = suppressed_of_source([Figures(victims), Figures(others)], levels())
    assert {cell.territory_code for cell in hidden} == {"A1", "A2"}


def test_counts_that_do_not_add_up_are_refused() -> None:
    victims = rolled_up({(1, "A1", "x"): 9, (1, "A2", "x"): 12})
    nation = next(cell for cell in victims if cell.territory_level == "nation" and cell.period_type == "month")
    with pytest.raises(ValueError, match=r"FR, .* total counts .*, but its parts"):
        suppressed(Figures(victims | {nation: 20}), levels())


def test_series_of_different_months_are_not_one_table() -> None:
    """Both count three victims in the first quarter, the one in January, the other in February: they do not add up."""
    january, february = rolled_up({(1, "A1", "x"): 3}), rolled_up({(2, "A1", "x"): 3})
    hidden = suppressed_of_source([Figures(january), Figures(february)], levels())
    assert hidden == {cell for series in (january, february) for cell in series}


def test_a_zero_that_another_series_leaves_out_is_hidden_and_hides_nothing_else() -> None:
    """A quarter has a zero in one series and no threat in the other, which says as much: nothing can protect it."""
    counted = {(4, "A1", "x"): 40, (4, "A2", "x"): 50}
    with_zero = rolled_up(counted | {(1, "A1", "x"): 0})
    hidden = suppressed_of_source([Figures(with_zero), Figures(rolled_up(counted, "threat"))], levels())
    assert hidden == {cell for cell, count in with_zero.items() if not count}


@pytest.mark.parametrize("seed", range(20))
def test_any_series_of_the_same_victims_are_judged(seed: int) -> None:
    """Series that leave out months, places and values, add some, or have zeros: every small count of each is hidden."""
    draw = random.Random(seed)

    def records(number: int) -> dict[tuple[int, str, str], int]:
        keys = ((draw.randint(1, 4), draw.choice(("A1", "A2", "C1", "ZZ")), draw.choice("xy")) for _ in range(number))
        return {key: draw.choice((0, 0, 1, 3, 8, 20)) for key in keys}

    common, series = records(6), []
    for breakdown in (None, "threat", "threat"):
        own = {key: count for key, count in common.items() if draw.random() < 0.8} | records(draw.randrange(3))
        loose = {"threat"} if draw.random() < 0.3 else set()
        series.append(Figures(rolled_up(own, breakdown), loose=loose))
    hidden = suppressed_of_source(series, levels())
    for figures in series:
        assert {cell for cell, count in figures.victims.items() if count < WIDE} <= hidden
