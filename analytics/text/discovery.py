"""Proposes themes that the taxonomy may lack, by clustering the texts that no theme matches."""

from collections.abc import Sequence
from itertools import combinations
from math import log
from typing import NamedTuple

import numpy as np
from sklearn.decomposition import NMF

from analytics.text.keyness import content, distinctive_words, tfidf
from analytics.text.kinds import copies
from analytics.text.words import fold, stem

#: Fewest different texts for a search, and for a proposed theme.
FEWEST_TEXTS, FEWEST_OF_THEME = 30, 5
#: Most themes of a search, and how many different texts there must be for each.
MOST_THEMES, TEXTS_PER_THEME = 8, 15
#: Most texts that are looked at, the first ones given.
MOST_TEXTS = 10_000
#: A term of fewer texts, or of a greater share of them, makes no theme.
_RARE, _COMMON = 3, 0.4
#: Share of a text that its theme must hold.
_OWN = 0.5
_NAMING_WORDS = 5


class Proposal(NamedTuple):
    """A theme that may be one.

    Attributes:
        words: What distinguishes its texts, the most distinctive first.
        places: Its texts, the most typical first.
        coherence: How much its words go together, from -1 to 1: mean normalised pointwise mutual information (Bouma,
            2009; Röder, Both and Hinneburg, 2015, "Exploring the space of topic coherence measures"); 0 is chance.
    """

    words: tuple[str, ...]
    places: tuple[int, ...]
    coherence: float


def proposals(texts: Sequence[str]) -> list[Proposal]:
    """Return the themes that texts may have, the most written of first; none where the texts are too few.

    Non-negative matrix factorisation (Lee and Seung, 1999) of the TF-IDF of different texts; a text belongs to the
    component that holds most of it. What has no distinctive words, or words that do not go together, is no proposal.

    Args:
        texts: Texts of no known theme; copies of each other are looked at once, and all counted.
    """
    texts = texts[:MOST_TEXTS]
    groups = copies(texts)
    different = [place for place, head in enumerate(groups) if head == place and content(texts[place])]
    if len(different) < FEWEST_TEXTS:
        return []
    try:
        vectors = tfidf([texts[place] for place in different], min_df=_RARE, max_df=_COMMON)
    except ValueError:  # no term is left: every text speaks of something else
        return []
    size = min(MOST_THEMES, len(different) // TEXTS_PER_THEME, *vectors.shape)
    held = NMF(size, init="nndsvda", max_iter=1_000, random_state=0).fit_transform(vectors)
    best = held.argmax(axis=1)
    is_own = held.max(axis=1) > _OWN * np.maximum(held.sum(axis=1), np.finfo(float).tiny)
    found = []
    for component in range(size):
        rows = np.flatnonzero(is_own & (best == component))
        if len(rows) >= FEWEST_OF_THEME:
            typical = rows[np.argsort(-np.round(held[rows, component], 9), kind="stable")]
            found.append(_proposal(texts, [different[row] for row in typical], groups))
    return sorted(filter(None, found), key=lambda proposal: (-len(proposal.places), proposal.words))


def _proposal(texts: Sequence[str], heads: list[int], groups: Sequence[int]) -> Proposal | None:
    ranks = {head: rank for rank, head in enumerate(heads)}
    places = sorted((ranks[head], place) for place, head in enumerate(groups) if head in ranks)
    others = sorted(set(groups) - set(heads))
    found = distinctive_words([texts[head] for head in heads], [texts[head] for head in others])
    named = [word.word for word in found[:_NAMING_WORDS]]
    held = [frozenset(content(texts[head])) for head in (*heads, *others)]
    together = coherence([stem(fold(word)) for word in named], held)
    if together <= 0:
        return None
    return Proposal(tuple(named), tuple(place for _, place in places), together)


def coherence(terms: Sequence[str], held: Sequence[frozenset[str]]) -> float:
    """Return how much terms go together in texts, from -1 for never to 1 for always; 0 is chance, or a single term.

    Args:
        terms: The terms.
        held: What each text holds.
    """
    found = [
        _npmi(
            *(
                sum(wanted <= document for document in held) / len(held)
                for wanted in ({first}, {second}, {first, second})
            )
        )
        for first, second in combinations(terms, 2)
    ]
    return sum(found) / len(found) if found else 0.0


def _npmi(first: float, second: float, both: float) -> float:
    if both in (0.0, 1.0):
        return 0.0 if both else -1.0  # always, as everything is; or never
    return log(both / (first * second)) / -log(both)
