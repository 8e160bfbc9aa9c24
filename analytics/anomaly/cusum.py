"""Cumulative sum (CUSUM): finds slow rises of a count."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def cusum(
    counts: "ArrayLike", expected: "ArrayLike", allowance: float = 0.5, limit: float = 5.0
) -> "NDArray[np.float64]":
    """Return the cumulative sum at each count, over the limit: 1 or more is an alarm, after which it restarts.

    Counts become nearly standard normal deviates, of which what exceeds the allowance is added up: a rise by one
    standard deviation alarms after some ten periods, and about 930 periods pass between two false alarms.
    Source: Page (1954), Continuous inspection schemes, Biometrika 41, 100-115; deviates: Rossi, Lampugnani, Marchi
    (1999), An approximate CUSUM procedure for surveillance of health events, Statistics in Medicine 18, 2111-2122.

    Args:
        counts: Counts in time order.
        expected: What each was expected to be, from its past alone.
        allowance: Deviates that a period may exceed without adding to the sum: half the rise that is to be found.
        limit: Sum that alarms, in deviates.

    Raises:
        ValueError: the lengths differ, or an expectation is negative.
    """
    observed = np.asarray(counts, dtype=np.float64)
    mean = np.asarray(expected, dtype=np.float64)
    if observed.shape != mean.shape:
        raise ValueError(f"There are {observed.size} counts and {mean.size} expectations: give one for each.")
    if np.any(mean < 0):
        raise ValueError("An expected count is negative.")
    mean = np.maximum(mean, 0.5)  # a count of one after a long nothing is a small deviate, not an infinite one
    deviates = (observed - 3 * mean + 2 * np.sqrt(observed * mean)) / (2 * np.sqrt(mean))
    sums = np.empty_like(deviates)
    total = 0.0
    for index, deviate in enumerate(deviates.tolist()):
        total = max(0.0, (0.0 if total >= limit else total) + deviate - allowance)
        sums[index] = total / limit
    return sums
