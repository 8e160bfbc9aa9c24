"""Finds the cells of victim counts that must be suppressed, given which counts add up to which."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import NamedTuple, Self

from analytics.disclosure.suppression import Sum, Table, pattern

MONTHS_IN_A_QUARTER = 3

#: A period, and those that it is made of: the first that is published counts.
PERIODS_WITHIN = {"quarter": ("month",), "year": ("quarter", "month")}
#: A level of territory, and those that it is made of: the first that is published counts. Abroad and unknown complete
#: the nation.
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


@dataclass
class Figures:
    """What is published of one count of victims.

    Args:
        victims: Their number per cell; a cell that is absent counts none, which readers know.
        shares: How many of the victims of each cell a published share counts; of a cell that is absent, none.
        loose: Dimensions whose values need not add up to the total, as when one victim has several.
    """

    victims: dict[Cell, int]
    shares: list[Mapping[Cell, int]] = field(default_factory=list)
    loose: set[str] = field(default_factory=set)

    def agrees_with(self, other: Self) -> bool:
        """Return whether both agree wherever both publish; a cell that one of them leaves out counts as zero."""
        return all(mine == theirs for mine, theirs in common(self, other))

    def join(self, other: Self) -> None:
        self.victims |= other.victims
        self.shares += other.shares
        self.loose |= other.loose


def suppressed_of_source(kpis: Iterable[Figures], levels: Iterable[Level]) -> set[Cell]:
    """Return the cells to hide in all KPIs that count the victims of one source, so that none undoes another.

    Figures that agree wherever they meet are one table. Others, as series of the same victims that a platform counts
    twice, are tables of their own: what is hidden in one is hidden, and protected, in all. Where one table counts some
    of the victims of another, as those whose handover is known, readers know that it counts no more, cell by cell.

    Args:
        kpis: The figures of each KPI.
        levels: Which places each territory is made of.

    Raises:
        ValueError: counts that must add up do not, or a share exceeds its whole; the message names the cell.
    """
    levels, tables = list(levels), []
    for figures in kpis:
        like = next((table for table in tables if figures.agrees_with(table)), None)
        if like:
            like.join(figures)
        else:
            tables.append(Figures(dict(figures.victims), list(figures.shares), set(figures.loose)))
    hidden: set[Cell] = set()
    while more := suppressed_in_all(tables, levels, hidden) - hidden:
        hidden |= more
    return hidden


def suppressed(figures: Figures, levels: Iterable[Level]) -> set[Cell]:
    """Return the cells to hide so that no count of fewer than five victims follows from the published ones.

    Args:
        figures: What is published.
        levels: Which places each territory is made of.

    Raises:
        ValueError: counts that must add up do not, or a share exceeds its whole; the message names the cell.
    """
    return suppressed_in_all([figures], list(levels), set())


def suppressed_in_all(tables: list[Figures], levels: list[Level], hidden_anyway: set[Cell]) -> set[Cell]:
    # No sum reaches beyond a year, so each is processed on its own.
    years = {cell.period_start.year for figures in tables for cell in figures.victims}
    hidden = set()
    for year in sorted(years):
        of_year = [[cell for cell in sorted(f.victims) if cell.period_start.year == year] for f in tables]
        hidden |= suppressed_together(of_year, tables, levels, hidden_anyway)
    return hidden


def suppressed_together(
    cells: list[list[Cell]], tables: list[Figures], levels: list[Level], hidden_anyway: set[Cell]
) -> set[Cell]:
    """Return the cells to hide of tables that readers see side by side; `cells` are those of each."""
    rows = [(n, cell) for n, own in enumerate(cells) for cell in own]
    index = {row: place for place, row in enumerate(rows)}
    counts = [tables[n].victims[cell] for n, cell in rows]
    sums, guesses, shares = [], [], []
    for n, (own, figures) in enumerate(zip(cells, tables, strict=True)):
        refuse_shares_above_their_whole(own, figures)
        for total, parts, of_shares in checked_additions(own, figures, levels):
            places = tuple(index[n, part] for part in parts)
            sums.append(Sum(index[n, total], places, tuple(len(shares) + share for share in of_shares)))
        for total, parts in coincidences(own, figures):
            guesses.append(Sum(index[n, total], tuple(index[n, part] for part in parts)))
        shares += [[share.get(cell, 0) if m == n else 0 for m, cell in rows] for share in figures.shares]
    of_year = [Figures({cell: f.victims[cell] for cell in own}) for own, f in zip(cells, tables, strict=True)]
    for less, more in ordered(of_year):
        for cell in cells[less]:
            if (more, cell) in index:
                # The victims that only the larger table counts: how many is not published, but not fewer than none.
                guesses.append(Sum(index[more, cell], (index[less, cell], len(counts))))
                counts.append(tables[more].victims[cell] - tables[less].victims[cell])
    unpublished = range(len(rows), len(counts))
    shares = [[*share, *(0 for _ in unpublished)] for share in shares]
    anyway = [index[row] for row in rows if row[1] in hidden_anyway]
    return {rows[place][1] for place in pattern(Table(counts, sums, shares, guesses), anyway, unpublished)}


def ordered(tables: list[Figures]) -> Iterator[tuple[int, int]]:
    """Return the pairs of tables of which the first never counts more than the second."""
    for less, more in permutations(range(len(tables)), 2):
        if all(fewer <= larger for fewer, larger in common(tables[less], tables[more])):
            yield less, more


def common(first: Figures, other: Figures) -> Iterator[tuple[int, int]]:
    """Return both counts of each cell that one publishes and the other publishes or is known to count none of."""
    grains = {grain(cell) for cell in first.victims} & {grain(cell) for cell in other.victims}
    for cell in first.victims.keys() | other.victims.keys():
        if grain(cell) in grains:
            yield first.victims.get(cell, 0), other.victims.get(cell, 0)


def refuse_shares_above_their_whole(cells: list[Cell], figures: Figures) -> None:
    for share in figures.shares:
        for cell in cells:
            if not 0 <= share.get(cell, 0) <= figures.victims[cell]:
                raise ValueError(f"{describe(cell)}: a share counts {share[cell]} of {figures.victims[cell]} victims.")


def checked_additions(
    cells: list[Cell], figures: Figures, levels: list[Level]
) -> Iterator[tuple[Cell, list[Cell], list[int]]]:
    """Return the sums of one table, with the shares that they hold for."""
    grains = [{grain(cell) for cell in share} for share in figures.shares]
    for total, parts in additions(cells, levels, figures.loose):
        of_shares = [n for n, own in enumerate(grains) if own.issuperset(grain(cell) for cell in (total, *parts))]
        for layer in (figures.victims, *(figures.shares[n] for n in of_shares)):
            published_total, pieces = layer.get(total, 0), sum(layer.get(part, 0) for part in parts)
            if published_total != pieces:
                raise ValueError(f"{describe(total)} counts {published_total}, but its parts {pieces}.")
        yield total, parts, of_shares


def coincidences(cells: list[Cell], figures: Figures) -> Iterator[tuple[Cell, list[Cell]]]:
    """Return the sums that hold by coincidence, which readers may take for structural ones.

    The values of a loose dimension may add up to every total, as series do that a platform counts twice; else some of
    them may count the same victims as the total.
    """
    for dimension in figures.loose:
        loose = [cell for cell in cells if cell.breakdown_dimension == dimension]
        grains = {(cell.period_type, cell.territory_level) for cell in loose}
        totals = [c for c in cells if c.breakdown_dimension == "total" and c[:1] + c[2:3] in grains]
        sums = list(over_breakdowns([*totals, *loose], set()))
        exact = {total for total, parts in sums if figures.victims[total] == sum(figures.victims[c] for c in parts)}
        if exact.issuperset(totals):
            yield from sums
        else:
            same = ((total, part) for total, parts in sums for part in parts)
            yield from ((total, [c]) for total, c in same if figures.victims[c] == figures.victims[total])


def grain(cell: Cell) -> tuple[str, str, str]:
    """Return what is published or not as a whole: a cell of a published grain that is absent counts none."""
    return cell.period_type, cell.territory_level, cell.breakdown_dimension


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
    published = {grain(cell) for cell in cells}
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
    published = {grain(cell) for cell in cells}
    within: dict[Cell, list[Cell]] = defaultdict(list)
    for cell in cells:
        for upper, lower in LEVELS_WITHIN.items():
            finest = next((n for n in lower if grain(cell._replace(territory_level=n)) in published), None)
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
