"""Words find what there is to read for a person, and nothing else."""

import re
from html import unescape

import pytest

from core.settings import Home
from tests.handmade import write_copy

#: Three KPIs, one of which cards show by its part `scope`; Gironde, Finistère and the nation.
COPY = """
    create schema kpi; create schema reference; create schema audit;
    create table audit.publication as select 'p-1' as publication_id;
    create table reference.dim_territory as
        select * from (values
            ('FR', 'France', 'nation', null), ('FR-33', 'Gironde', 'departement', '33'),
            ('FR-29', 'Finistère', 'departement', '29'), ('FR-62', 'Pas-de-Calais', 'departement', '62'),
            ('ZZ', 'Non précisé', 'unknown', null)
        ) as t (territory_code, territory_name, territory_level, departement_code);
    create table kpi.kpi_catalogue as
        select *, 'Perception' as pillar_label, '…' as formula from (values
            ('answer_rate', 'Taux de réponse', 'Part des expériences qui ont eu une réponse.'),
            ('victims_assisted', 'Victimes assistées', 'Nombre de victimes, sans celles d''un taux.'),
            ('experiences', 'Expériences', 'Nombre d''expériences publiées.')
        ) as t (kpi_code, label, definition);
    comment on column kpi.kpi_catalogue.definition is 'Ce que l''indicateur mesure, en une phrase.';
    create table kpi.rpt_kpi as
        select
            * exclude (start), cast(start as date) as period_start, label as kpi_label,
            if(breakdown_dimension = 'scope', 'Gendarmerie', 'Ensemble') as breakdown_label,
            breakdown_dimension in ('total', 'scope') and not (breakdown_dimension = 'total' and kpi_code = 'experiences')
                as is_headline
        from (values
            ('answer_rate', 'Taux de réponse', 'FR', 'France', 'month', '2026-09-01', 'septembre 2026', '80 %', true, 'total', 'total'),
            ('answer_rate', 'Taux de réponse', 'FR', 'France', 'month', '2026-10-01', 'octobre 2026', '81 %', true, 'total', 'total'),
            ('answer_rate', 'Taux de réponse', 'FR', 'France', 'month', '2026-11-01', 'novembre 2026', '5 %', false, 'total', 'total'),
            ('answer_rate', 'Taux de réponse', 'FR', 'France', 'day', '2026-11-20', '20 novembre 2026', '6 %', true, 'total', 'total'),
            ('answer_rate', 'Taux de réponse', 'FR-33', 'Gironde', 'month', '2026-10-01', 'octobre 2026', '33 %', true, 'total', 'total'),
            ('answer_rate', 'Taux de réponse', 'FR-29', 'Finistère', 'month', '2026-10-01', 'octobre 2026', '29 %', true, 'total', 'total'),
            ('victims_assisted', 'Victimes assistées', 'FR', 'France', 'year', '2025-01-01', '2025', '1 000', true, 'total', 'total'),
            ('experiences', 'Expériences', 'FR', 'France', 'month', '2026-10-01', 'octobre 2026', '900', true, 'total', 'total'),
            ('experiences', 'Expériences', 'FR', 'France', 'month', '2026-10-01', 'octobre 2026', '90', true, 'scope', 'gendarmerie')
        ) as t (kpi_code, label, territory_code, territory_name, period_type, start, period_label, value_label, is_complete,
            breakdown_dimension, breakdown_value);
"""  # noqa: E501 - a table of values
ENTRY = re.compile(r'<li class="fr-mb-1w">\s*(?:<a class="fr-link" href="([^"]*)">)?([^<]*)')


@pytest.fixture(autouse=True)
def copy(home: Home) -> None:
    write_copy(home, COPY)


def found(client, query: str) -> list[tuple[str, str]]:
    """Return title and address of each result."""
    answer = client.get("/chercher", query_params={"q": query})
    assert answer.status_code == 200
    return [(unescape(title).strip(), unescape(url)) for url, title in ENTRY.findall(answer.text)]


@pytest.mark.parametrize("query", ["taux de réponse", "TAUX  reponse", "réponses taux", "answer_rate", "tau répons"])
def test_words_find_the_last_complete_month_whatever_case_accents_and_order(visit, query):
    first = ("Taux de réponse – France", "/chiffre/answer_rate/2026-10/FR")
    assert found(visit("national"), query)[0] == first


def test_every_word_counts_and_the_title_before_the_text(visit):
    titles = [title for title, _ in found(visit("national"), "taux")]
    assert titles[:2] == ["Taux de réponse – France", "Victimes assistées – France"]
    assert found(visit("national"), "taux licorne") == []


def test_without_a_month_another_period_stands(visit):
    assert ("Victimes assistées – France", "/chiffre/victims_assisted/2025/FR") in found(visit("national"), "victimes")


def test_a_part_that_cards_show_is_what_a_link_leads_to(visit):
    url = "/chiffre/experiences/2026-10/FR?ventilation=scope%3Dgendarmerie"
    assert ("Expériences (Gendarmerie) – France", url) in found(visit("national"), "expériences")


@pytest.mark.parametrize("query", ["réponse finistère", "taux 29"])
def test_a_territory_may_be_named_with_the_figure(visit, query):
    assert found(visit("national"), query)[0] == (
        "Taux de réponse – Finistère",
        "/chiffre/answer_rate/2026-10/FR-29",
    )


def test_a_short_word_names_no_territory(visit):
    assert not [title for title, _ in found(visit("national"), "taux de réponse") if "Calais" in title]


def test_a_role_of_a_territory_finds_its_own_figures_first_and_no_other_territory(visit):
    gironde = visit("departement-FR-33")
    assert found(gironde, "réponse")[0] == ("Taux de réponse – Gironde", "/chiffre/answer_rate/2026-10/FR-33")
    assert found(gironde, "finistère") == found(gironde, "réponse finistère") == []
    [(title, url)] = found(gironde, "gironde")
    assert (title, "/superset/dashboard/territoire/?native_filters=" in url) == ("Gironde", True)


def test_a_reserved_dashboard_is_found_by_whom_it_is_for(visit):
    address = "/superset/dashboard/verbatims/"
    assert [url for _, url in found(visit("analyste"), "verbatims") if url.endswith(address)]
    assert not [url for _, url in found(visit("national"), "verbatims") if url.endswith(address)]
    assert [url for _, url in found(visit("Admin"), "audit") if url.endswith("/superset/dashboard/audit/")]


def test_topics_and_definitions_are_found(visit):
    assert ("Hameçonnage", "/themes/hameconnage") in found(visit("national"), "hameçonnage")
    assert ("Ce que l'indicateur mesure, en une phrase.", "") in found(visit("national"), "mesure phrase")


@pytest.mark.parametrize("query", ["", "   ", "«»…", "licorne", "x" * 5_000, "' or 1=1 --", "%", "\x00"])
def test_where_nothing_is_found_it_says_what_there_is(visit, query):
    answer = visit("national").get("/chercher", query_params={"q": query})
    assert answer.status_code == 200
    assert "3 indicateurs" in answer.text
    assert "Vous pouvez chercher" in answer.text
    assert ("Rien de ce que votre rôle peut lire" in answer.text) == bool(query.strip())


def test_what_was_asked_is_shown_and_never_run(visit):
    answer = visit("national").get("/chercher", query_params={"q": "<script>alert(1)</script>"})
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text


def test_the_field_stands_in_the_header_of_a_page(visit):
    assert re.search(
        r'<form class="fr-search-bar" role="search" action="/chercher">', visit("national").get("/connecte").text
    )
