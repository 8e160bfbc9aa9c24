"""Detects anomalies of daily series: sudden ones in the last complete days, and slow rises. SQL computes EARS."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

import numpy as np
from scipy import stats

from analytics.anomaly import alert_budget, baseline
from analytics.anomaly.baseline import DAY_MINUTES, PARIS, UTC, Anomaly, Key, Times, domain, growth
from analytics.anomaly.calibration import Days, capped, most_usual
from analytics.anomaly.count_distributions import negative_binomial_law, negative_binomial_p_value
from analytics.anomaly.cusum import cusum
from analytics.anomaly.farrington import farrington_flexible
from analytics.anomaly.thresholds import SILENCE_EXPECTED, SILENCE_P, SILENCE_SHARE

_PAST_DAYS = 28
_FEWEST_DAYS = 14
_WEEK = 7
_SCORED_DAYS = 112  # of the past that thresholds and lumps are computed from
_FEWEST_LUMPS = 5  # days that count, from which their usual size is known
_MOST_YEARS, _FEWEST_YEARS, _YEAR_WEEKS, _SEASON_WEEKS = 5, 3, 52, 4
_WINDOW = "28 jours précédents"
_WINDOW_BEFORE = "28 jours d'avant la semaine"


@dataclass(frozen=True)
class Day:
    """One day of one series.

    Attributes:
        key: The series.
        day: The day.
        count: What it counts.
        c1_upper: Bound of EARS, as the two others; None where the past is too short.
        others: What all other topics count there on that day; zero where that is not known.
    """

    key: Key
    day: date
    count: float
    c1_upper: float | None
    c2_upper: float | None
    c3_upper: float | None
    others: float = 0.0

    @property
    def alarms(self) -> bool:
        """Whether any of the three charts does."""
        return any(upper is not None and self.count > upper for upper in (self.c1_upper, self.c2_upper, self.c3_upper))


def detect(
    days: Iterable[Day], last: date, thresholds: Mapping[str, float], looked_back: int = 2, times: Times | None = None
) -> list[Anomaly]:
    """Return what stands out of the last whole days: a day beyond EARS, a week that has risen slowly, a silence.

    A day must be an alarm of EARS and improbable under the negative binomial law of the four weeks before; a week, an
    alarm of the cumulative sum and improbable beside the four weeks before it. Where all other topics grow too, more is
    expected, as in `baseline`: a backlog is no signal.

    Args:
        days: Rows of all series, in the order of series and day, without gaps.
        last: The last whole day.
        thresholds: Score of each domain, for daily bins.
        looked_back: Number of days that are tested, the last one included.
        times: By how much the budgets of topics are multiplied.
    """
    tested: list[tuple[Key, float, Anomaly | None]] = []
    for key, own in _by_series(days, last).items():
        counts, others = np.array([(day.count, day.others) for day in own]).T
        tested += [
            (key, *_sudden(own[place], counts[: place + 1], others[: place + 1]))
            for place in range(max(_FEWEST_DAYS, len(own) - looked_back), len(own))
            if own[place].day > last - timedelta(days=looked_back)
        ]
        tested.append((key, *_slow(own, counts, others)))
    if not tested:
        return []
    keys, p_values, found = zip(*tested, strict=True)
    never = dict.fromkeys(thresholds, np.inf)  # days alert, and are not watched
    limits = baseline.Thresholds(thresholds, never, times or {})
    hypotheses = baseline.Hypotheses(keys, np.array(p_values)[:, None], limits, lambda row, *_: found[row])
    return [anomaly for anomaly in alert_budget.anomalies([hypotheses]) if anomaly.is_sure]


def _by_series(days: Iterable[Day], last: date) -> dict[Key, list[Day]]:
    series: dict[Key, list[Day]] = {}
    for day in days:
        if day.day <= last:
            series.setdefault(day.key, []).append(day)
    return series


def scored(days: Iterable[Day], last: date) -> Days | None:
    """Return the scores that the days before would have had, to calibrate on; None of series that are too short.

    Args:
        days: Rows of the series of one platform, in the order of series and day, without gaps.
        last: The last whole day.
    """
    first = last - timedelta(days=_SCORED_DAYS - 1)
    known = {
        key: own
        for key, own in _by_series(days, last).items()
        if own[-1].day == last and own[0].day <= first - timedelta(days=_FEWEST_DAYS)
    }
    if not known:
        return None
    counts = np.array([[day.count for day in own[-_SCORED_DAYS:]] for own in known.values()])
    scores = capped(tuple(known), DAY_MINUTES, np.array([_scores(own) for own in known.values()]), counts)
    return Days(tuple(known), midnight(first), counts, scores)


def _scores(days: list[Day]) -> list[float]:
    """Return how surprising each of the last days was, in powers of ten; 0 where EARS says nothing."""
    counts, others = np.array([(day.count, day.others) for day in days]).T
    found = []
    for place in range(len(days) - _SCORED_DAYS, len(days)):
        anomaly = None
        if days[place].alarms:
            _, anomaly = _sudden(days[place], counts[: place + 1], others[: place + 1])
        found.append(anomaly.score if anomaly else 0.0)
    return found


def _sudden(day: Day, counts: np.ndarray, others: np.ndarray) -> tuple[float, Anomaly | None]:
    """Return the probability of the last of the counts, and what it is if EARS says so."""
    past = _clipped(counts[:-1])
    grown = _grown(others[-1], others[:-1][-_PAST_DAYS:])
    expected, p_value = past.mean() * grown, negative_binomial_p_value(past, int(counts[-1]), grown)
    if not day.alarms or counts[-1] <= expected:
        return p_value, None
    return p_value, _anomaly(day, counts[-1], expected, p_value, "sudden", DAY_MINUTES, _WINDOW)


def _grown(others: float, past: np.ndarray) -> float:
    return float(growth(np.array([others]), np.array([past.mean()]))[0])


def _slow(days: list[Day], counts: np.ndarray, others: np.ndarray) -> tuple[float, Anomaly | None]:
    """Return the probability of the last week, and what it is if the sum of its small excesses is too much."""
    past = _clipped(counts[:-_WEEK])
    if len(past) < _PAST_DAYS:
        return 1.0, None
    week = counts[-_WEEK:]
    weeks = past.reshape(-1, _WEEK).sum(axis=1)
    others_of_weeks = others[-_WEEK - _PAST_DAYS :].reshape(-1, _WEEK).sum(axis=1)
    grown = _grown(others_of_weeks[-1], others_of_weeks[:-1])
    expected, p_value = weeks.mean() * grown, negative_binomial_p_value(weeks, int(week.sum()), grown)
    if not (cusum(week, np.full(_WEEK, expected / _WEEK)) >= 1.0).any():
        return p_value, None
    return p_value, _anomaly(days[-_WEEK], week.sum(), expected, p_value, "slow", _WEEK * DAY_MINUTES, _WINDOW_BEFORE)


def _clipped(before: np.ndarray) -> np.ndarray:
    """Return the last four weeks, with what lies far above the usual cut, so that one event does not hide the next.

    Where the usual of the days that count at all would be cut itself, the series comes in lumps, which define what is
    usual.
    """
    past, long_past = before[-_PAST_DAYS:], before[-_SCORED_DAYS:]
    if not len(past):
        return past
    usual, counting = most_usual(past), long_past[long_past > 0]
    if len(counting) >= _FEWEST_LUMPS and np.median(counting) > usual:
        usual = most_usual(counting)
    return np.minimum(past, usual)


def _anomaly(  # noqa: PLR0917 - all that an anomaly is, once
    day: Day, observed: float, expected: float, p_value: float, method: str, minutes: int, window: str
) -> Anomaly:
    uppers = [upper for upper in (day.c1_upper, day.c2_upper) if upper is not None]
    upper = max(min(uppers, default=expected), expected) if method == "sudden" else expected
    return Anomaly(
        day.key, midnight(day.day), minutes, float(observed), float(expected), float(upper), p_value, method, window
    )


def midnight(day: date) -> datetime:
    """Return the instant, in UTC without a zone, at which a day begins in Paris."""
    return datetime.combine(day, time(), PARIS).astimezone(UTC).replace(tzinfo=None)


def outages(days: Iterable[Day], last: date) -> list[Anomaly]:
    """Return the services that went silent: on the last day next to nothing of what four weeks led to expect.

    Args:
        days: Rows of all series; those of `sent_services` are tested.
        last: The last whole day.
    """
    series = _by_series((day for day in days if day.key.metric == "sent_services"), last)
    found = []
    for days_of_series in series.values():
        past, now = np.array([day.count for day in days_of_series[:-1]][-_PAST_DAYS:]), days_of_series[-1]
        if len(past) < _FEWEST_DAYS or past.min() < SILENCE_EXPECTED or now.count >= past.min() * SILENCE_SHARE:
            continue
        mean, spread = negative_binomial_law(past)
        p_value = float(stats.nbinom.cdf(now.count, 1 / spread, 1 / (1 + mean * spread)))
        if p_value < SILENCE_P:
            found.append(_anomaly(now, now.count, float(mean), p_value, "drop", DAY_MINUTES, _WINDOW))
    return [replace(anomaly, tests=len(series)) for anomaly in found]


def seasons(weeks: Iterable[tuple[Key, date, int]], thresholds: Mapping[str, float]) -> list[Anomaly]:
    """Return the series whose last whole week exceeds its season of the years before; see `farrington`.

    Args:
        weeks: Series, Monday and count, in the order of series and week, without gaps.
        thresholds: Score of each domain, for daily bins.
    """
    series: dict[Key, list[tuple[date, int]]] = {}
    for key, monday, count in weeks:
        series.setdefault(key, []).append((monday, count))
    found = []
    for key, own in series.items():
        years = min(_MOST_YEARS, (len(own) - 1 - _SEASON_WEEKS) // _YEAR_WEEKS)
        if years < _FEWEST_YEARS:
            continue
        mondays, counts = zip(*own, strict=True)
        bound = farrington_flexible(mondays, counts, len(own) - 1, years=years)
        if bound.alarm and bound.p_value < 10.0 ** -thresholds[domain(key)]:
            found.append(
                Anomaly(
                    key, midnight(mondays[-1]), _WEEK * DAY_MINUTES, float(counts[-1]), bound.expected, bound.upper,
                    bound.p_value, "slow", f"même saison des {years} années précédentes", len(series),
                )
            )  # fmt: skip
    return found
