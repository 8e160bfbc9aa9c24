"""Learns the dispersion of counts around their expectation from placebo windows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Matrix = NDArray[np.float64]

_CONTINUITY = 3 / 8  # Anscombe (1948): makes the variance of a root of small counts nearly constant
_LEAST_NOISE, _LEAST_DRIFT = 0.1, 0.02
#: More than anything that is counted here: an end of an interval that lies beyond says only that there is none.
MOST = 1e12
_STEEPEST = 300.0  # angle whose hyperbolic sine is beyond that, and can still be squared


@dataclass(frozen=True)
class Dispersion:
    """The variance of a count around its expectation m: `noise` m + (`drift` m)².

    Args:
        noise: 1 for Poisson counts, more where they come in clusters, less for shares.
        drift: Relative error of the expectation itself, which more counting does not lessen.
    """

    noise: float
    drift: float

    def residual(self, counted: "ArrayLike", expected: "ArrayLike") -> "Matrix":
        """Return the distance of counts from expectations in standard deviations, signed.

        The transformation stabilises the variance of overdispersed counts. Source: Anscombe (1948), The transformation
        of Poisson, binomial and negative-binomial data, Biometrika 35, 246-254.
        """
        return self._stable(np.asarray(counted, dtype=np.float64)) - self._stable(
            np.asarray(expected, dtype=np.float64)
        )

    def expectations(self, counted: float, residual: "ArrayLike") -> "Matrix":
        """Return the expectations from which a count has this residual; zero where none is small enough."""
        return self._count(self._stable(np.asarray(counted, dtype=np.float64)) - np.asarray(residual))

    def counts(self, expected: "ArrayLike", residual: "ArrayLike") -> "Matrix":
        """Return the counts that have this residual from an expectation; zero where none is small enough."""
        return self._count(self._stable(np.asarray(expected, dtype=np.float64)) + np.asarray(residual))

    def variance(self, expected: "ArrayLike") -> "Matrix":
        mean = np.asarray(expected, dtype=np.float64)
        return self.noise * mean + (self.drift * mean) ** 2

    def _stable(self, counts: "Matrix") -> "Matrix":
        return 2 / self.drift * np.arcsinh(self.drift * np.sqrt((counts + _CONTINUITY) / self.noise))

    def _count(self, stable: "Matrix") -> "Matrix":
        root = np.sinh(np.clip(stable * self.drift / 2, 0.0, _STEEPEST)) / self.drift
        return np.clip(self.noise * root**2 - _CONTINUITY, 0.0, MOST)


def learnt(counted: "Matrix", expected: "Matrix") -> Dispersion:
    """Return the dispersion of placebos: sums over windows in which nothing was done.

    By moments: the squared error over the expectation is regressed on the expectation; where the slope or the level
    comes out negative, the other explains all of it.

    Args:
        counted: What was counted in each placebo.
        expected: What was expected there; placebos with nothing expected carry no information and are left out.
    """
    used = expected > 0
    mean = expected[used]
    if not len(mean):
        return Dispersion(1.0, _LEAST_DRIFT)
    error = (counted[used] - mean) ** 2 / mean
    # The spread of a squared error grows with its own size: weigh it down, or a few large territories decide.
    design = np.column_stack([np.ones_like(mean), mean])
    weight = 1 / (1 + mean / max(float(np.median(mean)), 1e-9))
    noise, slope = np.linalg.lstsq(design * weight[:, None], error * weight, rcond=None)[0]
    if slope <= 0:
        noise, slope = float(np.average(error, weights=weight**2)), 0.0
    elif noise < _LEAST_NOISE:
        noise = _LEAST_NOISE
        slope = max(float(np.sum(weight**2 * mean * (error - noise)) / np.sum(weight**2 * mean**2)), 0.0)
    return Dispersion(max(float(noise), _LEAST_NOISE), max(float(slope) ** 0.5, _LEAST_DRIFT))
