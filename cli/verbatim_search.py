"""Finds published texts of citizens by their words, and the themes that the taxonomy may lack."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import duckdb

from core import french
from core.errors import ExpectedFailure
from core.settings import Home
from warehouse import published, verbatims
from warehouse.verbatims import Filters, Found

_PROPOSALS = """
select
    proposals.rank,
    proposals.words,
    proposals.texts,
    proposals.share,
    proposals.coherence,
    texts.text as example
from perception.fct_theme_proposal as proposals
left join perception.fct_verbatim as texts on proposals.example_verbatim_id = texts.verbatim_id
order by proposals.rank
"""
#: Most characters of an example that a reader is shown.
_SHOWN = 300


class Proposal(NamedTuple):
    """A theme that the taxonomy may lack, and the redacted text that is most typical of it."""

    rank: int
    words: str
    texts: int
    share: Decimal
    coherence: Decimal
    example: str | None


def search(home: Home, query: str, filters: Filters, limit: int) -> list[Found]:
    """Return the published texts that match a query best, by BM25 over the stems of its words.

    Raises:
        ExpectedFailure: nothing is published, or the query holds no word that a text could be found by.
    """
    words = verbatims.searched(query)
    with published.connect(home) as connection:
        try:
            return verbatims.best(connection, words, filters, limit)
        except (duckdb.CatalogException, duckdb.BinderException):  # of a former version, too
            raise _no_verbatims() from None


def proposed(home: Home) -> list[Proposal]:
    """Return the published proposals of new themes, the most written of first.

    Raises:
        ExpectedFailure: nothing is published.
    """
    with published.connect(home) as connection:
        try:
            rows = connection.execute(_PROPOSALS).fetchall()
        except duckdb.CatalogException:
            raise _no_verbatims() from None
    return [Proposal(*row) for row in rows]


def proposal_report(proposals: Sequence[Proposal]) -> list[str]:
    """Return proposals of themes as a French reader reads them."""
    if not proposals:
        return ["Aucun thème à proposer : trop peu de textes sans thème reconnu, ou rien qui les rapproche."]
    lines = []
    for proposal in proposals:
        example = " ".join((proposal.example or "").split())
        share, close = french.decimal(100 * proposal.share, 1), french.decimal(float(proposal.coherence), 3)
        lines += [
            f"{proposal.rank}. {proposal.words}",
            f"   {proposal.texts} textes, soit {share} % de ceux dont aucun thème n'est reconnu ; cohérence {close}",
            f"   Exemple : « {example[:_SHOWN]}{'…' if len(example) > _SHOWN else ''} »",
        ]
    return [
        *lines,
        "Ce sont des propositions : rien n'est ajouté.",
        "Pour retenir un thème, l'écrire dans analytics/text/themes.yml avec les mots qui le montrent.",
    ]


def _no_verbatims() -> ExpectedFailure:
    return ExpectedFailure(
        "La copie publiée ne contient pas encore de verbatims.",
        "Lancez `cyberimpact build`, puis `cyberimpact publish`.",
    )
