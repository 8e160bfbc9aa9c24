"""The text classifier: training, prediction, and a file format without executable code."""

import hashlib
import json
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from analytics.text import features, themes
from analytics.text.features import FeatureCounts, Scale, Vocabulary
from analytics.text.words import fold

#: How closely the words are followed: chosen by cross-validation, see docs/verbatims.md.
INVERSE_REGULARISATION = 8.0
#: Fewest texts of a label for training and evaluation.
FEWEST = 2
FOLDS = 5
BATCH = 500
_TEMPERATURES = (0.5, 5.0)
#: Changes when what is saved, or what is seen of a text, changes.
FORMAT = 1

#: What platforms call the three feelings, folded.
_FEELINGS = {
    "positif": "positif",
    "positive": "positif",
    "tres bien": "positif",
    "good": "positif",
    "neutre": "neutre",
    "neutral": "neutre",
    "moyen": "neutre",
    "medium": "neutre",
    "negatif": "négatif",
    "negative": "négatif",
    "pas bien": "négatif",
    "bad": "négatif",
    "mitige": "mitigé",
}
_WEIGHTS, _CARD = "weights.npz", "model.json"


class Answer(NamedTuple):
    """The answer on a text: its most probable label and probability (0 to 1), None if empty, and its themes."""

    label: str | None
    probability: float | None
    themes: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """What is known of a model.

    Attributes:
        labels: What it answers.
        texts: Distinct texts by label that it learnt from.
        passed_over: Texts by label that were too few to learn from.
        fingerprint: SHA-256 of these texts and labels, in any order.
        folds: Number of folds of the cross-validation.
        metrics: What `evaluation.evaluate` says of it.
        format: Version of what is saved.
    """

    labels: tuple[str, ...]
    texts: dict[str, int]
    passed_over: dict[str, int]
    fingerprint: str
    folds: int
    metrics: dict[str, Any]
    format: int = FORMAT


class TooFewTexts(Exception):
    """There is too little to learn from.

    Args:
        found: Distinct texts by label.
    """

    def __init__(self, found: dict[str, int]) -> None:
        super().__init__(f"at least two labels with {FEWEST} texts each are needed; found {found}")
        self.found = found


class NoModel(Exception):
    """A folder holds no model that can be read."""


class Classifier(NamedTuple):
    """What is learnt: terms, their scale, and a linear model over it."""

    labels: tuple[str, ...]
    vocabularies: tuple[Vocabulary, ...]
    scale: Scale
    weights: np.ndarray
    bias: np.ndarray

    def probabilities(self, seen: FeatureCounts) -> np.ndarray:
        """Return the probability of each label, one row for each text."""
        return softmax(self.scale.apply(seen) @ self.weights.T + self.bias, axis=1)

    def answer(self, texts: Sequence[str]) -> list[Answer]:
        """Return the label, probability and themes of each text."""
        written = [index for index, text in enumerate(texts) if is_written(text)]
        answers = [Answer(None, None, (themes.OTHER,))] * len(texts)
        if not written:
            return answers
        seen = features.extract([texts[index] for index in written], self.vocabularies)
        chances = self.probabilities(seen)
        best = chances.argmax(axis=1)
        for row, index in enumerate(written):
            spoken_of = themes.spoken_of(seen.concerned[row])
            answers[index] = Answer(self.labels[best[row]], float(chances[row, best[row]]), spoken_of)
        return answers


def is_written(text: str) -> bool:
    """Return whether a text holds a letter or a digit."""
    return any(mark.isalnum() for mark in text)


def label(written: str) -> str:
    """Return the canonical label: the French feeling where it is one, else as written."""
    return _FEELINGS.get(fold(written).strip(), written.strip())


def train(texts: Iterable[str], labels: Iterable[str]) -> tuple[Classifier, Card]:
    """Train a classifier on labelled texts, and evaluate it by cross-validation.

    A text that occurs several times is learnt once, with its commonest label: no copy may be on both sides of a fold.

    Args:
        texts: Texts; empty ones teach nothing and are passed over.
        labels: Their labels.

    Raises:
        TooFewTexts: there are fewer than two labels with two texts each.
    """
    from sklearn.model_selection import StratifiedKFold
    from threadpoolctl import threadpool_limits

    from analytics.text.evaluation import evaluate

    pairs = distinct(zip(texts, labels, strict=True))
    counted = Counter(label for _, label in pairs)
    kept = sorted(label for label, number in counted.items() if number >= FEWEST)
    if len(kept) < FEWEST:
        raise TooFewTexts(dict(counted))
    pairs = [pair for pair in pairs if pair[1] in kept]
    truth = np.array([kept.index(label) for _, label in pairs])
    vocabularies = tuple(Vocabulary() for _ in features.KINDS)
    seen = features.extract([text for text, _ in pairs], vocabularies, learn=True)
    folds = min(FOLDS, *(counted[label] for label in kept))
    probabilities = np.empty((len(pairs), len(kept)))
    with threadpool_limits(1):  # several threads wait for each other longer than they work
        for known, asked in StratifiedKFold(folds, shuffle=True, random_state=0).split(truth, truth):
            fold_model = _fit(seen.of(known), truth[known], kept, vocabularies)
            probabilities[asked] = fold_model.probabilities(seen.of(asked))
        classifier = _fit(seen, truth, kept, vocabularies)
    temperature = _temperature(probabilities, truth)
    classifier = classifier._replace(weights=classifier.weights / temperature, bias=classifier.bias / temperature)
    card = Card(
        labels=tuple(kept),
        texts={label: counted[label] for label in kept},
        passed_over={label: number for label, number in sorted(counted.items()) if label not in kept},
        fingerprint=_fingerprint(pairs),
        folds=folds,
        metrics=evaluate(kept, truth, softmax(np.log(probabilities) / temperature, axis=1)),
    )
    return _compacted(classifier), card


def distinct(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return each text once, as `fold` compares them, with its commonest label."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    first: dict[str, str] = {}
    for text, written in pairs:
        if is_written(text) and written.strip():
            key = " ".join(fold(text).split())
            first.setdefault(key, text)
            found[key][label(written)] += 1
    return [(text, found[key].most_common(1)[0][0]) for key, text in first.items()]


def _fit(
    seen: FeatureCounts, truth: np.ndarray, labels: Sequence[str], vocabularies: tuple[Vocabulary, ...]
) -> Classifier:
    from sklearn.linear_model import LogisticRegression

    scale = Scale.learn(seen)
    learner = LogisticRegression(C=INVERSE_REGULARISATION, class_weight="balanced", max_iter=2_000)
    learner.fit(scale.apply(seen), truth)
    weights, bias = learner.coef_, learner.intercept_
    if len(labels) == 2:  # noqa: PLR2004 - of two labels, scikit-learn weighs the second against the first
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.array([0.0, bias.item()])
    return Classifier(tuple(labels), vocabularies, scale, weights, bias)


def _temperature(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Return by how much logits are divided so that probabilities are as sure as they are right (Guo et al., 2017)."""
    logarithms, rows = np.log(probabilities), np.arange(len(truth))
    return minimize_scalar(
        lambda divisor: -log_softmax(logarithms / divisor, axis=1)[rows, truth].sum(),
        bounds=_TEMPERATURES,
        method="bounded",
    ).x


def _compacted(classifier: Classifier) -> Classifier:
    """Return a classifier without the terms that its scale does not keep."""
    terms = [list(vocabulary.columns) for vocabulary in classifier.vocabularies]
    kept = [
        [all_terms[column] for column in columns]
        for all_terms, columns in zip(terms, classifier.scale.kept, strict=True)
    ]
    return classifier._replace(
        vocabularies=tuple(map(Vocabulary, kept)),
        scale=classifier.scale._replace(kept=tuple(np.arange(len(positions)) for positions in kept)),
    )


def _fingerprint(pairs: Iterable[tuple[str, str]]) -> str:
    digest = hashlib.sha256()
    for pair_digest in sorted(hashlib.sha256(json.dumps(pair).encode()).digest() for pair in pairs):
        digest.update(pair_digest)
    return digest.hexdigest()


def save(folder: Path, classifier: Classifier, card: Card) -> None:
    """Write a model into a folder, which is made where it is absent: numbers and terms, no code."""
    folder.mkdir(parents=True, exist_ok=True)
    terms = ["\n".join(vocabulary.columns).encode() for vocabulary in classifier.vocabularies]
    numbers: dict[str, Any] = {
        "weights": classifier.weights.astype(np.float32),
        "bias": classifier.bias,
        "mean": classifier.scale.mean,
        "spread": classifier.scale.spread,
        **{f"terms_{kind}": np.frombuffer(encoded, dtype=np.uint8) for kind, encoded in enumerate(terms)},
        **{f"rarity_{kind}": weights.astype(np.float32) for kind, weights in enumerate(classifier.scale.rarity)},
    }
    np.savez_compressed(folder / _WEIGHTS, **numbers)
    (folder / _CARD).write_text(json.dumps(asdict(card), ensure_ascii=False, indent=1), encoding="utf-8")


def load(folder: Path) -> tuple[Classifier, Card]:
    """Read a model that `save` wrote; no code in it is executed.

    Raises:
        NoModel: there is none, or it is damaged or of another version.
    """
    try:
        card_fields: dict[str, Any] = json.loads((folder / _CARD).read_text(encoding="utf-8"))
        card_fields["labels"] = tuple(card_fields["labels"])
        card = Card(**card_fields)
        with np.load(folder / _WEIGHTS, allow_pickle=False) as saved:
            numbers = {name: saved[name] for name in saved.files}
        classifier = _read(card, numbers)
    except (OSError, KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise NoModel(f"{folder}: {error}") from error
    width = sum(map(len, classifier.vocabularies)) + len(classifier.scale.mean) + len(themes.taxonomy())
    if card.format != FORMAT or classifier.weights.shape != (len(card.labels), width):
        raise NoModel(f"{folder}: made by another version")
    return classifier, card


def _read(card: Card, numbers: dict[str, np.ndarray]) -> Classifier:
    kinds = range(len(features.KINDS))
    terms = [numbers[f"terms_{kind}"].tobytes().decode() for kind in kinds]
    vocabularies = tuple(Vocabulary(joined.split("\n") if joined else ()) for joined in terms)
    scale = Scale(
        kept=tuple(np.arange(len(vocabulary)) for vocabulary in vocabularies),
        rarity=tuple(numbers[f"rarity_{kind}"] for kind in kinds),
        mean=numbers["mean"],
        spread=numbers["spread"],
    )
    return Classifier(card.labels, vocabularies, scale, numbers["weights"], numbers["bias"])


_loaded: Classifier | None = None


def _load(folder: Path) -> None:
    global _loaded  # each worker process reads the model once
    _loaded, _ = load(folder)


def _answer(texts: Sequence[str]) -> list[Answer]:
    assert _loaded is not None
    return _loaded.answer(texts)


def stream(folder: Path, texts: Iterable[str], processes: int = 2) -> Iterator[Answer]:
    """Yield the answer on each text of a stream, in order, from several processes where there are many texts.

    Args:
        folder: Where the model is.
        texts: Any number of texts; only a few batches are in memory at a time.
        processes: How many processes answer.

    Raises:
        NoModel: there is none in the folder.
    """
    classifier, _ = load(folder)
    batches = _batches(texts)
    first, second = next(batches, []), next(batches, [])
    if not second:
        yield from classifier.answer(first)
        return
    with ProcessPoolExecutor(processes, initializer=_load, initargs=(folder,)) as pool:
        pending = []
        for batch in chain((first, second), batches):
            pending.append(pool.submit(_answer, batch))
            if len(pending) > 2 * processes:
                yield from pending.pop(0).result()
        for future in pending:
            yield from future.result()


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Cut a stream into lists; `itertools.batched` is not in Python 3.11."""
    left = iter(texts)
    while batch := list(islice(left, BATCH)):
        yield batch
