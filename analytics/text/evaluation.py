"""Evaluates a classifier: scores by label with intervals, and the calibration of its probabilities."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

BINS = 10
_DRAWS, _SEED = 2_000, 0
_INTERVAL, _ONE_SIDED = (2.5, 97.5), (5, 95)


class Estimate(NamedTuple):
    """A value with its interval, of 95 % by default."""

    value: float
    low: float
    high: float


def evaluate(labels: Sequence[str], truth: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """Return the metrics of answers, ready for JSON.

    Intervals are bootstrapped over texts (Efron, 1979): resampled texts fall into the cells of the confusion table as
    a multinomial draw, so no text is needed for it. The calibration error is that of Guo et al. (2017), "On calibration
    of modern neural networks", over ten equal bins.

    Args:
        labels: The labels.
        truth: Index of the true label of each text.
        probabilities: Probability of each label for each text, as given by a model that has not seen the text.
    """
    answered, size = probabilities.argmax(axis=1), len(labels)
    confusion = np.bincount(truth * size + answered, minlength=size * size).reshape(size, size)
    drawn = np.random.default_rng(_SEED).multinomial(len(truth), confusion.ravel() / len(truth), _DRAWS)
    exact, resampled = _scores(confusion[None]), _scores(drawn.reshape(-1, size, size))
    by_label = {
        label: {
            **{name: _estimate(exact[name][:, row], resampled[name][:, row])._asdict() for name in exact},
            "texts": int(confusion[row].sum()),
        }
        for row, label in enumerate(labels)
    }
    bins = _reliability(answered == truth, probabilities.max(axis=1))
    return {
        "macro_f1": _estimate(exact["f1"].mean(axis=1), resampled["f1"].mean(axis=1))._asdict(),
        "labels": by_label,
        "calibration_error": round(
            sum(bucket["texts"] * abs(bucket["right"] - bucket["claimed"]) for bucket in bins) / len(truth), 4
        ),
        "reliability": bins,
        "confusion": {
            label: dict(zip(labels, map(int, row), strict=True)) for label, row in zip(labels, confusion, strict=True)
        },
    }


def compare(size: int, truth: np.ndarray, answers: np.ndarray, others: np.ndarray) -> tuple[Estimate, Estimate]:
    """Return the macro-F1 of answers, and by how much it is greater than that of other answers to the same texts.

    The bootstrap is that of `evaluate`, over the cells of truth × answer × answer of the other, so that texts on
    which both agree do not count. Intervals are of 90 %: a gain whose upper limit is below 0 is a loss at the
    level of 5 %.

    Args:
        size: Number of labels.
        truth: Index of the true label of each text.
        answers: Index of what was answered; `size` for another label.
        others: Index of what the other answered.
    """
    shape = (size, size + 1, size + 1)
    counted = np.zeros(shape, dtype=int)
    np.add.at(counted, (truth, answers, others), 1)
    drawn = np.random.default_rng(_SEED).multinomial(len(truth), counted.ravel() / len(truth), _DRAWS)
    exact, resampled = counted[None], drawn.reshape(-1, *shape)
    mine, theirs = ([_macro_f1(tables.sum(axis=other)) for tables in (exact, resampled)] for other in (3, 2))
    return (
        _estimate(*mine, interval=_ONE_SIDED),
        _estimate(mine[0] - theirs[0], mine[1] - theirs[1], interval=_ONE_SIDED),
    )


def _macro_f1(tables: np.ndarray) -> np.ndarray:
    """Return the macro-F1 of tables of truth × answer, whose last answer is none of the labels."""
    size = tables.shape[1]
    right = np.diagonal(tables, axis1=1, axis2=2)
    return (2 * right / np.maximum(tables.sum(axis=1)[:, :size] + tables.sum(axis=2), 1)).mean(axis=1)


def _scores(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """Return precision, recall and F1 by table and label; 0 where a label has no answer or no text."""
    right = np.diagonal(confusions, axis1=1, axis2=2)
    answered, truth = confusions.sum(axis=1), confusions.sum(axis=2)
    return {
        "precision": right / np.maximum(answered, 1),
        "recall": right / np.maximum(truth, 1),
        "f1": 2 * right / np.maximum(answered + truth, 1),
    }


def _estimate(exact: np.ndarray, resampled: np.ndarray, interval: tuple[float, float] = _INTERVAL) -> Estimate:
    low, high = np.percentile(resampled, interval)
    return Estimate(*(round(float(bound), 4) for bound in (exact.item(), low, high)))


def _reliability(right: np.ndarray, claimed: np.ndarray) -> list[dict[str, float]]:
    """Return, for each bin of claimed probability that holds texts, what was claimed and how much was right."""
    bins = np.minimum((claimed * BINS).astype(int), BINS - 1)
    return [
        {
            "texts": int((bins == bucket).sum()),
            "claimed": round(float(claimed[bins == bucket].mean()), 4),
            "right": round(float(right[bins == bucket].mean()), 4),
        }
        for bucket in np.unique(bins)
    ]
