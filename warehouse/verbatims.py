"""Finds published texts of citizens by their words, in copies that somebody has opened."""

from collections.abc import Collection
from datetime import date
from typing import Any, NamedTuple

import duckdb

from analytics.text.words import terms
from core.errors import ExpectedFailure

#: A text matches by the weights of the terms that it holds: BM25, which the model `fct_verbatim_term` computes.
_MATCHING = """
with scores as (
    select verbatim_id, sum(weight) as score
    from perception.fct_verbatim_term
    where term in (select unnest(cast($terms as varchar[])))
    group by verbatim_id
),

matching as (
    select
        cast(round(coalesce(scores.score, 0), 3) as double) as shown_score,
        texts.verbatim_id,
        texts.written_on,
        texts.platform,
        texts.service_name,
        texts.territory_code,
        feelings.feeling,
        texts.text,
        coalesce(scores.score, 0) as score
    from perception.fct_verbatim as texts
    inner join perception.fct_verbatim_feeling as feelings on texts.verbatim_id = feelings.verbatim_id
    left join scores on texts.verbatim_id = scores.verbatim_id
    where
        (scores.score is not null or len(cast($terms as varchar[])) = 0)
        and ($platform is null or texts.platform = $platform)
        and ($territory is null or texts.territory_code = $territory)
        and ($feeling is null or feelings.feeling = $feeling)
        and ($since is null or texts.written_on >= cast($since as date))
        and ($until is null or texts.written_on <= cast($until as date))
        and (
            $theme is null
            or texts.verbatim_id in (select verbatim_id from perception.fct_verbatim_theme where theme = $theme)
        )
)
"""
_BEST = """
select * exclude (score)
from matching
order by score desc, written_on desc, verbatim_id
limit $limit offset $offset
"""
_BY_MONTH = """
select cast(date_trunc('month', written_on) as date) as month, count(verbatim_id) as texts
from matching
group by month
order by month
"""


class Filters(NamedTuple):
    """What the texts that a search finds must be; None for anything."""

    platform: str | None = None
    territory: str | None = None
    feeling: str | None = None
    theme: str | None = None
    since: date | None = None
    until: date | None = None


class Found(NamedTuple):
    """A text that a search has found, and how well it matches: 0 where no word was searched for."""

    score: float
    verbatim_id: str
    written_on: date
    platform: str
    service_name: str | None
    territory_code: str
    feeling: str | None
    text: str


def searched(query: str) -> list[str]:
    """Return the terms that a query searches for.

    Raises:
        ExpectedFailure: it holds no word that a text could be found by.
    """
    found = sorted(terms(query))
    if not found:
        raise ExpectedFailure(
            "La recherche ne contient aucun mot : les noms de personnes et de lieux ne sont pas cherchés.",
            "Donner au moins un mot.",
        )
    return found


def best(
    connection: duckdb.DuckDBPyConnection, words: Collection[str], filters: Filters, limit: int, offset: int = 0
) -> list[Found]:
    """Return the texts that match terms best, the latest first among equals; without terms, the latest."""
    bound = _bound(words, filters) | {"limit": limit, "offset": offset}
    return [Found(*row) for row in connection.execute(_MATCHING + _BEST, bound).fetchall()]


def by_month(connection: duckdb.DuckDBPyConnection, words: Collection[str], filters: Filters) -> list[tuple[date, int]]:
    """Return how many texts match, by the month in which they were written; months without one are left out."""
    return connection.execute(_MATCHING + _BY_MONTH, _bound(words, filters)).fetchall()


def _bound(words: Collection[str], filters: Filters) -> dict[str, Any]:
    return {"terms": list(words), **filters._asdict()}
