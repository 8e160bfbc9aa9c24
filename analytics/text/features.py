"""Extracts the features of a text that the classifier learns from: words, letters, polarity, themes."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from scipy.sparse import csr_array, hstack

from analytics.text import polarity, themes
from analytics.text.words import stems, words

#: What a number of `polarity`, and a point of `themes`, weighs against a word: chosen by cross-validation, see
#: docs/verbatims.md.
POLARITY_WEIGHT, THEME_WEIGHT = 0.1, 0.3
#: Fewest texts that hold a term which is kept: what one person alone has written can be read back from no model.
FEWEST_TEXTS = 2
#: Most terms of a kind that are kept, the most frequent first.
MOST_TERMS = 200_000
_SHORTEST, _LONGEST = 2, 5  # letters of a gram
_SPREAD = 3  # standard deviations beyond which a number says no more


@lru_cache(maxsize=1 << 16)
def grams(word: str) -> tuple[str, ...]:
    """Return the runs of letters of a word and the blanks around it."""
    padded = f" {word} "
    return tuple(
        padded[start : start + length]
        for length in range(_SHORTEST, _LONGEST + 1)
        for start in range(len(padded) - length + 1)
    )


def written(text_words: list[str]) -> list[tuple[str, ...]]:
    """Return the terms of a text's words: stems, and pairs of them."""
    found = stems(text_words)
    return [*((word,) for word in found), *((f"{first} {two}",) for first, two in pairwise(found))]


def spelled(text_words: list[str]) -> list[tuple[str, ...]]:
    """Return the terms of a text's letters, word by word."""
    return [grams(word) for word in text_words]


#: The kinds of terms: how each is found in the words of a text.
KINDS: tuple[Callable[[list[str]], list[tuple[str, ...]]], ...] = (written, spelled)


class Vocabulary:
    """Terms of one kind by their column."""

    def __init__(self, terms: Iterable[str] = ()) -> None:
        self.columns = {term: column for column, term in enumerate(terms)}
        self._known: dict[tuple[str, ...], list[int]] = {}

    def __len__(self) -> int:
        return len(self.columns)

    def find(self, terms: tuple[str, ...]) -> list[int]:
        """Return the columns of the terms that are known; texts share most words, so each is looked up once."""
        found = self._known.get(terms)
        if found is None:
            if len(self._known) > MOST_TERMS:
                self._known.clear()
            found = self._known[terms] = [self.columns[term] for term in terms if term in self.columns]
        return found

    def learn(self, terms: tuple[str, ...]) -> list[int]:
        """Return the columns of terms, new ones for those that are new."""
        return [self.columns.setdefault(term, len(self.columns)) for term in terms]


class FeatureCounts(NamedTuple):
    """The unweighted features of texts: term frequencies by kind, and numbers."""

    counts: tuple[csr_array, ...]
    felt: np.ndarray
    concerned: np.ndarray

    def of(self, rows: np.ndarray) -> Self:
        """Return what is seen of some of the texts."""
        return type(self)(tuple(count[rows] for count in self.counts), self.felt[rows], self.concerned[rows])


def extract(texts: Sequence[str], vocabularies: Sequence[Vocabulary], *, learn: bool = False) -> FeatureCounts:
    """Return what is seen of texts.

    Args:
        texts: Any number of texts.
        vocabularies: The terms that are known, one for each of `KINDS`.
        learn: Whether unknown terms are added to them.
    """
    columns: list[list[int]] = [[] for _ in KINDS]
    ends: list[list[int]] = [[0] for _ in KINDS]
    for text in texts:
        text_words = words(text)
        for kind, vocabulary, held, end in zip(KINDS, vocabularies, columns, ends, strict=True):
            index = vocabulary.learn if learn else vocabulary.find
            for terms in kind(text_words):
                held.extend(index(terms))
            end.append(len(held))
    return FeatureCounts(
        tuple(
            _counted(found, end, len(vocabulary))
            for found, end, vocabulary in zip(columns, ends, vocabularies, strict=True)
        ),
        np.array([polarity.describe(text) for text in texts], dtype=float).reshape(-1, len(polarity.FEATURES)),
        np.array([themes.logarithms(text) for text in texts], dtype=float).reshape(-1, len(themes.taxonomy())),
    )


def _counted(columns: list[int], ends: list[int], width: int) -> csr_array:
    counts = csr_array((np.ones(len(columns), dtype=np.float32), columns, ends), shape=(len(ends) - 1, width))
    counts.sum_duplicates()
    return counts


class Scale(NamedTuple):
    """How what is seen is weighed: the terms that are kept and how rare they are, the usual polarity and its spread."""

    kept: tuple[np.ndarray, ...]
    rarity: tuple[np.ndarray, ...]
    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def learn(cls, seen: FeatureCounts) -> Self:
        """Return the scale of texts that are learnt from."""
        kept, rarity = [], []
        for counts in seen.counts:
            texts = np.bincount(counts.indices, minlength=counts.shape[1])
            columns = np.flatnonzero(texts >= FEWEST_TEXTS)
            columns = np.sort(columns[np.argsort(-texts[columns], kind="stable")[:MOST_TERMS]])
            kept.append(columns)
            rarity.append(np.log((1 + counts.shape[0]) / (1 + texts[columns])) + 1)
        spread = seen.felt.std(axis=0)
        return cls(tuple(kept), tuple(rarity), seen.felt.mean(axis=0), np.where(spread > 0, spread, 1.0))

    def apply(self, seen: FeatureCounts) -> csr_array:
        """Return the numbers that a linear model reads: TF-IDF of the terms that are kept, and the weighted others."""
        terms = [
            _weighed(counts[:, columns], rarity)
            for counts, columns, rarity in zip(seen.counts, self.kept, self.rarity, strict=True)
        ]
        felt = np.clip((seen.felt - self.mean) / self.spread, -_SPREAD, _SPREAD) * POLARITY_WEIGHT
        return csr_array(hstack([*terms, csr_array(felt), csr_array(seen.concerned * THEME_WEIGHT)], format="csr"))


def _weighed(counts: csr_array, rarity: np.ndarray) -> csr_array:
    """Return the TF-IDF of counts: logarithmic, of unit length."""
    weighed = csr_array(
        ((1 + np.log(counts.data)) * rarity[counts.indices], counts.indices, counts.indptr), counts.shape
    )
    lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    weighed.data /= lengths[rows]
    return weighed
