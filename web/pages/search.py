"""Finds what there is by words: figures, territories, topics, dashboards and definitions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

import yaml
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from core import normalize_text, settings, superset
from operations import topics
from operations.places import NATION
from warehouse import rights
from web.access import PersonRequest, page, superset_url
from web.pages import figure
from web.reading import Reading, Row, opened

LONGEST = 200
#: Results of one kind that are shown.
MOST = 10
#: Territories that one query may name.
MOST_PLACES = 5
#: Letters of a word that says little, such as an article.
SHORT = 2

_KPIS = "select kpi_code, label, definition, formula, pillar_label from kpi.kpi_catalogue order by label"
_PLACES = """
    select territory_code, territory_name, territory_level, departement_code from reference.dim_territory
    where territory_level not in ('abroad', 'unknown')
"""
#: The last figure of each KPI as cards show it, of a month where there is one.
_LATEST = """
    select
        kpi_code, kpi_label, territory_code, territory_name, period_type, period_start, period_label, value_label,
        breakdown_dimension, breakdown_value, breakdown_label
    from kpi.rpt_kpi
    where is_headline and is_complete and list_contains($codes, kpi_code) and list_contains($places, territory_code)
    qualify row_number() over (
        partition by kpi_code, territory_code order by period_type = 'month' desc, period_start desc, period_type
    ) = 1
"""
_DEFINITIONS = """
    select comment, min(column_name) as column_name from duckdb_columns()
    where comment is not null group by comment order by comment
"""

#: Titles and texts are the same from one search to the next.
words = lru_cache(maxsize=8192)(normalize_text.words)


class Found(NamedTuple):
    """A result: its title, what stands below it, and where it leads."""

    title: str
    text: str = ""
    url: str = ""


@dataclass(frozen=True)
class Group:
    """Results of one kind, the best first."""

    title: str
    results: Sequence[Found]


@page()
def show(request: PersonRequest) -> HttpResponse:
    """Show what `?q=` finds; without a result, what there is."""
    query = request.GET.get("q", "").strip()[:LONGEST]
    asked = frozenset(word for word in words(query) if len(word) > 1 or word.isdigit())
    with opened(request.person.right) as reading:
        kpis = reading.rows_of("kpi.kpi_catalogue", _KPIS)
        places = reading.rows_of("reference.dim_territory", _PLACES)
        base = superset_url(request)
        boards = [Found(title, text, base + superset.dashboard_path(slug)) for slug, title, text in _boards(request)]
        groups = [
            Group("Chiffres", _figures(reading, kpis, places, asked, request.person.own[0])),
            Group("Territoires", _territories(places, asked, base)),
            Group("Thèmes", _best(asked, _topics() if asked else ())),
            Group("Tableaux de bord", _best(asked, ((board, "") for board in boards))),
            Group("Définitions", _best(asked, _definitions(reading))),
        ]
    return render(
        request,
        "web/search.html",
        {
            "title": f"Chercher «\u00a0{query}\u00a0»" if query else "Chercher",
            "query": query,
            "groups": [group for group in groups if group.results],
            "kpis": kpis,
            "places": places,
            "boards": boards,
        },
    )


def _points(asked: Iterable[str], title: str, text: str = "") -> int:
    """Return how well words are found, 0 where one of them is not: in the title rather than the text, whole or begun.

    A final s or x of what is asked does not count.
    """
    of_title, of_text = words(title), words(text)
    total = 0
    for word in asked:
        stem = word[:-1] if len(word) > SHORT + 1 and word[-1] in "sx" else word
        for points, known in ((4, of_title), (2, of_text)):
            if word in known or stem in known:
                total += points
                break
            if any(other.startswith(stem) for other in known):
                total += points - 1
                break
        else:
            return 0
    return total


def _best(asked: Iterable[str], candidates: Iterable[tuple[Found, str]]) -> list[Found]:
    """Return the results that hold all words, the best first.

    Args:
        asked: The words.
        candidates: Results, each with words that find it and are not shown.
    """
    ranked = [
        (points, found) for found, more in candidates if (points := _points(asked, f"{found.title} {more}", found.text))
    ]
    return [found for _, found in sorted(ranked, key=lambda pair: (-pair[0], len(pair[1].title), pair[1].title))][:MOST]


def _names(place: Row) -> frozenset[str]:
    """Return the words that name a territory: no short ones, which are in many names, but its number."""
    known = words(f"{place['territory_name']} {place['departement_code'] or ''}")
    return frozenset(word for word in known if len(word) > SHORT or word.isdigit())


def _figures(
    reading: Reading, kpis: Sequence[Row], places: Sequence[Row], asked: frozenset[str], home: str
) -> list[Found]:
    """Return the last figures of the KPIs that words name, of the territory that they name, or else of one's own."""
    if not asked or not reading.has("kpi.rpt_kpi"):
        return []
    named = [(place["territory_code"], names) for place in places if asked & (names := _names(place))]
    named.sort(key=lambda pair: -len(asked & pair[1]))
    wanted: dict[tuple[str, str], int] = {}
    for place, names in [(home, frozenset[str]()), *named[:MOST_PLACES]]:
        for kpi in kpis:
            text = f"{kpi['definition']} {kpi['formula']} {kpi['pillar_label']}"
            if points := _points(asked - names, f"{kpi['label']} {kpi['kpi_code']}", text):
                wanted[kpi["kpi_code"], place] = points
    codes, of = sorted({code for code, _ in wanted}), sorted({place for _, place in wanted} | {NATION})
    latest = {
        (row["kpi_code"], row["territory_code"]): row for row in reading.rows(_LATEST, {"codes": codes, "places": of})
    }
    shown = [
        (points, latest.get((code, place)) or (latest.get((code, NATION)) if place == home else None))
        for (code, place), points in wanted.items()
    ]
    best = sorted(
        ((points, row) for points, row in shown if row), key=lambda pair: (-pair[0], len(pair[1]["kpi_label"]))
    )
    return list(dict.fromkeys(_figure(row) for _, row in best))[:MOST]


def _figure(row: Row) -> Found:
    return Found(figure.name_of(row), f"{row['period_label']} : {row['value_label']}", figure.address_of(row))


def _territories(places: Sequence[Row], asked: frozenset[str], base: str) -> list[Found]:
    return [
        found._replace(text=f"Ses chiffres dans le tableau de bord Territoire ({found.text})")
        for found in _best(
            asked,
            (
                (
                    Found(
                        place["territory_name"],
                        place["territory_code"],
                        base + superset.dashboard_path("territoire", place["territory_name"]),
                    ),
                    f"{place['territory_code']} {place['departement_code'] or ''}",
                )
                for place in places
            ),
        )
    ]


def _topics() -> Iterator[tuple[Found, str]]:
    for topic in topics.watched():
        yield Found(topic.label, topic.query, reverse("topic", args=[topic.code])), topic.code


@cache
def _declared_boards() -> list[tuple[str, str, str]]:
    """Return slug, title and description of every dashboard of the bundle."""
    folder = settings.CODE / "superset" / "bundle" / "dashboards"
    declared = [(path.stem, yaml.safe_load(path.read_text("utf-8"))) for path in sorted(folder.glob("*.yaml"))]
    return [(slug, board["title"], board["description"]) for slug, board in declared]


def _boards(request: PersonRequest) -> list[tuple[str, str, str]]:
    """Return the dashboards of which a person may read every table."""
    bundle = rights.current().bundle
    right = request.person.right
    return [
        board
        for board in _declared_boards()
        if right.is_everything
        or all(table in right.tables for slug in bundle.datasets[board[0]] for table in bundle.tables[slug])
    ]


def _definitions(reading: Reading) -> Iterator[tuple[Found, str]]:
    """Yield what the columns of the readable tables mean."""
    for row in reading.rows(_DEFINITIONS):
        yield Found(row["comment"].strip().replace("`", ""), f"colonne {row['column_name']}"), ""
