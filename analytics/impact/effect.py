"""Estimates the effect of one action on one KPI, with its interval and placebo tests."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

from analytics.impact.counterfactual import chosen_penalty, expectation
from analytics.impact.dispersion import Dispersion, learnt
from analytics.impact.sequential import boundary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analytics.impact.panel import Panel

    Matrix = NDArray[np.float64]

ALPHA = 0.10
POWER = 0.80
#: With fewer donors no placebo is rarer than one in twenty, and a 90 % interval has no end.
LEAST_DONORS = 19
LEAST_PAST = 8
_PLACEBO_WINDOWS = 6
_PRIOR = 8.0  # placebos that the common spread is worth beside a territory's own


class Interval(NamedTuple):
    """Both ends."""

    low: float
    high: float

    def excludes(self, value: float) -> bool:
        return not self.low <= value <= self.high


@dataclass(frozen=True)
class Period:
    """One period after the action: what was counted, expected, and the band that it would have kept to."""

    counted: float
    expected: float
    band: Interval


@dataclass(frozen=True)
class Effect:
    """What an action changed, against what would have happened without.

    Args:
        counted: Counts after the action.
        expected: What was expected without it.
        band: Where the sum would have been without it, nine times out of ten.
        ratio: Counted over expected.
        ratio_interval: 90 % interval of the ratio.
        absolute: Counted minus expected.
        absolute_interval: 90 % interval of the same.
        p_value: How probable a distance as great is without any effect.
        sequential_ratio: Interval of the ratio that holds at every look since the action began, at 90 % together.
        concluded_after: Periods after which the sequential interval first excluded "no effect"; None if it never did.
        fading: p-value of "the effect is the same in both halves of the window"; None with one period.
        halves: Ratio in the first and in the second half.
        least_decrease: Ratio below which a decrease would have been seen four times out of five.
        least_increase: Ratio above which an increase would have been seen four times out of five.
        false_alarms_in_time: Share of the same territory's earlier windows that would have been called effects.
        false_alarms_in_space: Share of the donors that would have been called affected in the same window.
        donors: Number of donors.
        periods: What happened, period by period.
        past: The same before the action: counted and expected.
    """

    counted: float
    expected: float
    band: Interval
    ratio: float
    ratio_interval: Interval
    absolute: float
    absolute_interval: Interval
    p_value: float
    sequential_ratio: Interval
    concluded_after: int | None
    fading: float | None
    halves: tuple[float, float] | None
    least_decrease: float
    least_increase: float
    false_alarms_in_time: float
    false_alarms_in_space: float
    donors: int
    periods: tuple[Period, ...]
    past: tuple[tuple[float, float], ...]


class _Window(NamedTuple):
    """What was counted and expected of every territory in one window, period by period."""

    counted: "Matrix"
    expected: "Matrix"


def measure(
    panel: "Panel",
    donors: "NDArray[np.bool_]",
    first: int,
    last: int,
    *,
    history: int = 52,
    treated: int = 0,
    least_past: int = LEAST_PAST,
    planned: int = 0,
) -> Effect:
    """Measure the effect of an action in one territory.

    Every donor is treated as if it had had the action in the same window, and in earlier ones. How far the donors
    stray from what the others foretell, each measured by its own habits (studentised), is how far a territory strays
    without an action: the interval holds every effect that would leave the treated one within nine donors out of ten.
    It is exact when donors and treated are exchangeable, whatever the law of the counts.

    Sources: Abadie, Diamond, Hainmueller (2010), JASA 105, 493-505 (placebos in space); Chernozhukov, Wüthrich, Zhu
    (2021), An exact and robust conformal inference method for counterfactual and synthetic controls, JASA 116,
    1849-1864; Lei et al. (2018), Distribution-free predictive inference for regression, JASA 113, 1094-1111 (local
    scale). The minimum effect is that of Bloom (1995), Minimum detectable effects, Evaluation Review 19, 547-556.

    Args:
        panel: The treated territory and the others.
        donors: Which rows had no action on this KPI in the window; not the treated one.
        first: Column of the first period of the window.
        last: Column after its last.
        history: Periods of the past that the comparison stands on, where there are so many.
        treated: Row of the treated territory.
        least_past: Periods that the shortest past of a placebo has.
        planned: Periods of the window once it is over, where it is not: looks to come are looks too.

    Raises:
        ValueError: there are too few donors or periods for an interval.
    """
    length = last - first
    if donors[treated]:
        raise ValueError("The treated territory is no donor.")
    if np.count_nonzero(donors) < LEAST_DONORS:
        raise ValueError(f"{np.count_nonzero(donors)} donors are too few: {LEAST_DONORS} are needed.")
    if first < least_past + length:
        raise ValueError(f"{first} periods before the action are too few: {least_past + length} are needed.")
    inside = np.flatnonzero(donors)
    penalty = chosen_penalty(_cut(panel, first, last, history)[0], donors, min(first, history), length)
    now, before = _window(panel, donors, first, last, history=history, penalty=penalty)
    starts = [first - length * (back + 1) for back in range(_PLACEBO_WINDOWS)]
    placebos = [
        _window(panel, donors, start, start + length, history=history, penalty=penalty)[0]
        for start in starts
        if start >= least_past
    ]
    summed = [_Window(window.counted.sum(axis=1), window.expected.sum(axis=1)) for window in (now, *placebos)]
    dispersion = learnt(
        np.concatenate([window.counted[inside] for window in summed]),
        np.concatenate([window.expected[inside] for window in summed]),
    )
    residuals = np.array([dispersion.residual(window.counted, window.expected) for window in summed])
    scales = _scales(residuals[1:])
    scale = float(scales[treated])
    standard = residuals[0] / scales
    low, high = _quantiles(standard[inside])
    counted, expected = float(summed[0].counted[treated]), float(summed[0].expected[treated])
    ratio_interval = _ratios(dispersion, counted, expected, scale * low, scale * high)
    tail = stats.norm.isf(1 - POWER)
    least = dispersion.counts(expected, scale * np.array([low - tail, high + tail])) / expected
    seen = length / max(planned, length)
    sequential, concluded_after = _sequential(
        dispersion, now, placebos, scales=scales, treated=treated, inside=inside, seen=seen
    )
    fading, halves = _fading(dispersion, now, treated, scale)
    return Effect(
        counted=counted,
        expected=expected,
        band=Interval(*dispersion.counts(expected, scale * np.array([low, high])).tolist()),
        ratio=counted / expected,
        ratio_interval=ratio_interval,
        absolute=counted - expected,
        absolute_interval=Interval(*(expected * (end - 1) for end in ratio_interval)),
        p_value=_p_value(standard[inside], float(standard[treated]), residuals.shape[0]),
        sequential_ratio=sequential,
        concluded_after=concluded_after,
        fading=fading,
        halves=halves,
        least_decrease=float(least[0]),
        least_increase=float(least[1]),
        false_alarms_in_time=float(np.mean(_outside(residuals[1:, treated] / scale, low, high))),
        false_alarms_in_space=float(np.mean(_outside(standard[inside], low, high))),
        donors=len(inside),
        periods=_periods(dispersion, now, treated, scale * low, scale * high),
        past=tuple(zip(before.counted[treated].tolist(), before.expected[treated].tolist(), strict=True)),
    )


def _cut(panel: "Panel", first: int, last: int, history: int) -> tuple["Panel", int]:
    """Return the panel of one window with its past, and how many periods of it are past."""
    from analytics.impact.panel import Panel

    start = max(first - history, 0)
    chosen = slice(start, last)
    cut = Panel(panel.territories, panel.starts[chosen], panel.counts[:, chosen], panel.exposure[:, chosen])
    return cut, first - start


def _window(
    panel: "Panel", donors: "NDArray[np.bool_]", first: int, last: int, *, history: int, penalty: float
) -> tuple[_Window, _Window]:
    """Return what was counted and expected in a window, and in its past."""
    cut, past = _cut(panel, first, last, history)
    expected = expectation(cut, donors, past, penalty)
    return (
        _Window(cut.counts[:, past:], expected[:, past:]),
        _Window(cut.counts[:, :past], expected[:, :past]),
    )


def _scales(residuals: "Matrix") -> "Matrix":
    """Return the residual scale of each territory, shrunk to the common scale where its past is short."""
    common = float(np.mean(residuals**2)) if residuals.size else 1.0
    return np.sqrt((_PRIOR * common + np.sum(residuals**2, axis=0)) / (_PRIOR + len(residuals)))


def _quantiles(placebos: "Matrix") -> tuple[float, float]:
    """Return the bounds that a new exchangeable value keeps to with probability 1 - ALPHA (Vovk et al. 2005)."""
    ordered = np.sort(placebos)
    rank = math.ceil((len(ordered) + 1) * (1 - ALPHA / 2))
    return float(ordered[len(ordered) - rank]), float(ordered[rank - 1])


def _ratios(dispersion: Dispersion, counted: float, expected: float, low: float, high: float) -> Interval:
    """Return the effects, as ratios, from which a count is no more surprising than the bounds."""
    least, most = dispersion.expectations(counted, np.array([high, low])) / expected
    return Interval(float(least), float(most))


def _p_value(placebos: "Matrix", value: float, windows: int) -> float:
    """Return how probable a distance as great is, the donors giving the scale and Student's law the tail.

    Ranks alone would never fall below one over the number of donors, and nothing would be left of many actions.
    """
    freedom = _PRIOR + windows - 1
    scale = max(float(np.quantile(np.abs(placebos), 1 - ALPHA)) / stats.t.isf(ALPHA / 2, freedom), 1e-9)
    return float(2 * stats.t.sf(abs(value) / scale, freedom))


def _outside(values: "Matrix", low: float, high: float) -> "NDArray[np.bool_]":
    return (values < low) | (values > high)


def _sequential(
    dispersion: Dispersion,
    now: _Window,
    placebos: list[_Window],
    *,
    scales: "Matrix",
    treated: int,
    inside: "NDArray[np.intp]",
    seen: float,
) -> tuple[Interval, int | None]:
    """Return the interval of the ratio that holds at all looks, and the look that first excluded "no effect".

    `seen` is the share of the planned window that has passed.
    """
    paths = [_path(dispersion, placebo, scales) for placebo in placebos]
    trials = np.concatenate([residual[inside] for residual, _ in paths])
    information = np.concatenate([variance[inside] for _, variance in paths])
    factor = boundary(information, seen=seen).calibrated(trials)
    own = np.cumsum(now.expected[treated])
    variance = dispersion.variance(own)
    bounds = scales[treated] * factor * boundary(variance[None, :], seen=seen).at(variance)
    counted = np.cumsum(now.counted[treated])
    looks = [
        _ratios(dispersion, float(seen), float(foreseen), -float(bound), float(bound))
        for seen, foreseen, bound in zip(counted, own, bounds, strict=True)
        if foreseen > 0
    ]
    first = next((look for look, interval in enumerate(looks, start=1) if interval.excludes(1.0)), None)
    # Not the intersection of all looks: the effect so far changes as an effect fades.
    return looks[-1], first


def _path(dispersion: Dispersion, window: _Window, scales: "Matrix") -> tuple["Matrix", "Matrix"]:
    counted, expected = np.cumsum(window.counted, axis=1), np.cumsum(window.expected, axis=1)
    return dispersion.residual(counted, expected) / scales[:, None], dispersion.variance(expected)


def _fading(
    dispersion: Dispersion, now: _Window, treated: int, scale: float
) -> tuple[float | None, tuple[float, float] | None]:
    """Compare the effect in both halves of the window: p-value of no change, and the two ratios."""
    middle = now.counted.shape[1] // 2
    halves = [(now.counted[treated, part].sum(), now.expected[treated, part].sum()) for part in _halves(middle)]
    if not middle or any(expected <= 0 for _, expected in halves):
        return None, None
    (seen, foreseen), (later_seen, later_foreseen) = halves
    ratio = (seen + later_seen) / (foreseen + later_foreseen)
    distance = dispersion.residual(later_seen, ratio * later_foreseen) - dispersion.residual(seen, ratio * foreseen)
    p_value = float(2 * stats.norm.sf(abs(float(distance)) / (scale * math.sqrt(2))))
    return p_value, (float(seen / foreseen), float(later_seen / later_foreseen))


def _halves(middle: int) -> tuple[slice, slice]:
    return slice(0, middle), slice(middle, None)


def _periods(dispersion: Dispersion, now: _Window, treated: int, low: float, high: float) -> tuple[Period, ...]:
    bands = dispersion.counts(now.expected[treated][:, None], np.array([low, high]))
    return tuple(
        Period(float(counted), float(expected), Interval(float(band[0]), float(band[1])))
        for counted, expected, band in zip(now.counted[treated], now.expected[treated], bands, strict=True)
    )
