"""Scores the bins of many series against their own past, all series at once.

A bin is compared with the same hours of the days before. Counts of a topic in a département are sparse: their law is
the negative binomial of `count_distributions`. Past bins are clipped, so that one event does not hide the next. What is
expected of a topic grows with all other topics where these grow too, so that a backlog is no anomaly.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from scipy import stats

from analytics.anomaly.count_distributions import negative_binomial_law
from analytics.anomaly.thresholds import SILENCE_EXPECTED, SILENCE_HOURS, SILENCE_P, SILENCE_SHARE
from core.clock import PARIS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

UTC = ZoneInfo("UTC")

_FEWEST = 21  # bins of the past without which nothing stands out
_PRIOR_COUNT = 5.0  # mentions that the flat shape of a day is worth: with fewer counted, their shape is chance
_OUTLYING_SHARE = 0.1  # of the past that may belong to events
_LEAST_P = 1e-300
_DAY_HOURS, _WAVE_HOURS, _WEEK_HOURS = 24, 48, 168


class Key(NamedTuple):
    """The identity of a series."""

    topic: str
    metric: str
    platform: str
    territory: str

    def __str__(self) -> str:
        return "/".join(self)


class Season(NamedTuple):
    """Which bins of the past a bin is compared with: those of the same time of day, and a few around."""

    days: int
    around: int
    """Bins before and after."""
    window: str
    """Its French name, for readers."""


SEASONS: Mapping[int, Season] = {
    5: Season(7, 6, "mêmes heures des 7 jours précédents"),
    10: Season(7, 3, "mêmes heures des 7 jours précédents"),
    60: Season(28, 1, "mêmes heures des 28 jours précédents"),
}
DAY_MINUTES, HOUR_MINUTES = 1440, 60
#: Method of an anomaly that is made of hours which add up, see `sequential`.
WAVE = "wave"
FRANCE = "FR"


@dataclass(frozen=True)
class CountMatrix:
    """Counts of many series in equal bins, without gaps.

    Attributes:
        keys: One per row.
        start: Beginning of the first bin, UTC.
        minutes: Length of a bin.
        counts: One row per series, one column per bin.
        others: Of the same shape: what all other topics count there; zero where that is not known.
    """

    keys: tuple[Key, ...]
    start: datetime
    minutes: int
    counts: "NDArray[np.float64]"
    others: "NDArray[np.float64]"

    def time(self, column: int) -> datetime:
        """Return the beginning of a bin."""
        return self.start + timedelta(minutes=self.minutes * column)

    def column(self, moment: datetime) -> int:
        """Return the bin that a moment lies in."""
        return int((moment - self.start) // timedelta(minutes=self.minutes))

    def clock_ahead(self, columns: range) -> "NDArray[np.int64]":
        """Return by how many bins the clock in Paris is ahead of UTC; it changes twice a year."""
        ahead = (self.time(column).replace(tzinfo=UTC).astimezone(PARIS).utcoffset() for column in columns)
        return np.array(
            [offset // timedelta(minutes=self.minutes) for offset in ahead if offset is not None], dtype=np.int64
        )


@dataclass(frozen=True)
class Anomaly:
    """A bin that stands out."""

    key: Key
    at: datetime
    minutes: int
    observed: float
    expected: float
    upper: float
    p_value: float
    method: str = "sudden"
    """`sudden`, `wave`, `slow`, `drop` or `novelty`."""
    window: str = ""
    tests: int = 1
    """How many bins were tested together with it."""
    is_sure: bool = True
    """Whether it alerts; what is not sure is watched."""

    @property
    def probability(self) -> float:
        """How sure it is that chance did not make the greatest of as many bins; Bonferroni's bound."""
        return 1.0 - min(1.0, self.p_value * max(self.tests, 1))

    @property
    def ratio(self) -> float:
        """Observed over expected, at least half of one being expected of each bin that adds up to it."""
        bins = self.minutes / HOUR_MINUTES if self.method == WAVE else 1.0
        return self.observed / max(self.expected, 0.5 * bins)

    @property
    def score(self) -> float:
        """Powers of ten of the probability."""
        return float(powers_of_ten(self.p_value))


def powers_of_ten(p_values: "ArrayLike") -> "NDArray[np.float64]":
    """Return the scores of probabilities: 3 for one in a thousand."""
    return -np.log10(np.maximum(p_values, _LEAST_P))


def count_matrix(  # noqa: PLR0917 - the columns of a table
    keys: Sequence[Key],
    rows: "NDArray[np.int64]",
    times: "NDArray[np.datetime64]",
    counts: "NDArray[np.int64]",
    totals: "NDArray[np.int64]",
    start: datetime,
    end: datetime,
    minutes: int,
) -> CountMatrix:
    """Return the matrix of sparse counts; what lies outside is left out, and so is a series that has nothing else.

    Args:
        keys: Series.
        rows: Which of them each count is of.
        times: Beginnings of the bins.
        counts: Their counts.
        totals: Counts of all topics together in the same bins.
        start: Beginning of the first bin.
        end: Beginning of the last one.
        minutes: Length of a bin.
    """
    within = (times >= np.datetime64(start)) & (times <= np.datetime64(end))
    rows, counts, totals = rows[within], counts[within], totals[within]
    columns = (times[within] - np.datetime64(start)) // np.timedelta64(minutes, "m")
    kept = sorted(np.flatnonzero(np.bincount(rows, minlength=len(keys))), key=lambda row: keys[row])
    of_row = np.zeros(len(keys), dtype=np.int64)
    of_row[kept] = np.arange(len(kept))
    own_keys = tuple(keys[row] for row in kept)
    places = {place: index for index, place in enumerate({(key.platform, key.territory) for key in own_keys})}
    place_of = np.array([places[key.platform, key.territory] for key in own_keys], dtype=np.int64)
    shape = int((end - start) // timedelta(minutes=minutes)) + 1
    own, everything = np.zeros((len(own_keys), shape)), np.zeros((len(places), shape))
    own[of_row[rows], columns] = counts
    everything[place_of[of_row[rows]], columns] = totals  # known of every series there, also where it counts nothing
    others = everything[place_of]
    others -= own
    return CountMatrix(own_keys, start, minutes, own, np.maximum(others, 0.0, out=others))


def paired(matrix: CountMatrix) -> CountMatrix:
    """Return bins twice as long, the last of which ends with the last bin: a burst across two is whole in one."""
    odd = matrix.counts.shape[1] % 2

    def summed(values: "NDArray[np.float64]") -> "NDArray[np.float64]":
        return values[:, odd::2] + values[:, odd + 1 :: 2]

    return CountMatrix(matrix.keys, matrix.time(odd), 2 * matrix.minutes, summed(matrix.counts), summed(matrix.others))


def without_redundant_pairs(found: Iterable[Anomaly]) -> list[Anomaly]:
    """Return anomalies without the pairs of which one bin stands out as surely by itself: it says better since when."""
    anomalies = list(found)
    bins = {(anomaly.key, anomaly.at, anomaly.minutes): anomaly.is_sure for anomaly in anomalies}

    def is_redundant(anomaly: Anomaly) -> bool:
        half = anomaly.minutes // 2
        halves = [(anomaly.key, anomaly.at + timedelta(minutes=later), half) for later in (0, half)]
        return any(bins.get(one, False) or (one in bins and not anomaly.is_sure) for one in halves)

    return [anomaly for anomaly in anomalies if not is_redundant(anomaly)]


@dataclass(frozen=True)
class ScoredBins:
    """What was expected of some columns of a matrix; one column per scored column."""

    columns: range
    expected: "NDArray[np.float64]"
    p_values: "NDArray[np.float64]"
    spread: "NDArray[np.float64]"
    """Variance beyond that of a Poisson law, over the square of the mean."""
    steady: "NDArray[np.float64]"
    """What is expected of hours that add up: all others are taken over a day, and a week that counted less counts."""

    @property
    def arrays(self) -> tuple["NDArray[np.float64]", ...]:
        """All but the columns, in their order."""
        return self.expected, self.p_values, self.spread, self.steady

    @property
    def scores(self) -> "NDArray[np.float64]":
        """Powers of ten of the probabilities."""
        return powers_of_ten(self.p_values)

    def uppers(self, scores: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Return the greatest counts that a threshold lets pass; one threshold per row."""
        odds = 1 / (1 + self.expected * self.spread)
        return stats.nbinom.isf(10.0 ** -scores[:, None], 1 / self.spread, odds)

    def upper(self, row: int, column: int, score: float) -> float:
        """Return the greatest count that a threshold lets pass in one bin."""
        mean, spread = self.expected[row, column], self.spread[row, column]
        return float(stats.nbinom.isf(10.0**-score, 1 / spread, 1 / (1 + mean * spread)))


def score(matrix: CountMatrix, columns: range) -> ScoredBins:
    """Hold bins against their past, and against nothing else.

    Args:
        matrix: Series in bins of five minutes or an hour.
        columns: The bins.
    """
    season = SEASONS[matrix.minutes]
    period = DAY_MINUTES // matrix.minutes
    expected = np.zeros((len(matrix.keys), len(columns)))
    spread, others = np.ones_like(expected), np.zeros_like(expected)
    around = np.arange(-season.around, season.around + 1)
    before = period * np.arange(1, season.days + 1)
    ahead = matrix.clock_ahead(range(matrix.counts.shape[1]))
    of_a_day = np.arange(period) - period // 2
    everything = matrix.counts.sum(axis=0)
    until = np.zeros((len(matrix.keys), matrix.counts.shape[1] + 1))
    np.cumsum(matrix.counts, axis=1, out=until[:, 1:])
    row_of = {key: row for row, key in enumerate(matrix.keys)}
    nation = [row_of.get(key._replace(territory=FRANCE), row) for row, key in enumerate(matrix.keys)]
    for index, column in enumerate(columns):
        days = column - before[before <= column]
        same_time = days + ahead[column] - ahead[days]  # as the clock shows it, before and after it was changed
        past = same_time[:, None] + around
        known = (past >= 0) & (past < column)
        if np.count_nonzero(known) < _FEWEST:
            continue
        exposure = np.broadcast_to(_shape(everything[past[known.all(axis=1)]], season.around), past.shape)[known]
        mean, variance = _law(matrix.counts[:, past[known]], exposure)
        others[:, index] = matrix.others[:, past[known]].sum(axis=1) / exposure.sum()
        whole = same_time[same_time >= period // 2]
        if len(whole):
            # Half a mention more than was counted is expected of all hours of these days, not of the same hours alone.
            # A bin that usually counts more is worth one: how a sparse series shares its day is not known.
            worth = np.minimum(_shape(everything[whole[:, None] + of_a_day], season.around), 1.0).sum() * len(whole)
            of_whole_days = until[:, whole[0] + period // 2] - until[:, whole[-1] - period // 2]
            mean /= 1 + max(worth / exposure.sum() - 1, 0.0) / (2 * of_whole_days + 1)
        expected[:, index], spread[:, index] = mean, variance
    counted = slice(columns.start, columns.stop)
    counts, beside = matrix.counts[:, counted], matrix.others[:, counted]
    grown = growth(beside, others)
    # A backlog grows everywhere, a crisis in its département alone.
    usual = steady = expected * np.minimum(grown, grown[nation])
    if matrix.minutes == HOUR_MINUTES:
        grown = np.maximum(grown, growth(of_the_last(period, beside), of_the_last(period, others)))
        steady = expected * np.minimum(grown, grown[nation]) * _lull(until, columns, expected, spread)
    return ScoredBins(columns, usual, tail(counts, usual, spread), spread, steady)


def tail(
    counts: "NDArray[np.float64]", mean: "NDArray[np.float64]", spread: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """Return how probable counts as great are; 1 where nothing is counted or nothing known, as in most bins."""
    p_values = np.ones_like(mean)
    shown = (counts > 0) & (mean > 0)
    mean, spread = mean[shown], spread[shown]
    p_values[shown] = stats.nbinom.sf(counts[shown] - 1, 1 / spread, 1 / (1 + mean * spread))
    return p_values


def _lull(
    until: "NDArray[np.float64]", columns: range, expected: "NDArray[np.float64]", spread: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """Return which share of the expected a week has surely not exceeded: an event of that month is over, 1 without one.

    The last two days are left out, since a wave is among them. Two standard errors are added to what the week counts,
    and three to nothing: so many may be expected where none came. Weeks are whole, for weekends count less.

    Args:
        until: What all hours before each have counted.
        columns: Those that are scored.
        expected: What is expected of these, by the law of the month.
        spread: Their spread.
    """
    if len(columns) < _DAY_HOURS:
        return np.ones_like(expected)  # what a day expects is not known
    ends = np.arange(columns.start, columns.stop) - _WAVE_HOURS
    is_known = ends >= _WEEK_HOURS
    week = until[:, np.maximum(ends, 0)] - until[:, np.maximum(ends - _WEEK_HOURS, 0)]
    of_a_day = of_the_last(_DAY_HOURS, expected)
    of_a_day[:, : _DAY_HOURS - 1] = of_a_day[:, [_DAY_HOURS - 1]]  # the hours of the first day have none before them
    mean = of_a_day / _DAY_HOURS
    most = week + 2.0 * np.sqrt(week * (1 + mean * spread)) + 3.0
    lull = np.divide(most, 7 * of_a_day, out=np.ones_like(most), where=of_a_day > 0)
    return np.where(is_known, np.minimum(1.0, lull), 1.0)


def of_the_last(bins: int, values: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Return the sum of as many bins that ends with each, or of those there are."""
    until = np.cumsum(values, axis=1)
    return until - np.pad(until, ((0, 0), (bins, 0)))[:, : until.shape[1]]


def _shape(everything: "NDArray[np.float64]", around: int) -> "NDArray[np.float64]":
    """Return how much all series together count in each bin around the hour, that of the hour itself being 1.

    Towards midnight counts fall to a tenth within an hour. Without the shape of the day, that fall counts as variation,
    and hides a wave.

    Args:
        everything: Sum of all series, one row per day, one column per bin around the hour; the hour is the middle one.
        around: Bins on either side that a bin of the season is compared with.
    """
    bins = everything.shape[1]
    if not everything.any():
        return np.ones(bins)
    usual = np.minimum(everything, 3.0 + 3.0 * np.median(everything, axis=0))  # one day's event is no shape
    level = usual.sum(axis=0) + _PRIOR_COUNT
    width = np.ones(around // 3 * 2 + 1)  # short bins count too little by themselves
    level = np.convolve(level, width, "same") / np.convolve(np.ones(bins), width, "same")
    return level / level[bins // 2]


def _law(
    past: "NDArray[np.float64]", exposure: "NDArray[np.float64]"
) -> tuple["NDArray[np.float64]", "NDArray[np.float64]"]:
    """Return mean and spread of each row at an exposure of 1, its greatest values clipped."""
    kept = int(past.shape[1] * (1 - _OUTLYING_SHARE))
    ordinary = np.partition(past / exposure, kept - 1, axis=1)[:, :kept].mean(axis=1)
    usual = ordinary[:, None] * exposure
    return negative_binomial_law(np.minimum(past, 3.0 + usual + 4.0 * np.sqrt(usual)), exposure)


def growth(others: "NDArray[np.float64]", usual: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Return how much more all other topics count than usual, at least: 1 where chance may explain it."""
    surely = others - 2.0 * np.sqrt(others)
    return np.maximum(1.0, surely / (usual + 0.5))


#: By how much the budget of a topic is multiplied, by domain and topic; 1 for all others.
Times = Mapping[tuple[str, str], float]


class Thresholds(NamedTuple):
    """The scores from which a bin alerts, and from which it is watched.

    Attributes:
        alert: By domain.
        watch: By domain.
        times: A budget twice as large lowers both scores of a topic by log10(2).
        prior: The same by topic and territory, where an event is more probable than on another day.
    """

    alert: Mapping[str, float]
    watch: Mapping[str, float]
    times: Times = MappingProxyType({})
    prior: Times = MappingProxyType({})

    def of(self, keys: Sequence[Key]) -> "NDArray[np.float64]":
        """Return two rows: the score from which each series alerts, and that from which it is watched."""
        named = [(domain(key), key.topic) for key in keys]
        moved = np.log10([self.times.get(name, 1.0) for name in named]) + np.log10(self.weights(keys))
        return np.array([[scores[name] for name, _ in named] for scores in (self.alert, self.watch)]) - moved

    def weights(self, keys: Iterable[Key]) -> "NDArray[np.float64]":
        """Return by what the probabilities of each series are divided before false discoveries are controlled.

        Source: Genovese, Roeder, Wasserman (2006), False discovery control with p-value weighting, Biometrika 93,
        509-524. Few series have a weight, so that their mean is taken to be one.
        """
        return np.array([self.prior.get((key.topic, key.territory), 1.0) for key in keys])


class Hypotheses(NamedTuple):
    """What a method has tested in one run: its interface to `alert_budget.anomalies`.

    Attributes:
        keys: Series, one per row.
        p_values: How probable counts as great are; one row per series, one column per bin.
        thresholds: Scores of each domain and topic.
        anomaly: Returns what a row and column are, given the score from which the series alerts; None where they do not
            fulfil a further condition of the method.
    """

    keys: Sequence[Key]
    p_values: "NDArray[np.float64]"
    thresholds: Thresholds
    anomaly: Callable[[int, int, float], Anomaly | None]


def hypotheses(matrix: CountMatrix, scored: ScoredBins, thresholds: Thresholds) -> Hypotheses:
    """Return scored bins, each tested by itself."""

    def anomaly(row: int, index: int, limit: float) -> Anomaly:
        column = scored.columns[index]
        return Anomaly(
            key=matrix.keys[row],
            at=matrix.time(column),
            minutes=matrix.minutes,
            observed=float(matrix.counts[row, column]),
            expected=float(scored.expected[row, index]),
            upper=scored.upper(row, index, limit),
            p_value=float(scored.p_values[row, index]),
            window=SEASONS[matrix.minutes].window,
        )

    return Hypotheses(matrix.keys, scored.p_values, thresholds, anomaly)


def drops(matrix: CountMatrix, columns: range, hours: int = SILENCE_HOURS) -> list[Anomaly]:
    """Return the series that went silent: next to nothing in some hours in which much was expected.

    Args:
        matrix: Series in bins of an hour; only whole hours may be tested.
        columns: The last hours, each the end of a window.
        hours: Length of the window.
    """
    found = []
    tests = len(matrix.keys) * len(columns)
    sums = np.cumsum(np.pad(matrix.counts, ((0, 0), (1, 0))), axis=1)
    windows = sums[:, hours:] - sums[:, :-hours]  # window w ends with column w + hours - 1
    for column in columns:
        ends = column - 24 * np.arange(1, SEASONS[60].days + 1) - hours + 1
        ends = ends[ends >= 0]
        if len(ends) < SEASONS[60].days // 4 or column < hours - 1:
            continue
        past, now = windows[:, ends], windows[:, column - hours + 1]
        mean, spread = negative_binomial_law(past)
        below = stats.nbinom.cdf(now, 1 / spread, 1 / (1 + mean * spread))
        for row in np.nonzero((below < SILENCE_P) & (mean >= SILENCE_EXPECTED) & (now < mean * SILENCE_SHARE))[0]:
            found.append(  # noqa: PERF401 - a list of such length reads worse
                Anomaly(
                    matrix.keys[row], matrix.time(column - hours + 1), hours * 60, float(now[row]), float(mean[row]),
                    float(mean[row]), float(below[row]), "drop", SEASONS[60].window, tests,
                )
            )  # fmt: skip
    return found


def domain(key: Key) -> str:
    """Return the domain of a series, for which an operator has a budget of false alerts."""
    return {
        "chat_contacts": "chat",
        "victims": "victims",
        "negative_feedback": "feedback",
        "failed_services": "services",
        "sent_services": "services",
    }.get(key.metric, "listening")
