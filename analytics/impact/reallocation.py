"""Estimates what moving hours of prevention between two territories would change, from the effects measured there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analytics.impact.effect import Interval

#: A value and its 90 % interval.
Estimate = tuple[float, Interval]


@dataclass(frozen=True)
class MeasuredEffect:
    """One measured effect of an action whose hours are known.

    Args:
        hours: Working hours of the action.
        effect: Counted minus expected over its window.
        interval: 90 % interval of the same.
    """

    hours: float
    effect: float
    interval: Interval


@dataclass(frozen=True)
class Reallocation:
    """Expected change of one KPI.

    Args:
        origin: Where hours are taken.
        destination: Where they are added.
        together: Both.
        actions: Number of measured actions behind it.
    """

    origin: Estimate
    destination: Estimate
    together: Estimate
    actions: int


def reallocate(hours: float, origin: Sequence[MeasuredEffect], destination: Sequence[MeasuredEffect]) -> Reallocation:
    """Return what moving hours would change, had each hour the effect that hours had there so far.

    Every measured effect counts, not only those that stand out: those are the lucky ones, and would promise too much
    (winner's curse: Gelman, Carlin 2014, Beyond power calculations, Perspectives on Psychological Science 9, 641-651).
    The effect of an hour is the ratio of sums; half-widths of independent intervals add in squares, end by end.

    Args:
        hours: Hours that move.
        origin: Effects measured where they are taken; at least one.
        destination: Effects measured where they are added; at least one.
    """
    taken, added = _scaled(-hours, per_hour(origin)), _scaled(hours, per_hour(destination))
    return Reallocation(taken, added, _sum(taken, added), len(origin) + len(destination))


def per_hour(effects: Sequence[MeasuredEffect]) -> Estimate:
    """Return the effect of one hour with its 90 % interval."""
    hours = sum(effect.hours for effect in effects)
    value = sum(effect.effect for effect in effects)
    below = math.sqrt(sum((effect.effect - effect.interval.low) ** 2 for effect in effects))
    above = math.sqrt(sum((effect.interval.high - effect.effect) ** 2 for effect in effects))
    return value / hours, Interval((value - below) / hours, (value + above) / hours)


def _scaled(factor: float, estimate: Estimate) -> Estimate:
    value, interval = estimate
    low, high = sorted((factor * interval.low, factor * interval.high))
    return factor * value, Interval(low, high)


def _sum(first: Estimate, other: Estimate) -> Estimate:
    value = first[0] + other[0]
    below = math.hypot(first[0] - first[1].low, other[0] - other[1].low)
    above = math.hypot(first[1].high - first[0], other[1].high - other[0])
    return value, Interval(value - below, value + above)
