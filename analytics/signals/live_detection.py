"""Detects the current anomalies of all live series in one run."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analytics.anomaly import alert_budget, baseline, calibration, sequential, streaming
from analytics.anomaly.baseline import FRANCE, Anomaly, CountMatrix, Hypotheses, Key, ScoredBins, Thresholds, Times
from analytics.anomaly.calibration import Threshold
from analytics.anomaly.count_distributions import combined_p_value
from analytics.anomaly.thresholds import CLOSED_AFTER, TOPIC_SILENCE_HOURS
from analytics.relations import as_table
from analytics.signals.topic_tagging import ALL

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIVE, HOUR = 5, 60

#: So far back hours are scored again, for mentions that were found late.
LOOKED_BACK_HOURS = 48
#: As far looks a home that has no signal yet.
FIRST_LOOK_HOURS = 7 * 24
_FORGOTTEN_AFTER = timedelta(days=28)
_BUSY = 1.0  # a series of five minutes that counts so many is the detector's too

#: A bin: topic, platform, territory, beginning, mentions, mentions of all topics, negative mentions.
Row = tuple[str, str, str, datetime, int, int, int]
#: The columns of a table of bins.
BINS = {
    "topic_code": pa.string(),
    "platform": pa.string(),
    "territory_code": pa.string(),
    "bin_start": pa.timestamp("us"),
    "mentions": pa.int64(),
    "total_mentions": pa.int64(),
    "negative": pa.int64(),
}

CHAT = "brigade_numerique"


def table_of(rows: Iterable[Row]) -> pa.Table:
    """Return bins as the table that detection reads, see `BINS`."""
    return as_table(rows, BINS)


def count_matrices(bins: pa.Table, now: datetime, minutes: int) -> list[CountMatrix]:
    """Return the matrix of the networks and that of the chat, each from its first record on.

    Args:
        bins: Bins that are not zero.
        now: Instant up to which there are data.
        minutes: Length of a bin.
    """
    platform, step = pc.field("platform"), timedelta(minutes=minutes)
    made = []
    for metric, own in (
        ("mentions", bins.filter(platform != CHAT)),
        ("chat_contacts", bins.filter(platform == CHAT)),
    ):
        if own.num_rows:
            times, counts, totals, negative = (own[name].to_numpy() for name in [*BINS][3:])
            first, last = times.min().item(), times.max().item()
            # The chat comes in files: what follows the last one is unknown.
            until = last if metric == "chat_contacts" else max(first, now)
            keys, rows = _series(own, metric)
            if metric == "mentions":
                is_negative = (negative > 0) & np.array([key.platform == "all" for key in keys])[rows]
                rows = np.concatenate([rows, rows[is_negative] + len(keys)])
                counts = np.concatenate([counts, negative[is_negative]])
                times, totals = (np.concatenate([of, of[is_negative]]) for of in (times, totals))
                keys += [key._replace(metric="negative") for key in keys]
            end = first + (until - first) // step * step
            made.append(baseline.count_matrix(keys, rows, times, counts, totals, first, end, minutes))
    return made


def _series(bins: pa.Table, metric: str) -> tuple[list[Key], "NDArray[np.int64]"]:
    """Return the series of some bins, and which of them each bin is of."""
    encoded = [bins[name].combine_chunks().dictionary_encode() for name in [*BINS][:3]]
    names = [column.dictionary.to_pylist() for column in encoded]
    code = np.ravel_multi_index([column.indices.to_numpy() for column in encoded], [len(of) for of in names])
    known = np.flatnonzero(np.bincount(code))
    row_of = np.zeros(known[-1] + 1, dtype=np.int64)
    row_of[known] = np.arange(len(known))
    parts = zip(names, np.unravel_index(known, [len(of) for of in names]), strict=True)
    topics, platforms, territories = ([of[index] for index in indices] for of, indices in parts)
    keys = [Key(topic, metric, *place) for topic, *place in zip(topics, platforms, territories, strict=True)]
    return keys, row_of[code]


def learn(bins: pa.Table, now: datetime, learnt: dict[Key, streaming.Learnt], history: streaming.History) -> None:
    """Let the streaming detectors learn the bins that are closed for good; `learnt` and `history` change in place."""
    for matrix in count_matrices(bins, now, FIVE):
        closed = min(matrix.counts.shape[1], matrix.column(now - CLOSED_AFTER))
        if closed > 0:
            streaming.advance(matrix, closed, learnt, history)
    for key in [key for key, known in learnt.items() if known.until < now - _FORGOTTEN_AFTER]:
        del learnt[key]


def detect(  # noqa: PLR0917 - all that a run knows
    hours: pa.Table,
    five_minute_bins: pa.Table,
    now: datetime,
    learnt: Mapping[Key, streaming.Learnt],
    history: streaming.History,
    thresholds: Iterable[Threshold],
    *,
    times: Times | None = None,
    prior: Times | None = None,
    looked_back_hours: int = LOOKED_BACK_HOURS,
) -> list[Anomaly]:
    """Return what stands out: hours, waves of hours, open bins of five minutes and pairs of these.

    Args:
        hours: Hourly bins that are not zero.
        five_minute_bins: Bins of five minutes that are not zero.
        now: Instant up to which there are data.
        learnt: What the streaming detectors know.
        history: Their scores.
        thresholds: Those of the hours, see `calibration`.
        times: By how much the budgets of topics are multiplied, by domain and topic.
        prior: The same, by topic and territory.
        looked_back_hours: Hours that are scored, the open one included.
    """
    calibrated = list(thresholds)
    of_hours, of_five_minutes = (
        Thresholds(
            calibration.scores(calibrated, minutes),
            calibration.watch_scores(calibrated, minutes),
            times or {},
            prior or {},
        )
        for minutes in (HOUR, FIVE)
    )
    bins: list[Hypotheses] = []
    waves: list[Anomaly] = []
    outages: list[Anomaly] = []
    for matrix in count_matrices(hours, now, HOUR):
        last = matrix.counts.shape[1]
        first = max(0, last - looked_back_hours)
        topics = _topics(matrix)
        of_topics = baseline.score(topics, range(first, last))
        bins.append(baseline.hypotheses(topics, of_topics, of_hours))
        waves += alert_budget.anomalies([sequential.hypotheses(topics, of_topics, of_hours)])
        closed_end = min(last, matrix.column(now))
        closed = range(max(first, closed_end - 3), closed_end)
        outages += baseline.drops(_all(matrix), closed) + _silent_topics(topics, closed)
    for matrix in map(_topics, count_matrices(five_minute_bins, now, FIVE)):
        with_detectors = _with_detectors(matrix, _open(matrix, now), learnt, history)
        bins.append(baseline.hypotheses(matrix, with_detectors, of_five_minutes))
        # Pairs are looked at as often as bins are, for one ends with each bin: they have the threshold of bins.
        pairs = baseline.paired(matrix)
        whole = range(
            max(0, pairs.column(now - CLOSED_AFTER) + 1), pairs.counts.shape[1]
        )  # both of their bins are open
        bins.append(baseline.hypotheses(pairs, baseline.score(pairs, whole), of_five_minutes))
    return baseline.without_redundant_pairs(alert_budget.anomalies(bins)) + waves + outages


def _silent_topics(topics: CountMatrix, closed: range) -> list[Anomaly]:
    """Return the topics that fell silent in the nation while all others go on: what finds them is broken, or is gone.

    Nobody is alerted of it: such a silence is watched.
    """
    nation = [row for row, key in enumerate(topics.keys) if key[1:] == ("mentions", "all", FRANCE)]
    own = _some(topics, nation)
    silent = {
        (anomaly.key, anomaly.at)
        for anomaly in baseline.drops(replace(own, counts=own.others), closed, TOPIC_SILENCE_HOURS)
    }
    return [
        replace(anomaly, is_sure=False)
        for anomaly in baseline.drops(own, closed, TOPIC_SILENCE_HOURS)
        if (anomaly.key, anomaly.at) not in silent
    ]


def _open(matrix: CountMatrix, now: datetime) -> range:
    """Return the bins that are not closed for good."""
    return range(max(0, matrix.column(now - CLOSED_AFTER)), matrix.counts.shape[1])


def _topics(matrix: CountMatrix) -> CountMatrix:
    return _some(matrix, [row for row, key in enumerate(matrix.keys) if key.topic != ALL])


def _all(matrix: CountMatrix) -> CountMatrix:
    return _some(matrix, [row for row, key in enumerate(matrix.keys) if key.topic == ALL and key.metric != "negative"])


def _some(matrix: CountMatrix, rows: list[int]) -> CountMatrix:
    return CountMatrix(
        tuple(matrix.keys[row] for row in rows), matrix.start, matrix.minutes, matrix.counts[rows], matrix.others[rows]
    )


def _with_detectors(
    matrix: CountMatrix, columns: range, learnt: Mapping[Key, streaming.Learnt], history: streaming.History
) -> ScoredBins:
    """Return what the law of the season says, and of busy series the detector too, as one probability."""
    scored = baseline.score(matrix, columns)
    busy = [row for row in range(len(matrix.keys)) if matrix.counts[row].mean() >= _BUSY]
    if busy:
        of_detectors = streaming.open_p_values(_some(matrix, busy), columns, learnt, history)
        for place, row in enumerate(busy):
            for index in range(len(columns)):
                both = [float(scored.p_values[row, index]), float(of_detectors[place, index])]
                scored.p_values[row, index] = combined_p_value(both)
    return scored


def calibrate(hours: pa.Table, now: datetime, territory_parents: Mapping[str, str]) -> list[Threshold]:
    """Return the thresholds of the hours, from the whole days before."""
    found = []
    for matrix in count_matrices(hours, now, HOUR):
        found += calibration.calibrate(
            _topics(matrix), min(matrix.counts.shape[1], matrix.column(now)), territory_parents
        )
    return found


def band(
    hours: pa.Table,
    now: datetime,
    thresholds: Iterable[Threshold],
    pinned: Iterable[tuple[str, str]] = (),
    times: Times | None = None,
) -> list[tuple[str, str, datetime, float, float, float]]:
    """Return topic, territory, hour, mentions, what was expected and up to where they would not have alarmed.

    Args:
        hours: Hourly bins that are not zero.
        now: Instant up to which there are data.
        thresholds: Those of the hours.
        pinned: Topics and territories that are shown even where nothing was counted.
        times: By how much the budgets of topics are multiplied.
    """
    scores = calibration.scores(thresholds, HOUR)
    limits = Thresholds(scores, scores, times or {})
    counted = hours.filter(pc.field("platform") != CHAT)
    known = zip(*(counted[name].to_pylist() for name in ("topic_code", "territory_code")), strict=True)
    silent = set(pinned) - set(known)
    if counted.num_rows:
        first = counted["bin_start"][0].as_py()
        zeros = table_of((topic, "all", territory, first, 0, 0, 0) for topic, territory in silent)
        counted = pa.concat_tables([zeros, counted])  # what all topics count then is said by the later rows
    shown = []
    for matrix in count_matrices(counted, now, HOUR):
        columns = range(max(0, matrix.counts.shape[1] - FIRST_LOOK_HOURS), matrix.counts.shape[1])
        scored = baseline.score(matrix, columns)
        uppers = scored.uppers(limits.of(matrix.keys)[0])
        shown += [
            (key.topic, key.territory, matrix.time(column), float(matrix.counts[row, column]),
             float(scored.expected[row, index]), float(uppers[row, index]))
            for row, key in enumerate(matrix.keys) if key.metric == "mentions"
            for index, column in enumerate(columns)
        ]  # fmt: skip
    return shown
