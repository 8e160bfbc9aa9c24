"""Finds waves that rise over hours, each of which surprises little: a sequential test of what they add up to.

Page's cumulative sum of the logarithms of likelihood ratios, one for each of some rises, over the last two days. While
the law of the bins holds, a ratio is one on average at most, so that the greatest of the sums over their number is an
e-detector: on average as many bins as its limit pass until a false alarm. The inverse of the limit is read as the
p-value of a bin is, and keeps to the same budget. Sources: Page (1954), Continuous inspection schemes, Biometrika 41,
100-115; Shin, Ramdas, Rinaldo (2024), E-detectors, New England Journal of Statistics in Data Science 2, 229-260; the
window: Lai (1995), Sequential changepoint detection, Journal of the Royal Statistical Society B 57, 613-658.
"""

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from analytics.anomaly.baseline import (
    SEASONS,
    WAVE,
    Anomaly,
    CountMatrix,
    Hypotheses,
    ScoredBins,
    Thresholds,
    of_the_last,
    powers_of_ten,
    tail,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: How many times as much as usual a wave counts. Below twice, what 28 days do not know is as large; above 32 times,
#: single hours are faster.
RISES = (2.0, 4.0, 8.0, 16.0, 32.0)
#: Hours that add up: those that each run scores again. Weeks are the daily tests'.
WINDOW = 48
#: Last hours that are also counted as one bin: after a silent month two or three mentions are enough, of which the
#: ratios of several rises say less.
SPANS = (3, 6)
_HOURS = SEASONS[60]
_PAST_BINS = _HOURS.days * (2 * _HOURS.around + 1)
#: Standard errors by which the usual may exceed its estimate, since the hours of a day err together. With none the
#: level holds on average, not for series that were estimated too low.
_ERRORS = 1.0


def score(counts: "NDArray[np.float64]", scored: ScoredBins) -> "NDArray[np.float64]":
    """Return how sure a wave is that ends with each hour, in powers of ten; 0 where the hour adds nothing to one.

    Args:
        counts: What the scored hours count, one row per series.
        scored: What was expected of them.
    """
    greatest = np.zeros_like(scored.expected)
    for rise in RISES:
        gains = _gains(counts, scored, rise)
        greatest = np.maximum(greatest, np.where(gains > 0, _sums(gains), 0.0))
    added_up = np.maximum(greatest / np.log(10) - np.log10(len(RISES)), 0.0)
    return np.maximum.reduce([added_up, *(powers_of_ten(_p_values(counts, scored, span)) for span in SPANS)])


def _p_values(counts: "NDArray[np.float64]", scored: ScoredBins, span: int) -> "NDArray[np.float64]":
    """Return how probable as much is in one of the spans that end with each hour; 1 where the hour adds nothing to it.

    A span has the spread of its hour: of a sparse series it is nearly all ignorance of the mean, which hours share.
    """
    count = np.where(counts > 0, of_the_last(span, counts), 0.0)
    return np.minimum(len(SPANS) * tail(count, of_the_last(span, scored.steady), scored.spread), 1.0)


def _gains(counts: "NDArray[np.float64]", scored: ScoredBins, rise: float) -> "NDArray[np.float64]":
    """Return the logarithm of the likelihood of each count under a rise, over that under the usual."""
    mean, spread = scored.steady, scored.spread
    usual = mean + _ERRORS * np.sqrt(mean * (1 + mean * spread) / _PAST_BINS)
    raised = (1 + rise * usual * spread) / (1 + usual * spread)
    return np.where(mean > 0, counts * np.log(rise / raised) - np.log(raised) / spread, 0.0)


def _sums(gains: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Return the greatest sum of gains that ends with each bin and is no longer than the window."""
    until = np.cumsum(gains, axis=1)
    before = np.pad(until, ((0, 0), (1, 0)))[:, :-1]
    return until - ndimage.minimum_filter1d(before, WINDOW, axis=1, mode="nearest", origin=(WINDOW - 1) // 2)


def wave(matrix: CountMatrix, scored: ScoredBins, row: int, last: int) -> Anomaly:
    """Return the most probable wave of a series that ends with a scored hour, as surely as the hour's law says."""
    hours = slice(max(0, last + 1 - WINDOW), last + 1)
    columns = scored.columns[hours]
    counts = matrix.counts[[row], columns.start : columns.stop]
    own = ScoredBins(columns, *(of[[row], hours] for of in scored.arrays))
    gains = np.array([_gains(counts, own, rise)[0] for rise in RISES])
    adding_up = np.cumsum(gains[:, ::-1], axis=1)[:, ::-1].max(axis=0)
    since = {int(adding_up.argmax()): min(1.0, len(RISES) * float(np.exp(-adding_up.max())))}
    for span in SPANS:
        start = max(0, len(columns) - span)
        since[start] = min(since.get(start, 1.0), float(_p_values(counts, own, span)[0, -1]))
    surest = min(since, key=lambda start: since[start])
    first = surest + int(np.argmax(counts[0, surest:] > 0))
    expected = float(own.steady[0, first:].sum())
    return Anomaly(
        key=matrix.keys[row],
        at=matrix.time(columns[first]),
        minutes=matrix.minutes * (len(columns) - first),
        observed=float(counts[0, first:].sum()),
        expected=expected,
        upper=expected,
        p_value=since[surest],
        method=WAVE,
        window=_HOURS.window,
    )


def hypotheses(matrix: CountMatrix, scored: ScoredBins, thresholds: Thresholds) -> Hypotheses:
    """Return the surest wave of each series; an hour that is one by itself is left to the test of hours.

    Args:
        matrix: Series in bins of an hour.
        scored: What was expected of the last hours.
        thresholds: Scores of each domain and topic, for hours.
    """
    scores = score(matrix.counts[:, scored.columns.start : scored.columns.stop], scored)

    def anomaly(row: int, *_: float) -> Anomaly | None:
        found = wave(matrix, scored, row, int(scores[row].argmax()))
        return found if found.minutes > matrix.minutes else None

    return Hypotheses(matrix.keys, 10.0 ** -scores.max(axis=1, keepdims=True, initial=0.0), thresholds, anomaly)
