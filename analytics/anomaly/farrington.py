"""Farrington's flexible method, for weekly series of several years."""

import itertools
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_WEEK = timedelta(weeks=1)
_YEARS_FOR_A_TREND = 3
_TOLERANCE = 1e-8  # of the deviance, as in R's glm
_ENOUGH_CASES, _ENOUGH_WEEKS = 5, 4  # below 5 cases in 4 weeks, an excess is of no public interest (Farrington 1996)


@dataclass(frozen=True)
class Bound:
    """The bound of one week and how it was computed; every number is NaN where the model could not be fitted."""

    expected: float
    upper: float
    p_value: float
    alarm: bool


@dataclass(frozen=True)
class _Fit:
    """A quasi-Poisson regression with logarithmic link."""

    coefficients: "NDArray[np.float64]"
    fitted: "NDArray[np.float64]"
    leverage: "NDArray[np.float64]"
    residual_freedom: int


def farrington_flexible(
    weeks: "Sequence[date]",
    counts: "Sequence[int]",
    at: int,
    *,
    years: int = 5,
    half_window: int = 3,
    periods: int = 10,
    weeks_left_out: int = 26,
    alpha: float = 0.01,
    weights_threshold: float = 2.58,
) -> Bound:
    """Hold one week's count to a negative binomial quantile of its season in the years before.

    Source: Noufaily, Enki, Farrington, Garthwaite, Andrews, Charlett (2013), An improved algorithm for outbreak
    detection in multiple surveillance systems, Statistics in Medicine 32, 1206-1222; the plug-in quantile, and the
    meaning of the arguments, as in Salmon, Schumacher, Höhle (2016), Journal of Statistical Software 70(10).

    Args:
        weeks: First day of each week, without a gap.
        counts: Count of each week.
        at: Position of the week that is examined.
        years: Years to look back.
        half_window: Weeks on each side of the same week of a year before that count as the same season.
        periods: Seasons that a year is divided into.
        weeks_left_out: Weeks just before the examined one that are kept out of the model.
        alpha: Probability of exceeding the bound.
        weights_threshold: Residuals above are taken for past outbreaks and weighed down.

    Raises:
        ValueError: weeks are not consecutive, or do not go back far enough.
    """
    if any(later - earlier != _WEEK for earlier, later in itertools.pairwise(weeks)):
        raise ValueError("The weeks do not follow each other: fill in the missing ones with what was counted, or zero.")
    seasons = _seasons(weeks, at, years, half_window, periods)
    seasons[max(0, at - weeks_left_out) :] = 0
    used = np.flatnonzero(seasons)
    response = np.asarray(counts, dtype=np.float64)[used]
    time = (used - used[0]).astype(np.float64)
    levels = [level for level in range(1, periods + 1) if np.any(seasons[used] == level)]
    columns = [np.ones_like(time), *(1.0 * (seasons[used] == level) for level in levels[1:])]
    flat = np.column_stack(columns)
    here = np.array([1.0, *(1.0 * (level == periods) for level in levels[1:])])

    try:
        row, fit, dispersion = (
            np.append(here, float(at - used[0])),
            *_robust_fit(np.column_stack([flat, time]), response, weights_threshold),
        )
    except _NotConvergedError:
        fit = None
    if fit is None or years < _YEARS_FOR_A_TREND or np.exp(row @ fit.coefficients) > response.max():
        try:
            row, fit, dispersion = here, *_robust_fit(flat, response, weights_threshold)
        except _NotConvergedError:
            return Bound(np.nan, np.nan, np.nan, alarm=False)
    mean = float(np.exp(row @ fit.coefficients))
    law = stats.nbinom(mean / (dispersion - 1), 1 / dispersion) if dispersion > 1 else stats.poisson(mean)
    upper, count = float(law.isf(alpha)), counts[at]
    enough = sum(counts[max(0, at - _ENOUGH_WEEKS + 1) : at + 1]) >= _ENOUGH_CASES
    return Bound(mean, upper, float(law.sf(count - 1)), alarm=bool(enough and count > upper))


def _seasons(weeks: "Sequence[date]", at: int, years: int, half_window: int, periods: int) -> "NDArray[np.int64]":
    """Return the season of each week: `periods` around the same week of each year, 1 and up between, 0 for none."""
    position = {week: index for index, week in enumerate(weeks)}
    same_weeks = [at]
    for back in range(1, years + 1):
        week = _same_week(weeks[at], back)
        if week not in position or position[week] < half_window:
            raise ValueError(f"The weeks do not go back {years} years and {half_window} weeks from {weeks[at]}.")
        same_weeks.append(position[week])
    seasons = np.zeros(len(weeks), dtype=np.int64)
    seasons[max(0, at - half_window) : at + 1] = periods
    for later, week in itertools.pairwise(same_weeks):
        seasons[week - half_window : week + half_window + 1] = periods
        if periods > 1:
            between = np.arange(week + half_window + 1, later - half_window)
            for season, block in enumerate(np.array_split(between, periods - 1), start=1):
                seasons[block] = season
    return seasons


def _same_week(week: date, years_back: int) -> date:
    """Return the first day of the week nearest to the same date of an earlier year; 29 February becomes 1 March."""
    try:
        same = week.replace(year=week.year - years_back)
    except ValueError:
        same = date(week.year - years_back, 3, 1)
    return same + timedelta(days=(week.weekday() - same.weekday() + 3) % 7 - 3)


class _NotConvergedError(Exception):
    """A regression found no optimum."""


def _robust_fit(design: "NDArray[np.float64]", response: "NDArray[np.float64]", threshold: float) -> tuple[_Fit, float]:
    """Fit, weigh down what stands out, fit again; return the fit and its dispersion, at least 1."""
    weights = np.ones_like(response)
    fit = _poisson(design, response, weights)
    residuals = 1.5 * (response ** (2 / 3) * fit.fitted ** (-1 / 6) - fit.fitted**0.5)  # Anscombe
    residuals /= np.sqrt(_dispersion(fit, response, weights) * np.maximum(1 - fit.leverage, 1e-12))
    weights = np.where(residuals > threshold, np.maximum(residuals, threshold) ** -2.0, 1.0)
    weights *= len(weights) / weights.sum()
    fit = _poisson(design, response, weights)
    return fit, _dispersion(fit, response, weights)


def _dispersion(fit: _Fit, response: "NDArray[np.float64]", weights: "NDArray[np.float64]") -> float:
    pearson = float(np.sum(weights * (response - fit.fitted) ** 2 / fit.fitted))
    return max(pearson / fit.residual_freedom, 1.0) if fit.residual_freedom > 0 else 1.0


def _poisson(design: "NDArray[np.float64]", response: "NDArray[np.float64]", weights: "NDArray[np.float64]") -> _Fit:
    """Fit by iteratively reweighted least squares (McCullagh and Nelder 1989, §2.5)."""
    mean, deviance = response + 0.1, np.inf
    eta = np.log(mean)
    for _ in range(25):
        working = np.sqrt(weights * mean)
        q, r = np.linalg.qr(design * working[:, None])
        if np.min(np.abs(np.diag(r))) < 1e-11 * np.max(np.abs(np.diag(r))):
            raise _NotConvergedError
        coefficients = np.linalg.solve(r, q.T @ (working * (eta + (response - mean) / mean)))
        eta = np.clip(design @ coefficients, -700.0, 700.0)
        mean = np.maximum(np.exp(eta), np.finfo(float).eps)
        before, deviance = deviance, _deviance(response, mean, weights)
        if abs(deviance - before) / (abs(deviance) + 0.1) < _TOLERANCE:
            return _Fit(coefficients, mean, np.sum(q**2, axis=1), len(response) - design.shape[1])
    raise _NotConvergedError


def _deviance(response: "NDArray[np.float64]", mean: "NDArray[np.float64]", weights: "NDArray[np.float64]") -> float:
    logs = np.where(response > 0, response * np.log(np.maximum(response, 1e-300) / mean), 0.0)
    return float(2 * np.sum(weights * (logs - (response - mean))))
