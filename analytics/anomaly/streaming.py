"""Advances, saves and queries the streaming detectors of the series that are watched bin by bin.

A detector learns a bin once it is closed for good; what is younger it scores from a copy, again at each micro-batch,
for mentions are found some minutes after they are published. Scores become probabilities by the scores of all.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from analytics.anomaly.baseline import PARIS, UTC, CountMatrix, Key
from analytics.anomaly.detector import Detector

_STEPS = 40  # of the history, per power of ten of a deviation
_LEAST, _GREATEST = -2.0, 6.0  # powers of ten
_WARM_UP = 300  # bins that a detector has seen before its word counts


@dataclass
class History:
    """How often deviations as great were met, over all series: a histogram on the scale of logarithms."""

    counts: list[int] = field(default_factory=lambda: [0] * round((_GREATEST - _LEAST) * _STEPS + 1))

    def add(self, score: float) -> None:
        """Count a score of a detector, in [0, 1]."""
        self.counts[_step(score)] += 1

    def p_value(self, score: float) -> float:
        """Return the share of scores, this one included, that are as great or greater; see `rank_p_value`."""
        greater = sum(self.counts[_step(score) :])
        return (1 + greater) / (1 + sum(self.counts))


def _step(score: float) -> int:
    if score <= 0.0:
        return 0
    power = math.log10(score / (1.0 - score)) / 2 if score < 1.0 else _GREATEST
    return round((min(max(power, _LEAST), _GREATEST) - _LEAST) * _STEPS)


@dataclass
class Learnt:
    """What a detector knows of its series.

    Attributes:
        detector: The detector.
        until: Beginning of the first bin that it has not learnt, UTC.
        bins: How many bins it has learnt.
    """

    detector: Detector
    until: datetime
    bins: int = 0


def wall_clock(moment: datetime) -> datetime:
    """Return what a clock in Paris shows at an instant that is stored in UTC without a zone."""
    return moment.replace(tzinfo=UTC).astimezone(PARIS).replace(tzinfo=None)


def advance(matrix: CountMatrix, closed: int, learnt: dict[Key, Learnt], history: History) -> None:
    """Let every detector learn the bins that are closed for good, oldest first.

    Args:
        matrix: Series in bins of five minutes.
        closed: The column after the last closed bin.
        learnt: What is known of each series; changed in place, and begun for those that are new.
        history: Changed in place.
    """
    clocks = [wall_clock(matrix.time(column)) for column in range(closed)]
    for key, counts in zip(matrix.keys, matrix.counts, strict=True):
        known = learnt.setdefault(key, Learnt(Detector(), matrix.start))
        first = max(0, matrix.column(known.until))
        for column in range(first, closed):
            score = known.detector.step(clocks[column], float(counts[column]))
            known.bins += 1
            if known.bins > _WARM_UP:
                history.add(score)
        known.until = max(known.until, matrix.time(closed))


def open_p_values(matrix: CountMatrix, columns: range, learnt: Mapping[Key, Learnt], history: History) -> np.ndarray:
    """Return how probable counts as great are in the bins that are not closed for good; 1 where nothing stands out.

    Args:
        matrix: Series in bins of five minutes.
        columns: The bins after the learnt ones, to the last.
        learnt: What is known of each series; not changed.
        history: The scores of all.
    """
    p_values = np.ones((len(matrix.keys), len(columns)))
    clocks = [wall_clock(matrix.time(column)) for column in columns]
    for row, key in enumerate(matrix.keys):
        known = learnt.get(key)
        counts = matrix.counts[row, columns.start : columns.stop]
        if known is None or known.bins <= _WARM_UP or not counts.any():
            continue
        copy = Detector.restore(known.detector.save())
        for index, (clock, count) in enumerate(zip(clocks, counts.tolist(), strict=True)):
            score = copy.step(clock, count)
            if count > copy.expected:
                p_values[row, index] = history.p_value(score)
    return p_values


def save(learnt: Mapping[Key, Learnt], history: History) -> list[dict[str, object]]:
    """Return one row per series, and one for the history, whose series is empty."""
    rows: list[dict[str, object]] = [
        {"series": str(key), "learnt_until": known.until, "bins": known.bins, "state": known.detector.save().decode()}
        for key, known in sorted(learnt.items())
    ]
    state = ",".join(map(str, history.counts))
    return [*rows, {"series": "", "learnt_until": None, "bins": sum(history.counts), "state": state}]


def restore(rows: Sequence[tuple[str, datetime | None, int, str]]) -> tuple[dict[Key, Learnt], History]:
    """Return what `save` was given; nothing is known where there are no rows.

    Args:
        rows: Series, first bin not learnt, bins learnt and state.
    """
    learnt: dict[Key, Learnt] = {}
    history = History()
    for series, until, bins, state in rows:
        if not series:
            history = History([int(count) for count in state.split(",")])
        elif until is not None:
            learnt[Key(*series.split("/"))] = Learnt(Detector.restore(state.encode()), until, bins)
    return learnt, history
