"""What the streaming detector must do on any series, whatever its method."""

import json
import math
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from analytics.signals import Detector

BIN = timedelta(minutes=5)
DAY = 288
START = datetime(2026, 3, 2, tzinfo=UTC)

Series = list[tuple[datetime, float]]


def posts(seed: int, bins: int = 10 * DAY, mean: float = 20.0) -> Series:
    """Counts with a daily season, overdispersed as posts are."""
    draw = random.Random(seed)
    series = []
    for index in range(bins):
        rate = mean * (1 + 0.6 * math.sin(2 * math.pi * index / DAY)) * draw.gammavariate(8, 1 / 8)
        series.append((START + index * BIN, float(max(0, round(draw.gauss(rate, math.sqrt(rate)))))))
    return series


def scores(series: Series, detector: Detector | None = None) -> list[float]:
    detector = detector or Detector()
    return [detector.step(moment, value) for moment, value in series]


def alerts(series: Series) -> list[int]:
    return [index for index, score in enumerate(scores(series)) if score >= Detector.ALERT]


def with_spike(series: Series, *spikes: tuple[int, float]) -> Series:
    changed = list(series)
    for at, value in spikes:
        changed[at] = (changed[at][0], value)
    return changed


def test_a_spike_is_noticed_at_once_and_quiet_days_are_not() -> None:
    series = posts(1)
    assert alerts(series) == []
    assert alerts(with_spike(series, (2000, 900.0))) == [2000]


def test_a_silence_is_noticed() -> None:
    series = [(moment, 500.0 + value) for moment, value in posts(2)]
    changed = [(moment, 0.0 if index >= 2000 else value) for index, (moment, value) in enumerate(series)]
    assert alerts(changed)[0] == 2000


@pytest.mark.parametrize("until", [1, 50, 700, 2001, 2500])
def test_a_score_does_not_depend_on_what_comes_after(until: int) -> None:
    series = with_spike(posts(3), (2000, 900.0), (2600, 1e6))
    assert scores(series)[:until] == scores(series[:until])


@pytest.mark.parametrize("at", [0, 1, 17, 400, 2001])
def test_a_restored_detector_goes_on_to_the_bit(at: int) -> None:
    series = with_spike(posts(4), (2000, 900.0))
    first = Detector()
    before = scores(series[:at], first)
    saved = first.save()
    second = Detector.restore(saved)
    assert second.save() == saved
    assert before + scores(series[at:], second) == scores(series)
    saved.decode("ascii")


def test_the_unit_does_not_matter() -> None:
    series = with_spike(posts(5), (2000, 900.0))
    for factor in (10.0, 0.001):
        scaled = [(moment, factor * value) for moment, value in series]
        assert scores(scaled) == pytest.approx(scores(series), abs=1e-9)


def test_series_do_not_see_each_other() -> None:
    one, other = posts(6), posts(7, mean=300.0)
    first, second = Detector(), Detector()
    together = [(first.step(*a), second.step(*b)) for a, b in zip(one, other, strict=True)]
    assert [a for a, _ in together] == scores(one)
    assert [b for _, b in together] == scores(other)


def test_one_huge_spike_does_not_blind_it_to_the_next() -> None:
    for second in (2010, 2100, 2400, 2800):
        assert alerts(with_spike(posts(8), (2000, 1e9), (second, 900.0))) == [2000, second]


def test_a_huge_spike_among_the_first_values_does_not_blind_it() -> None:
    for first in (0, 3, 20, 40, 100):
        assert 2000 in alerts(with_spike(posts(9), (first, 1e9), (2000, 900.0)))


def test_what_a_series_does_every_day_is_ordinary() -> None:
    series = [(START + index * BIN, 20.0 + index % 7) for index in range(20 * DAY)]
    daily = with_spike(series, *((day * DAY + 200, 300.0) for day in range(20)))
    assert [index for index in alerts(daily) if index > 8 * DAY] == []
    assert [index for index in alerts(with_spike(daily, (15 * DAY + 50, 1500.0))) if index > 8 * DAY] == [15 * DAY + 50]


def test_a_rise_is_reported_once_until_it_is_far_greater() -> None:
    series = with_spike(posts(19), (2000, 150.0), (2001, 160.0), (2002, 170.0), (2003, 180.0))
    assert alerts(series) == [2000]
    assert alerts(with_spike(series, (2010, 600.0))) == [2000, 2010]


def test_a_rise_that_lasts_counts_more_than_an_outlier() -> None:
    outlier = scores(with_spike(posts(20), (2002, 100.0)))[2002]
    lasting = scores(with_spike(posts(20), (2000, 50.0), (2001, 50.0), (2002, 100.0)))[2002]
    assert outlier < Detector.ALERT < lasting


def test_a_long_event_is_told_a_few_times_only() -> None:
    series = [
        (moment, value + 400.0 if 2000 <= index < 2200 else value) for index, (moment, value) in enumerate(posts(10))
    ]
    alerted = alerts(series)
    assert alerted[0] == 2000
    assert len(alerted) <= 5


@pytest.mark.parametrize("value", [0.0, 7.0, 0.1, -3.5])
def test_a_constant_series_is_quiet_and_its_end_is_noticed(value: float) -> None:
    series = [(START + index * BIN, value) for index in range(2000)]
    assert set(scores(series)) == {0.0}
    assert alerts(with_spike(series, (1500, value + 5.0))) == [1500]


def test_a_flat_end_is_quiet() -> None:
    series = [(moment, value if index < 600 else 0.1) for index, (moment, value) in enumerate(posts(11, 60 * DAY))]
    assert [index for index in alerts(series) if index > 1000] == []


def test_a_gap_is_no_signal() -> None:
    series = posts(12)
    holed = series[:1200] + series[1200 + 3 * DAY :]
    assert alerts(holed) == []
    assert alerts(with_spike(holed, (1300, 900.0))) == [1300]


def test_the_hours_of_dst_are_no_signal() -> None:
    paris = ZoneInfo("Europe/Paris")
    for change in (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)):
        begin = change - 6 * timedelta(days=1)
        aware = [((begin + i * BIN).astimezone(paris), value) for i, (_, value) in enumerate(posts(13))]
        assert alerts(aware) == []
        assert alerts([(moment.replace(tzinfo=None), value) for moment, value in aware]) == []
        assert alerts(with_spike(aware, (1750, 900.0))) == [1750]


def test_a_late_batch_is_no_signal() -> None:
    series = posts(14)
    late = series[:1500] + series[1600:1800] + series[1500:1600] + series[1800:]
    assert alerts(late) == []
    assert 2300 in alerts(with_spike(late, (2300, 900.0)))


def test_repeated_timestamps_are_accepted() -> None:
    series = posts(15)
    twice = [entry for entry in series for _ in range(2)]
    assert alerts(twice) == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused_and_leaves_no_trace(value: float) -> None:
    detector = Detector()
    scores(posts(16, 500), detector)
    before = detector.save()
    with pytest.raises(ValueError, match="finite"):
        detector.step(START + timedelta(days=3), value)
    assert detector.save() == before


def test_every_score_lies_between_zero_and_one() -> None:
    series = with_spike(posts(17), (0, 1e300), (100, -1e300), (1500, 1e308), (1501, -1e308), (1600, 5e-324))
    assert all(0.0 <= score <= 1.0 for score in scores(series))


def test_the_bound_is_where_the_alert_begins() -> None:
    series = with_spike(posts(18), (2000, 900.0), (2400, 600.0))
    detector = Detector()
    for moment, value in series:
        score = detector.step(moment, value)
        if value > detector.expected:
            assert (score >= Detector.ALERT) == (value >= detector.upper)


@pytest.mark.parametrize("before", [(), (60.0, 70.0), (0.0, 0.0, 0.0), (1e9,)])
def test_the_bound_is_exact_whatever_came_before(before: tuple[float, ...]) -> None:
    detector = Detector()
    scores(posts(21, 2000), detector)
    for value in before:
        detector.step(START + 2000 * BIN, value)
    at = START + 2000 * BIN + timedelta(days=2)  # whatever came before is no longer the same event

    def alerting(value: float) -> tuple[bool, float]:
        copy = Detector.restore(detector.save())
        return copy.step(at, value) >= Detector.ALERT, copy.upper

    _, upper = alerting(0.0)
    assert alerting(upper + 1e-6)[0]
    assert not alerting(upper - 1e-6)[0]


def test_the_state_of_version_1_goes_on() -> None:
    detector = Detector()
    series = with_spike(posts(22), (2200, 900.0))
    scores(series[:2000], detector)
    state = json.loads(detector.save())
    del state["_smoothed"], state["_smoothed_error"]
    seven = [2.0, 1.0, 1.5, 2.5, 1.0, 1.0, 1.5]  # seven days; ten days of the common prior are counted with them
    state |= {"version": 1, "_days": 17.0, "_log_maxima": 10 * math.log(5) + sum(seven)}
    restored = Detector.restore(json.dumps(state).encode())
    saved = json.loads(restored.save())
    assert saved["version"] == 2
    assert saved["_log_maxima"] == [1.5] * 7
    assert saved["_smoothed_error"] == saved["_level_error"]
    # The median day asks for 1.75 exp(1.5) = 7.84, the mean of seven days and the prior's ten for 7.65.
    assert saved["_threshold"] == pytest.approx(7.8430, abs=1e-3)
    assert [index for index, score in enumerate(scores(series[2000:], restored)) if score >= Detector.ALERT] == [200]


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="state"):
        Detector.restore(b'{"version": 0}')
    with pytest.raises(ValueError, match="state"):
        Detector.restore(b"not a state")
