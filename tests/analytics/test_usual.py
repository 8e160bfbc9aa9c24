"""The band in which a month usually lies: against values computed by hand, and on series of known kinds."""

from datetime import date
from decimal import Decimal
from math import sqrt
from typing import Any

import numpy as np
import pytest

from analytics.anomaly import usual

SERIES = 1000
NEAR = pytest.approx


def forecasts(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return usual.forecasts(values, np.ones_like(values), np.zeros_like(values))


def inside(values: np.ndarray) -> np.ndarray:
    middle, half = forecasts(values)
    return (np.abs(values - middle) <= half)[:, usual.LEAST_PAST :]


def test_a_series_without_drift_or_season_has_the_interval_of_a_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 9 and 11, four times each: mean 10, variance 8/7, and Student's quantile of 7 degrees of freedom is 2.3646."""
    for name in ("LEVEL_DRIFT", "SLOPE_DRIFT", "FIRST_SLOPE", "FIRST_SEASON"):
        monkeypatch.setattr(usual, name, 0.0)
    middle, half = forecasts(np.array([[9.0, 11.0] * 4 + [500.0]]))
    assert np.isnan(middle[0, :8]).all()
    assert (middle[0, 8], half[0, 8]) == (NEAR(10), NEAR(2.3646 * sqrt(8 / 7 * (1 + 1 / 8)), rel=1e-4))


def test_a_month_is_not_judged_by_itself_nor_by_later_ones() -> None:
    values = np.random.default_rng(1).normal(size=(1, 24))
    changed = values.copy()
    changed[0, 15:] = 100
    for ends, of_changed in zip(forecasts(values), forecasts(changed), strict=True):
        np.testing.assert_array_equal(ends[0, :16], of_changed[0, :16])


def test_chance_alone_is_the_least_width() -> None:
    values = np.array([[3.0, 3.0] * 5])
    _, exact = forecasts(values)
    _, by_chance = usual.forecasts(values, np.ones_like(values), np.ones_like(values))
    assert np.isnan(exact).all(), "a series that never moved says nothing of what is usual"
    assert (by_chance[0, 8:] > 2).all()


def test_the_same_month_of_earlier_years_counts_more_with_each_year() -> None:
    values = np.random.default_rng(2).normal(size=(SERIES, 48))
    values[:, 11::12] += 2
    middle = forecasts(values)[0].mean(axis=0)
    first, second, third = (middle[december] - middle[december - 1] for december in (23, 35, 47))
    assert 0.2 < first < second < third < 2


QUIET = {
    "stationary": lambda noise, _: noise,
    "trend": lambda noise, month: noise + 0.2 * month,
    "season": lambda noise, month: noise + 2 * np.sin(2 * np.pi * month / 12),
    "level that drifts": lambda noise, _: noise + 0.2 * np.cumsum(np.roll(noise, 1, axis=0), axis=1),
}


@pytest.mark.parametrize("months", [23, 60])
@pytest.mark.parametrize("kind", QUIET)
def test_nineteen_quiet_months_of_twenty_lie_inside(kind: str, months: int) -> None:
    noise = np.random.default_rng(3).normal(size=(SERIES, months))
    coverage = inside(QUIET[kind](noise, np.arange(months))).mean()
    assert 0.93 < coverage < 0.99


def test_a_step_lies_outside_and_becomes_usual() -> None:
    values = np.random.default_rng(4).normal(size=(SERIES, 30))
    values[:, 16:] += 5
    found = inside(values)[:, 16 - usual.LEAST_PAST :].mean(axis=0)
    assert found[0] < 0.05
    assert found[6:].min() > 0.9


def month(start: date, **figures: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys((*usual.KEYS, "numerator", "denominator")) | {
        "kpi_code": "k", "territory_level": "nation", "territory_code": "FR", "period_start": start,
        "is_additive": False, "min_observations": 10,
    }  # fmt: skip
    return row | figures


def starts(count: int) -> list[date]:
    return [date(2024 + place // 12, place % 12 + 1, 1) for place in range(count)]


def test_a_number_is_expected_by_day_and_no_less_wide_than_chance() -> None:
    """Ten a day, always: 290 in February 2024 and 280 in February 2025 are what one expects, within Poisson's width."""
    days = [(later - start).days for start, later in zip(starts(14), starts(15)[1:], strict=True)]
    rows = [
        month(
            start, unit="nombre", is_additive=True, value=Decimal(10 * count), numerator=10 * count, observed=10 * count
        )
        for start, count in zip(starts(14), days, strict=True)
    ]
    found = usual.bands(rows)
    assert [row[-1] for row in found] == ["habituel"] * 6
    low, high = found[-1][-3:-1]
    assert low < 280 - 2 * Decimal(280).sqrt() < 280 + 2 * Decimal(280).sqrt() < high
    assert float(low * high) ** 0.5 == NEAR(280, rel=0.01)


@pytest.mark.parametrize(
    ("unit", "last", "observed", "position"),
    [
        ("part", "0.900000", 200, "au-dessus"),
        ("part", "0.100000", 200, "au-dessous"),
        ("part", "0.510000", 200, "habituel"),
        ("part", "0.900000", 5, None),
    ],
)
def test_a_share_is_judged_where_enough_stand_behind_it(unit: str, last: str, observed: int, position: str) -> None:
    values = [Decimal("0.5"), Decimal("0.52")] * 6 + [Decimal(last)]
    rows = [
        month(start, unit=unit, value=value, numerator=value * count, denominator=count, observed=count)
        for start, value, count in zip(starts(13), values, [200] * 12 + [observed], strict=True)
    ]
    assert usual.bands(rows)[-1][-1] == position


def test_a_number_that_falls_to_almost_nothing_is_judged() -> None:
    rows = [
        month(start, unit="nombre", is_additive=True, value=Decimal(value), numerator=value, observed=value)
        for start, value in zip(starts(10), [50, 55, 48, 52, 51, 47, 53, 50, 49, 2], strict=True)
    ]
    assert usual.bands(rows)[-1][-1] == "au-dessous"


def test_a_mark_stays_within_its_bounds() -> None:
    rows = [
        month(start, unit="note sur 10", value=Decimal(value), observed=30)
        for start, value in zip(
            starts(10), ["9.9", "9.2", "9.8", "9.1", "9.9", "9.3", "9.8", "9.2", "9.9", "9.9"], strict=True
        )
    ]
    assert usual.bands(rows)[-1][-2] == 10
