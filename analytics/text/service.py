"""Puts a newer text classifier into service when it passes its evaluation gate."""

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np

from analytics.text import evaluation, model
from analytics.text.evaluation import Estimate
from analytics.text.words import fold

#: One text in so many is never learnt from: the same ones whatever else has been collected, so that any two models can
#: be compared on them.
FROZEN = 5
#: Fewest frozen texts that a model is evaluated on.
FEWEST_FROZEN = 30
#: Most texts for training, and for evaluation.
MOST_TEXTS = 20_000
_CURRENT = "current"


class Served(NamedTuple):
    """The model in service, by its version: the first twelve digits of the SHA-256 of its files."""

    version: str
    classifier: model.Classifier
    card: model.Card


class Verdict(NamedTuple):
    """The verdict of the gate on a model.

    Attributes:
        version: Of the model that was evaluated.
        against: Version of the one in service, None where there is none: the commonest label is then what it must beat.
        is_accepted: Whether it is in service now.
        texts: Frozen texts that both were evaluated on.
        macro_f1: Of the model on them.
        gain: Its macro-F1 minus the other's, with the interval of 90 %.
        card: What is known of it.
    """

    version: str
    against: str | None
    is_accepted: bool
    texts: int
    macro_f1: Estimate
    gain: Estimate
    card: model.Card


class TooFewFrozen(Exception):
    """There are too few frozen texts to evaluate a model."""


def in_service(folder: Path) -> Served | None:
    """Return the model in service, None where there is none or it is of another version of the code."""
    try:
        classifier, card = model.load(folder / _CURRENT)
    except model.NoModel:
        return None
    return Served((folder / _CURRENT).resolve().name, classifier, card)


def is_frozen(text: str) -> bool:
    """Return whether a text is kept for judging: by its own words, so that copies of it are kept too."""
    digest = hashlib.sha256(" ".join(fold(text).split()).encode()).digest()
    return int.from_bytes(digest[:4], "big") % FROZEN == 0


def offer(folder: Path, texts: Iterable[tuple[str, str]]) -> Verdict:
    """Train a model, and put it into service unless it is surely worse than the one that is.

    A refused model is not kept. Nothing is written where the model in service is made of the same texts by the same
    code.

    Args:
        folder: Where models are kept.
        texts: Texts and the feelings that their writers gave.

    Raises:
        model.TooFewTexts: there are too few to learn from.
        TooFewFrozen: there are too few frozen texts.
    """
    distinct = model.distinct(texts)
    learnt = [pair for pair in distinct if not is_frozen(pair[0])][:MOST_TEXTS]
    classifier, card = model.train([text for text, _ in learnt], [feeling for _, feeling in learnt])
    frozen = [pair for pair in distinct if is_frozen(pair[0]) and pair[1] in card.labels][:MOST_TEXTS]
    if len(frozen) < FEWEST_FROZEN:
        raise TooFewFrozen(f"{len(frozen)} frozen texts, {FEWEST_FROZEN} are needed")
    draft = folder / f".{uuid4().hex}"
    model.save(draft, classifier, card)
    try:
        version, served = _version(draft), in_service(folder)
        verdict = _judged(Served(version, classifier, card), served, frozen)
        if verdict.is_accepted and version != (served and served.version):
            _put_in_service(folder, draft, version)
        return verdict
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _version(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _judged(candidate: Served, served: Served | None, frozen: Sequence[tuple[str, str]]) -> Verdict:
    labels, texts = candidate.card.labels, [text for text, _ in frozen]
    truth = _indices(labels, [label for _, label in frozen])
    answers = _indices(labels, [answer.label for answer in candidate.classifier.answer(texts)])
    if served:
        others = _indices(labels, [answer.label for answer in served.classifier.answer(texts)])
    else:
        others = np.full_like(truth, np.bincount(truth).argmax())
    macro_f1, gain = evaluation.compare(len(labels), truth, answers, others)
    return Verdict(
        version=candidate.version,
        against=served.version if served else None,
        # A successor may be as good; the first must be of use.
        is_accepted=gain.high >= 0 if served else gain.low > 0,
        texts=len(frozen),
        macro_f1=macro_f1,
        gain=gain,
        card=candidate.card,
    )


def _indices(labels: Sequence[str], said: Sequence[str | None]) -> np.ndarray:
    """Return the place of each label, one past the last for what is not among them."""
    places = {label: place for place, label in enumerate(labels)}
    return np.array([places.get(label or "", len(labels)) for label in said])


def _put_in_service(folder: Path, draft: Path, version: str) -> None:
    """Make a draft the model in service, in one atomic step, and remove the former one."""
    former = [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink() and path != draft]
    target = folder / version
    if target not in former:
        draft.rename(target)
    link = folder / f".{_CURRENT}.{version}"
    link.unlink(missing_ok=True)
    link.symlink_to(version)
    link.replace(folder / _CURRENT)
    for path in former:
        if path != target:
            shutil.rmtree(path)
