"""Veille: what each role sees of signals and may decide on them, and that no decision is lost or doubled."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import connections

from core.settings import CHECKOUT
from operations import acts, verdicts
from privacy import pseudonymise_account
from tests.web.watching import alarm, closed, now, publish_watch, signal

GIRONDE, REGION, NATION, EURE = "0000000000000001", "0000000000000002", "0000000000000003", "0000000000000004"
TOUCHED = (alarm("FR-NAQ", "Nouvelle-Aquitaine", 9), alarm("FR-40", "Landes", 9))
SIGNALS = (
    signal(1),
    signal(2, "FR-NAQ", "Nouvelle-Aquitaine", 4, evidence=TOUCHED),
    signal(3, "FR", "France entière", 2),
    signal(4, "FR-27", "Eure", 1),
)


WATCHED = signal(7, "FR-27", "Eure", 2, status="watch")


@pytest.fixture
def watch(home):
    publish_watch(home, SIGNALS)
    return home


def text(answer) -> str:
    """Return a page with plain spaces in place of those that no line breaks at."""
    return answer.content.decode().replace("\u00a0", " ")


def shown(answer) -> list[str]:
    """Return the identifiers of the signals that a page lists, in its order."""
    return re.findall(r'id="signal-(\w+)"', text(answer))


def form(answer, **typed: str) -> dict[str, str]:
    """Return what the form of a page sends with what somebody types."""
    hidden = dict(re.findall(r'name="(form_id|after)" value="([^"]*)"', text(answer)))
    return {**hidden, **typed}


# ---- the list


def test_the_gravest_stands_first_and_what_was_closed_lately_below(home, visit):
    publish_watch(home, [*SIGNALS, closed(5), closed(6, closed_at=now() - timedelta(days=8))])
    answer = visit("veille").get("/veille")
    assert shown(answer) == [REGION, GIRONDE, NATION, EURE, "0000000000000005"]
    assert "4 alertes, la plus grave : Crue – Nouvelle-Aquitaine, gravité critique." in text(answer)
    assert text(answer).index("Calmés ces sept derniers jours") < text(answer).index("signal-0000000000000005")
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (("national",), [REGION, GIRONDE, NATION, EURE]),
        (("auditeur",), [REGION, GIRONDE, NATION, EURE]),
        (("departement-FR-33",), [GIRONDE, NATION]),
        (("veille", "departement-FR-33"), [GIRONDE, NATION]),
        (("region-FR-NAQ",), [REGION, GIRONDE, NATION]),
    ],
)
@pytest.mark.usefixtures("watch")
def test_a_role_sees_the_signals_of_its_territories_and_the_nation(visit, roles, expected):
    assert shown(visit(*roles).get("/veille")) == expected


@pytest.mark.usefixtures("watch")
def test_who_has_no_role_of_the_project_sees_no_signal(visit):
    for path in ("/veille", f"/veille/{GIRONDE}"):
        assert visit("Gamma").get(path).status_code == HTTPStatus.FORBIDDEN


def test_what_is_only_watched_stands_apart_and_is_no_alert(home, visit):
    publish_watch(home, [WATCHED])
    said = text(visit("veille").get("/veille"))
    assert "Aucune alerte ; à surveiller : 1." in said
    assert said.index('<h2 class="fr-h4 fr-mt-4w">À surveiller</h2>') < said.index("signal-0000000000000007")
    assert ">Alertes<" not in said
    publish_watch(home, [*SIGNALS, WATCHED], build="2")
    assert "4 alertes, la plus grave" in text(visit("veille").get("/veille"))


def test_a_calm_night_is_said_in_one_sentence_with_the_course_of_the_last_days(home, visit):
    publish_watch(home, [])
    answer = text(visit("national").get("/veille"))
    assert "Rien ne sort de l&#x27;ordinaire : aucune alerte." in answer
    assert "sept derniers jours : France entière" in answer
    assert "en retard" not in answer


def test_an_empty_list_says_nothing_of_the_present_where_the_live_data_are_late(home, visit):
    publish_watch(home, [], loaded_at=datetime.now(UTC) - timedelta(minutes=31))
    answer = text(visit("national").get("/veille"))
    assert "Le flux en direct est en retard : Veille" in answer
    assert "Nos chargements n'aboutissent plus" in answer, "a silence is then not that of the source"
    assert "Rien ne sort de" not in answer


def test_before_the_first_live_copy_the_page_says_so(home, visit):
    publish_watch(home, [])
    (home.published / "live" / "current").unlink()
    assert "Le flux en direct n&#x27;a encore rien publié." in text(visit("national").get("/veille"))


@pytest.mark.usefixtures("home")
def test_before_the_first_publication_the_page_says_so(visit):
    answer = visit("national").get("/veille")
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "Rien n&#x27;est encore publié" in text(answer)


def test_a_page_that_asks_again_gets_what_has_changed_and_nothing_else(watch, visit):
    visitor = visit("national")
    seen = re.findall(r'name="vu" value="(\w+)"', text(visitor.get("/veille")))[0]
    again = {"headers": {"HX-Request": "true"}}
    assert visitor.get(f"/veille?vu={seen}", **again).status_code == HTTPStatus.NO_CONTENT
    publish_watch(watch, SIGNALS[:1], "2")
    changed = visitor.get(f"/veille?vu={seen}", **again)
    assert shown(changed) == [GIRONDE]
    assert "<html" not in text(changed)
    assert '<div hx-swap-oob="innerHTML:#etat">1 alerte, la plus grave' in text(changed)
    same = visitor.get("/veille", {"dit": "1 alerte, la plus grave\u00a0: Crue – Gironde, gravité élevée."}, **again)
    assert shown(same) == [GIRONDE]
    assert "hx-swap-oob" not in text(same), "what was said is not announced again"


# ---- one signal


@pytest.mark.usefixtures("watch")
def test_a_signal_is_told_in_the_words_of_its_alert(visit):
    page = text(visit("national").get(f"/veille/{GIRONDE}"))
    for expected in (
        "Crue – Gironde : hausse soudaine",
        "99\u202f% : 42 observés pour 2,4 attendus (seuil 9 ; référence : 28 jours)",
        "<dd>élevée, 67 points sur 100",
        "Mots nouveaux : iton, évacuation.",
        "la &lt;départementale&gt; est fermée",
        "presse-evreux.example : 12 mentions",
        "<li>Nouvelle-Aquitaine : Gironde</li>",
    ):
        assert expected in page, expected


@pytest.mark.usefixtures("watch")
def test_no_label_of_the_chart_is_cut_at_the_size_of_letters_of_a_phone(visit):
    styles = (CHECKOUT / "web/static/web/pages.css").read_text("utf-8")
    largest = max(int(size) for size in re.findall(r"\.chart text {[^}]*font-size: (\d+)px", styles))
    tops = [float(y) for y in re.findall(r'<text [^>]*y="([\d.]+)"', text(visit("national").get("/veille")))]
    assert tops
    assert min(tops) >= 0.8 * largest, "digits are less high than four fifths of their size"


def test_territories_concerned_are_those_that_one_acts_on(home, visit):
    of_nation = signal(1, evidence=(alarm("FR-33", "Gironde", 42.0), alarm("FR", "France entière", 42.0)))
    publish_watch(home, [of_nation])
    for role, expected in (("departement-FR-33", "<ul><li>Gironde</li></ul>"), ("national", "<li>France entière</li>")):
        after = text(visit(role).get(f"/veille/{GIRONDE}")).partition('id="lieux-titre"')[2]
        assert expected in after.partition("</section>")[0]


@pytest.mark.usefixtures("watch")
def test_official_alerts_of_its_place_and_time_stand_around_a_signal(visit):
    page = text(visit("national").get(f"/veille/{GIRONDE}"))
    assert "Vigicrues, Gironde : crues, orange" in page
    for other in ("Rien", "Tempête", "Passée"):
        assert other not in page, "green, of another territory, or over before"


@pytest.mark.usefixtures("watch")
def test_a_course_and_what_was_expected_are_those_of_the_territory_of_the_signal_or_none(visit):
    of_region = text(visit("national").get(f"/veille/{REGION}"))
    assert "sept derniers jours : Nouvelle-Aquitaine" in of_region
    assert of_region.count('class="here"') == 1, "the hour of the alarms is marked"
    for role in ("national", "departement-FR-33"):
        of_departement = text(visit(role).get(f"/veille/{GIRONDE}"))
        assert "Le cours heure par heure n'est pas publié pour ce territoire" in of_departement
        assert "sept derniers jours" not in of_departement, "nothing of the region or the nation stands for it"


def test_without_hours_the_page_says_so(home, visit):
    publish_watch(home, SIGNALS, band=False)
    assert "Le cours heure par heure n'est pas publié" in text(visit("national").get(f"/veille/{GIRONDE}"))


@pytest.mark.usefixtures("watch")
def test_an_address_of_no_signal_lists_those_that_are_open(visit):
    answer = visit("departement-FR-33").get(f"/veille/{EURE}")
    assert answer.status_code == HTTPStatus.NOT_FOUND, "another territory's signal is not even said to exist"
    assert "Crue – Gironde, Crue – France entière" in text(answer)
    assert "Eure" not in text(answer)


# ---- verdicts


@pytest.mark.parametrize(
    ("roles", "signal_id", "expected"),
    [
        (("veille",), GIRONDE, HTTPStatus.FOUND),
        (("veille",), NATION, HTTPStatus.FOUND),
        (("Admin",), NATION, HTTPStatus.FOUND),
        (("veille", "departement-FR-33"), GIRONDE, HTTPStatus.FOUND),
        (("veille", "departement-FR-33"), NATION, HTTPStatus.FORBIDDEN),
        (("veille", "departement-FR-33"), EURE, HTTPStatus.NOT_FOUND),
        (("veille", "region-FR-NAQ"), REGION, HTTPStatus.FOUND),
        (("departement-FR-33",), GIRONDE, HTTPStatus.FORBIDDEN),
        (("national",), GIRONDE, HTTPStatus.FORBIDDEN),
        (("auditeur",), GIRONDE, HTTPStatus.FORBIDDEN),
        (("prevention",), GIRONDE, HTTPStatus.FORBIDDEN),
        (("Gamma",), GIRONDE, HTTPStatus.FORBIDDEN),
    ],
)
@pytest.mark.usefixtures("watch")
def test_who_watches_judges_the_signals_of_the_territories_that_he_acts_on(visit, roles, signal_id, expected):
    answer = visit(*roles).post(f"/veille/{signal_id}", {"verdict": "vu", "form_id": str(uuid4())})
    assert answer.status_code == expected
    assert bool(verdicts.given()) is (expected == HTTPStatus.FOUND)


@pytest.mark.parametrize(
    ("roles", "signal_id", "is_offered"),
    [(("veille",), NATION, True), (("veille", "departement-FR-33"), NATION, False), (("national",), GIRONDE, False)],
)
@pytest.mark.usefixtures("watch")
def test_the_form_is_shown_to_who_may_send_it(visit, roles, signal_id, is_offered):
    page = text(visit(*roles).get(f"/veille/{signal_id}"))
    assert ('name="verdict"' in page) is is_offered
    assert (f"/crises/nouvelle?signal={signal_id}" in page) is is_offered
    assert ("ne juge pas les signaux" in page) is not is_offered


@pytest.mark.usefixtures("watch")
def test_a_verdict_is_recorded_with_role_and_pseudonym_and_said_to_be(visit):
    visitor = visit("veille", name="capitaine")
    sent = form(visitor.get(f"/veille/{GIRONDE}"), verdict="confirmé", note="Vu par la brigade, joindre a.b@c.example")
    answer = visitor.post(f"/veille/{GIRONDE}", sent, follow=True)
    page = text(answer)
    assert "Verdict enregistré : confirmé" in page
    assert "elle a été caviardée" in page
    assert "a.b@c.example" not in page
    [given] = verdicts.given(GIRONDE)
    assert (given.verdict, given.author_role, given.territory_code) == ("confirmé", "veille", "FR-33")
    [done] = acts.on("signal", GIRONDE)
    assert (done.role, done.account) == ("veille", pseudonymise_account("capitaine"))
    assert "confirmé · Cellule de veille" in text(visitor.get("/veille"))


@pytest.mark.parametrize(("typed", "said"), [({"verdict": "écarté", "note": " "}, "demande un motif"), ({}, "verdict")])
@pytest.mark.usefixtures("watch")
def test_what_is_refused_stays_typed_and_writes_nothing(visit, typed, said):
    visitor = visit("veille")
    answer = visitor.post(f"/veille/{GIRONDE}", form(visitor.get(f"/veille/{GIRONDE}"), **typed))
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert said in text(answer)
    assert verdicts.given() == []


@pytest.mark.usefixtures("watch")
def test_the_second_one_sees_what_the_first_decided_and_keeps_what_he_typed(visit):
    first, second = visit("veille", name="une"), visit("veille", name="autre")
    of_first, of_second = (visitor.get(f"/veille/{GIRONDE}") for visitor in (first, second))
    first.post(f"/veille/{GIRONDE}", form(of_first, verdict="confirmé"))
    answer = second.post(f"/veille/{GIRONDE}", form(of_second, verdict="écarté", note="Une <répétition> d'exercice"))
    assert answer.status_code == HTTPStatus.CONFLICT
    assert "le rôle « Cellule de veille » a rendu le verdict « confirmé »" in text(answer)
    assert "Une &lt;répétition&gt; d&#x27;exercice</textarea>" in text(answer)
    assert [given.verdict for given in verdicts.given()] == ["confirmé"]
    second.post(f"/veille/{GIRONDE}", form(answer, verdict="écarté", note="Une répétition d'exercice"))
    assert [given.verdict for given in verdicts.given()] == ["confirmé", "écarté"]


@pytest.mark.usefixtures("watch")
def test_of_twenty_who_decide_at_once_one_does_and_the_others_see_it(visit):
    people = [visit("veille", name=f"personne-{number}") for number in range(20)]
    sent = [(person, form(person.get(f"/veille/{GIRONDE}"), verdict="vu")) for person in people]

    def post(of_one):
        person, typed = of_one
        answer = person.post(f"/veille/{GIRONDE}", typed)
        connections.close_all()
        return answer

    with ThreadPoolExecutor(len(sent)) as pool:
        answers = list(pool.map(post, sent))
    assert Counter(answer.status_code for answer in answers) == {HTTPStatus.FOUND: 1, HTTPStatus.CONFLICT: 19}
    assert all(
        "a rendu le verdict « vu »" in text(answer) for answer in answers if answer.status_code != HTTPStatus.FOUND
    )
    assert len(verdicts.given()) == 1


@pytest.mark.usefixtures("watch")
def test_a_double_click_gives_one_verdict(visit):
    visitor = visit("veille")
    sent = form(visitor.get(f"/veille/{GIRONDE}"), verdict="vu")
    answers = [visitor.post(f"/veille/{GIRONDE}", sent) for _ in range(2)]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert len(verdicts.given()) == 1


@pytest.mark.usefixtures("watch")
def test_a_form_sent_after_the_session_has_ended_comes_back_whole(visit):
    visitor = visit("veille")
    sent = form(visitor.get(f"/veille/{GIRONDE}"), verdict="écarté", note="Exercice")
    del visitor.cookies["session"]
    typed = urlencode(sent)
    answer = visitor.post(f"/veille/{GIRONDE}", typed, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    for name, value in sent.items():
        assert f'name="{name}" value="{value}"' in text(answer)
