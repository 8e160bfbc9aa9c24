"""The three EARS control charts. The macro `ears` of the dbt project computes the same in SQL."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_GAP = 2  # C2 and C3 keep two periods between the baseline and today, so that a rise does not enter its own baseline
_MEMORY = 2  # C3 adds up the excess of the two periods before
_SHORTEST_BASELINE = 3


@dataclass(frozen=True)
class Chart:
    """One value per observation; NaN where the past is too short, or holds a NaN."""

    expected: "NDArray[np.float64]"
    upper: "NDArray[np.float64]"
    alarm: "NDArray[np.bool_]"


def c1(counts: "ArrayLike", alpha: float = 0.001, baseline: int = 7, min_sigma: float = 0.0) -> Chart:
    """Compare each count with the mean and standard deviation of the `baseline` counts just before it.

    Source: Hutwagner, Thompson, Seeman, Treadwell (2003), The bioterrorism preparedness and response Early Aberration
    Reporting System (EARS), Journal of Urban Health 80, i89-i96. Bounds as in Salmon, Schumacher, Höhle (2016),
    Monitoring Count Time Series in R, Journal of Statistical Software 70(10).

    Args:
        counts: Counts in time order, one per period.
        alpha: Probability of exceeding the bound when the counts are normal.
        baseline: Number of periods in the baseline, at least 3.
        min_sigma: Floor of the standard deviation.

    Raises:
        ValueError: the baseline is shorter than 3, or `min_sigma` negative.
    """
    observed, mean, sigma = _baseline(counts, baseline, 0, min_sigma)
    return _chart(observed, mean, mean + norm.isf(alpha) * sigma)


def c2(counts: "ArrayLike", alpha: float = 0.001, baseline: int = 7, min_sigma: float = 0.0) -> Chart:
    """Do as `c1`, two periods left out between the baseline and the count, so that a slow rise does not hide itself.

    Source and arguments: see `c1`.

    Raises:
        ValueError: the baseline is shorter than 3, or `min_sigma` negative.
    """
    observed, mean, sigma = _baseline(counts, baseline, _GAP, min_sigma)
    return _chart(observed, mean, mean + norm.isf(alpha) * sigma)


def c3(counts: "ArrayLike", alpha: float = 0.025, baseline: int = 7, min_sigma: float = 0.0) -> Chart:
    """Alarm when the excess over one standard deviation in the two periods before adds up to more than the bound.

    As in `earsC` of the R package surveillance, against which it is checked, the upper bound is on the scale of
    the count: the count itself, moved by how far that excess is from the bound. A baseline without variation has no
    scale to measure an excess by: it adds none. Source and arguments: see `c1`.

    Raises:
        ValueError: the baseline is shorter than 3, or `min_sigma` negative.
    """
    observed, mean, sigma = _baseline(counts, baseline, _GAP, min_sigma)
    scale = np.where(sigma == 0, np.inf, sigma)
    excess = np.maximum(0.0, (observed - mean) / scale - 1.0)
    before = np.full(len(observed), np.nan)
    before[_MEMORY:] = excess[1:-1] + excess[:-_MEMORY]
    return _chart(observed, mean, np.maximum(0.0, observed + sigma * (norm.isf(alpha) - before)))


def _baseline(
    counts: "ArrayLike", baseline: int, gap: int, min_sigma: float
) -> tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.float64]"]:
    """Return the counts, and the mean and standard deviation of the baseline of each."""
    if baseline < _SHORTEST_BASELINE:
        raise ValueError(f"A baseline of {baseline} periods is too short: give at least {_SHORTEST_BASELINE}.")
    if min_sigma < 0:
        raise ValueError(f"min_sigma is {min_sigma}: give a number that is not negative.")
    observed = np.asarray(counts, dtype=np.float64)
    mean, sigma = np.full((2, len(observed)), np.nan)
    first = baseline + gap
    if len(observed) > first:
        windows = np.lib.stride_tricks.sliding_window_view(observed[: -1 - gap or None], baseline)
        windows = windows[: len(observed) - first]
        mean[first:] = windows.mean(axis=1)
        sigma[first:] = np.maximum(windows.std(axis=1, ddof=1), min_sigma)
    return observed, mean, sigma


def _chart(observed: "NDArray[np.float64]", mean: "NDArray[np.float64]", upper: "NDArray[np.float64]") -> Chart:
    return Chart(expected=mean, upper=upper, alarm=observed > upper)
