"""Grades the severity of a signal by a rule that its readers see."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class Level(StrEnum):
    """What a reader sees, in growing gravity."""

    low = "faible"
    moderate = "modérée"
    high = "élevée"
    critical = "critique"


class Criterion(NamedTuple):
    """A criterion earns no point up to `none`, all its points from `full` on, and a part between."""

    points: float
    none: float
    full: float
    logarithmic: bool


#: The rule; docs/signals.md shows the same figures.
CRITERIA: Mapping[str, Criterion] = MappingProxyType(
    {
        "ratio": Criterion(25, 1, 20, logarithmic=True),
        "velocity": Criterion(20, 1, 5, logarithmic=True),
        "reach": Criterion(20, 1_000, 1_000_000, logarithmic=True),
        "spread": Criterion(15, 0, 6, logarithmic=False),
        "novelty": Criterion(10, 2, 10, logarithmic=False),
        "negative_share": Criterion(10, 0.3, 0.9, logarithmic=False),
    }
)
_FLOORS = ((75, Level.critical), (50, Level.high), (25, Level.moderate), (0, Level.low))


@dataclass(frozen=True)
class Severity:
    """A level, and the points that make it, out of 100."""

    level: Level
    points: float
    by_criterion: Mapping[str, float]


def severity(measures: Mapping[str, float | None]) -> Severity:
    """Return the severity of a signal.

    Args:
        measures: Value of each criterion of `CRITERIA`; one that is absent, None or NaN earns nothing.

    Raises:
        ValueError: a name is no criterion.
    """
    unknown = measures.keys() - CRITERIA.keys()
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))}: no such criterion; there are {', '.join(CRITERIA)}.")
    points = {name: _points(criterion, measures.get(name)) for name, criterion in CRITERIA.items()}
    total = math.fsum(points.values())
    level = next(level for floor, level in _FLOORS if total >= floor)
    return Severity(level, total, MappingProxyType(points))


def _points(criterion: Criterion, measure: float | None) -> float:
    if measure is None or math.isnan(measure) or measure <= criterion.none:
        return 0.0
    if measure >= criterion.full:
        return criterion.points
    scale = math.log if criterion.logarithmic else float
    share = (scale(measure) - scale(criterion.none)) / (scale(criterion.full) - scale(criterion.none))
    return criterion.points * share
