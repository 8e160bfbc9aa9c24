"""Recognises the themes of a text by the words of `themes.yml`."""

import re
from collections.abc import Sequence
from functools import cache
from math import log1p
from pathlib import Path
from typing import NamedTuple

import yaml

from analytics.text.words import clean, fold

OTHER = "autre"

#: A word said over and over says no more.
_MOST_STRONG, _MOST_WORDS = 4, 5
#: log(1 + points) from which a theme is spoken of, here two points, and how near it must come to the plainest one.
_PLAIN, _BESIDE = 1.0, 0.7


class Theme(NamedTuple):
    """A theme: its code, its French label, and the words that show it, strongly or not."""

    code: str
    label: str
    strong: re.Pattern[str]
    words: re.Pattern[str]

    def points(self, folded: str) -> int:
        """Return the score of a folded text on the theme, 0 for none."""
        strong = min(_MOST_STRONG, len(self.strong.findall(folded)))
        return 2 * strong + min(_MOST_WORDS, len(self.words.findall(folded)))


@cache
def taxonomy() -> tuple[Theme, ...]:
    """Return the fixed themes, in the order of `themes.yml`; a text without any is `autre`."""
    declared = yaml.safe_load((Path(__file__).parent / "themes.yml").read_text(encoding="utf-8"))
    return tuple(
        Theme(code, theme["label"], _any(theme["strong"]), _any(theme["words"])) for code, theme in declared.items()
    )


def labels() -> dict[str, str]:
    """Return the French label of each theme, `autre` included, by its code."""
    return {theme.code: theme.label for theme in taxonomy()} | {OTHER: "Autre"}


def _any(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b(?:{pattern})\b" for pattern in patterns))


def points(text: str) -> list[int]:
    """Return the score of a text on each theme of the taxonomy."""
    folded = fold(clean(text))
    return [theme.points(folded) for theme in taxonomy()]


def logarithms(text: str) -> list[float]:
    """Return log(1 + points) for each theme of the taxonomy: repeated words of a theme count less."""
    return [log1p(score) for score in points(text)]


def spoken_of(logarithms: Sequence[float]) -> tuple[str, ...]:
    """Return the themes whose score passes the threshold, the highest first; `autre` where none does.

    Args:
        logarithms: log(1 + points) for each theme of the taxonomy.
    """
    bar = max(_PLAIN, max(logarithms) * _BESIDE)
    found = [(-value, place) for place, value in enumerate(logarithms) if value >= bar]
    return tuple(taxonomy()[place].code for _, place in sorted(found)) or (OTHER,)
