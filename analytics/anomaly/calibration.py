"""Calibrates the thresholds of each domain to the operators' budgets of false alerts."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from analytics.anomaly import alert_budget, sequential
from analytics.anomaly.baseline import DAY_MINUTES, CountMatrix, Key, domain, of_the_last, score
from analytics.anomaly.thresholds import BUDGETS, FEWEST, LEAST_SCORE, MOST_EXCESS, WATCHED
from analytics.signals.clustering import lineage

_WEEK_MINUTES = 7 * DAY_MINUTES
_HISTORY_DAYS = 28
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Threshold:
    """The score above which a bin of a domain alarms.

    Attributes:
        domain: The domain.
        minutes: Length of the bins.
        alerts_per_series_week: The budget.
        series_weeks: Baseline history that it was calibrated on; 0 where there was too little.
        score: Powers of ten of the probability.
        watch_score: The same for what is only to be watched, whose budget is `WATCHED` times as great.
    """

    domain: str
    minutes: int
    alerts_per_series_week: float
    series_weeks: float
    score: float
    watch_score: float


def by_law(of_domain: str, minutes: int, times: float = 1.0) -> float:
    """Return the score that keeps to some times the budget if probabilities are what they say."""
    return math.log10(_WEEK_MINUTES / minutes / BUDGETS[of_domain] / times)


def calibrate(matrix: CountMatrix, until: int, territory_parents: Mapping[str, str]) -> list[Threshold]:
    """Return the threshold of each domain: that of the law, or a greater one where baseline days had more alerts.

    Args:
        matrix: Hourly series.
        until: The column after the last complete hour.
        territory_parents: Territory to the one that contains it.
    """
    per_day = DAY_MINUTES // matrix.minutes
    first = max(0, until - _HISTORY_DAYS * per_day)
    first = until - (until - first) // per_day * per_day
    counts = matrix.counts[:, first:until]
    scored = score(matrix, range(first, until))
    keys, in_window = matrix.keys, of_the_last(sequential.WINDOW, counts)
    hours = capped(keys, matrix.minutes, scored.scores, counts)
    waves = capped(keys, matrix.minutes, sequential.score(counts, scored), in_window)
    scores = np.maximum(hours, waves)  # an operator gets the alerts of both
    whole_days = len(keys), (until - first) // per_day, per_day
    daily, counts = scores.reshape(whole_days).max(axis=2, initial=0.0), counts.reshape(whole_days).sum(axis=2)
    return thresholds(baseline_days(Days(keys, matrix.time(first), counts, daily), territory_parents), matrix.minutes)


def capped(keys: Sequence[Key], minutes: int, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the scores; where less than `FEWEST` is counted, at most the one from which the law alerts.

    Whatever it scores, it is no alert: it may raise the threshold of what is watched, not that of alerts.

    Args:
        keys: One per row.
        minutes: Length of the bins that thresholds are computed for.
        scores: One row per series.
        counts: Of the same shape: what an alert of each would have observed.
    """
    alerting = np.array([[by_law(domain(key), minutes)] for key in keys])
    return np.where(counts < FEWEST, np.minimum(scores, alerting), scores)


@dataclass(frozen=True)
class Days:
    """Days of many series that were scored.

    Attributes:
        keys: One per row.
        start: Beginning of the first day, UTC.
        counts: One row per series, one column per day.
        scores: Of the same shape: the greatest score of the day, `capped`.
    """

    keys: Sequence[Key]
    start: datetime
    counts: np.ndarray
    scores: np.ndarray


def baseline_days(scored: Days, territory_parents: Mapping[str, str]) -> dict[str, list[list[tuple[datetime, float]]]]:
    """Return by domain, of each series, the scores of the days without an event.

    A day on which a topic counts clearly more than on its median day is an event day; it, the day before and the day
    after are left out.
    Alerts are counted as an operator gets them: what stands out in a département, its region and the nation is one,
    however many days it lasts.
    """
    events = _event_days(scored)
    deduplicated = _once_per_signal(scored, territory_parents)
    found: dict[str, list[list[tuple[datetime, float]]]] = {}
    for key, days in zip(scored.keys, deduplicated, strict=True):
        found.setdefault(domain(key), []).append(
            [
                (scored.start + day * _DAY, score)
                for day, score in enumerate(days.tolist())
                if not _near_event(events[key.topic], day)
            ]
        )
    return found


def thresholds(scores_by_domain: Mapping[str, list[list[tuple[datetime, float]]]], minutes: int) -> list[Threshold]:
    """Return the threshold of each domain of which baseline days are known, for bins of a length."""
    return [_threshold(name, minutes, scores_by_domain[name]) for name in sorted(scores_by_domain)]


def _once_per_signal(scored: Days, territory_parents: Mapping[str, str]) -> np.ndarray:
    """Return the scores of days, 0 where another of the topic says more around or within the place, a day away at most.

    An event of two weeks is one signal, and counts once. Counted each day, that of one topic would raise the threshold
    of all others by ten powers of ten.
    """
    lineages = [lineage(key.territory, territory_parents) for key in scored.keys]
    counted = np.zeros_like(scored.scores)
    members: dict[tuple[str, int], list[int]] = {}
    possible = np.argwhere(scored.scores >= LEAST_SCORE)
    for row, day in sorted(possible.tolist(), key=lambda place: (-scored.scores[*place], place)):
        topic = scored.keys[row].topic
        near = (other for offset in (-1, 0, 1) for other in members.get((topic, day + offset), ()))
        if not any(lineages[row][0] in lineages[other] or lineages[other][0] in lineages[row] for other in near):
            counted[row, day] = scored.scores[row, day]
        members.setdefault((topic, day), []).append(row)
    return counted


def _event_days(scored: Days) -> dict[str, np.ndarray]:
    """Return for each topic the days on which one of its measures counted clearly more than on the median day.

    The largest series of a measure speaks for it: in an outage what is sent falls, and what fails is the event.
    """
    largest: dict[tuple[str, str], np.ndarray] = {}
    for key, counts in zip(scored.keys, scored.counts, strict=True):
        known = largest.get((key.topic, key.metric))
        if known is None or counts.sum() > known.sum():
            largest[key.topic, key.metric] = counts
    found: dict[str, np.ndarray] = {}
    for (topic, _), counts in largest.items():
        found[topic] = found.get(topic, False) | (counts > most_usual(counts))
    return found


def most_usual(counts: np.ndarray) -> float:
    """Return the count above which a day is an event: far above the median, by chance and by what the series varies."""
    level = float(np.median(counts))
    return 3.0 + level + 4.0 * max(np.sqrt(level), 1.4826 * float(np.median(np.abs(counts - level))))


def _near_event(event_days: np.ndarray, day: int) -> bool:
    return bool(event_days[max(0, day - 1) : day + 2].any())


def _threshold(name: str, minutes: int, scores_by_series: list[list[tuple[datetime, float]]]) -> Threshold:
    accepted = BUDGETS[name]
    law, law_of_watching = by_law(name, minutes), by_law(name, minutes, WATCHED)
    weeks = sum(map(len, scores_by_series)) / 7
    if int(accepted * weeks) < 1:
        return Threshold(name, minutes, accepted, 0.0, law, law_of_watching)

    def kept(law: float, times: float) -> float:
        observed = alert_budget.threshold(scores_by_series, accepted * times)
        return min(max(law, observed), law + MOST_EXCESS)

    return Threshold(name, minutes, accepted, weeks, kept(law, 1.0), kept(law_of_watching, WATCHED))


def scores(thresholds: Iterable[Threshold], minutes: int) -> dict[str, float]:
    """Return the score of each domain for bins of a length; what was not calibrated has that of the law.

    What was found wrong of the law on hours is taken to be as wrong on shorter bins.
    """
    return _scores(((threshold, threshold.score) for threshold in thresholds), minutes, 1.0)


def watch_scores(thresholds: Iterable[Threshold], minutes: int) -> dict[str, float]:
    """Return what `scores` does for what is only to be watched."""
    return _scores(((threshold, threshold.watch_score) for threshold in thresholds), minutes, WATCHED)


def _scores(calibrated: Iterable[tuple[Threshold, float]], minutes: int, times: float) -> dict[str, float]:
    excess = {
        threshold.domain: score - by_law(threshold.domain, threshold.minutes, times) for threshold, score in calibrated
    }
    return {name: by_law(name, minutes, times) + excess.get(name, 0.0) for name in BUDGETS}
