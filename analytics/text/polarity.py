"""Scores the polarity of a text from the word list `polarity.txt`."""

import re
from collections.abc import Iterable
from functools import cache
from math import log, sqrt
from pathlib import Path
from typing import NamedTuple

from analytics.text.words import clean, fold, sentences

_WORD = re.compile(r"\w+")
_CONTRAST = re.compile(
    r"\b(?:mais|cependant|toutefois|neanmoins|par contre|en revanche|bemol|sauf|hormis|dommage que|petite?)\b"
)
_DENIAL = re.compile(r"\b(?:ne|n'|pas|jamais|aucune?|rien)\b")
#: A negation up to three words before a word turns it.
_TURNED = re.compile(r"\b(?:pas|plus|jamais|peu|aucun|aucune|sans|ni|guere|manque de|manque d)\W+(?:\w+\W+){0,2}$")
#: Where a clause ends and another begins that may say the contrary.
_CLAUSE = re.compile(
    r"\b(?:mais|cependant|toutefois|neanmoins|par contre|en revanche|hormis|sauf|dommage que|malgre|alors que)\b|;"
)
#: How much more a clause says on its side than on the other, and both clauses together, to be clear.
_SAID, _CLEAR = 1, 3
#: How much a whole text says on one side, beside what it says on the other: a reserve in a page of praise is praise.
_BESIDE = 1 / 3
_BEFORE = 30  # characters that are looked back for a negation


class Weight(NamedTuple):
    """The positive and negative weights of a text."""

    positive: float
    negative: float

    @property
    def balance(self) -> float:
        """Return the balance from -1 to 1, near 0 where the weights are small."""
        return (self.positive - self.negative) / (self.positive + self.negative + 1)


@cache
def _patterns() -> dict[tuple[str, int], re.Pattern[str]]:
    lines = (Path(__file__).parent / "polarity.txt").read_text(encoding="utf-8").splitlines()
    found: dict[tuple[str, int], list[str]] = {}
    for line in lines:
        if not line.startswith("#"):
            polarity, strength, pattern = line.split(",", 2)
            found.setdefault((polarity, int(strength)), []).append(pattern)
    return {
        key: re.compile(
            "|".join(
                rf"\b(?:{alternative})\b" if alternative[-1].isalnum() or alternative[-1] in "*+?)" else alternative
                for alternative in alternatives
            )
        )
        for key, alternatives in found.items()
    }


def weigh(folded: str) -> Weight:
    """Return the positive and negative weights of a folded text; a negated word counts for the other side."""
    positive = negative = 0.0
    for (polarity, strength), pattern in _patterns().items():
        if polarity == "request":
            continue
        for match in pattern.finditer(folded):
            mild = (polarity, strength) != ("negative", 2)  # strong blame is rarely denied
            turned = mild and _TURNED.search(folded[max(0, match.start() - _BEFORE) : match.start()]) is not None
            if polarity == "positive" and not turned:
                positive += strength
            elif polarity == "positive":
                negative += strength
            elif turned:
                positive += strength / 2
            else:
                negative += strength
    return Weight(positive, negative)


def is_mixed(text: str) -> bool:
    """Return whether a text is clearly for something in one clause and clearly against something in another.

    Sentences are cut into clauses at words of contrast.
    """
    clauses = [weigh(clause) for part in sentences(fold(clean(text))) for clause in _CLAUSE.split(part)]
    praised = max((clause.positive - clause.negative for clause in clauses), default=0)
    blamed = max((clause.negative - clause.positive for clause in clauses), default=0)
    is_opposed = min(praised, blamed) >= _SAID and praised + blamed >= _CLEAR
    total = _sum(clauses)
    return is_opposed and min(total) >= _BESIDE * max(total)


def describe(text: str) -> list[float]:
    """Return what a text shows of its writer's feeling, one number for each of `FEATURES`."""
    folded = fold(clean(text))
    parts = sentences(folded)
    weights = [weigh(part) for part in parts]
    total = _sum(weights)
    third = max(1, len(parts) // 3)
    length = max(1, len(_WORD.findall(folded)))
    root = sqrt(length)  # a long text holds more of everything, but not in proportion
    return [
        total.positive / root,
        total.negative / root,
        (total.positive - total.negative) / root,
        total.balance,
        min(total) / (max(total) + 1),
        _sum(weights[:third]).balance,
        _sum(weights[-third:]).balance,
        sum(weight.positive > weight.negative for weight in weights) / len(parts),
        sum(weight.negative > weight.positive for weight in weights) / len(parts),
        len(_patterns()["request", 1].findall(folded)) / root,
        len(_CONTRAST.findall(folded)) / root,
        len(_DENIAL.findall(folded)) / root,
        folded.count("!") / root,
        folded.count("?") / root,
        log(length),
        float(not total.positive),
        float(not total.negative),
    ]


FEATURES = (
    "positive",
    "negative",
    "difference",
    "balance",
    "mixture",
    "balance_of_the_beginning",
    "balance_of_the_end",
    "positive_sentences",
    "negative_sentences",
    "requests",
    "contrasts",
    "denials",
    "exclamation_marks",
    "question_marks",
    "length",
    "nothing_positive",
    "nothing_negative",
)


def _sum(weights: Iterable[Weight]) -> Weight:
    weights = list(weights)
    return Weight(sum(weight.positive for weight in weights), sum(weight.negative for weight in weights))
