"""Keyness: the words that distinguish some texts from others, and the texts that are typical of them."""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer

from analytics.signals.novelty import novel_terms
from analytics.text.words import clean, fold, stem, words
from privacy.vocabulary import word_set

#: Fewest texts that hold a word which is shown: what one person alone has written is nobody's habit.
FEWEST_TEXTS = 3
#: Standard errors from which a word is distinctive, and how many words are shown at most.
DISTINCTIVE, MOST_WORDS = 1.96, 10
#: Occurrences that the prior of the measure counts for at most.
MOST_PRIOR = 500.0
#: Most texts that an example is chosen from, the latest ones, and the longest text that a reader is shown as one.
MOST_TEXTS, LONGEST = 2_000, 1_000
_SHORTEST = 3
_LETTERS = re.compile(r"[^\W\d_]+")

#: Words that every text holds, folded: they carry no topic.
_FUNCTION_WORDS = word_set(
    """afin ai aie ailleurs ainsi alors apres assez au aucun aucune aujourd auquel aussi autre autres aux avaient
    avais avait avant avec avez avoir avons ayant beaucoup bien bonjour car ce ceci cela celle celles celui cependant
    certain certains ces cet cette ceux chaque chez comme comment compte contre dans de depuis des deux devant dire
    dit dois doit donc dont du elle elles en encore enfin ensuite entre es est et etaient etait etant ete etes etre eu
    eux fait faire fais faites faut fois font hier ici il ils je jusqu la le les leur leurs lors lorsque lui ma madame
    mademoiselle mais me meme memes mes mieux mlle mme moi moins mon monsieur ne ni non nos notre nous on ont ou par
    parce parfois pas pendant peu peut peuvent peux plus plusieurs plutot pour pourquoi pourtant pouvoir presque pu
    puis qu quand que quel quelle quelles quelque quelques quels qui quoi rien sa sais sait sans se selon sera serait
    ses si soi soit sommes son sont souvent suis sur ta tant te tel telle tellement tes toi ton toujours tous tout
    toute toutes tres trop tu un une va vais vers veut veux via voici voila voir vont vos votre vous vraiment"""
)


class Word(NamedTuple):
    """A word that texts hold more than others do: by how many standard errors, and how many texts hold it."""

    word: str
    z: float
    texts: int


class Example(NamedTuple):
    """A typical text of a set: its index, and its similarity to the centroid, from 0 to 1."""

    place: int
    typicality: float


@lru_cache(maxsize=1 << 16)
def content(text: str) -> tuple[str, ...]:
    """Return the stems of what a text is about: no names, numbers and function words."""
    return tuple(stem(word) for word in words(text) if _is_content(word))


def _is_content(folded: str) -> bool:
    return folded.isalpha() and len(folded) >= _SHORTEST and folded not in _FUNCTION_WORDS


def distinctive_words(texts: Sequence[str], others: Sequence[str]) -> list[Word]:
    """Return the words that distinguish texts from others, the most distinctive first, as they are mostly written.

    A text counts once for each word. The measure, and its source, are those of `novel_terms`.
    """
    here, there = (Counter(stem for text in some for stem in set(content(text))) for some in (texts, others))
    # The prior never outweighs the texts themselves.
    prior_size = min(MOST_PRIOR, here.total() + there.total()) or 1.0
    found = [
        term for term in novel_terms(here, there, prior_size) if term.z >= DISTINCTIVE and term.now >= FEWEST_TEXTS
    ][:MOST_WORDS]
    spelled = spellings(texts, {term.term for term in found})
    return [Word(spelled[term.term], term.z, term.now) for term in found]


def spellings(texts: Iterable[str], stems: set[str]) -> dict[str, str]:
    """Return each stem as the word that is mostly written for it, in small letters with its accents."""
    written: dict[str, Counter[str]] = defaultdict(Counter)
    for text in texts:
        if not stems.isdisjoint(content(text)):
            for word in spelled_words(text):
                folded = fold(word)
                if _is_content(folded) and stem(folded) in stems:
                    written[stem(folded)][word] += 1
    return {stem: min(found, key=lambda word: (-found[word], word)) for stem, found in written.items()}


def spelled_words(text: str) -> list[str]:
    """Return the words of a text as they are written, in small letters with their accents."""
    return _LETTERS.findall(clean(text).lower())


def examples(texts: Sequence[str], groups: Sequence[Hashable], limit: int) -> list[Example]:
    """Return the texts that are nearest to what all share, the most typical first, one for copies of each other.

    Typicality is the cosine to the mean of the TF-IDF vectors (Rocchio's centroid), so that a text is chosen that says
    what the others say, and little else.

    Args:
        texts: The texts, the latest first.
        groups: What each is a copy of: texts of a group count once.
        limit: How many are returned at most.
    """
    first = list(dict(zip(reversed(groups), reversed(range(len(groups))), strict=True)).values())
    chosen = sorted(place for place in first if content(texts[place]) and len(texts[place]) <= LONGEST)[:MOST_TEXTS]
    if not chosen:
        return []
    vectors = tfidf([texts[place] for place in chosen])
    centre = np.asarray(vectors.mean(axis=0)).ravel()
    nearness = vectors @ centre / np.linalg.norm(centre)
    best = np.argsort(-np.round(nearness, 9), kind="stable")[:limit]
    return [Example(chosen[row], float(nearness[row])) for row in best]


def tfidf(texts: Sequence[str], **options: float) -> csr_array:
    """Return the TF-IDF vectors of what texts are about, of unit length."""
    return csr_array(TfidfVectorizer(analyzer=content, sublinear_tf=True, **options).fit_transform(texts))
