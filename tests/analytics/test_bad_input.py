"""What reaches detection wrong, or is no crisis: each simulated, hour after hour, with its wanted outcome."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analytics.anomaly import streaming
from analytics.signals import lifecycle
from analytics.signals.topics import Topic
from tests.analytics.test_signal_runs import HOUR, PARENTS, SHAPE, START, detect

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
    places = {place for _, place in counts}
    total = {place: sum(series for (_, where), series in counts.items() if where == place) for place in places}
    whole = dict(counts) | {("ensemble", place): series for place, series in total.items()}
    signals: list[lifecycle.Signal] = []
    dismissed: dict[str, datetime] = {}
    for hour in range(WRONG + every, until + 1, every):
        now = START + HOUR * hour
        rows = [
            (topic, "all", place, START + HOUR * at, int(series[at]), int(total[place][at]), 0)
            for (topic, place), series in whole.items()
            for at in np.flatnonzero(series[: known(hour)]).tolist()
        ]
        found = detect(rows, [], now, {}, streaming.History(), [])
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
