"""Shares, trends and weights of pain points, with their intervals, from counts."""

from typing import NamedTuple

import numpy as np
from scipy.stats import chi2, norm

#: Intervals are those of 90 %.
TAIL = 0.05
_Z = norm.isf(TAIL)
#: Marks are out of ten: nothing weighs more.
MOST = 10.0


class Interval(NamedTuple):
    """Values and the limits of their 90 % intervals, one for each row; NaN where they are undefined."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def share(texts: np.ndarray, of: np.ndarray) -> Interval:
    """Return the share of texts among texts, with Wilson's score interval.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22, 209-212.

    Args:
        texts: Texts of a kind, by row.
        of: Texts that they are part of; NaN comes of 0.
    """
    texts, of = np.asarray(texts, dtype=float), np.asarray(of, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = texts / of
        centre = (value + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
        half = _Z / (1 + _Z**2 / of) * np.sqrt(value * (1 - value) / of + _Z**2 / (4 * of**2))
    return Interval(value, centre - half, centre + half)


def trend(texts: np.ndarray, of: np.ndarray, texts_before: np.ndarray, of_before: np.ndarray) -> Interval:
    """Return by how much a share is greater than it was before; NaN where nothing was written before.

    Source: Newcombe (1998), "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17, 873-890, method 10.

    Args:
        texts: Texts of a kind now, by row.
        of: Texts that they are part of.
        texts_before: Texts of the kind before.
        of_before: Texts that these are part of.
    """
    now, before = share(texts, of), share(texts_before, of_before)
    value = now.value - before.value
    return Interval(
        value,
        value - np.hypot(now.value - now.low, before.high - before.value),
        value + np.hypot(now.high - now.value, before.value - before.low),
    )


def weight(lost: np.ndarray, squares: np.ndarray, largest: np.ndarray, marks: np.ndarray) -> Interval:
    """Return by how many points the mean mark would rise if what is complained of disappeared.

    Each complaint is an event that costs points, so the points lost are a weighted sum of Poisson counts, and the
    interval is the gamma interval of Fay and Feuer (1997), "Confidence intervals for directly standardized rates",
    Statistics in Medicine 16, 791-801. It holds for one complaint as for thousands, and for equal costs it is Garwood's
    exact interval of a count. It is never too narrow: marks bound what Poisson counts do not.

    Args:
        lost: Points that complaints cost, summed by row.
        squares: Squares of the points that each costs, summed.
        largest: Most points that one costs.
        marks: Marks over which the mean is taken; NaN comes of 0.
    """
    lost, squares, largest, marks = (np.asarray(values, dtype=float) for values in (lost, squares, largest, marks))
    with np.errstate(divide="ignore", invalid="ignore"):
        low = _gamma(lost, squares, TAIL)
        high = _gamma(lost + largest, squares + largest**2, 1 - TAIL)
        value = lost / marks
        low, high = (np.where(lost > 0, limit / marks, np.where(marks > 0, 0.0, np.nan)) for limit in (low, high))
    return Interval(value, np.minimum(low, MOST), np.minimum(high, MOST))


def _gamma(mean: np.ndarray, variance: np.ndarray, quantile: float) -> np.ndarray:
    return variance / (2 * mean) * chi2.ppf(quantile, 2 * mean**2 / variance)
