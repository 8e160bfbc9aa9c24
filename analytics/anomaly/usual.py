"""The band in which a month of a KPI usually lies, predicted from the months before it alone.

A dynamic linear model with the same ratios of variances for every series (West & Harrison, Bayesian Forecasting and
Dynamic Models, 1997): a level that drifts, a slope, and an effect of each month of the year that stays near zero until
earlier years support it. Only the scale of the errors is estimated, from those made so far, so that the band is a
Student interval. Shares are modelled by their log odds, marks as they are, everything else by its logarithm, and what
adds up over days by day.
"""

import calendar
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

#: A month with fewer months before it has no band.
LEAST_PAST = 8
COVERAGE = 0.95
USUAL, ABOVE, BELOW = "habituel", "au-dessus", "au-dessous"

#: Variances, that of the noise of a month being 1: what a month adds to the level and to the slope, and what the slope
#: and the effect of a month of the year have before anything is seen. Decision 40 says how they were chosen.
LEVEL_DRIFT, SLOPE_DRIFT, FIRST_SLOPE, FIRST_SEASON = 0.03, 0.0003, 0.005, 0.3
#: An error counts for at most so many standard deviations: one exceptional month does not carry the level away.
LARGEST_ERROR = 3.0

MONTHS, MEAN_DAYS = 12, 365.25 / 12
MARKS = {"note sur 10": (0.0, 10.0), "note sur 5": (1.0, 5.0)}
#: A rate is its numerator times this over the inhabitants.
PER_INHABITANTS = {"pour 10 000 habitants": 10_000, "heures pour 10 000 habitants": 10_000, "par habitant": 1}
#: To other amounts a half is added before the logarithm is taken, since they may be zero.
QUOTIENTS = {"euros par personne", "par équivalent temps plein", "observé sur attendu"}

#: What names a month of a KPI.
KEYS = (
    "kpi_code",
    "period_type",
    "period_start",
    "territory_level",
    "territory_code",
    "breakdown_dimension",
    "breakdown_value",
)

Array = NDArray[np.float64]


def forecasts(values: Array, noise: Array, chance: Array, first_month: int = 0) -> tuple[Array, Array]:
    """Return the middle and the half width of the band of each month of some series; nan where there is none.

    Args:
        values: One row per series, one column per month; nan where there is no value.
        noise: Variance of each value where that of most is 1: fewer answers behind a mark make it noisier.
        chance: Variance that a value has by chance alone; a band is no narrower.
        first_month: Month of the year of the first column, from 0.
    """
    series, months = values.shape
    size = 2 + MONTHS  # level, slope, effects of the months of the year
    state, spread = np.zeros((series, size)), np.zeros((series, size, size))
    spread[:, 1, 1] = FIRST_SLOPE
    spread[:, range(2, size), range(2, size)] = FIRST_SEASON
    squares, past = np.zeros(series), np.zeros(series, dtype=np.int64)
    middle, half = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    for month in range(months):
        began, seen = past > 0, ~np.isnan(values[:, month])
        state[:, 0] += state[:, 1]
        spread[:, 0, :] += spread[:, 1, :]
        spread[:, :, 0] += spread[:, :, 1]
        spread[:, 0, 0] += LEVEL_DRIFT * began
        spread[:, 1, 1] += SLOPE_DRIFT * began

        season = 2 + (first_month + month) % MONTHS
        expected = state[:, 0] + state[:, season]
        gain = spread[:, :, 0] + spread[:, :, season]
        variance = gain[:, 0] + gain[:, season] + noise[:, month]
        errors = np.maximum(past - 1, 1)
        deviation = np.sqrt(np.maximum(squares / errors, chance[:, month]) * variance)
        judged = (past >= LEAST_PAST) & (deviation > 0)
        middle[judged, month] = expected[judged]
        half[judged, month] = (stats.t.ppf((1 + COVERAGE) / 2, errors) * deviation)[judged]

        limit = np.where(judged, LARGEST_ERROR * deviation, np.inf)
        learns = seen & began
        error = np.where(learns, np.clip(values[:, month] - expected, -limit, limit), 0.0)
        squares += error**2 / variance
        state += gain * (error / variance)[:, None]
        spread -= gain[:, :, None] * gain[:, None, :] * np.where(learns, 1 / variance, 0.0)[:, None, None]
        starts = seen & ~began
        state[starts, 0], spread[starts, 0, 0] = values[starts, month], noise[starts, month]
        past += seen
    return middle, half


def bands(rows: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Return the band of each month that has one, and where its value lies.

    Args:
        rows: Complete months of KPIs: `KEYS`, `unit`, `is_additive`, `min_observations`, `numerator`, `denominator`,
            `value`, `observed`.

    Returns:
        Rows of the keys, low, high and position. The position is none where too few stand behind the value; of a sum,
        where too few were expected as well.
    """
    by_kind: dict[tuple[str, bool], list[Mapping[str, Any]]] = {}
    for row in rows:
        by_kind.setdefault((row["unit"], row["is_additive"] or row["unit"] in PER_INHABITANTS), []).append(row)
    return [band for (unit, is_sum), some in sorted(by_kind.items()) for band in _bands(unit, is_sum, some)]


@dataclass(frozen=True)
class _Modelled:
    """Values as `forecasts` takes them, and the way back to values as they are published."""

    values: Array
    noise: Array
    chance: Array
    back: Callable[[Array], Array]


def _bands(unit: str, is_sum: bool, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    names = [(row["kpi_code"], row["territory_level"], row["territory_code"]) for row in rows]
    months = [MONTHS * row["period_start"].year + row["period_start"].month - 1 for row in rows]
    series = {name: place for place, name in enumerate(dict.fromkeys(names))}
    span = range(min(months), max(months) + 1)
    at = np.array([series[name] for name in names]), np.array(months) - span.start

    def table(column: str) -> Array:
        filled = np.full((len(series), len(span)), np.nan)
        filled[at] = [math.nan if row[column] is None else float(row[column]) for row in rows]
        return filled

    observed = table("observed")
    usual_count = _mean_before(observed)
    few, even, none = np.clip(usual_count / observed, 0.25, 10), np.ones_like(observed), np.zeros_like(observed)
    if unit == "part":
        modelled = _share(table("numerator"), table("denominator"), few)
    elif unit in MARKS:
        modelled = _Modelled(table("value"), few, none, lambda ends: np.clip(ends, *MARKS[unit]))
    elif is_sum:
        per = PER_INHABITANTS[unit] / table("denominator") if unit in PER_INHABITANTS else even
        days = [calendar.monthrange(month // MONTHS, month % MONTHS + 1)[1] for month in span]
        chance = 1 / np.maximum(usual_count, 0.5)
        modelled = _amount(table("value"), per * np.array(days) / MEAN_DAYS, 0.5, even, chance)
    else:
        modelled = _amount(table("value"), even, 0.0 if unit in QUOTIENTS else 0.5, few, none)

    noise, chance = np.nan_to_num(modelled.noise, nan=1.0), np.nan_to_num(modelled.chance)
    middle, half = forecasts(modelled.values, noise, chance, span.start % MONTHS)
    low, high = modelled.back(middle - half), modelled.back(middle + half)
    behind = np.fmax(observed, usual_count) if is_sum else observed
    for row, place in zip(rows, zip(*at, strict=True), strict=True):
        if not np.isnan(high[place]):
            ends = _exact(low[place]), _exact(high[place])
            is_small = behind[place] < row["min_observations"]
            yield *(row[key] for key in KEYS), *ends, None if is_small else _position(row["value"], *ends)


def _share(part: Array, whole: Array, noise: Array) -> _Modelled:
    share = (part + 0.5) / (whole + 1)
    usual_share = _mean_before(share)
    return _Modelled(special.logit(share), noise, 1 / (whole * usual_share * (1 - usual_share)), special.expit)


def _amount(value: Array, per: Array, added: float, noise: Array, chance: Array) -> _Modelled:
    amount = value / per + added
    logs = np.log(amount, where=amount > 0, out=np.full_like(amount, np.nan))
    return _Modelled(logs, noise, chance, lambda ends: per * np.maximum(np.exp(ends) - added, 0))


def _mean_before(values: Array) -> Array:
    """Return the mean of the twelve months before each month; nan where there are none."""
    means = np.full(values.shape, np.nan)
    for month in range(1, values.shape[1]):
        before = values[:, max(month - MONTHS, 0) : month]
        count = (~np.isnan(before)).sum(axis=1)
        means[:, month] = np.nansum(before, axis=1) / np.where(count, count, np.nan)
    return means


def _position(value: Decimal, low: Decimal, high: Decimal) -> str:
    if value > high:
        return ABOVE
    return BELOW if value < low else USUAL


def _exact(number: float) -> Decimal:
    return Decimal(repr(float(number))).quantize(Decimal("0.000001"))
