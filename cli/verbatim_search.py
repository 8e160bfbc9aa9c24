"""Finds published texts of citizens by their words, and the themes that the taxonomy may lack."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import duckdb

from analytics.text import corpus
from core import french
from core.errors import ExpectedFailure
from core.settings import Home
from warehouse import published

#: A text matches by the weights of the terms that it holds: BM25, which the model `fct_verbatim_term` computes.
_SEARCH = """
with scores as (
    select verbatim_id, sum(weight) as score
    from perception.fct_verbatim_term
    where list_contains($terms, term)
    group by verbatim_id
)

select
    cast(round(scores.score, 3) as double) as score,
    texts.verbatim_id,
    texts.written_on,
    texts.platform,
    texts.service_name,
    texts.territory_code,
    feelings.feeling,
    texts.text
from scores
inner join perception.fct_verbatim as texts on scores.verbatim_id = texts.verbatim_id
inner join perception.fct_verbatim_feeling as feelings on scores.verbatim_id = feelings.verbatim_id
where
    ($platform is null or texts.platform = $platform)
    and ($territory is null or texts.territory_code = $territory)
    and ($feeling is null or feelings.feeling = $feeling)
    and (
        $theme is null
        or texts.verbatim_id in (select verbatim_id from perception.fct_verbatim_theme where theme = $theme)
    )
order by scores.score desc, texts.written_on desc, texts.verbatim_id
limit $limit
"""


class Filters(NamedTuple):
    """What the texts that a search finds must be; None for anything."""

    platform: str | None = None
    territory: str | None = None
    feeling: str | None = None
    theme: str | None = None


class Found(NamedTuple):
    """A text that a search has found, and how well it matches."""

    score: float
    verbatim_id: str
    written_on: date
    platform: str
    service_name: str | None
    territory_code: str
    feeling: str | None
    text: str


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
    terms = [term for term, _ in corpus.term_frequencies(query)]
    if not terms:
        raise ExpectedFailure(
            "La recherche ne contient aucun mot : les noms de personnes et de lieux ne sont pas cherchés.",
            "Donner au moins un mot.",
        )
    with published.connect(home) as connection:
        try:
            rows = connection.execute(_SEARCH, {"terms": terms, "limit": limit, **filters._asdict()}).fetchall()
        except (duckdb.CatalogException, duckdb.BinderException):  # of a former version, too
            raise _no_verbatims() from None
    return [Found(*row) for row in rows]


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
        "Lancer `cyberimpact build`, puis `cyberimpact publish`.",
    )
