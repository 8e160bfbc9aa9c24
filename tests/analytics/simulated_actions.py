"""Territories that live without the methods' knowledge: counts of known truth for the tests of impact. No test."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from analytics.impact.panel import Panel


@dataclass(frozen=True)
class Trial:
    """A panel with an action of known effect in its first row."""

    panel: Panel
    donors: NDArray[np.bool_]
    first: int
    last: int
    truth: float


def trial(
    seed: int,
    effect: float = 1.0,
    *,
    periods: int = 104,
    window: int = 4,
    days: int = 7,
    territories: int = 90,
    level: float | None = None,
    fading: bool = False,
) -> Trial:
    """Draw one world: levels over three orders of magnitude, a summer and a week of its own for each territory,
    a national trend, shocks that not all territories feel alike, slow drifts, clustered counts.

    Args:
        seed: Of everything.
        effect: Ratio by which the action multiplies the expected counts.
        periods: Length of the series; the window is at its end.
        window: Periods after the action.
        days: Length of a period: 1 or 7.
        territories: The treated one included.
        level: Mean count of the treated territory per period; drawn where none is given.
        fading: Whether the effect falls to none along the window.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(periods)
    levels = np.exp(rng.normal(2.0, 1.2, territories)) * days / 7
    levels[0] = level or np.exp(rng.uniform(1.0, 4.5))
    phase = 2 * np.pi * time * days / 365.25
    season = np.exp(rng.gamma(2.0, 0.06, territories)[:, None] * np.cos(phase - rng.normal(3.4, 0.5, (territories, 1))))
    weekday = np.ones((territories, periods))
    if days == 1:
        sunday = rng.uniform(0.4, 0.7, territories)[:, None]
        weekday = np.where(time % 7 == 6, sunday, 1.0)
    nation = np.exp(0.3 * np.sin(phase / 1.7) + np.cumsum(rng.normal(0, 0.02, periods)))
    shocks = np.zeros(periods)
    for start in rng.integers(0, periods, 6):
        shocks[start : start + 3] += rng.choice([-0.4, 0.5])
    felt = rng.uniform(0.5, 1.5, territories)[:, None] * shocks
    drift = np.cumsum(rng.normal(0, 0.015 * np.sqrt(days / 7), (territories, periods)), axis=1)
    mean = levels[:, None] * season * weekday * nation * np.exp(felt + drift - drift[:, :1])
    profile = np.linspace(1.0, 0.0, window) if fading else np.ones(window)
    first = periods - window
    mean[0, first:] *= effect**profile
    cluster = rng.uniform(0.0, 1.5, territories)[:, None]  # noise 1 to 2.5 times Poisson's
    shape = mean / np.maximum(cluster, 1e-3)
    counts = rng.poisson(rng.gamma(shape, mean / shape)).astype(float)
    untouched = mean[0, first:] / effect**profile
    starts = [date(2024, 12, 30) + timedelta(days=int(days * step)) for step in time]
    panel = Panel([f"T{row}" for row in range(territories)], starts, counts, np.ones_like(counts))
    donors = np.arange(territories) > 0
    return Trial(panel, donors, first, periods, float(mean[0, first:].sum() / untouched.sum()))


def mentions_by_hour(
    seed: int,
    effect: float = 1.0,
    *,
    begin: datetime,
    days: int = 60,
    quiet_days: int = 32,
    territories: int = 100,
    a_day: float = 4.0,
) -> list[tuple[str, datetime, int]]:
    """Draw mentions by territory and hour: quiet nights, a national walk, drifts by day, clustered counts.

    Args:
        seed: Of everything.
        effect: Ratio by which the action multiplies the counts of the first territory.
        begin: First hour.
        days: Length.
        quiet_days: Days before the action.
        territories: The treated one included.
        a_day: Mean count of the treated territory per day.
    """
    rng = np.random.default_rng(seed)
    levels = np.exp(rng.normal(np.log(a_day), 0.8, territories))
    levels[0] = a_day
    hours = np.arange(24 * days)
    of_day = 1 + 0.8 * np.sin(2 * np.pi * (hours % 24 - 9) / 24)
    nation = np.exp(np.cumsum(rng.normal(0, 0.02, len(hours))))
    drift = np.repeat(np.exp(np.cumsum(rng.normal(0, 0.05, (territories, days)), axis=1)), 24, axis=1)
    mean = levels[:, None] / 24 * of_day * nation * drift
    mean[0, 24 * quiet_days :] *= effect
    counts = rng.poisson(rng.gamma(mean / 0.5, 0.5))
    return [
        (f"T{row}", begin + timedelta(hours=int(hour)), int(counts[row, hour]))
        for row, hour in zip(*np.nonzero(counts), strict=True)
    ]
