"""A classifier of texts that can be kept: trained, saved without code in it, loaded, asked. What it sees is `features`'."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from zipfile import ZIP_DEFLATED

import numpy as np
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline

from analytics.verbatims import features
from analytics.verbatims.text import fold

#: How closely the words are followed: chosen by cross-validation, see docs/verbatims.md.
INVERSE_REGULARISATION = 8.0
#: Fewest texts of a label that can be learnt from and judged.
FEWEST = 2
FOLDS = 5
BATCH = 500

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
_CLASSIFIER, _CARD = "classifier.skops", "model.json"
#: What a saved classifier may be made of besides numpy, scipy and scikit-learn: nothing of it is run while it is read.
_OURS = (
    "analytics.verbatims.features.bounded",
    "analytics.verbatims.features.letters",
    "analytics.verbatims.features.separated",
    "analytics.verbatims.features.stressed",
    "analytics.verbatims.polarity.Polarity",
    "analytics.verbatims.text.stems",
    "analytics.verbatims.themes.Themes",
)


class Answer(NamedTuple):
    """The most probable label of a text, and how probable it is, from 0 to 1; no label for an empty text."""

    label: str | None
    probability: float | None


@dataclass(frozen=True)
class Card:
    """What is known of a model.

    Attributes:
        labels: What it answers.
        texts: Texts by label that it learnt from.
        fingerprint: SHA-256 of these texts and labels, in any order.
        macro_f1: Mean F1 of the labels by five-fold cross-validation, None where a label has too few texts.
        folds: Number of folds of it.
    """

    labels: tuple[str, ...]
    texts: dict[str, int]
    fingerprint: str
    macro_f1: float | None
    folds: int


class TooFewTexts(Exception):
    """There is too little to learn from."""


def label(told: str) -> str:
    """Return a label as the project says it: the French feeling where it is one, else what was told."""
    return _FEELINGS.get(fold(told).strip(), told.strip())


def train(texts: Sequence[str], labels: Sequence[str]) -> tuple[Pipeline, Card]:
    """Learn from labelled texts, and judge by cross-validation what was learnt.

    Args:
        texts: Texts; empty ones teach nothing and are passed over.
        labels: Their labels.

    Raises:
        TooFewTexts: there are fewer than two labels with two texts each.
    """
    pairs = [(text, label(told)) for text, told in zip(texts, labels, strict=True) if text.strip() and told.strip()]
    counted = Counter(told for _, told in pairs)
    if len(counted) < FEWEST or min(counted.values()) < FEWEST:
        raise TooFewTexts(f"At least two labels with {FEWEST} texts each are needed; found {dict(counted)}.")
    written, told = [text for text, _ in pairs], np.array([told for _, told in pairs])
    folds = min(FOLDS, *counted.values())
    split = StratifiedKFold(folds, shuffle=True, random_state=0)
    judged = f1_score(told, cross_val_predict(untrained(), written, told, cv=split), average="macro")
    classifier = untrained().fit(written, told)
    card = Card(
        labels=tuple(map(str, classifier.classes_)),
        texts=dict(sorted(counted.items())),
        fingerprint=_fingerprint(pairs),
        macro_f1=round(float(judged), 4),
        folds=folds,
    )
    return classifier, card


def untrained() -> Pipeline:
    """Return the classifier before it has read anything."""
    return make_pipeline(
        features.build(), LogisticRegression(C=INVERSE_REGULARISATION, class_weight="balanced", max_iter=2_000)
    )


def _fingerprint(pairs: Iterable[tuple[str, str]]) -> str:
    digest = hashlib.sha256()
    for one in sorted(hashlib.sha256(json.dumps(pair).encode()).digest() for pair in pairs):
        digest.update(one)
    return digest.hexdigest()


def save(folder: Path, classifier: Pipeline, card: Card) -> None:
    """Write a model into a folder, which is made where it is absent."""
    folder.mkdir(parents=True, exist_ok=True)
    skops.io.dump(classifier, folder / _CLASSIFIER, compression=ZIP_DEFLATED)
    (folder / _CARD).write_text(json.dumps(asdict(card), ensure_ascii=False, indent=1), encoding="utf-8")


def load(folder: Path) -> tuple[Pipeline, Card]:
    """Read a model that `save` wrote.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is not one, or holds what no model of ours is made of.
    """
    told = json.loads((folder / _CARD).read_text(encoding="utf-8"))
    foreign = set(skops.io.get_untrusted_types(file=folder / _CLASSIFIER)) - set(_OURS)
    if foreign:
        raise ValueError(f"{folder / _CLASSIFIER} holds {', '.join(sorted(foreign))}, which no model is made of")
    return skops.io.load(folder / _CLASSIFIER, trusted=list(_OURS)), Card(**{**told, "labels": tuple(told["labels"])})


def answer(classifier: Pipeline, texts: Sequence[str]) -> list[Answer]:
    """Return the most probable label of each text."""
    written = [index for index, text in enumerate(texts) if any(mark.isalnum() for mark in text)]
    answers = [Answer(None, None)] * len(texts)
    if written:
        probabilities = classifier.predict_proba([texts[index] for index in written])
        for index, chances in zip(written, probabilities, strict=True):
            best = int(np.argmax(chances))
            answers[index] = Answer(str(classifier.classes_[best]), float(chances[best]))
    return answers


_loaded: Pipeline | None = None


def _read(folder: Path) -> None:
    global _loaded  # noqa: PLW0603 - each worker process reads the model once
    _loaded, _ = load(folder)


def _answer(texts: Sequence[str]) -> list[Answer]:
    assert _loaded is not None
    return answer(_loaded, texts)


def stream(folder: Path, texts: Iterable[str], processes: int = 2) -> Iterator[Answer]:
    """Yield the answer to each text of a stream, in order, by several processes.

    Args:
        folder: Where the model is.
        texts: Any number of texts; only a few batches are in memory at a time.
        processes: How many processes answer.
    """
    with ProcessPoolExecutor(processes, initializer=_read, initargs=(folder,)) as pool:
        pending = []
        for batch in _batches(texts):
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
