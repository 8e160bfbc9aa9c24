"""Estimates what would have been counted without an action, from donor territories (synthetic control)."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analytics.impact.panel import Panel

    Matrix = NDArray[np.float64]

_ROUNDS = 6  # of the two-way fit: it settles to 1e-6 in four
_NOTHING = 1e-12  # a denominator that is zero but for rounding
_LEAST_SHARE = 0.1  # of the two-way expectation, below which a correction by donors may not push it
_PENALTIES = (np.inf, 16.0, 4.0, 1.0)  # in units of the sampling noise of the history
_WORTHWHILE = 0.03  # of the error on held-out periods, which a correction must save to be used


def expectation(panel: "Panel", donors: "NDArray[np.bool_]", past: int, penalty: float = np.inf) -> "Matrix":
    """Return what each territory would have counted in each period, had it followed the donors.

    A territory's level comes from its own past, the course of time from the donors alone: difference in differences on
    the multiplicative scale of counts, by Poisson pseudo-maximum likelihood. On top, a synthetic control: what the
    two-way model leaves in each territory is regressed on what it leaves in the donors, with a ridge penalty that
    shrinks the weights to the equal ones of difference in differences; all the regressions come from one inverse, the
    weights of row i being -P_ij / P_ii of the precision matrix P. A donor is never its own control.

    Sources: Wooldridge (2023), Simple approaches to nonlinear difference-in-differences with panel data, Econometrics
    Journal 26, C31-C66; Abadie, Diamond, Hainmueller (2010), Synthetic control methods for comparative case studies,
    JASA 105, 493-505; Doudchenko, Imbens (2016), NBER working paper 22791; Ben-Michael, Feller, Rothstein (2021), The
    augmented synthetic control method, JASA 116, 1789-1803 (ridge).

    Args:
        panel: All territories.
        donors: Those without an action, one flag per row.
        past: Number of periods before the action.
        penalty: Of the ridge; infinite for difference in differences alone.
    """
    return _corrected(_two_way(panel, donors, past), panel.counts, donors, past, penalty)


def chosen_penalty(panel: "Panel", donors: "NDArray[np.bool_]", past: int, ahead: int) -> float:
    """Return the ridge penalty with the least error on the last past periods; infinite unless one is clearly better.

    It is one for all territories, so that placebos and the action are treated alike.

    Args:
        panel: All territories.
        donors: Those without an action.
        past: Number of periods before the action.
        ahead: Number of periods that the effect is measured over.
    """
    train = past - ahead
    plain = _two_way(panel, donors, train)
    errors = []
    for penalty in _PENALTIES:
        expected = _corrected(plain, panel.counts, donors, train, penalty)[donors, train:past].sum(axis=1)
        counted = panel.counts[donors, train:past].sum(axis=1)
        errors.append(float(np.sum((counted - expected) ** 2 / (expected + 1))))
    best = int(np.argmin(errors))
    return _PENALTIES[best] if errors[best] < (1 - _WORTHWHILE) * errors[0] else np.inf


def _two_way(panel: "Panel", donors: "NDArray[np.bool_]", past: int) -> "Matrix":
    """Return what difference in differences expects, without weights of donors."""
    counts, exposure = panel.counts, panel.exposure
    level = _ratio(counts[:, :past].sum(axis=1), exposure[:, :past].sum(axis=1))
    course = np.ones_like(counts)
    own = np.where(donors[:, None], counts, 0.0)
    for _ in range(_ROUNDS):
        # Without its own part a donor cannot explain itself.
        weight = np.where(donors[:, None], level[:, None] * exposure, 0.0)
        course = _ratio(own.sum(axis=0) - own, weight.sum(axis=0) - weight)
        level = _ratio(counts[:, :past].sum(axis=1), (exposure[:, :past] * course[:, :past]).sum(axis=1))
    return level[:, None] * exposure * course


def _corrected(plain: "Matrix", counts: "Matrix", donors: "NDArray[np.bool_]", past: int, penalty: float) -> "Matrix":
    """Return the expectation with what each territory shares with single donors; as it is at an infinite penalty."""
    if np.isinf(penalty):
        return plain
    scale = np.sqrt(np.maximum(plain, 1e-9))
    residuals = np.where(plain > 0, (counts - plain) / scale, 0.0)
    history = residuals[:, :past]
    noise = float(np.mean(history**2)) * past
    gram = history @ history.T + penalty * noise * np.eye(len(history))
    weights = _donor_weights(gram, donors)
    corrected = plain + weights @ residuals * scale
    return np.maximum(corrected, _LEAST_SHARE * plain)


def _donor_weights(gram: "Matrix", donors: "NDArray[np.bool_]") -> "Matrix":
    """Return the ridge weights of the donors, in rows, for every territory; zero for itself and for non-donors."""
    weights = np.zeros_like(gram)
    inside = np.flatnonzero(donors)
    precision = np.linalg.inv(gram[np.ix_(inside, inside)])
    weights[np.ix_(inside, inside)] = -precision / np.diag(precision)[:, None]
    weights[inside, inside] = 0.0
    outside = np.flatnonzero(~donors)
    weights[np.ix_(outside, inside)] = gram[np.ix_(outside, inside)] @ precision
    return weights


def _ratio(above: "Matrix", below: "Matrix") -> "Matrix":
    return np.divide(above, below, out=np.zeros_like(above), where=below > _NOTHING)
