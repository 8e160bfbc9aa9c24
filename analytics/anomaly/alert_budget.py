"""Decides what stands out: thresholds that respect the operators' budgets, and the control of false discoveries."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

import numpy as np
from scipy import stats

from analytics.anomaly.baseline import Anomaly, Hypotheses, powers_of_ten
from analytics.anomaly.thresholds import FALSE_DISCOVERY_RATE, FEWEST

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (only to count blocks)
_BLOCK = timedelta(hours=24)
_WEEK = timedelta(weeks=1)

Scores = Sequence[tuple[datetime, float]]


def threshold(baseline: Iterable[Scores], alerts_per_series_week: float) -> float:
    """Return the score above which, on quiet history, alerts would have come as often as the budget allows, or less.

    An alert is a block of 24 hours whose greatest score is above, as an operator counts them; an event across midnight
    counts twice, so the budget is rather kept than spent. Take one domain at a time (posts, chat, victims …).

    Args:
        baseline: Scores of each series in time order, from weeks without an event, after the detector has settled.
        alerts_per_series_week: The budget.

    Raises:
        ValueError: the budget is negative, or the history too short for it to mean anything.
    """
    if alerts_per_series_week < 0:
        raise ValueError(f"A budget of {alerts_per_series_week} alerts is negative.")
    maxima: list[float] = []
    weeks = 0.0
    for scores in baseline:
        if not scores:
            continue
        by_block = groupby(scores, key=lambda scored: _block(scored[0]))
        blocks = [max(score for _, score in block) for _, block in by_block]
        maxima += blocks
        weeks += len(blocks) * (_BLOCK / _WEEK)
    allowed = int(alerts_per_series_week * weeks)
    if allowed < 1:
        raise ValueError(
            f"{weeks:.1f} series-weeks of quiet history allow no alert at {alerts_per_series_week} a series-week: "
            "give more history, or a greater budget."
        )
    if allowed >= len(maxima):
        return 0.0
    return sorted(maxima, reverse=True)[allowed]


def _block(moment: datetime) -> int:
    return (moment.replace(tzinfo=None) - _EPOCH) // _BLOCK


def discoveries(p_values: Sequence[float], false_discovery_rate: float = FALSE_DISCOVERY_RATE) -> list[bool]:
    """Say which series of one run stand out, such that of those named only a given share is expected to be false.

    Source: Benjamini, Hochberg (1995), Controlling the false discovery rate, Journal of the Royal Statistical Society B
    57, 289-300. It holds for series that are independent or rise and fall together (Benjamini, Yekutieli 2001).

    Raises:
        ValueError: a probability is not within [0, 1].
    """
    if not len(p_values):
        return []
    return (stats.false_discovery_control(np.asarray(p_values), method="bh") <= false_discovery_rate).tolist()


def anomalies(tested: Sequence[Hypotheses]) -> list[Anomaly]:
    """Return the bins that exceed the lower threshold of their domain and topic, of whatever method.

    Sure are those that exceed the threshold of alerts, are accepted by the control of false discoveries among all, and
    count `FEWEST` at least.

    Args:
        tested: What is controlled together.
    """
    weighted = [(of.p_values / of.thresholds.weights(of.keys)[:, None]).ravel() for of in tested]
    accepted = np.array(discoveries(np.concatenate([np.zeros(0), *weighted]).tolist()), dtype=bool)
    found = []
    for of, passed in zip(tested, np.split(accepted, np.cumsum([part.size for part in weighted])), strict=False):
        scores = powers_of_ten(of.p_values)
        alerting, watched = of.thresholds.of(of.keys)
        sure = (scores > alerting[:, None]) & passed.reshape(scores.shape)
        for row, column in np.argwhere(sure | (scores > watched[:, None])).tolist():
            anomaly = of.anomaly(row, column, alerting[row])
            if anomaly is not None:
                is_sure = bool(sure[row, column]) and anomaly.observed >= FEWEST
                found.append(replace(anomaly, tests=accepted.size, is_sure=is_sure))
    return found
