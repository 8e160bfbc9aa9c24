"""The methods from the literature, held to values computed by hand and to those of the R package surveillance."""

import csv
import math
from datetime import date, timedelta
from pathlib import Path

import duckdb
import jinja2
import numpy as np
import pytest

from analytics.anomaly import ears
from analytics.anomaly.farrington import farrington_flexible
from core import settings

MONDAY = date(2018, 1, 1)
CHARTS = {"c1": ears.c1, "c2": ears.c2, "c3": ears.c3}


@pytest.fixture(scope="module")
def salmonella(shared: Path) -> tuple[list[date], list[int]]:
    with (shared / "data/surveillance/salmNewport.csv").open() as file:
        rows = [(date.fromisoformat(row.pop("epoch")), sum(map(int, row.values()))) for row in csv.DictReader(file)]
    return [week for week, _ in rows], [count for _, count in rows]


def golden(shared: Path, name: str) -> list[tuple[date, float, bool]]:
    with (shared / f"data/surveillance/golden_{name}_salmNewport.csv").open() as file:
        return [
            (date.fromisoformat(row["epoch"]), float(row["upper"]), row["alarm"] == "TRUE")
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("name", CHARTS)
def test_ears_agrees_with_the_reference(name: str, shared: Path, salmonella: tuple[list[date], list[int]]) -> None:
    weeks, counts = salmonella
    chart = CHARTS[name](counts, alpha=0.001)
    expected = golden(shared, f"ears{name.upper()}")
    assert len(expected) == 156
    for week, upper, alarm in expected:
        at = weeks.index(week)
        assert chart.upper[at] == pytest.approx(upper, abs=1e-9)
        assert chart.alarm[at] == alarm


def test_farrington_agrees_with_the_reference(shared: Path, salmonella: tuple[list[date], list[int]]) -> None:
    weeks, counts = salmonella
    expected = golden(shared, "farrington")
    assert sum(alarm for *_, alarm in expected) > 0
    for week, upper, alarm in expected:
        bound = farrington_flexible(weeks, counts, weeks.index(week), years=4)
        assert (bound.upper, bound.alarm) == (pytest.approx(upper, abs=1e-6), alarm)


def test_ears_by_hand() -> None:
    counts = [2, 4, 4, 4, 5, 5, 4, 10, 0, 0, 0]  # mean of the first seven 4, squared deviations 4+1+1, sigma 1
    z = 3.090232306167813
    assert ears.c1(counts).upper[:8].tolist() == [*[pytest.approx(math.nan, nan_ok=True)] * 7, pytest.approx(4 + z)]
    assert ears.c1(counts).alarm.tolist()[7]
    assert not ears.c1(counts).alarm[:7].any()
    second = ears.c2(counts)
    assert np.isnan(second.upper[:9]).all()
    assert second.upper[9] == pytest.approx(4 + z)
    lower = ears.c1(counts, alpha=0.5)  # half of all values exceed the mean
    assert lower.upper[7] == pytest.approx(4.0)
    assert ears.c1([3] * 9).upper[8] == 3.0
    assert ears.c1([3] * 9, alpha=0.001, min_sigma=2.0).upper[8] == pytest.approx(3 + 2 * z)


def test_c3_remembers_two_periods() -> None:
    # From the tenth on, the baselines are the first seven and those that follow: mean 4, sigma 1, then nearly so.
    base = [2, 4, 4, 4, 5, 5, 4]
    quiet = ears.c3([*base, 4, 4, 4, 4, 4], alpha=0.001)
    risen = ears.c3([*base, 4, 4, 8, 4, 4], alpha=0.001)
    assert np.isnan(quiet.upper[:11]).all()
    mean, sigma = np.mean(base), np.std(base, ddof=1)
    excess = (8 - mean) / sigma - 1  # of the tenth value, whose baseline is `base`
    before = max(0.0, (4 - np.mean([*base[1:], 4])) / np.std([*base[1:], 4], ddof=1) - 1)  # of the eleventh
    scale = np.std([*base[2:], 4, 4], ddof=1)
    assert risen.upper[11] == pytest.approx(max(0.0, 4 + scale * (3.090232306167813 - excess - before)))
    assert not quiet.alarm[11]


def test_ears_refuses_what_has_no_meaning() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        ears.c1([1, 2, 3], baseline=2)
    with pytest.raises(ValueError, match="negative"):
        ears.c2([1, 2, 3], min_sigma=-1)


def test_ears_in_sql_agrees_with_python() -> None:
    text = (settings.CHECKOUT / "dbt_project/macros/ears.sql").read_text(encoding="utf-8")
    query = str(jinja2.Environment(autoescape=False).from_string(text).module.ears("counts", ["series"], "day", "seen"))
    draw = np.random.default_rng(6)
    series = {
        "busy": draw.poisson(400, 60),
        "sparse": draw.poisson(0.3, 60),
        "zero": np.zeros(60, dtype=int),
        "huge": draw.poisson(5, 60) + (np.arange(60) == 30) * 10**9,
        "short": np.array([1, 2, 3]),
    }
    with duckdb.connect() as connection:
        connection.execute("create table counts (series varchar, day date, seen bigint)")
        for name, counts in series.items():
            connection.execute(
                "insert into counts select ?, cast(? as date) + cast(generate_subscripts(?, 1) as integer), unnest(?)",
                [name, MONDAY, counts.tolist(), counts.tolist()],
            )
        connection.execute(f"create table charts as {query}")
        for name, counts in series.items():
            rows = connection.execute("select * from charts where series = ? order by day", [name]).fetchnumpy()
            assert rows["observed"].tolist() == counts.tolist()
            for chart, method in CHARTS.items():
                in_sql = np.ma.filled(rows[f"{chart}_upper"].astype(float), np.nan)
                np.testing.assert_allclose(in_sql, method(counts, alpha=0.001).upper, rtol=1e-9, atol=1e-9)


def weekly(years: int, rate: float = 10.0) -> tuple[list[date], list[int]]:
    weeks = [MONDAY + timedelta(weeks=index) for index in range(52 * years)]
    return weeks, np.random.default_rng(3).poisson(rate, len(weeks)).tolist()


def test_farrington_does_not_see_the_future() -> None:
    weeks, counts = weekly(6)
    at = 280
    changed = [*counts[: at + 1], *(1000 for _ in counts[at + 1 :])]
    assert farrington_flexible(weeks, counts, at) == farrington_flexible(weeks, changed, at)
    assert farrington_flexible(weeks, counts, at) == farrington_flexible(weeks[: at + 1], counts[: at + 1], at)


def test_farrington_alarms_on_an_outbreak_only() -> None:
    weeks, counts = weekly(6)
    at = 300
    counts[at] = 10
    assert not farrington_flexible(weeks, counts, at).alarm
    counts[at] = 40
    bound = farrington_flexible(weeks, counts, at)
    assert bound.alarm
    assert 7 < bound.expected < 14
    assert bound.p_value < 1e-6


def test_farrington_does_not_alarm_below_five_cases() -> None:
    weeks, counts = weekly(6, rate=0.0)
    counts[300] = 4
    assert not farrington_flexible(weeks, counts, 300).alarm


def test_farrington_refuses_gaps_and_short_pasts() -> None:
    weeks, counts = weekly(6)
    with pytest.raises(ValueError, match="follow each other"):
        farrington_flexible(weeks[:10] + weeks[11:], counts[:10] + counts[11:], 300)
    with pytest.raises(ValueError, match="do not go back 5 years"):
        farrington_flexible(weeks, counts, 200)
