"""Victims counted by period, territory and breakdown: which counts add up to which, and which of them must be hidden.

How hiding is decided belongs in `disclosure`.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from analytics.disclosure import Sum, Table, pattern

MONTHS_IN_A_QUARTER = 3

#: A period, and those that it is made of: the first that is published counts.
PERIODS_WITHIN = {"quarter": ("month",), "year": ("quarter", "month")}
#: A level of territory, and those that it is made of: the first that is published counts. Abroad and unknown complete the nation.
LEVELS_WITHIN = {
    "region": ("departement",),
    "gendarmerie_region": ("departement",),
    "nation": ("departement", "gendarmerie_region"),
}
OUTSIDE = ("abroad", "unknown")


class Cell(NamedTuple):
    """Coordinates of a row of a KPI."""

    period_type: str
    period_start: dt.date
    territory_level: str
    territory_code: str
    breakdown_dimension: str
    breakdown_value: str


class Level(NamedTuple):
    """A row of `bridge_territory_level`: a place, and a territory that it counts for."""

    territory_code: str
    territory_level: str
    level_code: str


def suppressed(
    victims: Mapping[Cell, int],
    levels: Iterable[Level],
    shares: Iterable[Mapping[Cell, int]] = (),
    loose: Iterable[str] = (),
) -> set[Cell]:
    """Return the cells to hide so that no count of fewer than five victims can be worked out from the published ones.

    Args:
        victims: Number of victims per published cell; a cell that is absent counts none, which readers know.
        levels: Which places each territory is made of.
        shares: How many of the victims of each cell a published share counts; of a cell that is absent, none.
        loose: Dimensions whose values do not add up to the total.

    Raises:
        ValueError: counts that must add up do not, or a share exceeds its whole; the message names the cell.
    """
    levels, layers = list(levels), [victims, *shares]
    by_year: dict[int, list[Cell]] = defaultdict(list)
    for cell in sorted(victims):
        by_year[cell.period_start.year].append(cell)
    # No sum reaches beyond a year, so each is a table of its own.
    return {cell for cells in by_year.values() for cell in suppressed_together(cells, layers, levels, loose)}


def suppressed_together(
    cells: list[Cell], layers: list[Mapping[Cell, int]], levels: list[Level], loose: Iterable[str]
) -> set[Cell]:
    """Return the cells to hide of one table: `layers` are the victims, then what each share counts."""
    index = {cell: place for place, cell in enumerate(cells)}
    for cell in cells:
        for share in layers[1:]:
            if not 0 <= share.get(cell, 0) <= layers[0][cell]:
                raise ValueError(f"{describe(cell)}: a share counts {share[cell]} of {layers[0][cell]} victims.")
    sums = []
    for total, parts in additions(cells, levels, loose):
        for layer in layers:
            if layer.get(total, 0) != sum(layer.get(part, 0) for part in parts):
                raise ValueError(
                    f"{describe(total)} counts {layer.get(total, 0)}, but its parts {sum(layer.get(p, 0) for p in parts)}."
                )
        sums.append(Sum(index[total], tuple(index[part] for part in parts)))
    counts, *shares = ([layer.get(cell, 0) for cell in cells] for layer in layers)
    return {cells[place] for place in pattern(Table(counts, sums, shares))}


def describe(cell: Cell) -> str:
    return f"{cell.territory_code}, {cell.period_type} of {cell.period_start}, {cell.breakdown_value}"


def additions(
    cells: Iterable[Cell], levels: Iterable[Level], loose: Iterable[str] = ()
) -> Iterator[tuple[Cell, list[Cell]]]:
    """Return each cell that is the sum of others, with those: over periods, over territories and over breakdowns."""
    cells = list(cells)
    yield from over_periods(cells)
    yield from over_territories(cells, levels)
    yield from over_breakdowns(cells, set(loose))


def over_periods(cells: list[Cell]) -> Iterator[tuple[Cell, list[Cell]]]:
    within: dict[Cell, list[Cell]] = defaultdict(list)
    published = {(cell.period_type, cell.territory_level, cell.breakdown_dimension) for cell in cells}
    for cell in cells:
        for longer, shorter in PERIODS_WITHIN.items():
            finest = next(
                (p for p in shorter if (p, cell.territory_level, cell.breakdown_dimension) in published), None
            )
            if cell.period_type == finest:
                within[cell._replace(period_type=longer, period_start=start_of(longer, cell.period_start))].append(cell)
    yield from published_only(cells, within)


def start_of(period_type: str, day: dt.date) -> dt.date:
    month = 1 if period_type == "year" else day.month - (day.month - 1) % MONTHS_IN_A_QUARTER
    return day.replace(month=month, day=1)


def over_territories(cells: list[Cell], levels: Iterable[Level]) -> Iterator[tuple[Cell, list[Cell]]]:
    above: dict[tuple[str, str], str] = {}
    for level in levels:
        above[level.territory_code, level.territory_level] = level.level_code
    published = {(cell.territory_level, cell.period_type, cell.breakdown_dimension) for cell in cells}
    within: dict[Cell, list[Cell]] = defaultdict(list)
    for cell in cells:
        for upper, lower in LEVELS_WITHIN.items():
            finest = next((n for n in lower if (n, cell.period_type, cell.breakdown_dimension) in published), None)
            code = "FR" if upper == "nation" else above.get((cell.territory_code, upper))
            belongs = cell.territory_level == finest or (upper == "nation" and cell.territory_level in OUTSIDE)
            if belongs and code is not None:
                within[cell._replace(territory_level=upper, territory_code=code)].append(cell)
    yield from published_only(cells, within)


def over_breakdowns(cells: list[Cell], loose: set[str]) -> Iterator[tuple[Cell, list[Cell]]]:
    within: dict[tuple[str, Cell], list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.breakdown_dimension not in {"total", *loose}:
            total = cell._replace(breakdown_dimension="total", breakdown_value="total")
            within[cell.breakdown_dimension, total].append(cell)
    known = set(cells)
    yield from ((total, parts) for (_, total), parts in within.items() if total in known)


def published_only(cells: list[Cell], within: Mapping[Cell, list[Cell]]) -> Iterator[tuple[Cell, list[Cell]]]:
    known = set(cells)
    yield from ((total, parts) for total, parts in within.items() if total in known)
