"""The boundary that a cumulative test statistic stays under at all looks together (sequential test)."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Boundary:
    """The normal mixture boundary, in standard deviations of what was seen so far.

    A sum of variance V stays below sqrt((V + r) log((V + r) / (r a²))) for ever, with probability 1 - a. Sources:
    Robbins (1970), Statistical methods related to the law of the iterated logarithm, Annals of Mathematical Statistics
    41, 1397-1409; Howard, Ramdas, McAuliffe, Sekhon (2021), Time-uniform, nonparametric, nonasymptotic confidence
    sequences, Annals of Statistics 49, 1055-1080 (equation 14).

    Args:
        information: Variance of the sums seen so far: trials in rows, looks in columns.
        alpha: Probability of ever leaving the bound.
        seen: Share of all looks that these are: a bound that is recomputed for each look would hold for none.
    """

    information: "Matrix"
    alpha: float
    seen: float = 1.0

    def at(self, variance: "Matrix") -> "Matrix":
        """Return the bound where the sum has this variance; it is narrowest in the middle of the looks."""
        middle = np.maximum(np.median(self.information, axis=-1, keepdims=True) / self.seen, 1e-9)
        rest = np.broadcast_to(middle, self.information.shape).reshape(np.shape(variance)) / _tuning(self.alpha)
        share = np.maximum(variance, 1e-9)
        return np.sqrt((1 + rest / share) * np.log((share + rest) / (rest * self.alpha**2)))

    def calibrated(self, trials: "Matrix") -> float:
        """Return by how much to widen the bound so that of these trials enough keep to it at all looks; at least 1.

        The theory knows the noise of the counts, and not that the expectation itself may be wrong: placebos do.

        Args:
            trials: Surprises without any action, trials in rows, looks in columns.
        """
        worst = np.sort(np.max(np.abs(trials) / self.at(self.information), axis=1))
        rank = min(math.ceil((len(worst) + 1) * (1 - self.alpha)), len(worst))
        return max(float(worst[rank - 1]), 1.0)


def boundary(information: "Matrix", alpha: float = 0.10, seen: float = 1.0) -> Boundary:
    return Boundary(information, alpha, seen)


def _tuning(alpha: float) -> float:
    """Return the variance over r for which the boundary is narrowest (Howard et al. 2021, §3.5, to first order)."""
    return -2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)
