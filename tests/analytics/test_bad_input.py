"""What reaches detection wrong, or is no crisis: each simulated, hour after hour, with its wanted outcome."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analytics.anomaly import streaming
from analytics.signals import lifecycle, live_detection
from analytics.signals.topics import Topic
from tests.analytics.test_signal_runs import HOUR, PARENTS, SHAPE, START, detect, learn

if TYPE_CHECKING:
    from datetime import datetime

#: Mentions an hour of each topic on an ordinary day, in the nation and in the Gironde.
MEANS = {
    ("crue", "FR"): 0.5,
    ("fraude", "FR"): 2.0,
    ("autres", "FR"): 15.0,
    ("crue", "FR-33"): 0.02,
    ("autres", "FR-33"): 0.3,
}
DAYS = 45
#: The first hour in which something is wrong.
WRONG = 24 * 36

Counts = dict[tuple[str, str], np.ndarray]


def ordinary(seed: int = 1) -> Counts:
    """Return an ordinary month and a half, hour by hour."""
    chance = np.random.default_rng(seed)
    hours = SHAPE[[streaming.wall_clock(START + HOUR * hour).hour for hour in range(24 * DAYS)]]
    return {name: chance.poisson(mean * hours) for name, mean in MEANS.items()}


def rows(counts: Mapping[tuple[str, str], np.ndarray], minutes: int) -> list[live_detection.Row]:
    """Return bins that are not zero, those of all topics together too, which each carries as its total."""
    places = {place for _, place in counts}
    total = {place: sum(series for (_, where), series in counts.items() if where == place) for place in places}
    return [
        (topic, "all", place, START + at * timedelta(minutes=minutes), int(series[at]), int(total[place][at]), 0)
        for (topic, place), series in [*counts.items(), *((("ensemble", place), of) for place, of in total.items())]
        for at in np.flatnonzero(series).tolist()
    ]


def watch(
    counts: Mapping[tuple[str, str], np.ndarray],
    *,
    every: int = 6,
    until: int = 24 * DAYS,
    known: Callable[[int], int] = lambda hour: hour,
    dismissing: bool = False,
) -> list[lifecycle.Signal]:
    """Return the signals of runs every few hours, from when something is wrong on.

    Args:
        counts: Mentions of topics in places, hour by hour.
        every: Hours between two runs.
        until: The last hour.
        known: Up to which hour mentions have arrived, at an hour.
        dismissing: Whether an operator dismisses each alert at once.
    """
    signals: list[lifecycle.Signal] = []
    dismissed: dict[str, datetime] = {}
    for hour in range(WRONG + every, until + 1, every):
        now = START + HOUR * hour
        hours = rows({name: series[: known(hour)] for name, series in counts.items()}, 60)
        found = detect(hours, [], now, {}, streaming.History(), [])
        signals = lifecycle.update(signals, found, now, {}, PARENTS, dismissed)
        if dismissing:
            dismissed |= {signal.signal_id: now for signal in signals if signal.status == "open"}
    return signals


def alerts(signals: list[lifecycle.Signal]) -> list[tuple[str, str]]:
    return [(signal.topic, signal.kind) for signal in signals if signal.is_sure]


def test_an_ordinary_week_alerts_nobody() -> None:
    assert alerts(watch(ordinary())) == []


def test_a_backlog_of_two_days_is_a_silence_while_it_lasts_and_no_rise_when_it_arrives() -> None:
    arrived = WRONG + 48
    signals = watch(ordinary(), until=arrived + 72, known=lambda hour: WRONG if hour < arrived else hour)
    assert {kind for _, kind in alerts(signals)} == {"drop"}
    assert {topic for topic, _ in alerts(signals)} == {"ensemble"}


def test_a_feed_that_arrives_twice_is_no_signal_of_any_topic() -> None:
    """Doubles with identifiers of their own; those with the same are one mention since their load.

    Six of seven mentions are on no topic: the few others cannot show that all of them grow.
    """
    counts = ordinary()
    for series in counts.values():
        series[WRONG : WRONG + 12] *= 2
    assert [topic for topic, _ in alerts(watch(counts, until=WRONG + 48))] in ([], ["autres"])


def test_a_source_that_doubles_its_coverage_for_good_is_no_signal_of_any_topic() -> None:
    counts, more = ordinary(), ordinary(2)
    for name, series in counts.items():
        series[WRONG:] += more[name][WRONG:]
    found = watch(counts)
    assert {topic for topic, _ in alerts(found)} <= {"autres"}
    assert len(alerts(found)) <= 2, "in nine days"


@pytest.mark.parametrize("skew", [-2, 2])
def test_a_source_whose_clock_is_two_hours_wrong_is_no_signal(skew: int) -> None:
    """A third of all mentions carries a wrong time; what lies ahead of now is not counted yet."""
    chance = np.random.default_rng(3)
    counts = ordinary()
    for name, series in counts.items():
        skewed = chance.binomial(series, 1 / 3)
        skewed[:WRONG] = 0
        counts[name] = series + np.roll(skewed, skew) - skewed
    assert alerts(watch(counts, every=2, until=WRONG + 72)) == []


def test_a_hashtag_of_television_is_one_signal_on_no_topic_and_hides_no_crisis() -> None:
    """Three hours of an evening at ten times the usual, all over the country; a flood in the Gironde meanwhile."""
    counts = ordinary()
    evening = slice(WRONG + 18, WRONG + 21)
    for place in ("FR", "FR-33"):
        counts["autres", place][evening] = 10 * np.maximum(counts["autres", place][evening], 1)
    assert {topic for topic, _ in alerts(watch(counts, every=1, until=WRONG + 30))} == {"autres"}
    dismissed = watch(counts, every=1, until=WRONG + 30, dismissing=True)
    assert len(alerts(dismissed)) <= 2, "dismissed in its first hour, it comes again once, when it is far stronger"
    for place in ("FR", "FR-33"):
        counts["crue", place][evening] += 12
    assert ("crue", "FR-33") in {
        (signal.topic, signal.territory) for signal in watch(counts, every=1, until=WRONG + 22) if signal.is_sure
    }


def test_an_exercise_that_was_announced_is_left_out_by_its_topic() -> None:
    announced = Topic("crue", "Crues", "crue -exercice", "climatique", "team:veille").compiled
    assert not announced.finds("exercice crue au barrage, les sirenes vont sonner")
    assert announced.finds("crue au barrage, ceci n'est pas un jeu")


def test_an_exercise_that_nobody_announced_is_dismissed_once() -> None:
    counts = ordinary()
    for place in ("FR", "FR-33"):
        counts["crue", place][WRONG : WRONG + 12] += 5
    signals = watch(counts, every=1, until=WRONG + 48, dismissing=True)
    assert len(alerts(signals)) == 1
    assert alerts(watch(counts, every=1, until=WRONG + 48))[0][0] == "crue"


def test_a_topic_whose_words_change_their_meaning_alerts_and_is_then_the_usual() -> None:
    """Five times as many mentions for good: one signal of some days; three weeks later they are what is usual."""
    more = np.random.default_rng(4).poisson(2.0, 24 * DAYS)
    begun, long_since = ordinary(), ordinary()
    begun["crue", "FR"][WRONG:] += more[WRONG:]
    long_since["crue", "FR"][WRONG - 24 * 21 :] += more[WRONG - 24 * 21 :]
    found = alerts(watch(begun))
    assert {topic for topic, _ in found} == {"crue"}
    assert len(found) <= 2
    assert alerts(watch(long_since)) == []


#: The first bin of five minutes in which something is wrong, at 11 in Paris, the last one that is looked at, and two
#: hours.
FIRST, LAST, SKEW = 12 * (WRONG + 9), 12 * (WRONG + 17), 24
#: By how much more these series count: a feed that comes twice would else be lost in chance.
BUSY = 10


def in_five_minutes(seed: int = 1) -> Counts:
    """Return what is ordinary, in bins of five minutes."""
    chance = np.random.default_rng(seed)
    hours = SHAPE[[streaming.wall_clock(START + HOUR * hour).hour for hour in range(24 * DAYS)]]
    return {name: chance.poisson(np.repeat(BUSY * mean * hours / 12, 12)) for name, mean in MEANS.items()}


def until(counts: Counts, bins: int) -> Counts:
    return {name: np.pad(series[:bins], (0, len(series) - bins)) for name, series in counts.items()}


def closely(arrived: Callable[[int], Counts], first: int = FIRST, last: int = LAST) -> list[lifecycle.Signal]:
    """Return the signals of runs each half an hour, which see bins of five minutes and their detectors too.

    Args:
        arrived: What has been loaded at a bin, with the times that it carries.
        first: Bin of the first run.
        last: Bin of the last one.
    """
    learnt, history = {}, streaming.History()
    signals: list[lifecycle.Signal] = []
    for now in range(first, last + 1, 6):
        counts, at = arrived(now), START + HOUR * now / 12
        hours = {name: series.reshape(-1, 12).sum(axis=1) for name, series in counts.items()}
        week = [row for row in rows(counts, 5) if row[3] > at - timedelta(days=7)]
        learn(week, at, learnt, history)
        found = detect(rows(hours, 60), week, at, learnt, history, [])
        signals = lifecycle.update(signals, found, at, {}, PARENTS)
    return signals


def test_an_ordinary_day_alerts_nobody_within_minutes_either() -> None:
    counts = in_five_minutes()
    assert alerts(closely(lambda now: until(counts, now))) == []


@pytest.mark.parametrize("hours", [12, 24 * 8])
def test_a_feed_that_arrives_twice_for_a_day_or_for_good_alerts_on_no_topic_within_minutes(hours: int) -> None:
    counts, more = in_five_minutes(), in_five_minutes(2)
    for name, series in counts.items():
        series[FIRST : FIRST + 12 * hours] += more[name][FIRST : FIRST + 12 * hours]
    assert {topic for topic, _ in alerts(closely(lambda now: until(counts, now)))} <= {"autres"}


def test_two_days_that_arrive_at_once_are_no_rise_within_minutes() -> None:
    """The detectors have learnt two days of nothing when these arrive."""
    counts, arrival = in_five_minutes(), FIRST + 12 * 48
    found = closely(lambda now: until(counts, FIRST if now < arrival else now), FIRST + 12 * 44, arrival + 12 * 8)
    assert {(topic, kind) for topic, kind in alerts(found)} == {("ensemble", "drop")}


@pytest.mark.parametrize("skew", [-SKEW, SKEW])
def test_a_clock_that_is_two_hours_wrong_alerts_on_no_topic_within_minutes(skew: int) -> None:
    """A third of all mentions carries a wrong time: behind, the two hours before count a third more than they did."""
    chance = np.random.default_rng(3)
    right, wrong = in_five_minutes(), {}
    for name, series in right.items():
        skewed = chance.binomial(series, 1 / 3)
        skewed[:FIRST] = 0
        right[name], wrong[name] = series - skewed, np.roll(skewed, skew)

    def arrived(now: int) -> Counts:
        late = until(wrong, now + skew)
        return {name: series + late[name] for name, series in until(right, now).items()}

    found = alerts(closely(arrived))
    assert {topic for topic, _ in found} <= {"autres"}
    assert len(found) <= 1


def test_what_is_dated_ahead_is_not_counted_before_its_time() -> None:
    counts, dated = in_five_minutes(), FIRST + SKEW
    counts["crue", "FR"][dated] += 200

    def arrived(now: int) -> Counts:
        return until(counts, max(now, dated + 1))

    assert alerts(closely(arrived, last=dated - 6)) == []
    [signal] = [signal for signal in closely(arrived, last=dated + 6) if signal.is_sure]
    assert (signal.topic, signal.opened_at) == ("crue", START + HOUR * dated / 12)
