"""Tail probabilities of one value given its past, and their combination."""

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

_LEAST_P, _GREATEST_P = 1e-300, 1 - 1e-12


def rank_p_value(past: "ArrayLike", value: float) -> float:
    """Return the share of values, this one included, that are at least as great as this one.

    It is exact when the values are exchangeable, and never below 1 / (n + 1). The same function turns any score into a
    calibrated probability, its past being the scores of quiet weeks. Source: Vovk, Gammerman, Shafer (2005),
    Algorithmic Learning in a Random World, §2.2 (conformal p-value).

    Args:
        past: Values before, at least one.
        value: The value that is examined.
    """
    before = np.asarray(past, dtype=np.float64)
    return float((1 + np.count_nonzero(before >= value)) / (len(before) + 1))


def negative_binomial_p_value(past: "ArrayLike", count: int, growth: float = 1.0) -> float:
    """Return how probable a count as great is, for sparse and overdispersed series.

    Mean and dispersion are those of the past by the method of moments; half a count is added to the past, the prior of
    Jeffreys for a rate, so that a first count after zeros is rare and not impossible. Without overdispersion the law is
    the negative binomial that follows from the rate's own uncertainty. Source: Hilbe (2011), Negative Binomial
    Regression, 2nd ed., §8; Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., §2.6.

    Args:
        past: Counts before, at least two.
        count: The count that is examined.
        growth: How much more than in the past is expected.
    """
    before = np.asarray(past, dtype=np.float64)
    mean, spread = negative_binomial_law(before)
    return float(stats.nbinom.sf(count - 1, 1 / spread, 1 / (1 + mean * growth * spread)))


def negative_binomial_law(
    counts: "ArrayLike", exposure: "ArrayLike" = 1.0
) -> tuple["NDArray[np.float64]", "NDArray[np.float64]"]:
    """Return mean and spread of the law of `negative_binomial_p_value`, of many series at once.

    Args:
        counts: Counts before, at least two; those of a series lie on the last axis.
        exposure: How much each counts in relation to the one that is examined.

    Returns:
        The mean at an exposure of 1, and the variance beyond that of a Poisson law over the square of the mean.
    """
    past = np.asarray(counts, dtype=np.float64)
    weights = np.broadcast_to(np.asarray(exposure, dtype=np.float64), past.shape[-1:])
    sums = past.sum(axis=-1)
    shape = sums + 0.5
    mean = shape / weights.sum()
    variance = (past**2 @ (1 / weights) - sums**2 / weights.sum()) / (past.shape[-1] - 1)  # Pearson's
    excess = np.where(sums > 0, (variance - mean) / (mean**2 * weights.mean()), 0.0)
    return mean, np.maximum(excess, 0.0) + 1 / shape


def combined_p_value(p_values: "Sequence[float]") -> float:
    """Return one probability for those of several methods or series, whatever depends on what among them.

    Source: Liu, Xie (2020), Cauchy combination test, Journal of the American Statistical Association 115, 393-402.

    Raises:
        ValueError: there are none, or one is not within [0, 1].
    """
    given = np.asarray(p_values, dtype=np.float64)
    if not len(given) or not np.all((given >= 0) & (given <= 1)):
        raise ValueError("Give at least one probability, each between 0 and 1.")
    return float(stats.cauchy.sf(np.mean(stats.cauchy.isf(np.clip(given, _LEAST_P, _GREATEST_P)))))
