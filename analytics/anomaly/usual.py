"""The band in which a month of a KPI usually lies, predicted from the months before it alone.

A dynamic linear model with the same fixed ratios of variance for every series (West & Harrison, 1997, chapters 4 and 10): a level that
drifts, a slope, and an effect of each month of the year that is drawn towards zero until earlier years support it. Its only
estimate is the scale of the errors that it has made so far, so that the band of a month is a Student interval. Numbers are
modelled by their logarithm, shares by their log odds, marks as they are.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

#: Fewer months before a month give it no band.
LEAST_PAST = 8
COVERAGE = 0.95
USUAL, ABOVE, BELOW = "habituel", "au-dessus", "au-dessous"

#: Variances in units of the variance of the noise of a month: what the level and the slope add in a month, and what is believed
#: of the first level, the slope and the effect of each month of the year before anything is seen.
DRIFT, SLOPE_DRIFT = 0.05, 0.0005
PRIOR_SLOPE, PRIOR_SEASON = 0.01, 0.5
#: An error counts for at most so many standard deviations: an exceptional month does not carry the level away.
CLIPPED_AT = 3.0

MONTHS = 12
SHARES = {"part"}
MARKS = {"note sur 10": (0.0, 10.0), "note sur 5": (1.0, 5.0)}
#: Rates are modelled by the number that they are made of: rate = number × this / inhabitants.
PER_INHABITANT = {"pour 10 000 habitants": 10_000, "heures pour 10 000 habitants": 10_000, "par habitant": 1}
RATIOS = {"euros par personne", "par équivalent temps plein", "observé sur attendu"}
MEDIANS = {"jours", "secondes"}

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


@dataclass(frozen=True)
class Forecast:
    """What was expected of each point of each series, made of the points before it.

    Attributes:
        centre: Expected value.
        half: Half the width of the band; nan where there is none.
        past: How many points came before.
    """

    centre: Array
    half: Array
    past: NDArray[np.int64]


def forecasts(values: Array, first_month: int, noise: Array, sampling: Array) -> Forecast:
    """Return the expectation of each month of some series.

    Args:
        values: One row per series and one column per month; nan where there is no value.
        first_month: Month of the year of the first column, from 0.
        noise: Variance of each value in units of that of a common one, as where fewer answers stand behind it.
        sampling: Variance that each value has by chance alone: the band is no narrower.
    """
    series, months = values.shape
    size = 2 + MONTHS
    state, spread = np.zeros((series, size)), np.zeros((series, size, size))
    spread[:, 1, 1] = PRIOR_SLOPE
    spread[:, range(2, size), range(2, size)] = PRIOR_SEASON
    squares, past = np.zeros(series), np.zeros(series, dtype=np.int64)
    centre, half = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    counts = np.zeros(values.shape, dtype=np.int64)
    for month in range(months):
        began = past > 0
        state[:, 0] += state[:, 1]
        spread[:, 0, :] += spread[:, 1, :]
        spread[:, :, 0] += spread[:, :, 1]
        spread[:, 0, 0] += DRIFT * began
        spread[:, 1, 1] += SLOPE_DRIFT * began
        season = 2 + (first_month + month) % MONTHS
        expected = state[:, 0] + state[:, season]
        gain = spread[:, :, 0] + spread[:, :, season]
        variance = gain[:, 0] + gain[:, season] + noise[:, month]
        degrees = np.maximum(past - 1, 1)
        scale = squares / degrees
        counts[:, month] = past
        wide = np.sqrt(np.maximum(scale, sampling[:, month]) * variance)
        enough = past >= LEAST_PAST
        centre[enough, month] = expected[enough]
        half[enough, month] = (stats.t.ppf((1 + COVERAGE) / 2, degrees) * wide)[enough]

        seen = ~np.isnan(values[:, month])
        first, later = seen & ~began, seen & began
        state[first, 0] = values[first, month]
        spread[first, 0, 0] = noise[first, month]
        error = values[:, month] - expected
        limit = np.where(past >= LEAST_PAST, CLIPPED_AT * wide, np.inf)
        error = np.where(later, np.clip(error, -limit, limit), 0.0)
        squares += error**2 / variance
        state += gain * (error / variance)[:, None]
        held = np.where(later, 1 / variance, 0.0)
        spread -= gain[:, :, None] * gain[:, None, :] * held[:, None, None]
        past += seen
    return Forecast(centre, half, counts)


def bands(rows: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Return the band of each month that has one, and where its value lies.

    Args:
        rows: Complete months of KPIs: `KEYS`, `unit`, `min_observations`, `numerator`, `denominator`, `value`, `observed`.

    Returns:
        Rows of the keys, low, high and position. The position is none where too few were observed, and too few were expected.
    """
    by_unit: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_unit.setdefault(row["unit"], []).append(row)
    return [band for unit in sorted(by_unit) for band in _bands_of_unit(unit, by_unit[unit])]


def _bands_of_unit(unit: str, rows: Sequence[Mapping[str, Any]]) -> Iterable[tuple[Any, ...]]:
    names = sorted({(row["kpi_code"], row["territory_level"], row["territory_code"]) for row in rows})
    index = {name: place for place, name in enumerate(names)}
    first = min(_month(row) for row in rows)
    shape = len(names), max(_month(row) for row in rows) - first + 1
    at = (
        np.array([index[row["kpi_code"], row["territory_level"], row["territory_code"]] for row in rows]),
        np.array([_month(row) - first for row in rows]),
    )

    def table(column: str) -> Array:
        filled = np.full(shape, np.nan)
        filled[at] = [math.nan if row[column] is None else float(row[column]) for row in rows]
        return filled

    value, observed = table("value"), table("observed")
    usual_count = _mean_before(observed)
    if unit in SHARES:
        share = (value * observed + 0.5) / (observed + 1)
        modelled, noise = special.logit(share), _relative(usual_count, observed)
        chance = _mean_before(share)
        sampling = 1 / (observed * chance * (1 - chance))
    elif unit in MARKS or unit in MEDIANS:
        modelled = value if unit in MARKS else np.log(value + 0.5)
        noise, sampling = _relative(usual_count, observed), np.zeros(shape)
    else:
        per = PER_INHABITANT[unit] / table("denominator") if unit in PER_INHABITANT else np.ones(shape)
        offset = 0.0 if unit in RATIOS else 0.5
        with np.errstate(divide="ignore"):
            modelled = np.log(value / per + offset)
        modelled[np.isinf(modelled)] = np.nan
        noise, sampling = np.ones(shape), 1 / np.maximum(usual_count, 0.5)
    forecast = forecasts(modelled, first % MONTHS, np.nan_to_num(noise, nan=1.0), np.nan_to_num(sampling))
    low, high = forecast.centre - forecast.half, forecast.centre + forecast.half
    if unit in SHARES:
        low, high = special.expit(low), special.expit(high)
    elif unit in MARKS:
        low, high = np.clip(low, *MARKS[unit]), np.clip(high, *MARKS[unit])
    elif unit in MEDIANS:
        low, high = np.maximum(np.exp(low) - 0.5, 0), np.exp(high) - 0.5
    else:
        low, high = per * np.maximum(np.exp(low) - offset, 0), per * (np.exp(high) - offset)
    counts_itself = unit not in SHARES and unit not in MARKS and unit not in MEDIANS
    enough = np.fmax(observed, usual_count) if counts_itself else observed
    for row, series, month in zip(rows, *at, strict=True):
        if np.isnan(high[series, month]):
            continue
        bounds = _exact(low[series, month]), _exact(high[series, month])
        position = None if enough[series, month] < row["min_observations"] else _position(row["value"], *bounds)
        yield (*(row[key] for key in KEYS), *bounds, position)


def _position(value: Decimal, low: Decimal, high: Decimal) -> str:
    if value > high:
        return ABOVE
    return BELOW if value < low else USUAL


def _mean_before(values: Array) -> Array:
    """Return the mean of the last twelve months before each month; nan where there are none."""
    means = np.full(values.shape, np.nan)
    for month in range(1, values.shape[1]):
        before = values[:, max(month - MONTHS, 0) : month]
        seen = ~np.isnan(before)
        means[:, month] = np.where(seen, before, 0).sum(axis=1) / np.where(seen.any(axis=1), seen.sum(axis=1), np.nan)
    return means


def _relative(usual_count: Array, observed: Array) -> Array:
    """Return the variance of a mean of so many answers in units of that of a usual number of them."""
    return np.clip(usual_count / observed, 0.25, 10)


def _month(row: Mapping[str, Any]) -> int:
    return MONTHS * row["period_start"].year + row["period_start"].month - 1


def _exact(number: float) -> Decimal:
    return Decimal(repr(float(number))).quantize(Decimal("0.000001"))
