"""A reader who works out hidden counts: the widest interval that published rows of KPIs of victims leave to each.

Written from the rules that are published, without the code that chooses what to hide. It takes rows, not the database.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

Key = tuple[str, date, str, str, str, str]


class Row(NamedTuple):
    """A published row: its coordinates, and its count or None where it is hidden."""

    period_type: str
    period_start: date
    territory_level: str
    territory_code: str
    dimension: str
    value: str
    count: int | None


def spans(row: Row) -> set[tuple[int, int]]:
    """Return the months of a period."""
    months = {"month": 1, "quarter": 3, "year": 12}[row.period_type]
    first = row.period_start.month
    return {(row.period_start.year, month) for month in range(first, first + months)}


def intervals(
    rows: Sequence[Row], places: Mapping[tuple[str, str], set[str]], partitions: Iterable[str], enough: float = np.inf
) -> dict[Key, float]:
    """Return the width of the interval that the rows leave to each hidden one.

    Every row is a sum of atoms, months × places × values, whatever its level. The reader knows every row that is
    shown, that rows which are absent count nobody, and that no count is negative.

    Args:
        rows: All that is published of one count.
        places: The places that a territory, by level and code, is made of.
        partitions: Dimensions whose values add up to the total.
        enough: A width that need not be known more closely once it is reached.
    """
    months = sorted(set().union(*(spans(row) for row in rows)))
    codes = sorted(set().union(*places.values()))
    values = {d: sorted({row.value for row in rows if row.dimension == d}) for d in partitions}
    cells = list(product(*[values[d] for d in sorted(values)])) or [()]
    atoms = {atom: n for n, atom in enumerate(product(months, codes, cells))}
    place_of = {d: n for n, d in enumerate(sorted(values))}

    def members(row: Row) -> list[int]:
        inside = places[row.territory_level, row.territory_code]
        return [
            atoms[month, code, cell]
            for month, code, cell in product(sorted(spans(row) & set(months)), sorted(inside), cells)
            if row.dimension == "total" or cell[place_of[row.dimension]] == row.value
        ]

    shown = [row for row in rows if row.count is not None]
    grains = {(row.period_type, row.territory_level, row.dimension) for row in rows}
    known = {row[:6] for row in rows}
    absent = [
        Row(period_type, start, level, code, dimension, value, 0)
        for period_type, level, dimension in grains
        for start in {row.period_start for row in rows if row.period_type == period_type}
        for lv, code in places
        if lv == level
        for value in values.get(dimension, ["total"])
        if (period_type, start, level, code, dimension, value) not in known
    ]
    facts = [*shown, *absent]
    zero = {atom for row in facts if row.count == 0 for atom in members(row)}
    free = {atom: n for n, atom in enumerate(sorted(set(atoms.values()) - zero))}
    facts = [row for row in facts if row.count]
    hidden = [row for row in rows if row.count is None]

    def matrix(wanted: Sequence[Row]) -> csr_array:
        entries = [(n, free[atom]) for n, row in enumerate(wanted) for atom in members(row) if atom in free]
        numbers, columns = np.array(entries, dtype=int).reshape(-1, 2).T
        return csr_array((np.ones(len(entries)), (numbers, columns)), shape=(len(wanted), len(free)))

    sides = np.array([row.count for row in facts], dtype=float)
    constraints = LinearConstraint(matrix(facts), sides, sides) if facts else ()
    goals = matrix(hidden)
    low, high = np.full(len(hidden), np.inf), np.full(len(hidden), -np.inf)
    for number, sign in product(range(len(hidden)), (1, -1)):
        if high[number] - low[number] < enough:
            solved = milp(sign * goals[[number]].toarray().ravel(), constraints=constraints, bounds=Bounds(0, 1e6))
            assert solved.success, solved.message
            # Every solution is one that the reader cannot rule out, for this row and for all others.
            low, high = np.minimum(low, goals @ solved.x), np.maximum(high, goals @ solved.x)
    return {row[:6]: width for row, width in zip(hidden, high - low, strict=True)}
