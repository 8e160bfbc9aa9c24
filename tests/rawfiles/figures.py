"""From observations to the figures that must be published: periods, levels, breakdowns, sums, ratios, percentiles."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import NamedTuple

from tests.geography import levels, populations

Number = int | Fraction | Decimal

PERIODS = ("month", "quarter", "year")
LEVELS = ("nation", "region", "gendarmerie_region", "departement", "abroad", "unknown")
TOTAL = "total"


class Cell(NamedTuple):
    kpi: str
    period: str
    start: date
    level: str
    territory: str
    dimension: str = TOTAL
    value: str = TOTAL

    def __str__(self) -> str:
        part = "" if self.dimension == TOTAL else f", {self.dimension} = {self.value}"
        return f"{self.kpi}, {self.period} {self.start}, {self.territory}{part}"


@dataclass(frozen=True)
class Part:
    """A breakdown, and the periods and levels that it exists for."""

    periods: tuple[str, ...] = PERIODS
    levels: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Kpi:
    """How observations of a KPI become a figure.

    Attributes:
        kind: `sum`, `ratio`, or the share of a percentile.
        levels: Where it exists.
        periods: For which periods.
        parts: Its breakdowns.
        scale: What a ratio is multiplied by.
        victims: Which number counts victims, of whom fewer than five are hidden.
        per_inhabitant: Whether a sum is divided by the inhabitants of the place.
    """

    kind: str | Fraction = "sum"
    levels: tuple[str, ...] = LEVELS
    periods: tuple[str, ...] = PERIODS
    parts: Mapping[str, Part] = field(default_factory=dict)
    scale: int = 1
    victims: str | None = None
    per_inhabitant: bool = False


@dataclass
class Bag:
    """Observations that count together."""

    numerator: Number = 0
    denominator: Number = 0
    values: list[int] = field(default_factory=list)


class Expected(NamedTuple):
    """A figure that must be published, and its number of victims."""

    value: Decimal | None
    victims: int | None = None


def start_of(period: str, year: int, month: int) -> date:
    """Return the first day of the month, quarter or year of a month."""
    return date(year, {"month": month, "quarter": 3 * ((month - 1) // 3) + 1, "year": 1}[period], 1)


def rounded(number: Number) -> Decimal:
    """Return a number rounded once, half up, to six decimals."""
    exact = Fraction(number)
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(Decimal("0.000001"), ROUND_HALF_UP)


def percentile(values: Iterable[int], share: Fraction) -> Fraction:
    """Return a percentile, interpolated between two values."""
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    below = rank.numerator // rank.denominator
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (rank - below) * (ordered[above] - ordered[below])


class Figures:
    """Collects observations, and adds them up."""

    def __init__(self, kpis: Mapping[str, Kpi]) -> None:
        self.kpis = kpis
        self._bags: dict[tuple, Bag] = defaultdict(Bag)

    def add(
        self,
        kpi: str,
        day: date,
        place: str,
        numerator: Number = 1,
        denominator: Number = 0,
        *,
        parts: Mapping[str, str] | None = None,
        is_total: bool = True,
    ) -> None:
        """Add an observation.

        Args:
            kpi: Code of the KPI.
            day: Day that it counts for.
            place: Its territory.
            numerator: What is added up, or the value that enters the percentile.
            denominator: What it is divided by, in a ratio; the victims of a sum.
            parts: Its value per breakdown.
            is_total: Whether it counts outside of these breakdowns too.
        """
        named = tuple(sorted((parts or {}).items()))
        if isinstance(numerator, Decimal):
            numerator = Fraction(numerator)
        bag = self._bags[kpi, day.year, day.month, place, named, is_total]
        if isinstance(self.kpis[kpi].kind, Fraction):
            bag.values.append(int(numerator))
        else:
            bag.numerator += numerator
            bag.denominator += denominator

    def months(self, kpi: str) -> dict[tuple[int, int, str], Number]:
        """Return the sums of a KPI by year, month and territory."""
        found: dict[tuple[int, int, str], Number] = defaultdict(int)
        for (code, year, month, place, _, is_total), bag in self._bags.items():
            if code == kpi and is_total:
                found[year, month, place] += bag.numerator
        return found

    def cells(self) -> dict[Cell, Expected]:
        """Return every figure that must be published."""
        found: dict[Cell, list[Bag]] = defaultdict(list)
        for (code, year, month, place, named, is_total), bag in self._bags.items():
            kpi = self.kpis[code]
            for level, territory in levels()[place]:
                if level not in kpi.levels:
                    continue
                for period in kpi.periods:
                    start = start_of(period, year, month)
                    if is_total:
                        found[Cell(code, period, start, level, territory)].append(bag)
                    for dimension, value in named:
                        part = kpi.parts[dimension]
                        if period in part.periods and level in (part.levels or kpi.levels):
                            found[Cell(code, period, start, level, territory, dimension, value)].append(bag)
        expected = {cell: self._figure(cell, bags) for cell, bags in found.items()}
        return {cell: figure for cell, figure in expected.items() if figure is not None}

    def _figure(self, cell: Cell, bags: list[Bag]) -> Expected | None:
        kpi = self.kpis[cell.kpi]
        if isinstance(kpi.kind, Fraction):
            return Expected(rounded(percentile((value for bag in bags for value in bag.values), kpi.kind)))
        numerator, denominator = sum(bag.numerator for bag in bags), sum(bag.denominator for bag in bags)
        victims = {None: None, "numerator": numerator, "denominator": denominator}[kpi.victims]
        if kpi.per_inhabitant:
            inhabitants = populations()[cell.level, cell.territory]
            return Expected(rounded(Fraction(numerator) * kpi.scale / inhabitants), victims)
        if kpi.kind == "sum":
            return Expected(rounded(numerator), victims)
        if not denominator:
            return None
        return Expected(rounded(Fraction(numerator) * kpi.scale / Fraction(denominator)), victims)
