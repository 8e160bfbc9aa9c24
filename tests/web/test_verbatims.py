"""The page of texts: who opens it, what it finds, and that it shows no more than a right grants."""

from http import HTTPStatus

import pytest

from tests.handmade import write_copy
from web.pages import verbatims

#: Weights by hand: of `plainte` 2, of `refus` 3; text d holds markup.
COPY = """
    create schema perception; create schema reference;
    create table perception.fct_verbatim as select * from (values
        ('a', 'partoo', 'Brigade', 'FR-33', date '2026-09-02', 'On a refusé ma plainte.'),
        ('b', 'partoo', 'Brigade', 'FR-29', date '2026-09-03', 'Plainte prise, merci.'),
        ('c', 'jdma', null, 'FR-33', date '2026-11-04', 'Des refus, des refus ! [NOM]'),
        ('d', 'jdma', null, 'FR-29', date '2026-11-05', '<script>alert(1)</script> & plaintes')
    ) as t (verbatim_id, platform, service_name, territory_code, written_on, text);
    create table perception.fct_verbatim_feeling as select * from (values
        ('a', 'négatif'), ('b', 'positif'), ('c', 'négatif'), ('d', null)
    ) as t (verbatim_id, feeling);
    create table perception.fct_verbatim_theme as select * from (values
        ('a', 'refus_plainte', 'Dépôt de plainte et refus'), ('c', 'refus_plainte', 'Dépôt de plainte et refus'),
        ('b', 'accueil', 'Accueil en brigade'), ('d', 'autre', 'Autre')
    ) as t (verbatim_id, theme, theme_label);
    create table perception.fct_verbatim_term as select * from (values
        ('refus', 'a', 3.0), ('plaint', 'a', 2.0), ('plaint', 'b', 2.0), ('refus', 'c', 6.0), ('plaint', 'd', 2.0)
    ) as t (term, verbatim_id, weight);
    create table reference.dim_territory as select * from (values
        ('FR-33', 'Gironde', 'departement'), ('FR-29', 'Finistère', 'departement'), ('FR', 'France', 'nation')
    ) as t (territory_code, territory_name, territory_level);
"""


@pytest.fixture
def ask(home, visit):
    write_copy(home, COPY)

    def asked(*roles: str, **query: str) -> str:
        answer = visit(*(roles or ("analyste",))).get("/textes", query)
        assert answer.status_code == HTTPStatus.OK
        assert answer["Cache-Control"] == "no-store"
        return " ".join(answer.content.decode().split()).replace("&#x27;", "'")

    return asked


def dates(shown: str) -> list[str]:
    """Return the days of the texts of a page, in its order."""
    return [part[:10] for part in shown.split('fr-mb-1v">')[1:]]


@pytest.mark.parametrize(
    ("roles", "status"),
    [
        (("analyste",), HTTPStatus.OK),
        (("auditeur",), HTTPStatus.OK),
        (("administrateur",), HTTPStatus.OK),
        (("Admin",), HTTPStatus.OK),
        (("national",), HTTPStatus.FORBIDDEN),
        (("veille",), HTTPStatus.FORBIDDEN),
        (("prevention",), HTTPStatus.FORBIDDEN),
        (("ingenieur",), HTTPStatus.FORBIDDEN),
        (("departement-FR-33",), HTTPStatus.FORBIDDEN),
        (("Gamma",), HTTPStatus.FORBIDDEN),
    ],
)
def test_texts_are_for_those_who_may_read_them(home, visit, roles, status):
    write_copy(home, COPY)
    browser = visit(*roles)
    assert browser.get("/textes").status_code == status
    menu = browser.get("/").content.decode()
    assert ('href="/textes"' in menu) is (status == HTTPStatus.OK)
    assert browser.post("/textes").status_code == HTTPStatus.METHOD_NOT_ALLOWED


def test_the_best_come_first_and_words_are_marked(ask):
    shown = ask(q="refus plainte")
    assert dates(shown) == ["04/11/2026", "02/09/2026", "05/11/2026", "03/09/2026"], "6, 5, then 2 and 2: the later one"
    assert "On a <mark>refusé</mark> ma <mark>plainte</mark>." in shown
    assert "4 textes" in shown


def test_without_words_the_latest_come_first(ask):
    assert dates(ask()) == ["05/11/2026", "04/11/2026", "03/09/2026", "02/09/2026"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"platform": "jdma"}, ["05/11/2026", "04/11/2026"]),
        ({"territory": "FR-33"}, ["04/11/2026", "02/09/2026"]),
        ({"theme": "refus_plainte", "feeling": "négatif"}, ["04/11/2026", "02/09/2026"]),
        ({"since": "2026-09-03", "until": "2026-11-04"}, ["04/11/2026", "03/09/2026"]),
        ({"q": "plainte", "territory": "FR-29", "until": "2026-10-01"}, ["03/09/2026"]),
    ],
)
def test_filters_narrow(ask, query, expected):
    assert dates(ask(**query)) == expected


def test_a_territory_restricts_what_is_found_and_what_is_offered(ask):
    shown = ask("analyste", "departement-FR-33", q="plainte")
    assert dates(shown) == ["02/09/2026"]
    assert "Finistère" not in shown


def test_the_course_of_a_theme_counts_its_texts_by_month(ask):
    shown = ask(theme="refus_plainte")
    assert "Textes par mois, thème « Dépôt de plainte et refus »" in shown
    for row in ("09/2026</th><td>1<", "10/2026</th><td>0<", "11/2026</th><td>1<"):
        assert row in shown


def test_markup_of_a_text_stays_text(ask):
    shown = ask(q="plaintes")
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; <mark>plaintes</mark>" in shown


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"q": "x" * 10_000}, "au plus 300 caractères"),
        ({"q": "'; drop table perception.fct_verbatim; --"}, "Aucun texte ne correspond"),
        ({"q": "<img src=x onerror=alert(1)>"}, "La recherche ne contient aucun mot"),
        ({"q": "?!"}, "La recherche ne contient aucun mot"),
        ({"q": "introuvable"}, "Aucun texte ne correspond"),
        ({"q": "\x00"}, "pas faite"),
        ({"platform": "x' or 1=1"}, "pas faite"),
        ({"territory": "FR-99"}, "pas faite"),
        ({"since": "2026-02-30"}, "pas faite"),
        ({"since": "2026-02-02", "until": "2026-02-01"}, "Cette date précède le début"),
    ],
)
def test_whatever_is_asked_is_answered_in_words(ask, query, said):
    shown = ask(**query).replace("n'a pas été faite", "pas faite")
    assert said in shown
    assert "onerror=alert(1)>" not in shown.replace("&lt;img src=x onerror=alert(1)&gt;", "")
    assert "Traceback" not in shown
    assert "4 textes" in ask(), "nothing was changed"


def test_texts_are_paged(ask, monkeypatch):
    monkeypatch.setattr(verbatims, "TEXTS_A_PAGE", 3)
    assert dates(ask(q="refus plainte")) == ["04/11/2026", "02/09/2026", "05/11/2026"]
    second = ask(q="refus plainte", page="2")
    assert dates(second) == ["03/09/2026"]
    assert "q=refus+plainte" in second, "the links keep the search"
    assert dates(ask(q="refus plainte", page="99")) == ["03/09/2026"]
    assert dates(ask(page="x")) == ["05/11/2026", "04/11/2026", "03/09/2026"]
