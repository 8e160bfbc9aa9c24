"""Crises on the pages: who sees which, a journal that many write, what is redacted, an end that another decides."""

import html
import re
import shutil
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from uuid import uuid4

import duckdb
import pytest
from django.db import connections

from analytics.signals.topics import Topic
from core import settings
from core.french import moment
from operations import acts, crises, topics
from operations.acts import Author
from operations.models import Crisis
from tests.analytics.signalling import FLOOD
from tests.web.crisis_copies import publish_beside
from tests.web.watching import publish_watch
from warehouse import published
from web.pages import beside_crisis
from web.pages import crises as crises_page
from web.reading import Reading

OFFICER = Author("veille")


@pytest.fixture(autouse=True)
def topic(home) -> None:  # noqa: ARG001 - a home of its own
    topics.add(Topic("crue", "Crue", "crue", "climatique", "team:veille"), OFFICER)


def opened(*territories: str, title: str = "Crue de l'Iton") -> Crisis:
    return crises.open_crisis(
        topics=["crue"], territories=territories, title=title, kind=None, owner="team:veille", author=OFFICER
    )


def line(note: str, **more: str) -> dict[str, str]:
    return {"note": note, "kind": "fait", "form_id": str(uuid4()), **more}


def text(answer) -> str:
    return answer.content.decode()


@pytest.mark.parametrize(
    ("roles", "seen"),
    [
        (["national"], {"Nation", "Gironde", "Eure", "Eure et Gironde"}),
        (["departement-FR-33"], {"Nation", "Gironde", "Eure et Gironde"}),
        (["veille", "departement-FR-27"], {"Nation", "Eure", "Eure et Gironde"}),
        (["region-FR-NAQ"], {"Nation", "Gironde", "Eure et Gironde"}),
        (["Admin"], {"Nation", "Gironde", "Eure", "Eure et Gironde"}),
    ],
)
def test_crises_of_other_territories_are_as_if_they_did_not_exist(visit, roles, seen) -> None:
    places = {"Nation": (), "Gironde": ("FR-33",), "Eure": ("FR-27",), "Eure et Gironde": ("FR-27", "FR-33")}
    made = {title: opened(*codes, title=title) for title, codes in places.items()}
    client = visit(*roles)
    listed = text(client.get("/crises"))
    for title, crisis in made.items():
        status = HTTPStatus.OK if title in seen else HTTPStatus.NOT_FOUND
        assert (f">{title}</a>" in listed) == (title in seen)
        for page in ("", "/journal", "/rapport"):
            assert client.get(f"/crises/{crisis.crisis_id}{page}").status_code == status


def test_a_crisis_is_opened_from_a_signal_on_ones_own_territories_only(visit) -> None:
    client = visit("veille", "departement-FR-27")
    form = text(client.get("/crises/nouvelle"))
    assert 'value="FR-27"' in form
    assert 'value="FR-33"' not in form
    assert 'value="FR"' not in form
    asked = {"title": "Crue", "topics": ["crue"], "form_id": str(uuid4())}
    assert client.post("/crises/nouvelle", asked | {"territories": ["FR-33"]}).status_code == HTTPStatus.BAD_REQUEST
    assert not crises.listed()
    answers = [client.post("/crises/nouvelle", asked | {"territories": ["FR-27"]}) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {HTTPStatus.SEE_OTHER}, "a double click"
    [made] = crises.listed()
    assert (made.title, made.topics, made.territories, made.kind) == ("Crue", ("crue",), ("FR-27",), "climatique")
    [act] = acts.on("crise", made.crisis_id)
    assert (act.kind, act.role) == ("crise ouverte", "departement-FR-27")
    assert act.account.startswith("c_")


def test_a_form_that_is_sent_again_with_another_content_says_so_and_keeps_it(visit) -> None:
    """Back, other words, and sent: not the first crisis again; sent once more it is a second one."""
    client, asked = visit("veille"), {"title": "Crue", "topics": ["crue"], "territories": ["FR-27"]}
    first = {**asked, "form_id": str(uuid4())}
    client.post("/crises/nouvelle", first)
    refused = client.post("/crises/nouvelle", {**first, "title": "Feu", "territories": ["FR-33"]})
    assert refused.status_code == HTTPStatus.BAD_REQUEST
    said = html.unescape(text(refused))
    assert "Ce formulaire a déjà servi, avec un autre contenu" in said
    assert 'value="Feu"' in said
    assert len(crises.listed()) == 1
    [fresh] = re.findall(r'name="form_id" value="([^"]+)"', said)
    client.post("/crises/nouvelle", {**asked, "title": "Feu", "territories": ["FR-33"], "form_id": fresh})
    assert {crisis.title for crisis in crises.listed()} == {"Crue", "Feu"}


def test_a_crisis_starts_from_what_a_signal_of_ones_territories_says(visit, home) -> None:
    publish_beside(home, [FLOOD])
    page = text(visit("veille").get(f"/crises/nouvelle?signal={FLOOD.signal_id}"))
    assert 'value="Crue – Eure"' in page
    for code in ("crue", "FR-27"):
        assert re.search(rf'<input type="checkbox"[^>]* value="{code}"[^>]* checked', page), code
    assert '<option value="climatique" selected>' in page
    elsewhere = text(visit("veille", "departement-FR-33").get(f"/crises/nouvelle?signal={FLOOD.signal_id}"))
    assert "Crue – Eure" not in elsewhere


def test_who_may_not_act_on_all_territories_of_a_crisis_reads_it_only(visit) -> None:
    crisis = opened("FR-27", "FR-33")
    path = f"/crises/{crisis.crisis_id}"
    for roles in (["national"], ["departement-FR-27"], ["veille", "departement-FR-27"]):
        client = visit(*roles)
        assert "Écrire au journal" not in text(client.get(path))
        for form in ("", "/clore", "/courbes", "/courbes/1/retirer", "/ecrans", "/ecrans/x/revoquer"):
            assert client.post(path + form, line("Pont fermé")).status_code == HTTPStatus.FORBIDDEN
    assert visit("veille", "departement-FR-75C").post(path, line("Pont fermé")).status_code == HTTPStatus.NOT_FOUND
    assert not crises.events(crisis)
    assert not crises.walls(crisis)
    assert crises.find(crisis.crisis_id).is_open
    both = visit("veille", "departement-FR-27", "departement-FR-33")
    assert both.post(path, line("Pont fermé")).status_code == HTTPStatus.SEE_OTHER


def test_a_line_is_written_once_redacted_and_dated(visit) -> None:
    crisis = opened()
    client, path = visit("veille"), f"/crises/{crisis.crisis_id}"
    asked = line("Joindre M. Jean Dupont au 06 12 34 56 78", kind="dit", at="2026-11-24T19:30")
    for _ in range(2):
        answer = client.post(path, asked)
        assert answer.status_code == HTTPStatus.SEE_OTHER
    [written] = crises.events(crisis)
    assert (written.kind, written.author_role) == ("dit", "veille")
    assert written.happened_at == datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
    assert "06 12" not in written.note
    address, _, anchor = client.post(path, line("Joindre le 06 12 34 56 78"))["Location"].partition("#")
    page = text(client.get(address))
    assert f'id="{anchor}" role="status"><p>Un nom ou une donnée personnelle a été caviardé' in page
    assert page.index("titre-journal") < page.index("a été caviardé") < page.index("Écrire au journal")
    assert "06 12" not in page


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"note": "  "}, "Ce champ est obligatoire"),
        ({"note": "x" * 2001}, "2000"),
        ({"kind": "rien"}, "Sélectionnez un choix valide"),
        ({"at": "2999-01-01T00:00"}, "à venir"),
        ({"form_id": "x"}, ""),
    ],
)
def test_a_wrong_line_is_said_and_what_was_typed_stays(visit, wrong, said) -> None:
    crisis = opened()
    answer = visit("veille").post(f"/crises/{crisis.crisis_id}", line("Pont fermé") | wrong)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert said in text(answer)
    assert wrong.get("note", "Pont fermé").strip() in text(answer)
    assert not crises.events(crisis)


def test_twenty_people_write_one_journal_and_no_line_is_lost(visit) -> None:
    crisis = opened()
    path, begun = f"/crises/{crisis.crisis_id}", threading.Barrier(20)
    answers: list[int] = []

    def write(person: int) -> None:
        client = visit("veille", name=f"personne-{person}")
        begun.wait()
        answers.extend(client.post(path, line(f"ligne {person}-{rank}")).status_code for rank in range(5))
        connections.close_all()

    writers = [threading.Thread(target=write, args=[person]) for person in range(20)]
    reader, shown = visit("national"), list[int]()
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        part = text(reader.get(f"{path}/journal?depuis={len(shown)}"))
        shown += [0] * part.count('class="journal-line"')
    for writer in writers:
        writer.join()
    shown += [0] * text(reader.get(f"{path}/journal?depuis={len(shown)}")).count('class="journal-line"')
    assert answers == [HTTPStatus.SEE_OTHER] * 100
    written = crises.events(crisis)
    assert {one.note for one in written} == {f"ligne {person}-{rank}" for person in range(20) for rank in range(5)}
    assert sorted(one.number for one in written) == list(range(1, 101))
    assert len(shown) == 100, "who asks for what is new meanwhile is given each line once"


def test_the_page_is_given_what_is_new_and_nothing_else(visit) -> None:
    crisis = opened()
    client, part = visit("national"), f"/crises/{crisis.crisis_id}/journal?depuis="
    crises.note(crisis.crisis_id, "Première", kind="fait", author=OFFICER)
    assert text(client.get(part + "1")) == ""
    crises.note(crisis.crisis_id, "<b>Deuxième</b>", kind="dit", author=OFFICER)
    new = text(client.get(part + "1"))
    assert "&lt;b&gt;Deuxième&lt;/b&gt;" in new
    assert "Première" not in new
    assert "depuis=2" in new
    assert "Première" in text(client.get(part + "x"))


def test_a_session_that_ends_meanwhile_leaves_the_page_as_it_is(visit) -> None:
    client = visit("national")
    del client.cookies["session"]
    answer = client.get(f"/crises/{opened().crisis_id}/journal?depuis=0", headers={"HX-Request": "true"})
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert "HX-Redirect" not in answer
    assert "Votre session a expiré" in text(answer)
    assert "<html" not in text(answer)


def test_a_crisis_closed_by_somebody_else_keeps_what_is_typed_and_says_who_and_when(visit) -> None:
    crisis = opened()
    path = f"/crises/{crisis.crisis_id}"
    first, second = visit("veille", name="un"), visit("veille", name="deux")
    assert "Clore la crise" in text(first.get(f"{path}/clore"))
    confirmed = {"form_id": str(uuid4())}
    for _ in range(2):
        assert first.post(f"{path}/clore", confirmed).status_code == HTTPStatus.SEE_OTHER, "a double click"
    late = second.post(path, line("Pont rouvert"))
    assert late.status_code == HTTPStatus.CONFLICT
    assert "Pont rouvert" in text(late)
    said = " ".join(text(late).split())
    assert re.search(r"Crise close le \d\d/\d\d/\d{4} à \d\d h \d\d par le rôle « Cellule de veille »", said)
    assert not crises.events(crisis)
    assert "close le" in text(second.get(f"{path}/journal?depuis=0"))
    again = second.post(f"{path}/clore", {"form_id": str(uuid4())})
    assert again.status_code == HTTPStatus.CONFLICT
    assert "par le rôle « Cellule de veille »" in text(again)
    assert (settings.home().crises / f"{crisis.crisis_id}.html").exists()


def test_a_title_with_a_name_is_redacted_and_that_is_said(visit) -> None:
    client = visit("veille")
    asked = {"title": "Appels au 06 12 34 56 78", "topics": ["crue"], "territories": ["FR"], "form_id": str(uuid4())}
    answer = client.post("/crises/nouvelle", asked)
    [made] = crises.listed()
    assert "06 12" not in made.title
    assert made.territories == (), "France is no list of territories"
    assert "a été caviardé" in text(client.get(answer["Location"]))


def test_a_crisis_that_is_open_already_is_not_opened_again(visit) -> None:
    crisis = opened("FR-27")
    asked = {"title": "Encore", "topics": ["crue"], "territories": ["FR-27"], "form_id": str(uuid4())}
    answer = visit("veille").post("/crises/nouvelle", asked)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert f"La crise {crisis.crisis_id} porte déjà" in text(answer)
    assert "Encore" in text(answer)


def test_signals_and_pinned_series_stand_beside_the_journal(visit, home) -> None:
    around = replace(FLOOD, opened_at=datetime.now(UTC), updated_at=datetime.now(UTC))
    publish_beside(
        home, [around, replace(around, signal_id="b" * 16, territory_code="FR-33", territory_label="Gironde")]
    )
    crisis = opened("FR-27")
    client, path = visit("veille"), f"/crises/{crisis.crisis_id}"
    for series, place in (("thème:crue", "FR-27"), ("indicateur:visits", "FR")):
        assert (
            client.post(f"{path}/courbes", {"serie": series, "territoire": place}).status_code == HTTPStatus.SEE_OTHER
        )
    for wrong in ({"serie": "thème:rien", "territoire": "FR"}, {"serie": "thème:crue", "territoire": "FR-33"}, {}):
        assert client.post(f"{path}/courbes", wrong).status_code == HTTPStatus.BAD_REQUEST
    page = text(client.get(path))
    assert "Crue – Eure : hausse soudaine" in page
    assert "Gironde : hausse soudaine" not in page
    assert page.count('<svg class="chart"') == 2
    assert "<td>19</td><td>0 à 9</td>" in page, "the oldest of ten hours, and its bound"
    assert "<td>500</td>" in page
    client.post(f"{path}/courbes/{crises.pins(crisis)[0].pk}/retirer")
    assert [one.code for one in crises.pins(crisis)] == ["visits"]
    assert '<svg class="chart"' in text(client.get(f"{path}/rapport"))
    client.post(f"{path}/clore", {"form_id": str(uuid4())})
    kept = (home.crises / f"{crisis.crisis_id}.html").read_text("utf-8")
    assert "Visites – France entière : dernières valeurs publiées" in kept
    assert '<svg class="chart"' in kept
    page = text(client.get(path))
    assert "Épingler" not in page
    assert "Retirer" not in page
    for sent in ("", f"/{crises.pins(crisis)[0].pk}/retirer"):
        client.post(f"{path}/courbes{sent}", {"serie": "thème:crue", "territoire": "FR"})
    assert [one.code for one in crises.pins(crisis)] == ["visits"], "what a closed crisis shows stays"


def test_a_course_goes_by_the_calendar_with_a_zero_where_the_source_tells_and_a_gap_elsewhere(home) -> None:
    publish_beside(home, [])
    copy = home.published / "daily" / "1" / "serving.duckdb"
    with duckdb.connect(str(copy)) as daily:
        daily.execute("""
            insert into kpi.kpi_catalogue values ('complaints', 'Plaintes'), ('mark', 'Note');
            insert into kpi.rpt_kpi
            select code, 'day', place, true, unit, day, strftime(day, '%d/%m/%Y'), value
            from (values
                ('FR', date '2026-10-01', 9), ('FR', date '2026-10-02', 9), ('FR', date '2026-10-04', 9),
                ('FR', date '2026-10-05', 9), ('FR-27', date '2026-10-01', 3), ('FR-27', date '2026-10-05', 1)
            ) t (place, day, value), (values ('complaints', 'nombre'), ('mark', 'note sur 5')) k (code, unit)
        """)
    crisis = opened("FR-27")
    for code in ("complaints", "mark"):
        crises.pin(crisis, "indicateur", code, "FR-27", OFFICER)
    with published.connect(home) as connection:
        counted, mark = beside_crisis.pinned(Reading(connection, frozenset()), crisis)
    days = ["01/10/2026", "02/10/2026", "2026-10-03", "04/10/2026", "05/10/2026"]
    assert [(one.label, one.value) for one in counted.points] == list(zip(days, [3, 0, None, 0, 1], strict=True))
    assert [one.value for one in mark.points] == [3, None, None, None, 1], "a mean of nothing is no zero"


def test_a_report_says_what_the_live_data_did_not_know_in_names_that_people_read(visit, home) -> None:
    publish_watch(home, [], loaded_at=datetime.now(UTC) - timedelta(hours=2))
    crisis = opened("FR-27")
    report = " ".join(text(visit("veille").get(f"/crises/{crisis.crisis_id}/rapport")).split())
    assert "<dt>Direct en retard de</dt><dd>Veille (dernier chargement le" in report
    assert report.count("Inconnu : le flux en direct est en retard.") == 2, "volumes and territories"
    for name, value in (("Thèmes", "Crue"), ("Territoires", "Eure"), ("Équipe", "Veille")):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in report
    assert "<dt>Rapport fait le</dt>" in report


def test_no_signal_says_nothing_of_the_present_where_the_live_data_are_late(visit, home) -> None:
    publish_watch(home, [], loaded_at=datetime.now(UTC) - timedelta(minutes=31))
    crisis = opened()
    _, token = crises.admit_wall(crisis, "Salle", OFFICER)
    for path in (f"/crises/{crisis.crisis_id}", f"/mur/{token}"):
        assert "Le flux en direct est en retard" in text(visit("veille").get(path)), path


def test_the_journal_is_there_when_nothing_is_published(visit) -> None:
    crisis = opened()
    crises.note(crisis.crisis_id, "Pont fermé", kind="fait", author=OFFICER)
    for path in ("", "/rapport"):
        answer = visit("veille").get(f"/crises/{crisis.crisis_id}{path}")
        assert answer.status_code == HTTPStatus.OK
        assert "Pont fermé" in text(answer)


def test_the_report_holds_what_its_reader_may_see(visit, home) -> None:
    now = datetime.now(UTC)
    places = {"FR-27": "Eure", "FR-33": "Gironde"}
    publish_beside(
        home,
        [
            replace(FLOOD, signal_id=code * 3, territory_code=code, territory_label=name, opened_at=now, updated_at=now)
            for code, name in places.items()
        ],
    )
    path = f"/crises/{opened().crisis_id}/rapport"
    assert {name for name in places.values() if f"Crue – {name}" in text(visit("national").get(path))} == {
        "Eure",
        "Gironde",
    }
    restricted = text(visit("departement-FR-27").get(path))
    assert "Crue – Eure" in restricted
    assert "Gironde" not in restricted


@pytest.mark.long
def test_the_report_is_a_pdf(visit) -> None:
    crisis = opened()
    answer = visit("national").get(f"/crises/{crisis.crisis_id}/rapport.pdf")
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'attachment; filename="crise-{crisis.crisis_id}.pdf"'
    assert answer.content.startswith(b"%PDF")
    assert len(answer.content) > 5_000


def test_a_server_without_chromium_says_that_it_prints_nothing(visit, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    path = f"/crises/{opened().crisis_id}/rapport.pdf"
    client = visit("national")
    for _ in range(crises_page.PRINTING + 1):  # a failure gives its turn back
        answer = client.get(path)
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert "Imprimez le rapport avec votre navigateur" in text(answer)


def test_a_screen_shows_one_crisis_to_whoever_has_its_address_until_it_is_revoked(visit, home) -> None:
    now = datetime.now(UTC)
    publish_beside(home, [replace(FLOOD, opened_at=now, updated_at=now)])
    crisis, other = opened("FR-27"), opened("FR-33", title="Ailleurs")
    crises.note(crisis.crisis_id, "Pont fermé", kind="fait", author=OFFICER)
    crises.pin(crisis, "thème", "crue", "FR-27", OFFICER)
    client, path = visit("veille"), f"/crises/{crisis.crisis_id}"
    made = {"label": "Salle", "form_id": str(uuid4())}
    first, second = (re.search(r"/mur/([\w-]{43})", text(client.post(f"{path}/ecrans", made)))[1] for _ in range(2))
    [access] = crises.walls(crisis)
    assert "/mur/" not in text(client.get(path)), "its address is shown once"
    screen = visit()
    screen.cookies.clear()
    assert screen.get(f"/mur/{first}").status_code == HTTPStatus.NOT_FOUND, "a double click: the last address counts"
    answer = screen.get(f"/mur/{second}")
    shown = text(answer)
    assert "Pont fermé" in shown
    assert "Gravité élevée" in shown
    assert '<svg class="chart"' in shown
    assert FLOOD.examples[0]["text"][:10] not in shown
    assert not re.search(r"<(a|button|form|input)\b", shown), "a screen has no controls"
    assert (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert screen.post(f"/mur/{second}").status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert (
        client.post(f"/crises/{other.crisis_id}/ecrans/{access.access_id}/revoquer").status_code == HTTPStatus.NOT_FOUND
    )
    assert client.post(f"{path}/ecrans/{access.access_id}/revoquer").status_code == HTTPStatus.SEE_OTHER
    for token in (second, "x"):
        calm = screen.get(f"/mur/{token}")
        assert calm.status_code == HTTPStatus.NOT_FOUND
        assert "Cet écran n'affiche plus rien" in html.unescape(text(calm))
        assert "Pont fermé" not in text(calm)


def test_a_screen_says_that_its_crisis_is_closed_and_a_day_later_nothing(visit) -> None:
    crisis = opened(title="Crue")
    crises.note(crisis.crisis_id, "Pont fermé", kind="fait", author=OFFICER)
    _, token = crises.admit_wall(crisis, "Salle", OFFICER)
    path, client = f"/crises/{crisis.crisis_id}", visit("veille")
    assert "Donner un accès" in text(client.get(path))
    closed = crises.close(crisis.crisis_id, OFFICER)
    answer = visit().get(f"/mur/{token}")
    shown = text(answer)
    assert answer.status_code == HTTPStatus.OK
    assert f"La crise est close</h1><p>Depuis le {moment(closed.closed_at)}" in shown
    assert not re.search("Crue|Pont|Journal|Signaux", shown), "nothing of the crisis is left"
    assert "hx-get" in shown, "the screen goes on to ask"
    assert "Donner un accès" not in text(client.get(path))
    made = client.post(f"{path}/ecrans", {"label": "Mur", "form_id": str(uuid4())})
    assert "déjà close" in text(made)
    assert len(crises.walls(crisis)) == 1
    Crisis.objects.update(closed_at=closed.closed_at - crises.WALL_OUTLASTS)
    over = visit().get(f"/mur/{token}")
    assert over.status_code == HTTPStatus.NOT_FOUND
    assert "n'affiche plus rien" in text(over)


def test_a_line_that_was_noted_in_one_crisis_is_not_taken_for_that_of_another(visit) -> None:
    client, (one, other) = visit("veille"), (opened(code) for code in ("FR-27", "FR-33"))
    sent = line("Pont fermé")
    assert client.post(f"/crises/{one.crisis_id}", sent).status_code == HTTPStatus.SEE_OTHER
    refused = client.post(f"/crises/{other.crisis_id}", sent)
    assert refused.status_code == HTTPStatus.BAD_REQUEST
    assert "a déjà servi à autre chose" in html.unescape(text(refused))
    assert not crises.events(other)


def test_closed_crises_are_listed_by_pages(visit) -> None:
    for rank in range(21):
        crises.close(opened(title=f"Crise {rank}").crisis_id, OFFICER)
    client = visit("national")
    first, second = (text(client.get(f"/crises?page={page}")) for page in (1, 2))
    assert (first.count(">Crise "), second.count(">Crise ")) == (20, 1)
    assert client.get("/crises?page=x").status_code == HTTPStatus.OK
