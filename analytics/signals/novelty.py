"""Finds terms that are over-represented in the latest texts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A term and how much more it is said than before, in standard errors."""

    term: str
    z: float
    now: int
    before: int


def novel_terms(now: Mapping[str, int], before: Mapping[str, int], prior_size: float = 500.0) -> list[Term]:
    """Return all terms of `now`, the most over-represented first.

    Weighted log-odds ratio with an informative Dirichlet prior, whose proportions are those of both corpora together,
    so that neither a rare term nor a common one wins by its frequency alone. Source: Monroe, Colaresi, Quinn (2008),
    Fightin' Words, Political Analysis 16, 372-403, §3.5.1, equations 16, 20 and 22.

    Args:
        now: Occurrences of each term in the texts of the signal.
        before: Occurrences in the texts of the last 28 days.
        prior_size: Occurrences that the prior counts for: the greater, the more evidence a term needs.

    Raises:
        ValueError: an occurrence is negative, or the prior not positive.
    """
    if prior_size <= 0 or any(count < 0 for counts in (now, before) for count in counts.values()):
        raise ValueError("Occurrences cannot be negative, and the size of the prior must be positive.")
    size_now, size_before = sum(now.values()), sum(before.values())
    together = size_now + size_before
    found = []
    for term, here in now.items():
        there = before.get(term, 0)
        if not here:
            continue
        prior = prior_size * (here + there) / together
        if prior >= prior_size:  # the only term of all: nothing to compare it with
            found.append(Term(term, 0.0, here, there))
            continue
        odds_now = (here + prior) / (size_now + prior_size - here - prior)
        odds_before = (there + prior) / (size_before + prior_size - there - prior)
        error = math.sqrt(1 / (here + prior) + 1 / (there + prior))
        found.append(Term(term, (math.log(odds_now) - math.log(odds_before)) / error, here, there))
    return sorted(found, key=lambda term: (-term.z, term.term))
