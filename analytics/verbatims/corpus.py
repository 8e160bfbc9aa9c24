"""The texts of the warehouse, read together: feelings, themes, terms. How one text is read is not told here."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from analytics.verbatims import model, themes
from analytics.verbatims.text import stem, words

#: Probability under which the model hesitates: about half of such answers are wrong, see docs/verbatims.md.
UNDECIDED = 0.55
#: Most texts that are learnt from, so that a build takes minutes whatever has been collected.
MOST_TEXTS = 5_000
#: Texts that repeat are read once.
_REMEMBERED = 1 << 16


class Feeling(NamedTuple):
    """The feeling of a text, and who says so; none of both where nobody can say."""

    verbatim_id: str
    feeling: str | None
    feeling_source: str | None
    probability: Decimal | None
    is_undecided: bool


def feelings(texts: Iterable[tuple[str, str, str | None]]) -> list[Feeling]:
    """Return the feeling of each text: the one that its writer told, else the model's.

    Args:
        texts: Identifier, text and told feeling of each; the first ones in the order given are learnt from.
    """
    texts = list(texts)
    told = dict.fromkeys((text, feeling) for _, text, feeling in texts if feeling is not None)
    silent = list(dict.fromkeys(text for _, text, feeling in texts if feeling is None))
    answers = _answers(list(told)[:MOST_TEXTS], silent)
    return [
        Feeling(verbatim_id, feeling, "usager", None, is_undecided=False)
        if feeling
        else _by_model(verbatim_id, answers.get(text))
        for verbatim_id, text, feeling in texts
    ]


def _answers(told: list[tuple[str, str]], silent: list[str]) -> dict[str, model.Answer]:
    """Return what is said of silent texts; nothing where too few have told their feeling to learn from."""
    try:
        classifier, _ = model.train([text for text, _ in told], [feeling for _, feeling in told])
    except model.TooFewTexts:
        return {}
    return dict(zip(silent, classifier.answer(silent), strict=True))


def _by_model(verbatim_id: str, answer: model.Answer | None) -> Feeling:
    if answer is None or answer.label is None or answer.probability is None:
        return Feeling(verbatim_id, None, None, None, is_undecided=True)
    return Feeling(
        verbatim_id, answer.label, "modèle", Decimal(f"{answer.probability:.6f}"), answer.probability < UNDECIDED
    )


@lru_cache(maxsize=_REMEMBERED)
def theme_codes(text: str) -> tuple[str, ...]:
    """Return the codes of the themes that a text speaks of."""
    return themes.spoken_of(themes.logarithms(text))


@lru_cache(maxsize=_REMEMBERED)
def term_frequencies(text: str) -> tuple[tuple[str, int], ...]:
    """Return the stems of a text's words, and how often each stands in it."""
    return tuple(sorted(Counter(stem(word) for word in words(text) if word.isalnum()).items()))
