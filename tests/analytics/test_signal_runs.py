"""From counts to signals: only the past is read, a restart changes nothing, one event is one signal."""

import dataclasses
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pytest
from scipy import stats

from analytics.anomaly import baseline, calibration, daily, sequential, streaming
from analytics.anomaly.baseline import Anomaly, Key
from analytics.signals import lifecycle, live_detection, signal_table, wording
from analytics.signals.context import Context, Mention, around, posts, terms_of
from analytics.signals.live_tables import Live, dismissed
from analytics.signals.signal_table import Territory, World
from analytics.signals.topics import Topic

START = datetime(2026, 9, 1, tzinfo=UTC).replace(tzinfo=None)
HOUR = timedelta(hours=1)
CRUE = Key("crue", "mentions", "all", "FR-33")
PARENTS = {"FR-33": "FR-NAQ", "FR-NAQ": "FR", "FR-29": "FR-BRE", "FR-BRE": "FR"}


def rows(counts: dict[tuple[str, str], np.ndarray], minutes: int = 60, total: int = 0) -> list[live_detection.Row]:
    """Return bins that are not zero, by topic and territory."""
    return [
        (topic, "all", territory, START + timedelta(minutes=minutes) * place, int(count), int(count) + total, 0)
        for (topic, territory), series in counts.items()
        for place, count in enumerate(series)
        if count
    ]


def learn(counted: list[live_detection.Row], *known: Any) -> None:
    live_detection.learn(live_detection.table_of(counted), *known)


def detect(
    hours: list[live_detection.Row], five_minute_bins: list[live_detection.Row], *known: Any, **moved: Any
) -> list[Anomaly]:
    return live_detection.detect(*map(live_detection.table_of, (hours, five_minute_bins)), *known, **moved)


def calibrate(counted: list[live_detection.Row], *known: Any) -> list[calibration.Threshold]:
    return live_detection.calibrate(live_detection.table_of(counted), *known)


def band(counted: list[live_detection.Row], *known: Any) -> list[tuple]:
    return live_detection.band(live_detection.table_of(counted), *known)


def poisson_series(hours: int, seed: int = 1, mean: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(mean, hours)


def one_series(series: np.ndarray, others: np.ndarray | None = None) -> baseline.CountMatrix:
    counts = series[None, :].astype(float)
    return baseline.CountMatrix(
        (CRUE,), START, 60, counts, np.zeros_like(counts) if others is None else others[None, :].astype(float)
    )


def test_a_bin_is_compared_with_the_same_hours_by_hand() -> None:
    series = np.zeros(24 * 28 + 1)
    series[24 * 7 :: 24] = 1.0  # at this hour, one a day for three weeks
    series[-1] = 6
    scored = baseline.score(one_series(series), range(24 * 28, 24 * 28 + 1))
    # The shape of the day, a flat day being worth five mentions: 21 + 5 at the hour, 0 + 5 before and after. The first
    # hour of all has none before.
    exposure = np.array([5 / 26] * 27 + [1.0] * 28 + [5 / 26] * 28)
    past = np.array([0.0] * 27 + [0.0] * 7 + [1.0] * 21 + [0.0] * 28)
    shape = 21 + 0.5
    mean, rate = shape / exposure.sum(), 21 / exposure.sum()
    variance = ((past - rate * exposure) ** 2 / exposure).sum() / 82
    spread = max((variance - mean) / mean**2 / exposure.mean(), 0) + 1 / shape
    # All hours of the 27 days that are known whole are worth 146 like it; they too count 21, and are nearly no news.
    month = 27 * (1 + 23 * 5 / 26)
    mean /= 1 + (month / exposure.sum() - 1) / (2 * 21 + 1)
    assert scored.expected[0, 0] == pytest.approx(mean)
    assert scored.p_values[0, 0] == pytest.approx(stats.nbinom.sf(5, 1 / spread, 1 / (1 + mean * spread)))
    assert scored.upper(0, 0, 3.0) == stats.nbinom.isf(1e-3, 1 / spread, 1 / (1 + mean * spread))


def test_a_series_that_is_silent_all_month_expects_half_a_mention_in_it() -> None:
    """All series count twelve an hour from 8 to 20 UTC, and nothing at night: a night hour is worth a busy one."""
    day = np.where((np.arange(24) >= 8) & (np.arange(24) < 20), 12, 0)
    counts = np.array([np.zeros(24 * 30), np.tile(day, 30)])
    counts[0, -1] = 1
    matrix = baseline.CountMatrix((CRUE, CRUE._replace(topic="fraude")), START, 60, counts, np.zeros_like(counts))
    noon, night = (
        baseline.score(matrix, range(24 * 29 + 12, 24 * 29 + 13)),
        baseline.score(matrix, range(24 * 30 - 1, 24 * 30)),
    )
    prior = 5 / (28 * 12 + 5)  # what a night hour is worth at noon: five mentions are the shape of a flat day
    assert noon.expected[0, 0] == pytest.approx(0.5 / (28 * (12 + 12 * prior)))
    assert night.expected[0, 0] == pytest.approx(0.5 / (28 * 24), rel=0.05)


def test_a_score_knows_nothing_of_what_comes_after() -> None:
    series = poisson_series(24 * 40)
    whole = baseline.score(one_series(series), range(24 * 20, 24 * 30))
    cut = baseline.score(one_series(series[: 24 * 30]), range(24 * 20, 24 * 30))
    assert np.array_equal(whole.p_values, cut.p_values)
    other = series.copy()
    other[24 * 30 :] = 10**6
    assert np.array_equal(whole.p_values, baseline.score(one_series(other), range(24 * 20, 24 * 30)).p_values)


def test_quiet_series_keep_to_their_probabilities() -> None:
    counts = np.random.default_rng(3).poisson(20, (200, 24 * 35)).astype(float)
    keys = tuple(Key(f"t{row}", "mentions", "all", "FR") for row in range(200))
    scored = baseline.score(
        baseline.CountMatrix(keys, START, 60, counts, np.zeros_like(counts)), range(24 * 30, 24 * 35)
    )
    for level in (1e-2, 1e-3):
        assert 0.3 <= np.mean(scored.p_values <= level) / level <= 2.0


def test_one_huge_spike_does_not_hide_the_next() -> None:
    series = poisson_series(24 * 40)
    series[24 * 38 + 12] = 100_000
    series[24 * 39 + 12] = 40
    scored = baseline.score(one_series(series), range(24 * 39, 24 * 40))
    assert scored.p_values[0, 12] < 1e-9
    assert scored.p_values[0, :12].min() > 1e-4


def test_a_backlog_of_everything_is_no_signal_and_a_topic_alone_is() -> None:
    series, others = poisson_series(24 * 40), poisson_series(24 * 40, seed=2, mean=20)
    series[-1], others[-1] = 20, 200
    assert baseline.score(one_series(series, others), range(24 * 40 - 1, 24 * 40)).p_values[0, 0] > 1e-3
    others[-1] = 20
    assert baseline.score(one_series(series, others), range(24 * 40 - 1, 24 * 40)).p_values[0, 0] < 1e-6


def test_a_crisis_hides_no_other_subject_of_its_departement() -> None:
    """Two hundred mentions of a flood in the Gironde: nine of a rumour there stand out all the same."""
    hours = 24 * 40
    flood, rumour = np.zeros(hours, dtype=int), np.zeros(hours, dtype=int)
    flood[::50], rumour[::60] = 1, 1
    nation = np.full(hours, 60)
    flood[-1], rumour[-1] = 200, 9
    counted = [
        (topic, "all", place, START + HOUR * at, int(series[at]), int(series[at] + beside[at]), 0)
        for topic, series, other in (("crue", flood, rumour), ("rumeur", rumour, flood))
        for place, beside in (("FR-33", other), ("FR", other + nation))
        for at in range(hours)
        if series[at]
    ]
    whole = nation + flood + rumour
    counted += [("ensemble", "all", "FR", START + HOUR * at, int(n), int(n), 0) for at, n in enumerate(whole)]
    found = detect(counted, [], START + HOUR * hours, {}, streaming.History(), [])
    assert {anomaly.key.topic for anomaly in found if anomaly.key.territory == "FR-33"} == {"crue", "rumeur"}


def test_what_is_not_sure_is_watched_then_alerts_or_goes_away() -> None:
    """By law, hours alert from 4.9 powers of ten and are watched from 3.9; what is watched leaves no trace."""
    now = START + timedelta(days=40)
    quiet = np.zeros(24 * 40, dtype=int)
    quiet[::96] = quiet[23::96] = 1

    def found(count: int) -> list[Anomaly]:
        series = quiet.copy()
        series[-1] = count
        return detect(rows({("crue", "FR-33"): series}), [], now, {}, streaming.History(), [])

    [weak] = found(4)
    [strong] = found(9)
    assert (weak.is_sure, strong.is_sure) == (False, True)
    assert 3.9 < weak.score < 4.9 < strong.score
    [watched] = lifecycle.update([], [weak], now, {}, PARENTS)
    assert watched.status == "watch"
    [same] = lifecycle.update([watched], [strong], now, {}, PARENTS)
    assert (same.signal_id, same.status) == (watched.signal_id, "open")
    assert lifecycle.update([watched], [], now + 7 * HOUR, {}, PARENTS) == []
    [still_open] = lifecycle.update([same], [], now + 7 * HOUR, {}, PARENTS)
    assert still_open.status == "open"
    kept = lifecycle.update([watched], [], now + HOUR, {}, PARENTS, {watched.signal_id: now})
    assert [signal.status for signal in kept] == ["closed"], "a verdict on it is kept"


def test_two_mentions_after_a_silent_month_are_watched_and_three_alert() -> None:
    """By hand: half a mention in the 672 hours of the month, of which three count one, two or three mentions."""
    now = START + timedelta(days=40)

    def found(*hours_ago: int) -> list[Anomaly]:
        series = np.zeros(24 * 40, dtype=int)
        np.add.at(series, -np.array(hours_ago), 1)
        counted = {("crue", "FR-33"): series, ("fraude", "FR"): np.full(24 * 40, 2)}
        return detect(rows(counted), [], now, {}, streaming.History(), [])

    assert found(1) == []
    for hours_ago in ((3, 1), (3, 2, 1)):
        [wave] = found(*hours_ago)
        assert (wave.key, wave.method, wave.at, wave.minutes) == (CRUE, "wave", now - 3 * HOUR, 180)
        assert wave.is_sure == (len(hours_ago) == 3)
        assert wave.p_value == pytest.approx(
            2 * stats.nbinom.sf(len(hours_ago) - 1, 0.5, 1 / (1 + 3 * 0.5 / 672 / 0.5)), rel=0.1
        )
    assert [(hour.is_sure, hour.score > 6) for hour in found(1, 1)] == [(False, True)], "two never alert, however rare"


def test_a_pair_that_is_sure_outlives_a_bin_that_is_not() -> None:
    bin_of_pair = Anomaly(CRUE, START, 5, 9.0, 1.0, 5.0, 1e-5, is_sure=False)
    pair = Anomaly(CRUE, START, 10, 20.0, 2.0, 5.0, 1e-9)
    assert baseline.without_redundant_pairs([bin_of_pair, pair]) == [bin_of_pair, pair]
    sure = dataclasses.replace(bin_of_pair, is_sure=True)
    assert baseline.without_redundant_pairs([sure, pair]) == [sure]


def test_the_clock_is_followed_when_it_changes() -> None:
    """Ten mentions at noon in Paris, each day; on 25 October 2026 clocks are put back: noon is an hour later in UTC."""
    begin = datetime(2026, 9, 20, tzinfo=UTC).replace(tzinfo=None)
    series = np.zeros(24 * 40)
    for day in range(40):
        noon = datetime.combine((begin + timedelta(days=day)).date(), datetime.min.time(), baseline.PARIS).replace(
            hour=12
        )
        series[int((noon.astimezone(UTC).replace(tzinfo=None) - begin) // HOUR)] = 10
    matrix = dataclasses.replace(one_series(series), start=begin)
    after = matrix.column(datetime(2026, 10, 26, 11))  # noqa: DTZ001 - UTC without a zone, as stored
    assert series[after] == 10
    season = baseline.SEASONS[60]
    assert season.around == 1
    narrow = {60: season._replace(around=0)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baseline, "SEASONS", narrow)
        assert baseline.score(matrix, range(after, after + 1)).expected[0, 0] == pytest.approx(10, rel=0.1)


#: What counts in each hour of a day in Paris, over the mean: a steep evening, nearly nothing at night.
SHAPE = np.array([0.02] * 2 + [0.03] * 3 + [0.2, 0.4, 0.8, 1.2, 1.6] + [2.0] * 8 + [1.6, 1.2, 0.9, 0.7, 0.6, 0.5])


@pytest.mark.parametrize("metric", ["mentions", "chat_contacts"])
@pytest.mark.parametrize("change", [date(2026, 3, 29), date(2026, 10, 25)])
def test_no_hour_is_blind(metric: str, change: date) -> None:
    """A wave needs as much at each hour of the week of a clock change, beside what an observer of the rate needs."""
    begin = datetime.combine(change - timedelta(days=42), datetime.min.time())
    hours = [begin + HOUR * place for place in range(24 * 50)]
    clocks = [streaming.wall_clock(hour) for hour in hours]
    busy = np.array([SHAPE[clock.hour] * (0.75 if clock.weekday() >= 5 else 1.0) for clock in clocks])
    means = np.array([40.0, 4.0] + [0.4] * 20 + [0.04] * 20)
    rates = means[:, None] * busy
    counts = np.random.default_rng(7).poisson(rates).astype(float)
    counts[1, 24 * 12 : 24 * 20] += 30  # an event of eight days that nobody labelled
    keys = tuple(Key(f"t{row}", metric, "all", "FR") for row in range(len(means)))
    matrix = baseline.CountMatrix(keys, begin, 60, counts, np.zeros_like(counts))
    [threshold] = calibration.calibrate(matrix, 24 * 42, PARENTS)
    score = calibration.scores([threshold], 60)[threshold.domain]
    week = range(24 * 41, 24 * 49)
    needed = baseline.score(matrix, week).uppers(np.full(len(means), score)) + 1 - rates[:, week]
    law = stats.poisson.isf(10.0**-score, rates[:, week]) + 1 - rates[:, week]
    for mean in (40.0, 0.4, 0.04):
        of_hours = (needed / law)[means == mean].reshape(-1, 8, 24).mean(axis=(0, 1))
        assert of_hours.max() < 2 * of_hours.min(), f"{mean}: {of_hours.round(1)}"
        assert of_hours.max() < 2.5, f"{mean}: {of_hours.round(1)}"


# Waves of hours ------------------------------------------------------------------------------------------------------


def scored_hours(counts: np.ndarray, first: int) -> tuple[baseline.CountMatrix, baseline.ScoredBins]:
    """Return series of the nation and what was expected of their hours from one on."""
    keys = tuple(Key(f"t{row}", "mentions", "all", "FR") for row in range(len(counts)))
    matrix = baseline.CountMatrix(keys, START, 60, counts.astype(float), np.zeros(counts.shape))
    return matrix, baseline.score(matrix, range(first, counts.shape[1]))


def test_a_wave_adds_up_likelihood_ratios_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours of 6, 0 and 9 where one is usual: of five rises the fourfold explains them best."""
    monkeypatch.setattr(sequential, "SPANS", ())
    counts = np.array([[0.0, 6.0, 0.0, 9.0, 1.0]])
    ones = np.ones_like(counts)
    scored = baseline.ScoredBins(range(5), ones, ones, ones / 2, ones)
    usual = 1 + np.sqrt(1.5 / 84)  # the upper end of what 84 hours with a variance of 1.5 say

    def gain(count: int, rise: float) -> float:
        raised, law = (stats.nbinom(2, 1 / (1 + mean / 2)) for mean in (rise * usual, usual))
        return raised.logpmf(count) - law.logpmf(count)

    sums = {rise: gain(6, rise) + gain(0, rise) + gain(9, rise) for rise in sequential.RISES}
    assert max(sums, key=lambda rise: sums[rise]) == 4.0
    scores = sequential.score(counts, scored)
    assert scores[0, 3] == pytest.approx(sums[4.0] / np.log(10) - np.log10(5))
    assert scores[0, 4] == 0.0, "one is no more than usual, and adds nothing"
    matrix = dataclasses.replace(one_series(counts[0]), keys=(CRUE,))
    found = sequential.wave(matrix, scored, 0, 3)
    assert (found.at, found.minutes, found.observed, found.expected) == (START + HOUR, 180, 15.0, 3.0)
    assert found.score == pytest.approx(scores[0, 3])


def test_few_hours_are_also_counted_as_one_by_hand() -> None:
    """Of six hours that expect a hundredth each, the third and the last count one."""
    counts = np.array([[0.0, 0.0, 1.0, 0.0, 0.0, 1.0]])
    expected, spread = np.full_like(counts, 0.01), np.full_like(counts, 2.0)
    scored = baseline.ScoredBins(range(6), expected, expected, spread, expected)
    three, six = (
        len(sequential.SPANS) * stats.nbinom.sf(count - 1, 0.5, 1 / (1 + hours * 0.02))
        for hours, count in ((3, 1), (6, 2))
    )
    assert sequential.SPANS == (3, 6)
    assert sequential.score(counts, scored)[0, -1] == pytest.approx(-np.log10(min(three, six)))
    found = sequential.wave(dataclasses.replace(one_series(counts[0])), scored, 0, 5)
    assert (found.at, found.minutes, found.observed) == (START + 2 * HOUR, 240, 2.0), "from the first that counts"
    assert found.p_value == pytest.approx(six)


@pytest.mark.parametrize("mean", [3.0, 0.3, 0.03, 0.003])
@pytest.mark.parametrize("dispersion", [0.0, 0.5])
def test_waves_of_chance_are_as_rare_as_they_say(mean: float, dispersion: float) -> None:
    chance = np.random.default_rng(11)
    shape = (150, 24 * 44)
    rates = mean * (chance.gamma(1 / dispersion, dispersion, shape) if dispersion else np.ones(shape))
    matrix, scored = scored_hours(chance.poisson(rates), 24 * 30)
    scores = sequential.score(matrix.counts[:, 24 * 30 :], scored)
    for power in (1, 2, 3):
        assert np.count_nonzero(scores > power) <= scores.size / 10**power


def test_a_slow_wave_is_found_in_its_first_day_by_what_its_hours_add_up_to() -> None:
    """One and a half an hour over a usual 0.3: few hours say so by themselves; the budget of alerts is kept by both."""
    chance = np.random.default_rng(5)
    counts = chance.poisson(0.3, (40, 24 * 31))
    counts[:, -24:] += chance.poisson(1.5, (40, 24))
    matrix, scored = scored_hours(counts, 24 * 29)
    limit = calibration.by_law("listening", 60)
    by_hour = (scored.scores[:, -24:] > limit).any(axis=1)
    waves = sequential.score(matrix.counts[:, 24 * 29 :], scored) > limit
    assert by_hour.mean() < 0.5
    assert waves[:, -24:].any(axis=1).mean() > 0.9
    assert np.median(waves[:, -24:].argmax(axis=1)) < 14
    assert not waves[:, :-24].any()


def test_a_former_event_hides_no_wave_once_a_week_has_passed_without_it() -> None:
    """Two an hour for twelve days, then nothing for eleven, then a wave of one and a half an hour.

    The month still expects one an hour. Where the event goes on instead, it is no wave.
    """
    chance = np.random.default_rng(8)
    counts = chance.poisson(0.05, (20, 24 * 40))
    counts[:, 24 * 16 : 24 * 28] += chance.poisson(2.0, (20, 24 * 12))
    counts[10:, 24 * 28 : 24 * 39] += chance.poisson(2.0, (10, 24 * 11))
    counts[:, -24:] += chance.poisson(1.5, (20, 24))
    matrix, scored = scored_hours(counts, 24 * 38)
    # By hand: the week that ended two days ago, and the hours of a day of the month's law.
    week, of_a_day = counts[0, 24 * 40 - 1 - 216 : 24 * 40 - 1 - 48].sum(), scored.expected[0, -24:].sum()
    most = week + 2 * np.sqrt(week * (1 + of_a_day / 24 * scored.spread[0, -1])) + 3
    assert most < 7 * of_a_day / 4
    assert scored.steady[0, -1] == pytest.approx(scored.expected[0, -1] * most / (7 * of_a_day))
    waves = sequential.score(matrix.counts[:, 24 * 38 :], scored) > calibration.by_law("listening", 60)
    assert np.median(waves[:10, -24:].argmax(axis=1)) < 8
    assert waves[:10, -24:].any(axis=1).all()
    assert not waves[:, :24].any()
    assert not waves[10:, :-24].any()


def test_a_wave_knows_nothing_of_what_comes_after_nor_of_what_is_older_than_two_days() -> None:
    series = poisson_series(24 * 40, mean=1.0)
    scored = baseline.score(one_series(series), range(24 * 30, 24 * 40))
    whole = sequential.score(series[None, 24 * 30 :].astype(float), scored)
    days = (of[:, 120:168] for of in scored.arrays)
    part = baseline.ScoredBins(range(24 * 35, 24 * 37), *days)
    recent = sequential.score(series[None, 24 * 35 : 24 * 37].astype(float), part)
    assert recent[0, -1] == pytest.approx(whole[0, 167])


def test_a_wave_is_one_row_of_evidence_and_its_signal_ends_with_it() -> None:
    series = np.zeros(24 * 40, dtype=int)
    series[::40] = 1
    wave = series.copy()
    wave[-30:-20:2] = 2
    now = START + timedelta(days=40)

    def found(series: np.ndarray, now: datetime) -> list[Anomaly]:
        seen = detect(rows({("crue", "FR"): series}), [], now, {}, streaming.History(), [])
        return [anomaly for anomaly in seen if anomaly.method == "wave"]

    [growing] = found(np.where(np.arange(24 * 40) < 24 * 40 - 25, wave, 0), now)
    [grown] = found(wave, now)
    assert (grown.at, grown.minutes, grown.observed) == (now - 30 * HOUR, 9 * 60, 10.0)
    assert growing.at == grown.at
    assert growing.p_value > grown.p_value
    opened = lifecycle.update([], [growing], now - 24 * HOUR, {}, PARENTS)
    [signal] = lifecycle.update(opened, [grown], now - 20 * HOUR, {}, PARENTS)
    assert (signal.evidence, signal.kind, signal.updated_at) == ((grown,), "slow", now - 21 * HOUR)
    later = now + 4 * HOUR
    [closed] = lifecycle.update([signal], found(np.append(wave, [0] * 4), later), later, {}, PARENTS)
    assert closed.closed_at == now + 3 * HOUR, "found again it is not younger"


def test_what_was_watched_is_no_surer_for_having_been_written_down() -> None:
    doubtful = anomaly(1, is_sure=False)
    written = signal_table.run([], [doubtful], START + 2 * HOUR, world([]))
    known = signal_table.restored(dict.fromkeys(signal_table.COLUMNS) | row for row in written)
    [again] = lifecycle.update([known], [anomaly(2, is_sure=False)], START + 3 * HOUR, {}, PARENTS)
    assert again.status == "watch"


# Runs ----------------------------------------------------------------------------------------------------------------


def test_units_names_and_order_of_series_change_nothing() -> None:
    counts = {
        ("a", "FR"): poisson_series(24 * 40, 1),
        ("b", "FR"): poisson_series(24 * 40, 2),
        ("c", "FR"): poisson_series(24 * 40, 3),
    }
    counts["b", "FR"][-2] = 50
    now = START + HOUR * 24 * 40

    def found(counts: dict[tuple[str, str], np.ndarray]) -> list[tuple]:
        seen = detect(rows(counts), [], now, {}, streaming.History(), [])
        return sorted((found_anomaly.at, found_anomaly.observed, found_anomaly.p_value) for found_anomaly in seen)

    renamed = {(f"z{name}", place): series for (name, place), series in reversed(counts.items())}
    assert found(counts)
    assert found(counts) == found(renamed)


def test_a_service_that_went_silent_is_found() -> None:
    busy = np.random.default_rng(5).poisson(20, 24 * 40)
    busy[-6:] = 0
    counted = rows({("ensemble", "FR"): busy})
    now = START + HOUR * 24 * 40
    [drop] = [found for found in detect(counted, [], now, {}, streaming.History(), []) if found.at == now - 6 * HOUR]
    assert (drop.method, drop.observed, drop.minutes) == ("drop", 0.0, 360)
    assert drop.expected == pytest.approx(120, rel=0.1)


def silences(hours: int, *silent: tuple[str, str], known: int = 24 * 40) -> list[Anomaly]:
    """Return the silences of the last hours, in which some of three series count nothing.

    Args:
        hours: How long they are silent.
        silent: Their topics and platforms.
        known: Hours of the forty days that are known.
    """
    chance = np.random.default_rng(5)
    counts = {name: chance.poisson(10, 24 * 40) for name in (("crue", "x"), ("autres", "x"), ("autres", "facebook"))}
    for name in silent:
        counts[name][-hours:] = 0
    crue, others, facebook = counts.values()
    counts |= {("crue", "all"): crue, ("autres", "all"): others + facebook}
    counts |= {("ensemble", "x"): crue + others, ("ensemble", "facebook"): facebook}
    counts["ensemble", "all"] = crue + others + facebook
    counted = [
        (topic, platform, "FR", START + HOUR * place, int(count), int(counts["ensemble", platform][place]), 0)
        for (topic, platform), series in counts.items()
        for place, count in enumerate(series)
        if count
    ]
    now = START + HOUR * known
    found = detect(counted, [], now, {}, streaming.History(), [])
    return [anomaly for anomaly in found if anomaly.method == "drop" and anomaly.at + HOUR * hours == now]


def said(found: list[Anomaly]) -> list[tuple[str, str]]:
    """Return the status of each signal that silences make, and what it says that they are the silence of."""
    signals = lifecycle.update([], found, found[0].at + timedelta(minutes=found[0].minutes), {}, PARENTS)
    sentences = [wording.explanation(signal, "", {}, Context()).removesuffix(".").split(" ; ")[1] for signal in signals]
    return [(signal.status, sentence) for signal, sentence in zip(signals, sentences, strict=True)]


EVERYTHING = (("crue", "x"), ("autres", "x"), ("autres", "facebook"))


def test_the_silence_of_the_source_of_a_network_and_of_a_topic_are_three() -> None:
    whole = silences(6, *EVERYTHING)
    assert {anomaly.key.platform for anomaly in whole} == {"all", "x", "facebook"}
    assert said(whole) == [
        ("open", "nos chargements aboutissent\u00a0: c'est l'outil de veille qui ne transmet plus rien")
    ]
    network = said(silences(6, ("autres", "facebook")))
    assert network == [("open", "le réseau «\u00a0facebook\u00a0» ne transmet plus rien, les autres continuent")]
    topic = silences(48, ("crue", "x"))
    assert [(anomaly.key.topic, anomaly.observed) for anomaly in topic] == [("crue", 0.0)]
    [(status, sentence)] = said(topic)
    assert status == "watch", "nobody is alerted of it"
    assert sentence.startswith("les autres thèmes continuent")
    assert {anomaly.key.topic for anomaly in silences(48, *EVERYTHING)} <= {"ensemble"}, "it is that of the source"


def test_nothing_is_known_of_a_silence_while_our_own_loads_fail() -> None:
    with duckdb.connect() as session:
        mentions = session.sql("select timestamp '2026-09-01 10:00:00' as collected_at")

        def known_until(loads: str) -> datetime | None:
            made = session.sql(f"select * from (values {loads}) as made (entity, origin_kind, finished_at)")
            return Live(session, this=None, mentions=mentions, loads=made).known_until()

        later = "timestamp '2026-09-01 16:00:00'"
        assert known_until(f"('mentions', 'api', {later})") == START + 16 * HOUR
        assert known_until(f"('volumes', 'api', {later}), ('mentions', 'file', {later})") == START + 10 * HOUR
    assert silences(6, *EVERYTHING, known=24 * 40 - 6) == []


def test_detectors_go_on_from_what_was_saved_to_the_byte() -> None:
    series = poisson_series(12 * 24 * 5, mean=6)
    counted = rows({("crue", "FR"): series}, minutes=5)
    end = START + timedelta(days=5)
    whole, whole_history = {}, streaming.History()
    learn(counted, end, whole, whole_history)
    learnt, history = {}, streaming.History()
    for step in range(1, 21):
        learn([row for row in counted if row[3] <= START + step * HOUR * 6], START + step * HOUR * 6, learnt, history)
        kept = streaming.save(learnt, history)
        learnt, history = streaming.restore([tuple(row.values()) for row in kept])
    assert streaming.save(learnt, history) == streaming.save(whole, whole_history)


def test_a_wave_is_seen_while_its_bin_is_open() -> None:
    """Two a bin, then sixty in two minutes: the twentieth is enough, and nothing was seen before."""
    series = poisson_series(12 * 24 * 8, mean=2)
    now = START + timedelta(days=8)
    calm = rows({("crue", "FR"): series}, minutes=5)
    learnt, history = {}, streaming.History()
    learn(calm, now, learnt, history)
    before = streaming.save(learnt, history)
    assert detect([], calm, now, learnt, history, []) == []
    wave = [*calm, ("crue", "all", "FR", now, 20, 20, 0)]
    [seen] = detect([], wave, now + timedelta(minutes=1), learnt, history, [])
    assert (seen.at, seen.minutes, seen.observed) == (now, 5, 20.0)
    assert seen.probability > 0.99
    assert streaming.save(learnt, history) == before, "an open bin is not learnt"


def test_a_wave_across_two_bins_is_seen_whole() -> None:
    """Ten at the end of a bin and ten in the next: neither stands out, both together do, and once."""
    series = poisson_series(12 * 24 * 8, mean=2)
    series[-1] = 10
    now = START + timedelta(days=8)
    begun = rows({("crue", "FR"): series}, minutes=5)
    learnt, history = {}, streaming.History()
    learn(begun, now - HOUR, learnt, history)
    assert detect([], begun, now, learnt, history, []) == []
    wave = [*begun, ("crue", "all", "FR", now, 10, 10, 0)]
    [seen] = detect([], wave, now + timedelta(minutes=1), learnt, history, [])
    assert (seen.at, seen.minutes, seen.observed) == (now - timedelta(minutes=5), 10, 20.0)
    assert seen.expected == pytest.approx(4, rel=0.2)
    learnt_later, after = dict(learnt), now + timedelta(minutes=36)
    assert detect([], wave, after, learnt_later, history, []) == [], "a bin that is closed is in no pair"
    late = [*begun, ("crue", "all", "FR", now, 40, 40, 0)]
    [alone] = detect([], late, now + timedelta(minutes=1), learnt, history, [])
    assert (alone.at, alone.minutes) == (now, 5), "a bin that stands out by itself speaks for its pairs"


@pytest.mark.parametrize("bins", [40, 41])
def test_pairs_of_bins_end_with_the_last(bins: int) -> None:
    counts = np.arange(bins, dtype=float)[None, :]
    two = baseline.paired(baseline.CountMatrix((CRUE,), START, 5, counts, counts * 10))
    assert (two.minutes, two.counts.shape) == (10, (1, 20))
    assert two.counts[0, -1] == bins - 1 + bins - 2
    assert two.others[0, 0] == 10 * (1 if bins == 40 else 3)
    assert two.time(20) == START + timedelta(minutes=5) * bins


def test_thresholds_follow_the_budget_and_what_quiet_history_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "BUDGETS", {"listening": 0.05, "chat": 0.01})
    law = calibration.by_law("listening", 60)
    assert law == pytest.approx(np.log10(168 / 0.05))
    counts = {(f"t{number}", "FR"): poisson_series(24 * 57, number, 1.0) for number in range(12)}
    [calm] = calibrate(rows(counts), START + HOUR * 24 * 57, PARENTS)
    assert calm.series_weeks > 40
    assert law <= calm.score < law + 1
    for number in range(12):  # what comes in bursts of an hour has more false alerts than the law says
        counts[f"t{number}", "FR"][24 * 33 + 40 * number] += 9
    [burst] = calibrate(rows(counts), START + HOUR * 24 * 57, PARENTS)
    assert burst.score > calm.score
    excess = calibration.scores([burst], 5)["listening"] - calibration.by_law("listening", 5)
    assert excess == pytest.approx(burst.score - law)
    assert calibration.scores([], 60)["chat"] == calibration.by_law("chat", 60)


def test_what_stands_out_in_a_place_and_around_it_is_one_false_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of a topic in a day in one département: its region and the nation count them too, and it is one alert."""
    monkeypatch.setattr(calibration, "BUDGETS", {"listening": 0.05})
    silent = np.zeros(24 * 57, dtype=int)

    def score(bursts: dict[str, int]) -> float:
        counts = {("crue", place): silent.copy() for place in ("FR-33", "FR-29", "FR-NAQ", "FR-BRE", "FR")}
        for series in counts.values():
            series[:24] = 1  # a series is one that counts
        counts |= {(f"t{number}", "FR"): poisson_series(24 * 57, number, 1.0) for number in range(3)}
        for place, hour in bursts.items():
            for wider in (place, PARENTS[place], "FR"):
                counts["crue", wider][24 * 40 + hour] += 3
        [found] = calibrate(rows(counts), START + HOUR * 24 * 57, PARENTS)
        assert 1 <= found.alerts_per_series_week * found.series_weeks < 2, "one is allowed"
        return found.score

    law = calibration.by_law("listening", 60)
    assert score({"FR-33": 10}) == pytest.approx(law), "one false alert keeps to the budget, in however many series"
    assert score({"FR-33": 10, "FR-29": 15}) == pytest.approx(law), "and the nation speaks for both of a day"
    assert score({"FR-33": 10, "FR-29": 24 * 3 + 15}) > law, "another day is another alert"


def test_what_is_too_few_to_alert_raises_no_threshold_of_alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mention and its share at once, in a silent month: they are watched, and raise the score of that alone."""
    monkeypatch.setattr(calibration, "BUDGETS", {"listening": 0.01})
    law = {times: calibration.by_law("listening", 60, times) for times in (1.0, calibration.WATCHED)}

    def scores(together: int) -> tuple[float, float]:
        counts = {(f"t{number}", "FR"): np.zeros(24 * 57, dtype=int) for number in range(30)}
        for number, series in enumerate(counts.values()):
            series[0] = 1  # a series is one that counts
            series[24 * 31 + 20 * number] = together
        counts["fraude", "FR"] = np.full(24 * 57, 3)
        [found] = calibrate(rows(counts), START + HOUR * 24 * 57, PARENTS)
        return found.score, found.watch_score

    alert, watch = scores(2)
    assert alert == law[1.0]
    assert law[calibration.WATCHED] < watch <= law[1.0]
    assert scores(3)[0] > law[1.0]


@pytest.mark.parametrize(("hours_between", "raises"), [(1, True), (48, False)])
def test_what_alerts_across_midnight_raises_the_threshold(
    monkeypatch: pytest.MonkeyPatch, hours_between: int, raises: bool
) -> None:
    """Two mentions before midnight and two after it are four of a wave, if it can last from the ones to the others."""
    monkeypatch.setattr(calibration, "BUDGETS", {"listening": 0.01})
    counts = {(f"t{number}", "FR"): np.zeros(24 * 57, dtype=int) for number in range(30)}
    for number, series in enumerate(counts.values()):
        series[0] = 1  # a series is one that counts
        series[[(at := 24 * (31 + number % 20) + 23), at + hours_between]] = 2
    counts["fraude", "FR"] = np.full(24 * 57, 3)
    [found] = calibrate(rows(counts), START + HOUR * 24 * 57, PARENTS)
    assert (found.score > calibration.by_law("listening", 60)) == raises


def test_the_band_of_a_crisis_exists_even_where_nothing_was_counted() -> None:
    """The expected of no mention at all is half of one in 28 days; the others stay as they are."""
    counted, now = rows({("crue", "FR"): np.full(24 * 40, 2)}, total=30), START + timedelta(days=40)
    band_rows = band(counted, now, [], [("crue", "FR"), ("feu", "FR-33"), ("fraude", "FR")])
    own, pinned = ([row for row in band_rows if row[0] == topic] for topic in ("crue", "feu"))
    assert own == band(counted, now, [])
    assert [row[2] for row in pinned] == [row[2] for row in own]
    assert {(territory, observed) for _, territory, _, observed, _, _ in pinned} == {("FR-33", 0.0)}
    assert [expected for *_, expected, _ in pinned] == [pytest.approx(0.5 / (28 * 24))] * len(own)
    assert band([], now, [], [("feu", "FR-33")]) == []


# Days ----------------------------------------------------------------------------------------------------------------

LAST = date(2026, 11, 23)


def of_days(counts: np.ndarray, key: Key = CRUE, others: np.ndarray | None = None) -> list[daily.Day]:
    """Return days with the bounds of C1 alone, as the macro computes them."""
    first = LAST - timedelta(days=len(counts) - 1)
    made = []
    for place, count in enumerate(counts.tolist()):
        past = counts[place - 7 : place]
        upper = past.mean() + 3.09 * past.std(ddof=1) if place >= 7 else None
        beside = 0.0 if others is None else float(others[place])
        made.append(daily.Day(key, first + timedelta(days=place), count, upper, None, None, beside))
    return made


def test_a_day_must_exceed_ears_and_be_improbable() -> None:
    thresholds = calibration.scores([], 1440)
    calm = poisson_series(60, 4, 5.0)
    assert daily.detect(of_days(calm), LAST, thresholds) == []
    calm[-1] = 40
    [sudden] = daily.detect(of_days(calm), LAST, thresholds)
    assert (sudden.method, sudden.at, sudden.observed) == ("sudden", datetime(2026, 11, 22, 23), 40.0)  # noqa: DTZ001
    assert sudden.tests == 3


def test_thresholds_of_daily_series_follow_their_quiet_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve series of sixteen weeks may alert nine times at 0.05; twelve such days are too many."""
    monkeypatch.setattr(calibration, "BUDGETS", {"feedback": 0.05, "victims": 0.05})
    law = calibration.by_law("feedback", 1440)

    def threshold(bursts: int) -> calibration.Threshold:
        series_days: list[daily.Day] = []
        for number in range(12):
            counts = poisson_series(200, number, 3.0)
            if number < bursts:
                counts[100 + 5 * number] = 12  # four times the usual, not yet an event day
            series_days += of_days(counts, Key(f"t{number:02}", "negative_feedback", "jdma", "FR"))
        scored = daily.scored(series_days, LAST)
        assert scored is not None
        assert scored.scores.shape == (12, 112)
        [found] = calibration.thresholds(calibration.baseline_days(scored, PARENTS), 1440)
        assert (found.domain, found.minutes) == ("feedback", 1440)
        return found

    assert threshold(0).score == pytest.approx(law)
    assert threshold(12).score > law + 0.5
    assert 9 <= threshold(0).series_weeks * 0.05 < 10


@pytest.mark.parametrize(("together", "alerts"), [(2, False), (3, True)])
def test_days_of_fewer_than_three_neither_alert_nor_raise_the_threshold_of_alerts(
    monkeypatch: pytest.MonkeyPatch, together: int, alerts: bool
) -> None:
    monkeypatch.setattr(calibration, "BUDGETS", {"feedback": 0.01})
    law = calibration.by_law("feedback", 1440)
    series_days: list[daily.Day] = []
    for number in range(30):
        counts = np.zeros(200, dtype=int)
        counts[[88 + 2 * number, -1]] = together
        series_days += of_days(counts, Key(f"t{number:02}", "negative_feedback", "jdma", "FR"))
    scored = daily.scored(series_days, LAST)
    assert scored is not None
    [found] = calibration.thresholds(calibration.baseline_days(scored, PARENTS), 1440)
    assert (found.score > law) == alerts
    assert found.watch_score > calibration.by_law("feedback", 1440, calibration.WATCHED)
    assert len(daily.detect(series_days, LAST, {"feedback": law})) == 30 * alerts


def test_an_outage_is_not_quiet_history_though_less_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "BUDGETS", {"services": 0.05})
    sent, failed = poisson_series(200, 1, 60.0), poisson_series(200, 2, 3.0)
    sent[150], failed[150] = 2, 83
    series_days = [day for metric, counts in (("failed_services", failed), ("sent_services", sent))
            for day in of_days(counts, Key("panne", metric, "pre_plainte", "FR"))]  # fmt: skip
    scored = daily.scored(series_days, LAST)
    assert scored is not None
    assert scored.scores.max() > 20
    assert max(score for blocks in calibration.baseline_days(scored, PARENTS)["services"] for _, score in blocks) < 5


def test_a_short_history_has_the_threshold_of_the_law() -> None:
    assert daily.scored(of_days(poisson_series(120, 4, 5.0)), LAST) is None, "126 days are the fewest"
    assert daily.scored(of_days(poisson_series(126, 4, 5.0)), LAST) is not None


def test_what_comes_in_lumps_is_no_signal_and_one_spike_hides_none() -> None:
    """One day in six counts 11 to 14; a day of 14 is as usual, one of 90 is not, nor a second one after nine days."""
    thresholds = calibration.scores([], 1440)
    lumps = np.zeros(120, dtype=int)
    lumps[::6] = 11 + np.arange(20) % 4
    lumps[-1] = 14
    assert [day for day in daily.detect(of_days(lumps), LAST, thresholds) if day.method == "sudden"] == []
    lumps[-10] = lumps[-1] = 90
    found = [day for day in daily.detect(of_days(lumps), LAST, thresholds) if day.method == "sudden"]
    assert [day.observed for day in found] == [90.0]


def test_a_day_and_a_week_on_which_everything_grows_are_no_signal() -> None:
    thresholds = calibration.scores([], 1440)
    counts, others = poisson_series(60, 4, 10.0), poisson_series(60, 5, 200.0)
    counts[-7:] *= 2
    counts[-1] *= 5
    found = daily.detect(of_days(counts, others=others), LAST, thresholds)
    assert {anomaly.method for anomaly in found} == {"sudden", "slow"}
    others[-7:] *= 2
    others[-1] *= 5
    assert daily.detect(of_days(counts, others=others), LAST, thresholds) == []


def test_a_slow_rise_is_found_in_its_week() -> None:
    counts = poisson_series(60, 4, 10.0)
    counts[-7:] = [14, 18, 15, 19, 17, 18, 19]
    found = daily.detect(of_days(counts), LAST, calibration.scores([], 1440))
    assert [(week.observed, week.minutes) for week in found if week.method == "slow"] == [(120.0, 7 * 1440)]


def test_a_teleservice_that_went_silent_and_a_season_that_was_exceeded() -> None:
    sent = poisson_series(40, 6, 60.0)
    sent[-1] = 1
    series_days = of_days(sent, Key("panne", "sent_services", "pre_plainte", "FR"))
    assert [outage.method for outage in daily.outages(series_days, LAST)] == ["drop"]
    assert daily.outages(series_days[:-1], LAST - timedelta(days=1)) == []
    key, monday = Key("ensemble", "negative_feedback", "jdma", "FR"), date(2022, 1, 3)
    weeks = [
        (key, monday + timedelta(weeks=week), int(count)) for week, count in enumerate(poisson_series(230, 8, 30.0))
    ]
    assert daily.seasons(weeks, calibration.scores([], 1440)) == []
    weeks[-1] = (*weeks[-1][:2], 120)
    [seen] = daily.seasons(weeks, calibration.scores([], 1440))
    assert seen.window == "même saison des 4 années précédentes"
    assert daily.seasons(weeks[:100], calibration.scores([], 1440)) == [], "two years are no season"


# Signals -------------------------------------------------------------------------------------------------------------


def anomaly(hour: int, territory: str = "FR-33", p_value: float = 1e-8, **changes: object) -> Anomaly:
    key = Key(str(changes.pop("topic", "crue")), str(changes.pop("metric", "mentions")), "all", territory)
    values = {"observed": 12.0, "expected": 1.0, "upper": 5.0, **changes}
    return Anomaly(key, START + hour * HOUR, 60, p_value=p_value, **values)  # ty: ignore[invalid-argument-type]


def run(
    known: list[lifecycle.Signal], found: list[Anomaly], hour: int, **dismissed: datetime
) -> list[lifecycle.Signal]:
    return lifecycle.update(known, found, START + hour * HOUR, {}, PARENTS, dismissed)


def test_one_event_is_one_signal_however_often_it_is_found() -> None:
    first = run([], [anomaly(1), anomaly(1, "FR-NAQ", 1e-7), anomaly(1, "FR", 1e-6)], 2)
    [signal] = first
    assert (signal.territory, signal.kind, signal.opened_at) == ("FR-33", "sudden", START + HOUR)
    assert signal.signal_id == lifecycle.identifier("crue", "FR-33", "sudden", START + HOUR)
    assert run(first, [anomaly(1), anomaly(1, "FR", 1e-6)], 2) == first, "the same bins change nothing"
    [grown] = run(first, [anomaly(5, p_value=1e-12, observed=40.0)], 6)
    assert grown.signal_id == signal.signal_id
    assert (grown.strongest.observed, grown.updated_at) == (40.0, START + 6 * HOUR)


def test_elsewhere_or_another_topic_is_another_signal() -> None:
    signals = run([], [anomaly(1), anomaly(1, "FR-29"), anomaly(1, topic="panne")], 2)
    assert len({signal.signal_id for signal in signals}) == 3


def test_a_signal_closes_after_a_day_and_opens_again_only_for_much_more() -> None:
    known = run([], [anomaly(1)], 2)
    [closed] = run(known, [], 27)
    assert closed.closed_at == START + 26 * HOUR
    assert run([closed], [anomaly(40)], 41) == [closed], "as strong as before is no news"
    known = run([closed], [anomaly(40, p_value=1e-12, observed=30.0)], 41)
    assert known[0] == closed
    assert (known[1].closed_at, known[1].opened_at) == (None, START + 40 * HOUR)
    assert known[1].signal_id != closed.signal_id, "it is alerted and scored as another one"
    assert run(known, [anomaly(40, p_value=1e-12, observed=30.0), anomaly(1)], 42) == known, "and opened once"
    later = run([closed], [anomaly(120)], 121)
    assert len(later) == 2, "after three days it is another signal"


def test_a_dismissed_signal_stays_dismissed() -> None:
    [signal] = run([], [anomaly(1)], 2)
    [dismissed] = run([signal], [anomaly(2)], 3, **{signal.signal_id: START + 3 * HOUR})
    assert dismissed.closed_at == START + 3 * HOUR
    assert run([dismissed], [anomaly(3)], 4, **{signal.signal_id: START + 3 * HOUR})[0].closed_at is not None
    assert len(run([dismissed], [anomaly(3)], 4)) == 1


def test_clearly_stronger_evidence_than_that_of_a_dismissed_signal_is_another_signal() -> None:
    """An exercise is put aside at half past two; the same hour, still open, then counts what no exercise explains."""
    [signal] = run([], [anomaly(2)], 2)
    aside = {signal.signal_id: START + 2.5 * HOUR}
    [dismissed] = run([signal], [anomaly(2)], 3, **aside)
    assert run([dismissed], [anomaly(2, p_value=1e-9, observed=14.0)], 3, **aside) == [dismissed]
    signals = run([dismissed], [anomaly(2, p_value=1e-14, observed=40.0)], 3, **aside)
    assert [found.closed_at for found in signals] == [START + 2.5 * HOUR, None]
    assert signals[1].opened_at == START + 2.5 * HOUR
    assert signals[1].signal_id not in aside
    grown = run(signals, [anomaly(2, p_value=1e-14, observed=40.0), anomaly(3)], 4, **aside)
    assert [found.signal_id for found in grown] == [found.signal_id for found in signals]
    assert grown[0] == dismissed
    assert grown[1].updated_at == START + 4 * HOUR


def test_a_pair_is_forgotten_once_one_of_its_bins_stands_out_by_itself() -> None:
    pair = Anomaly(CRUE, START, 10, 20.0, 4.0, 12.0, 1e-8)
    alone = Anomaly(CRUE, START + timedelta(minutes=5), 5, 40.0, 2.0, 10.0, 1e-30)
    known = run([], [pair], 1)
    [grown] = run(known, [alone], 1)
    assert grown.evidence == (alone,)
    assert grown.signal_id == known[0].signal_id


def test_a_new_subject_is_one_row_of_evidence_however_often_it_is_found() -> None:
    key = Key("autres", "mentions", "all", "FR")
    first, later = (Anomaly(key, START, minutes, 9.0, 0.1, 0.1, 1e-9, "novelty") for minutes in (61, 68))
    [signal] = run(run([], [first], 2), [later], 2)
    assert signal.evidence == (later,)


def test_a_rise_on_many_networks_spreads_as_one_in_many_places_does() -> None:
    networks = [Anomaly(CRUE._replace(platform=name), START, 60, 9.0, 1.0, 3.0, 1e-9) for name in "abcd"]
    fifth = Anomaly(CRUE._replace(platform="e"), START, 60, 9.0, 1.0, 3.0, 1e-9)
    assert [signal.kind for signal in run([], networks, 1)] == ["sudden"]
    assert [signal.kind for signal in run([], [*networks, fifth], 1)] == ["spread"]


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ([anomaly(1)], "sudden"),
        ([anomaly(1, method="slow")], "slow"),
        ([anomaly(1, method="drop")], "drop"),
        ([anomaly(1), anomaly(1, "FR", metric="chat_contacts")], "co_movement"),
        ([anomaly(1, place) for place in ("FR", "FR-33", "FR-NAQ", "FR-29", "FR-BRE", "FR-35")], "spread"),
    ],
)
def test_evidence_makes_the_kind(found: list[Anomaly], kind: str) -> None:
    assert lifecycle.update([], found, START + 2 * HOUR, {}, PARENTS | {"FR-35": "FR-BRE"})[0].kind == kind


def mention(number: int, text: str | None, **changes: object) -> Mention:
    values = {
        "mention_id": f"m{number:02}", "at": START + HOUR + timedelta(minutes=number), "network": "facebook",
        "url": None,
        "text": text, "reach": 100, "sentiment": -1, "author_id": f"p{number}", "followers": 50, "is_share": False,
        "parent_id": None, **changes,
    }  # fmt: skip
    return Mention(**values)  # ty: ignore[invalid-argument-type]


RUMOUR = "Une camionnette blanche rôde devant les écoles, faites tourner vite"


def world(mentions: list[Mention]) -> World:
    return World(
        topics=[Topic("crue", "Crues", "crue", "climatique", "team:veille")],
        territories={
            "FR": Territory("FR", "nation", "France entière", None),
            "FR-NAQ": Territory("FR-NAQ", "region", "Nouvelle-Aquitaine", "FR"),
            "FR-33": Territory("FR-33", "departement", "Gironde", "FR-NAQ"),
        },
        mentions=lambda topic, _, since: [found for found in mentions if topic == "crue" and found.at >= since],
        usual_terms=terms_of(["contrôle de vitesse", "accident sur la route"] * 200),
        dismissed={},
    )


def test_a_signal_survives_the_way_through_its_rows() -> None:
    mentions = [mention(number, RUMOUR) for number in range(30)]
    rows_of = signal_table.run([], [anomaly(1)], START + 2 * HOUR, world(mentions))
    [signal] = [row for row in rows_of if row["part"] == "signal"]
    assert signal["kind"] == "rumour"
    assert (signal["negative_share"], signal["reach"], signal["territory_label"]) == (1.0, 3000, "Gironde")
    assert signal["explanation"].startswith(
        "Crues, Gironde : 12 mentions en une heure (le 01/09 à\u00a003\u00a0h\u00a000, heure de Paris)"
    )
    assert [row["name"] for row in rows_of if row["part"] == "example"] == ["m00"], "one text is one example"
    assert "camionnette blanche" in {row["name"] for row in rows_of if row["part"] == "term"}
    complete = [dict.fromkeys(signal_table.COLUMNS) | row for row in rows_of]
    assert all(row.keys() == signal_table.COLUMNS.keys() for row in complete)
    assert signal_table.restored(complete).strongest == anomaly(1)
    assert signal_table.run(complete, [], START + 2 * HOUR, world(mentions)) == rows_of
    closed = [
        dict.fromkeys(signal_table.COLUMNS) | row
        for row in signal_table.run(complete, [], START + 30 * HOUR, world(mentions))
    ]
    assert closed[0]["status"] == "closed"
    assert signal_table.run(closed, [], START + 31 * HOUR, world([])) == closed, "a closed signal stays as it is"


def test_reviews_on_no_subject_are_not_explained_by_mentions_on_no_subject() -> None:
    """What nobody watches has nothing in common: a rise of bad reviews has neither their words nor their reach."""
    about_jobs = [mention(number, "La gendarmerie recrute") for number in range(3)]
    said = dataclasses.replace(world([]), mentions=lambda *_: about_jobs)
    reviews = anomaly(1, "FR", topic="autres", metric="negative_feedback")
    mentions = anomaly(1, "FR", topic="autres", metric="mentions")
    [alone, listened] = [signal_table.run([], [found], START + 2 * HOUR, said) for found in (reviews, mentions)]
    assert {row["part"] for row in alone} == {"signal", "evidence"}
    assert alone[0]["reach"] is None
    assert {"example", "source"} < {row["part"] for row in listened}


def test_a_copy_of_a_share_counts_for_the_original() -> None:
    """The original has no text that may be passed on; two shares name it, and who copies their words follows them."""
    mentions = [
        mention(1, None),
        mention(2, RUMOUR, is_share=True, parent_id="m01"),
        mention(3, RUMOUR),
        mention(4, None, is_share=True, parent_id="m01"),
        mention(5, None, is_share=True),
    ]
    assert [post.shared_id for post in posts(mentions)] == [None, "m01", "m01", "m01", "?m05"]


def test_a_signal_has_the_originals_of_its_shares_however_old() -> None:
    with duckdb.connect() as session:
        texts = session.sql(
            """
            select id as mention_id, START + to_hours(hour) as published_at, 'x' as network, null::text as url,
                null::text as title, id as text, 10 as potential_reach, -1 as sentiment, null::text as author_id,
                5 as author_followers, parent is not null as is_share, parent as parent_mention_id
            from (values ('old', -90, null), ('share', 2, 'old'), ('before', -1, null), ('elsewhere', 2, null))
                as made (id, hour, parent)
            """.replace("START", "timestamp '2026-09-01'")
        )
        located = session.sql(
            "select mention_id, published_at, 'crue' as topic_code, 'FR-NAQ' as region_code, case mention_id"
            " when 'elsewhere' then 'FR-29' else 'FR-33' end as territory_code from texts"
        )
        live = Live(session, this=None, texts=texts, mentions=located)
        assert [found.mention_id for found in live._mentions("crue", "FR-33", START)] == ["old", "share"]
        assert [found.mention_id for found in live._mentions("crue", "FR", START)] == ["old", "elsewhere", "share"]


def test_the_last_verdict_on_a_signal_counts() -> None:
    verdicts = [
        {"signal_id": "a", "verdict": "écarté", "decided_at": "2026-11-24T12:00:00+01:00"},
        {"signal_id": "a", "verdict": "confirmé", "decided_at": "2026-11-24T10:59:00+00:00"},
        {"signal_id": "b", "verdict": "écarté", "decided_at": "2026-11-24T11:00:00+00:00"},
        {"signal_id": "b", "verdict": "vu", "decided_at": "2026-11-24T11:01:00+00:00"},
    ]
    assert dismissed(verdicts) == {"a": datetime(2026, 11, 24, 11)}  # noqa: DTZ001 - UTC without a zone, as stored


def test_a_subject_that_nobody_watches_is_a_novelty() -> None:
    about_fish = [mention(number, f"Poissons morts dans l'étang, odeur étrange {number}") for number in range(30)]
    silent = world([])
    loud = dataclasses.replace(silent, mentions=lambda topic, *_: about_fish if topic == "autres" else [])
    rows_of = signal_table.run([], [], START + 2 * HOUR, loud)
    assert [row["kind"] for row in rows_of if row["part"] == "signal"] == ["novelty"]
    one_author = [dataclasses.replace(found, author_id="p1") for found in about_fish]
    alone = dataclasses.replace(silent, mentions=lambda topic, *_: one_author if topic == "autres" else [])
    assert signal_table.run([], [], START + 2 * HOUR, alone) == []


def test_terms_hold_no_name_and_sources_no_account() -> None:
    found = terms_of(["Nathalie Lefebvre habite Bordeaux, évacuation en cours"])
    assert not {"nathalie", "lefebvre"} & set(found)
    assert found["évacuation"] == 1
    mentions = [
        mention(1, "a", network="x", url="https://x.com/compte12/status/1"),
        mention(2, "b", network="press", url="https://www.presse.example/articles/1"),
    ]
    assert {source.name for source in around(mentions, Counter(), START).sources} == {"x", "www.presse.example"}


def test_one_account_alone_alerts_nobody_until_a_second_one_joins() -> None:
    storm = [dataclasses.replace(mention(number, f"crue {number}"), author_id="p1") for number in range(30)]

    def status(mentions: list[Mention], former: list[signal_table.Row]) -> tuple[str, list[signal_table.Row]]:
        made = signal_table.run(former, [anomaly(1)], START + 2 * HOUR, world(mentions))
        complete = [dict.fromkeys(signal_table.COLUMNS) | row for row in made]
        return complete[0]["status"], complete

    alone, rows_of = status(storm, [])
    assert alone == "watch"
    joined = [*storm, dataclasses.replace(storm[0], mention_id="other", author_id="p2")]
    assert status(joined, rows_of)[0] == "open"
    unknown = [dataclasses.replace(found, author_id=None) for found in storm]
    assert status(unknown, [])[0] == "open", "where authors are not known, they may be many"
