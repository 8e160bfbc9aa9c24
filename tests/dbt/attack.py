"""What a reader works out about hidden counts of victims from all that is published, blind to the method."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import duckdb
import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

#: What is counted, and the KPIs that publish it: a count that one of them shows is known.
READINGS = {
    "victims": {"victims_assisted": "numerator", "victims_per_10k": "numerator"},
    "victims whose handover is known": {"handover_share": "denominator"},
    "victims handed over": {"handover_share": "numerator"},
    "reports": {"perceval_reports": "numerator", "perceval_mean_amount_eur": "denominator"},
}
KPIS = {code for readings in READINGS.values() for code in readings}
#: Cell by cell, the first is no more than the second.
AT_MOST = (
    ("victims handed over", "victims whose handover is known"),
    ("victims whose handover is known", "victims"),
)
#: The share of its own numerator is no count of the victims of a cell.
PROTECTED = frozenset(READINGS) - {"victims handed over"}
#: A victim may be handed over in several ways: these parts make up at least the total.
OVERLAPPING = {"handover"}
#: The narrowest interval that a reader may be left with (docs/decisions/0010).
WIDE = 5
#: Far above every count: what nothing bounds is as wide as that.
CEILING = 10**6
#: Of a solution by floating point; counts are whole.
NOISE = 1e-6


class Row(NamedTuple):
    """A published row; figures are null where it is suppressed."""

    kpi_code: str
    period_type: str
    period_start: date
    territory_level: str
    territory_code: str
    breakdown_dimension: str
    breakdown_value: str
    numerator: int | None
    denominator: int | None
    value: float | None
    observations: int | None
    is_suppressed: bool


class Cell(NamedTuple):
    quantity: str
    period_type: str
    period_start: date
    territory_level: str
    territory_code: str
    breakdown_dimension: str
    breakdown_value: str


class Territory(NamedTuple):
    territory_code: str
    region_code: str | None
    gendarmerie_region_code: str | None


Parent = Callable[[Cell], Cell | None]
Grain = tuple[str, str, str, str]


def published(connection: duckdb.DuckDBPyConnection) -> tuple[list[Row], list[Territory]]:
    """Return the rows of the KPIs that count victims, and where départements lie."""
    rows = connection.execute(
        f"select {', '.join(Row._fields)} from kpi.kpi_value where kpi_code in (select unnest(?))", [sorted(KPIS)]
    )
    found = [Row(*row) for row in rows.fetchall()]
    places = connection.execute(
        f"select {', '.join(Territory._fields)} from reference.dim_territory where territory_level = 'departement'"
    )
    return found, [Territory(*place) for place in places.fetchall()]


def widths(rows: Sequence[Row], territories: Iterable[Territory]) -> dict[tuple[str, Cell], int]:
    """Return how wide the interval of each hidden count of victims is, by KPI and cell."""
    counts = read(rows)
    hidden = sorted(cell for cell, count in counts.items() if count is None)
    intervals = confined(hidden, *system(counts, territories)) if hidden else {}
    found = {}
    for row in rows:
        for quantity in PROTECTED & {name for name in READINGS if row.kpi_code in READINGS[name]}:
            cell = Cell(quantity, *row[1:7])
            if row.is_suppressed:
                found[row.kpi_code, cell] = intervals.get(cell, 0)
    return found


def read(rows: Iterable[Row]) -> dict[Cell, int | None]:
    """Return every count that a row stands for: the figure, or null where all who publish it hide it."""
    counts: dict[Cell, int | None] = {}
    for row in rows:
        for quantity, readings in READINGS.items():
            if row.kpi_code in readings:
                cell = Cell(quantity, *row[1:7])
                figure = getattr(row, readings[row.kpi_code])
                counts[cell] = counts.get(cell) if figure is None else int(figure)
    return counts


class Sums:
    """Signed sums of hidden counts, each with the number that it equals or does not exceed."""

    def __init__(self, counts: Mapping[Cell, int | None]) -> None:
        self.counts = counts
        self.left: list[dict[Cell, int]] = []
        self.right: list[int] = []

    def add(self, signs: Mapping[Cell, int]) -> None:
        """Add a sum that is zero, or at most zero; published figures go to the right, and an absent row is a zero."""
        figures = {cell: self.counts.get(cell, 0) for cell in signs}
        hidden = {cell: signs[cell] for cell, figure in figures.items() if figure is None}
        if hidden:
            self.left.append(hidden)
            self.right.append(-sum(signs[cell] * figure for cell, figure in figures.items() if figure is not None))

    def matrix(self, place: Mapping[Cell, int]) -> csr_array:
        entries = [(sign, row, place[cell]) for row, signs in enumerate(self.left) for cell, sign in signs.items()]
        signs, rows, columns = np.array(entries, int).reshape(-1, 3).T
        return csr_array((signs.astype(float), (rows, columns)), shape=(len(self.left), len(place)))


def over_time(part: str, whole: str, months: int) -> Parent:
    """Return the sum of the parts of a period; `months` are those of the whole."""

    def parent(cell: Cell) -> Cell | None:
        if cell.period_type != part:
            return None
        month = cell.period_start.month
        return cell._replace(
            period_type=whole, period_start=cell.period_start.replace(month=month - (month - 1) % months)
        )

    return parent


def over_territory(grains: Container[Grain], places: Mapping[str, Territory], kind: str) -> list[Parent]:
    """Return the sums of départements to regions of a kind, and of those, and of what lies outside, to the nation."""

    def region(cell: Cell) -> str | None:
        return getattr(places[cell.territory_code], f"{kind}_code") if cell.territory_level == "departement" else None

    def to_region(cell: Cell) -> Cell | None:
        code = region(cell)
        return cell._replace(territory_level=kind, territory_code=code) if code else None

    def to_nation(cell: Cell) -> Cell | None:
        alone = cell.territory_level == "departement" and not region(cell)
        split = grain(cell._replace(territory_level=kind)) in grains
        if split and (alone or cell.territory_level in (kind, "abroad", "unknown")):
            return cell._replace(territory_level="nation", territory_code="FR")
        return None

    return [to_region, to_nation]


def over_breakdown(cell: Cell) -> Cell | None:
    if cell.breakdown_dimension == "total":
        return None
    return cell._replace(breakdown_dimension="total", breakdown_value="total")


def grain(cell: Cell) -> Grain:
    return (cell.quantity, cell.period_type, cell.territory_level, cell.breakdown_dimension)


def parts_of_wholes(
    counts: Mapping[Cell, int | None], parent: Parent, grains: Container[Grain]
) -> Iterator[tuple[Cell, str, list[Cell]]]:
    """Yield each cell that is made of others, the breakdown they are of, and them."""
    parts = defaultdict(list)
    for cell in counts:
        whole = parent(cell)
        if whole and grain(whole) in grains:
            parts[whole, cell.breakdown_dimension].append(cell)
    for (whole, dimension), cells in parts.items():
        yield whole, dimension, cells


def system(counts: Mapping[Cell, int | None], territories: Iterable[Territory]) -> tuple[Sums, Sums]:
    """Return what is known of hidden counts: sums that equal a number, and sums that are at most one."""
    places = {place.territory_code: place for place in territories}
    grains = {grain(cell) for cell in counts}
    equal, most = Sums(counts), Sums(counts)
    for parent in (
        over_time("month", "quarter", 3),
        over_time("quarter", "year", 12),
        over_breakdown,
        *over_territory(grains, places, "region"),
        *over_territory(grains, places, "gendarmerie_region"),
    ):
        for whole, dimension, cells in parts_of_wholes(counts, parent, grains):
            if parent is over_breakdown and dimension in OVERLAPPING:
                most.add({whole: 1} | dict.fromkeys(cells, -1))
                for cell in cells:
                    most.add({cell: 1, whole: -1})
            else:
                equal.add({whole: -1} | dict.fromkeys(cells, 1))
    for less, more in AT_MOST:
        for cell in counts:
            bound = cell._replace(quantity=more)
            if cell.quantity == less and grain(bound) in grains:
                most.add({cell: 1, bound: -1})
    return equal, most


def confined(hidden: Sequence[Cell], equal: Sums, most: Sums) -> dict[Cell, int]:
    """Return the width of the interval of each hidden count.

    Counts that no sum links, however far, are bounded at the same time: one linear programme for a count of each group.
    """
    place = {cell: number for number, cell in enumerate(hidden)}
    known = {
        "A_eq": equal.matrix(place),
        "b_eq": equal.right,
        "A_ub": most.matrix(place),
        "b_ub": most.right,
        "bounds": (0, CEILING),
        "method": "highs",
    }
    found = {}
    for targets in rounds(hidden, known["A_eq"], known["A_ub"]):
        low, high = (extreme(targets, sign, known) for sign in (1, -1))
        found |= {
            hidden[target]: math.floor(high[target] + NOISE) - math.ceil(low[target] - NOISE) for target in targets
        }
    return found


def rounds(hidden: Sequence[Cell], *sums: csr_array) -> Iterable[list[int]]:
    """Return the counts to protect, dealt out so that no two of a list are linked."""
    _, groups = connected_components(sum(abs(matrix).T @ abs(matrix) for matrix in sums), directed=False)
    dealt: dict[int, list[int]] = defaultdict(list)
    seen: Counter[int] = Counter()
    for number, cell in enumerate(hidden):
        if cell.quantity in PROTECTED:
            dealt[seen[groups[number]]].append(number)
            seen[groups[number]] += 1
    return dealt.values()


def extreme(targets: Sequence[int], sign: int, known: Mapping[str, Any]) -> np.ndarray:
    """Return counts that agree with all that is known, those of `targets` as small (sign 1) or large (-1) as can be."""
    objective = np.zeros(known["A_eq"].shape[1])
    objective[list(targets)] = sign
    solved = linprog(objective, **known)
    assert solved.success, f"what is published contradicts itself: {solved.message}"
    return solved.x
