"""The home page: what is new since one's last visit, of one's own territory and no other."""

import re
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus

import duckdb
import pytest
from django.utils.html import escape

from ingestion.platforms import PLATFORMS
from tests.web.watching import now, publish_watch, signal
from web.pages.home import COOKIE, Visit

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

#: Monthly values, the latest last; changes of `steady` are 2 at most before the last one.
COURSES = {
    "surprising": [10, 12, 11, 13, 12, 11, 12, 7],  # the last change, 5, is above the six before it
    "steady": [10, 12, 11, 13, 12, 11, 12, 14],  # the last change, 2, is not
    "young": [10, 11, 10, 11, 10, 11, 99],  # five changes are too few to tell from
}
WHOLE = (("total", "total", "Ensemble"), 0)
#: The parts of each, with what they count more: the last one is what the home page shows.
PARTS = {
    "surprising": [(WHOLE[0], 900), (("scope", "gendarmerie", "Gendarmerie"), 0)],
    "steady": [WHOLE],
    "young": [WHOLE],
}


def months(count: int) -> list[date]:
    """Return the first days of so many months up to October 2026."""
    return [date(2026 - (rank >= 10), (9 - rank) % 12 + 1, 1) for rank in range(count)][::-1]


@pytest.fixture
def published(home):
    """A home with a signal, KPIs of the nation and Gironde, late sources and actions that have ended."""
    publish_watch(home, [signal(1), signal(2, "FR-27", "Eure", opened_at=now() - timedelta(days=30))])
    file = home.published / "daily" / "1" / "serving.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create schema kpi; create schema audit; create schema impact")
        connection.execute(
            "create table kpi.rpt_kpi (kpi_code varchar, kpi_label varchar, period_type varchar, period_start date,"
            " period_label varchar, territory_level varchar, territory_code varchar, territory_name varchar,"
            " breakdown_dimension varchar, breakdown_value varchar, breakdown_label varchar,"
            " value decimal(18, 6), previous_value decimal(18, 6), value_label varchar,"
            " previous_value_label varchar, is_headline boolean, is_complete boolean, is_latest boolean)"
        )
        for place, name in (("FR", "France entière"), ("FR-33", "Gironde")):
            for code, course in COURSES.items():
                starts = months(len(course))
                for start, value, before in zip(starts, course, [None, *course], strict=False):
                    label = f"{code} {name}"
                    head = [code, label, "month", start, f"{start:%Y-%m}", "level", place, name]
                    for part, more in PARTS[code]:
                        is_headline = not more
                        values = [*head, *part, value + more, before, str(value + more), str(before)]
                        values += [is_headline, True, start == starts[-1]]
                        connection.execute(f"insert into kpi.rpt_kpi values ({', '.join('?' * 18)})", values)
        connection.execute("alter table kpi.rpt_kpi add column is_small boolean default false")
        connection.execute(
            "create table audit.freshness as select * from (values"
            " ('brigade_numerique', 'Brigade', timestamp '2026-11-01 08:00', timestamp '2026-11-02 08:00', true),"
            " ('jdma', 'Équipe', timestamp '2026-11-01 08:00', timestamp '2999-01-01 00:00', false),"
            " ('partoo', 'Équipe', null, null, true)"
            ") as of(platform, owner_label, last_loaded_at, late_at, is_late)"
            ", (select cast(null as date) as data_as_of, cast(null as bigint) as rows)"
        )
        connection.execute(
            "create table audit.publication as"
            " select timestamp '2026-11-24 05:30' as published_at, date '2026-11-23' as data_as_of"
        )
        connection.execute(
            "create table impact.fct_action_effect (action_id varchar, action_type varchar, theme varchar,"
            " territory_code varchar, territory_name varchar, ended_on date, window_end date, window_is_over boolean,"
            " kpi_code varchar, kpi_label varchar, is_proposed boolean, sentence varchar, refusal varchar)"
        )
        today = datetime.now(UTC).date()
        for action, place, days, proposed, said in (
            ("A", "FR-33", 2, True, "Effet probable : baisse."),
            ("A", "FR-33", 2, False, "Autre indicateur."),
            ("B", "FR-27", 2, True, "Effet dans l'Eure."),
            ("C", "FR-33", 20, True, "Effet ancien."),
        ):
            day = today - timedelta(days=days)
            values = [action, "Article", "Fraudes", place, place, day, day, True, f"k{not proposed}", "Pré-plaintes"]
            connection.execute(
                f"insert into impact.fct_action_effect values ({', '.join('?' * 13)})", [*values, proposed, said, None]
            )
    return home


def shown(visitor) -> str:
    answer = visitor.get("/")
    assert answer.status_code == HTTPStatus.OK
    return answer.content.decode().replace("\u00a0", " ")


@pytest.mark.usefixtures("published")
def test_a_territory_sees_what_is_new_of_its_own(visit):
    page = shown(visit("departement-FR-33"))
    assert "Crue – Gironde" in page
    assert "surprising Gironde (Gendarmerie) – Gironde" in page, "the part that is counted is named"
    assert "Effet probable : baisse." in page
    for link in (
        "/veille/0000000000000001",
        "/chiffre/surprising/2026-10/FR-33?ventilation=scope%3Dgendarmerie",
        "/sources/brigade_numerique",
        "/actions/A",
    ):
        assert f'href="{link}"' in page, link
    for other in ("Eure", "surprising France", "Effet ancien", "Autre indicateur"):
        assert other not in page, other


@pytest.mark.usefixtures("published")
def test_who_sees_the_nation_sees_all_signals_and_the_figures_of_the_nation(visit):
    page = shown(visit("national"))
    assert page.index("Crue – Gironde") < page.index("Crue – Eure")
    assert page.count(">Nouveau<") == 1, "the other one was open a month ago"
    assert "surprising France entière" in page
    assert "surprising Gironde" not in page
    assert "Effet dans l&#x27;Eure." in page


@pytest.mark.usefixtures("published")
def test_a_figure_has_moved_that_has_changed_more_than_in_the_months_before(visit):
    page = shown(visit("national"))
    assert "12 → <strong>7</strong> en 2026-10, plus forte baisse en 6 mois" in page
    for usual in ("steady", "young"):
        assert usual not in page, usual


@pytest.mark.usefixtures("published")
def test_late_sources_and_the_last_publication_are_said(visit):
    page = shown(visit("departement-FR-33"))
    titles = {platform.name: escape(platform.title) for platform in PLATFORMS}
    assert f">{titles['brigade_numerique']}</a> (Brigade) : dernier chargement le 01/11/2026 à 09 h 00" in page
    assert f">{titles['partoo']}</a> (Équipe) : jamais chargée" in page
    assert f">{titles['jdma']}</a>" not in page
    assert "Dernière publication le 24/11/2026 à 06 h 30" in page


def test_an_empty_list_of_signals_says_nothing_of_the_present_where_the_live_data_are_late(home, visit):
    publish_watch(home, [], loaded_at=datetime.now(UTC) - timedelta(minutes=31))
    page = shown(visit("national"))
    assert "Le flux en direct est en retard : Veille" in page
    assert "Aucune alerte." not in page


def test_a_copy_that_lacks_a_table_leaves_its_part_empty(home, visit):
    publish_watch(home, [])
    page = shown(visit("national"))
    assert "Aucune alerte." in page
    assert "Aucun chiffre n'a varié plus que d'habitude" in page


@pytest.mark.usefixtures("home")
def test_before_the_first_publication_the_page_says_so(visit):
    assert "Rien n'est encore publié." in shown(visit("national"))


# ---- visits


@pytest.mark.parametrize(
    ("cookie", "since", "why"),
    [
        (None, None, "a first visit"),
        ("", None, "an empty cookie"),
        ("abc.def", None, "not ours"),
        ("1.2.3", None, "not ours"),
        (".99999999999999999999", None, "beyond any date"),
        (f".{int(NOON.timestamp()) + 60}", None, "of the future"),
        (f".{int(NOON.timestamp()) - 60}", None, "still the first visit"),
        (f".{int(NOON.timestamp()) - 3600}", NOON - timedelta(hours=1), "the second visit"),
        (f"{int(NOON.timestamp()) - 7200}.{int(NOON.timestamp()) - 60}", NOON - timedelta(hours=2), "the same visit"),
        (f"{int(NOON.timestamp()) - 7200}.{int(NOON.timestamp()) - 3600}", NOON - timedelta(hours=1), "the next one"),
    ],
)
def test_a_visit_is_told_from_the_one_before(cookie, since, why):
    visit = Visit.of(cookie, NOON)
    assert (visit.since, visit.seen) == (since, NOON), why
    assert Visit.of(visit.cookie, NOON + timedelta(minutes=5)).since == since, "coming back at once forgets nothing"


@pytest.mark.usefixtures("published")
def test_the_browser_keeps_when_it_was_here_and_the_server_does_not(visit):
    visitor = visit("national")
    assert "nouveau depuis sept jours" in shown(visitor)
    kept = visitor.cookies[COOKIE]
    assert kept["httponly"]
    assert kept["samesite"] == "Lax"
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    visitor.cookies[COOKIE] = f".{int(hour_ago.timestamp())}"
    page = shown(visitor)
    assert "depuis votre dernière visite, le" in page
    assert ">Nouveau<" not in page, "both signals were open already"


@pytest.mark.parametrize("path", ["/crises/nouvelle", "/themes/nouveau", "/mes-alertes/nouveau"])
def test_several_are_chosen_by_ticking_boxes_and_the_menu_leads_home(home, visit, path):
    publish_watch(home, [signal(1)])
    page = visit("Admin").get(path).content.decode()
    assert not re.search(r"<select[^>]* multiple", page)
    assert 'href="/">Accueil</a>' in page
