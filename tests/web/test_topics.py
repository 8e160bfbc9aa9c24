"""Topics on the pages: tried before they are saved, decided once, by whoever acts on all of France; history is kept."""

import html
from http import HTTPStatus
from uuid import uuid4

import duckdb
import pytest

from analytics.signals.topics import Topic
from operations import topics, verdicts
from operations.acts import Author
from tests.analytics.signalling import other
from tests.web.conftest import ROLES
from tests.web.crisis_copies import publish_mentions

OFFICER = Author("veille")
PHONE = "06 12 34 56 78"


@pytest.fixture
def mentions(home) -> None:
    publish_mentions(home)


def text(answer) -> str:
    return html.unescape(answer.content.decode())


def form(**changes: object) -> dict[str, object]:
    return {
        "label": "Crue de l'Iton",
        "query": "crue",
        "kind": "climatique",
        "form_id": str(uuid4()),
        "seen": 0,
    } | changes


def codes() -> set[str]:
    return {topic.code for topic in topics.watched()}


def test_all_topics_are_listed_the_ended_too(visit) -> None:
    topics.add(Topic("avalanche", "Avalanches", "avalanche", "climatique", "team:veille"), OFFICER)
    topics.end("avalanche", OFFICER)
    page = text(visit("national").get("/themes"))
    watched, _, ended = page.partition(">Arrêtés<")
    assert "Avalanches" in ended
    assert "Hameçonnage" in watched
    assert "Ajouter un thème" not in page


def test_three_alerts_dismissed_in_a_row_propose_a_narrower_query(home, visit) -> None:
    topics.add(Topic("iton", "Crue de l'Iton", "crue", "climatique", "team:veille"), OFFICER)
    alerts = [other(number, topic_code="iton", terms=(f"mot{number}", "gironde")) for number in range(4)]
    publish_mentions(home, alerts)
    officer = visit("veille")

    def judge(number: int, verdict: str) -> str:
        verdicts.record(alerts[number], verdict, OFFICER, "un jeu")
        return text(officer.get("/themes/iton"))

    assert "écartées" not in judge(0, "écarté")
    assert "écartées" not in judge(1, "écarté")
    page = judge(2, "écarté")
    assert "Ses trois dernières alertes jugées ont été écartées" in page
    assert "<code>crue -gironde</code>" in page
    assert "Sur les sept derniers jours, 1 mention sur 3." in page
    assert "Ses trois dernières" not in judge(3, "confirmé")


@pytest.mark.usefixtures("mentions")
def test_a_topic_is_tried_on_what_the_role_reads_before_it_is_saved(visit) -> None:
    tried = text(visit("veille").post("/themes/nouveau", form(apercu="1")))
    assert "3 mentions trouvées sur 10 lues" in tried
    assert "<li>La crue monte</li>" in tried
    assert "crue_de_l_iton" not in codes()


@pytest.mark.usefixtures("mentions")
def test_examples_are_for_roles_whose_right_grants_texts(visit, monkeypatch) -> None:
    monkeypatch.setitem(ROLES["roles"]["national"], "permissions", ["affichage", "lecture", "veille"])
    tried = text(visit("national").post("/themes/nouveau", form(apercu="1")))
    assert "3 mentions trouvées sur 10 lues" in tried
    assert "n'ouvre pas les textes" in tried
    assert "La crue monte" not in tried


@pytest.mark.usefixtures("mentions")
def test_who_acts_on_a_territory_only_decides_on_no_topic(visit) -> None:
    for roles in (["national"], ["auditeur"], ["departement-FR-27"], ["veille", "departement-FR-27"]):
        client = visit(*roles)
        assert client.get("/themes/hameconnage").status_code == HTTPStatus.OK
        assert "Enregistrer" not in text(client.get("/themes/hameconnage"))
        for path in ("/themes/nouveau", "/themes/hameconnage", "/themes/hameconnage/arreter"):
            assert client.post(path, form()).status_code == HTTPStatus.FORBIDDEN
        for path in ("/themes/nouveau", "/themes/hameconnage/arreter"):
            assert client.get(path).status_code == HTTPStatus.FORBIDDEN


def test_a_topic_is_added_changed_ended_and_watched_again_and_its_history_says_by_whom(visit) -> None:
    client, path = visit("veille"), "/themes/crue_de_l_iton"
    added = form()
    for _ in range(2):
        answer = client.post("/themes/nouveau", added)
        assert answer["Location"] == f"{path}?dit=ajoute", "a double click adds it once"
    assert "est ajouté" in text(client.get(answer["Location"]))
    changed = form(query="crue inond*", platforms=["listening"], seen=1)
    for _ in range(2):
        assert client.post(path, changed).status_code == HTTPStatus.SEE_OTHER
    [topic] = [one for one in topics.watched() if one.code == "crue_de_l_iton"]
    assert (topic.label, topic.query, topic.platforms) == ("Crue de l'Iton", "crue inond*", ("listening",))
    assert client.post(f"{path}/arreter", {"form_id": str(uuid4()), "seen": 2}).status_code == HTTPStatus.SEE_OTHER
    assert "crue_de_l_iton" not in codes()
    assert client.post(path, form(seen=3)).status_code == HTTPStatus.SEE_OTHER
    assert "crue_de_l_iton" in codes()
    done = topics.history("crue_de_l_iton")
    assert [one.kind for one in done] == ["thème ajouté", "thème modifié", "thème arrêté", "thème ajouté"]
    assert {(one.role, str(one.account)[:2]) for one in done} == {("veille", "c_")}
    page = text(client.get(path))
    assert "requête : « crue » → « crue inond* »" in page


@pytest.mark.usefixtures("mentions")
@pytest.mark.parametrize(("query", "said"), [("volcan", "ne trouve rien"), ("crue journee", "trouve presque tout")])
def test_what_finds_nothing_or_nearly_everything_is_saved_only_by_who_says_so(visit, home, query, said) -> None:
    with duckdb.connect(str((home.published / "live/current/live_serving.duckdb").resolve())) as live:
        live.execute("delete from visibility.live_mention where territory_code = 'FR-33'")
    client = visit("veille")
    warned = client.post("/themes/nouveau", form(query=query))
    assert warned.status_code == HTTPStatus.OK
    assert said in text(warned)
    assert "crue_de_l_iton" not in codes()
    assert client.post("/themes/nouveau", form(query=query, anyway="on")).status_code == HTTPStatus.SEE_OTHER
    assert "crue_de_l_iton" in codes()


def test_what_somebody_else_decided_meanwhile_is_said_and_nothing_is_lost(visit) -> None:
    client, path = visit("veille"), "/themes/crue"
    topics.add(Topic("crue", "Crue", "crue", "climatique", "team:veille"), OFFICER)
    topics.change(Topic("crue", "Crue", "crue inond*", "climatique", "team:veille"), Author("national"))
    late = client.post(path, form(label="Crue", query="crue fleuve", seen=1))
    assert late.status_code == HTTPStatus.CONFLICT
    assert "le rôle « Échelon national » a décidé : thème modifié (requête : « crue » → « crue inond* »)" in text(late)
    assert "crue fleuve" in text(late)
    assert topics.find("crue").query == "crue inond*"
    ended = client.post(f"{path}/arreter", {"form_id": str(uuid4()), "seen": 1})
    assert ended.status_code == HTTPStatus.CONFLICT
    assert "crue" in codes()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"query": '"crue'}, "un guillemet n'est pas refermé"),
        ({"query": "-crue"}, "ne trouve rien"),
        ({"query": ""}, "Ce champ est obligatoire"),
        ({"query": f"crue {PHONE}"}, "ne suit pas une personne"),
        ({"label": f"Appels au {PHONE}"}, "ne suit pas une personne"),
        ({"label": "Hameconnage"}, "livré avec le projet"),
        ({"kind": "rien"}, "Sélectionnez un choix valide"),
        ({"platforms": ["minitel"]}, "Sélectionnez un choix valide"),
    ],
)
def test_what_is_wrong_is_said_in_words_and_stays_in_the_form(visit, wrong, said) -> None:
    client = visit("veille")
    before = codes()
    for path in ("/themes/nouveau", "/themes/nouveau"):
        answer = client.post(path, form(**wrong))
        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert said in text(answer)
    assert codes() == before


def test_an_unknown_topic_lists_those_that_there_are(visit) -> None:
    answer = visit("national").get("/themes/volcan")
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "hameconnage" in text(answer)
