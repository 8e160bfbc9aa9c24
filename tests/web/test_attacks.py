"""What people try against the pages, from their contract: tables of attacks by who tries them. None of it works."""

import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urlencode, urlsplit
from uuid import uuid4

import duckdb
import pytest
from django.test import Client

from analytics.signals.topics import Topic
from audit import signing
from core.errors import ExpectedFailure
from core.settings import Home
from operations import acts, crises, crisis_report, drafts, mail_subscriptions, topics
from operations.acts import Author
from operations.alerts.signals import Signal
from operations.mail_subscriptions import Sight, Wish
from operations.models import Crisis
from privacy import pseudonymise_account
from tests.analytics.signalling import FLOOD, publish
from tests.handmade import write_copy
from tests.web import published_figures, test_actions, test_sources, test_verbatims, watching
from tests.web.published_figures import SECRET
from tests.web.test_access import ROUTES, path_of
from tests.web.test_serving import served
from web.identity import NoAnswerError, Superset

Visit = Callable[..., Client]

AUDITOR_OF_THE_GIRONDE = ("auditeur", "departement-FR-33")
OFFICER = Author("veille")
ADDRESS = "permanence@gendarmerie.interieur.gouv.fr"
#: Texts that would be code somewhere: SQL, a template, markup, a path, a pattern, a number that no computer counts to.
HOSTILE = (
    "x' or '1'='1' union select * from kpi.kpi_value --",
    '" or 1=1 --',
    "%",
    "$code",
    "{{ 7 | add:7 }}",
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "a\x00b",
    "(a+)+$",
    "é" * 300,
    "9" * 5_000,
    "-1",
    "NaN",
    "0001-01-01",
    "9999-12-31",
    "99999-01",
)
#: By what is published: addresses, and their parameters.
QUERIES = {
    "figures": {
        "/veille": ("vu",),
        "/crises": ("page",),
        "/crises/nouvelle": ("signal",),
        "/verifier": ("page",),
        "/verifier/definitions": ("de", "a"),
        "/verifier/affiche": ("code", "periode", "territoire", "le"),
        "/chiffre/visits/2026-10/FR": ("ventilation", "le"),
        "/chiffre/visits/2026-10/FR/recalcul": ("ventilation", "le"),
        "/chiffre/visits/2026-10/FR/enregistrements": ("page", "ventilation", "le"),
        "/chiffre/visits/2026-10/FR/preuve": ("ventilation", "le"),
    },
    "texts": {"/textes": ("q", "page", "since", "until", "platform", "theme", "territory", "feeling")},
    "actions": {
        "/actions": ("etat", "territoire", "theme", "nature", "page"),
        "/actions/deplacer": ("heures", "de", "vers"),
    },
    "sources": {"/sources/partoo": ("page",)},
}
#: What must be right beside the parameter that is attacked.
USUAL = {
    "code": "visits",
    "periode": "2026-10",
    "territoire": "FR",
    "heures": "1",
    "de": "1",
    "a": "1",
}
#: By what is published: who attacks, and a mark of another territory that no answer may hold.
ATTACKERS = {
    "figures": (("auditeur", "departement-FR-33"), ("veille", "prevention", "departement-FR-33")),
    "texts": (("analyste", "departement-FR-33"),),
    "actions": (("prevention", "departement-FR-33"),),
    "sources": (("ingenieur", "departement-FR-33"),),
}
MARKS = {"figures": str(SECRET), "texts": "Plainte prise", "actions": "Ille-et-Vilaine", "sources": "\x00"}
PUBLISH = {
    "figures": lambda home: published_figures.publish(home, 0),
    "texts": lambda home: write_copy(home, test_verbatims.COPY),
    "actions": test_actions.publish,
    "sources": lambda home: write_copy(home, test_sources.statements()),
}


def text(answer) -> str:
    return answer.content.decode()


@pytest.fixture
def without_limit(monkeypatch) -> None:
    """A table of attacks has more lines than a person may send in a minute."""
    monkeypatch.setattr("web.middleware.Limits.READINGS", 100_000)
    monkeypatch.setattr("web.middleware.Limits.ACTS", 100_000)


@pytest.fixture
def topic(home) -> None:  # noqa: ARG001 - a home of its own
    topics.add(Topic("crue", "Crue", "crue", "climatique", "team:veille"), OFFICER)


def watched(home: Home, *signals: Signal) -> None:
    """Publish signals, with what the pages of signals, crises and actions read beside them."""
    watching.publish_watch(home, signals)
    with duckdb.connect(str((home.published / "daily/current/serving.duckdb").resolve())) as daily:
        daily.execute("create schema if not exists impact")
        daily.execute("create table impact.fct_action_effect (action_id varchar, territory_code varchar)")


def opened(*territories: str, title: str = "Crue de l'Iton") -> Crisis:
    return crises.open_crisis(
        topics=["crue"], territories=territories, title=title, kind=None, owner="team:veille", author=OFFICER
    )


# ---- reading what is not one's own


def hostile(published: str) -> Iterator[str]:
    """Yield addresses with each hostile text in the place of each part and of each parameter, by turns."""
    for route in ROUTES if published == "figures" else ():
        for part in re.findall(r"<(?:str|path):(\w+)>|<(token|code)>", route):
            pattern = re.compile(rf"<(?:\w+:)?{''.join(part)}>")
            for value in HOSTILE:
                yield path_of(pattern.sub(lambda _, value=value: quote(value, safe=""), route))
    for path, names in QUERIES[published].items():
        for name in names:
            usual = {other: USUAL[other] for other in names if other in USUAL}
            yield from (f"{path}?{urlencode(usual | {name: value})}" for value in HOSTILE)


@pytest.mark.usefixtures("without_limit", "topic")
@pytest.mark.parametrize(
    ("published", "roles"), [(published, roles) for published, them in ATTACKERS.items() for roles in them]
)
def test_no_hostile_value_is_an_error_or_opens_another_territory(home, visit, monkeypatch, published, roles) -> None:
    monkeypatch.setenv(signing.SETTING, "c2l4dGVlbiBieXRlcyEhc2l4dGVlbiBieXRlcyEhYWI"[:43])
    PUBLISH[published](home)
    client = visit(*roles)
    client.raise_request_exception = False
    failed = []
    for path in hostile(published):
        answer = client.get(path)
        said = text(answer) if "text" in answer.headers.get("Content-Type", "") else ""
        is_told = MARKS[published] in said or "<script>alert" in said
        if is_told or answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            failed.append((answer.status_code, path[:90]))
    assert failed == []


@pytest.mark.usefixtures("topic")
def test_a_journal_and_a_report_before_anything_is_published_hold_no_signal_of_elsewhere(home, visit) -> None:
    """The live copy may stand alone: then nothing says what a right may read of it."""
    now = datetime.now(UTC)
    publish(home, [replace(FLOOD, opened_at=now, updated_at=now)])
    path = f"/crises/{opened().crisis_id}"
    for part in ("", "/rapport", "/journal?depuis=" + "9" * 5_000):
        answer = visit("departement-FR-33").get(path + part)
        assert answer.status_code == HTTPStatus.OK
        assert "Crue – Eure" not in text(answer)


#: What belongs to an account or a territory, and what its address must look like to anybody else.
@pytest.fixture
def belongings(home, topic) -> dict[str, str]:  # noqa: ARG001 - what there is to be taken
    owner = Author("veille", pseudonymise_account("officier"))
    crisis = opened("FR-27")
    draft = drafts.save(Author("prevention", owner.account), {"titre": "Secret", "departement": "27"})
    wish = mail_subscriptions.subscribe(owner, Wish(ADDRESS, ("FR-27",)), Sight())
    return {
        "/crises/{}": crisis.crisis_id,
        "/crises/{}/journal": crisis.crisis_id,
        "/crises/{}/rapport": crisis.crisis_id,
        "/crises/{}/rapport.pdf": crisis.crisis_id,
        "/crises/{}/clore": crisis.crisis_id,
        "/veille/{}": FLOOD.signal_id,
        "/actions/brouillons/{}": draft.draft_id,
        "/mes-alertes/{}": wish.subscription_id,
    }


@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_what_is_anothers_is_answered_like_what_does_not_exist(home, visit, belongings, method) -> None:
    watched(home, FLOOD)
    client = visit("veille", "prevention", "departement-FR-33", name="intrus")
    owner = visit("veille", "prevention", name="officier")
    for pattern in ("/crises/{}", "/veille/{}", "/mes-alertes/{}"):
        assert owner.get(pattern.format(belongings[pattern])).status_code == HTTPStatus.OK
    before = len(acts.since(datetime(2026, 1, 1, tzinfo=UTC)))
    for pattern, identifier in belongings.items():
        for headers in ({}, {"HX-Request": "true"}):
            form = {"form_id": str(uuid4()), "note": "x", "kind": "fait", "verdict": "vu", "retirer": ""}
            answers = [
                getattr(client, method)(pattern.format(name), form if method == "post" else None, headers=headers)
                for name in (identifier, "0" * len(identifier))
            ]
            taken, absent = (re.sub(r'(csrf\w+" value=")[^"]*', r"\1", text(one)) for one in answers)
            assert answers[0].status_code == answers[1].status_code, pattern
            assert answers[0].status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}, pattern
            assert taken.replace(identifier, "") == absent.replace("0" * len(identifier), "")
            assert answers[0].headers.keys() == answers[1].headers.keys()
    assert len(acts.since(datetime(2026, 1, 1, tzinfo=UTC))) == before


# ---- acting without the right

#: Where a session decides; elsewhere a link, a token or a signature does.
FORMS = [route for route, (_, senders) in ROUTES.items() if senders and not route.startswith(("verdict", "api/"))]
#: What a browser says of a form that stands on a page of somebody else.
ELSEWHERE = (
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:8091.evil.example"},
    {"Origin": "http://127.0.0.1:8088"},
    {"Referer": "http://127.0.0.1:8091/"},
)


@pytest.mark.usefixtures("without_limit")
@pytest.mark.parametrize("route", FORMS)
def test_a_form_from_elsewhere_does_nothing(visit: Visit, route: str) -> None:
    visit()
    client = Client(enforce_csrf_checks=True, headers={"Host": "127.0.0.1:8091"})
    client.cookies["session"] = quote("essai:Admin")
    client.cookies["cyberimpact_csrf"] = token = "a" * 32
    for headers in ELSEWHERE:
        sent = {"csrfmiddlewaretoken": token} if "Origin" in headers else {}
        if route.startswith("sources"):  # received whole before, by who may send it: `tests/web/test_sources.py`
            continue
        answer = client.post(path_of(route), sent, headers=headers)
        assert answer.status_code == HTTPStatus.FORBIDDEN, headers
        assert "ne vient pas d" in text(answer)
    assert not acts.since(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.usefixtures("topic")
def test_a_reading_that_calls_itself_an_act_is_a_reading(visit: Visit) -> None:
    crisis = opened()
    client = visit("veille")
    written = {"note": "Pont fermé", "kind": "fait", "form_id": str(uuid4()), "_method": "POST"}
    for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        client.get(f"/crises/{crisis.crisis_id}", written, headers={header: "POST"})
        client.get(f"/crises/{crisis.crisis_id}/clore", written, headers={header: "POST"})
    assert not crises.events(crisis)
    assert crises.find(crisis.crisis_id).is_open


@pytest.mark.usefixtures("topic")
def test_a_form_that_somebody_else_has_sent_is_not_answered_with_what_it_did(home: Home, visit: Visit) -> None:
    watched(home, FLOOD)
    form_id, path = str(uuid4()), f"/crises/{opened().crisis_id}"
    line = {"note": "Le secret de la nuit", "kind": "fait", "form_id": form_id}
    assert visit("veille", name="officier").post(path, line).status_code == HTTPStatus.SEE_OTHER
    intruder = visit("veille", name="intrus")
    forms = {
        path: {"note": "Autre", "kind": "fait"},
        f"{path}/clore": {},
        f"{path}/ecrans": {"label": "Mur"},
        f"/veille/{FLOOD.signal_id}": {"verdict": "vu"},
        "/crises/nouvelle": {"title": "Autre", "topics": ["crue"], "territories": ["FR-33"]},
        "/themes/nouveau": {"label": "Neige", "query": "neige", "kind": "climatique", "seen": "0", "anyway": "on"},
    }
    before = len(acts.since(datetime(2026, 1, 1, tzinfo=UTC)))
    for address_of_form, fields in forms.items():
        answer = intruder.post(address_of_form, fields | {"form_id": form_id})
        assert answer.status_code == HTTPStatus.BAD_REQUEST, address_of_form
        if address_of_form != path:
            assert "Le secret de la nuit" not in text(answer), address_of_form
    assert len(acts.since(datetime(2026, 1, 1, tzinfo=UTC))) == before


def test_no_topic_takes_the_address_of_the_form_for_topics(home: Home, visit: Visit) -> None:
    watched(home)
    sent = {"label": "Nouveau", "query": "neige", "kind": "climatique", "form_id": str(uuid4()), "seen": 0}
    answer = visit("veille").post("/themes/nouveau", sent | {"anyway": "on"})
    assert answer["Location"] == "/themes/theme_nouveau?dit=ajoute"


#: Names that a relay may take for an address elsewhere, headers of one's own, and domains that only look like ours.
ADDRESSES = (
    "a@evil.example",
    "a@interieur.gouv.fr.evil.example",
    "a@evil-interieur.gouv.fr",
    "a@x.interieur.gouv.fr",
    "a@evil.example,b@interieur.gouv.fr",
    '"a@evil.example"@interieur.gouv.fr',
    '"a, b@evil.example, "@interieur.gouv.fr',
    "a%evil.example@interieur.gouv.fr",
    "evil.example!a@interieur.gouv.fr",
    "@evil.example:a@interieur.gouv.fr",
    "<a@evil.example>@interieur.gouv.fr",
    "a(b)@interieur.gouv.fr",
    "a@interieur.gouv.fr\r\nBcc: a@evil.example",
    '"a\r\nBcc: a@evil.example"@interieur.gouv.fr',
    "a@evil.example\x00@interieur.gouv.fr",
    "=?utf-8?q?a=40evil.example=2C?=b@interieur.gouv.fr",
    "a@intérieur.gouv.fr",
)


@pytest.mark.parametrize("wanted", ADDRESSES)
def test_no_mail_leaves_for_elsewhere(home: Home, wanted: str) -> None:  # noqa: ARG001 - a home of its own
    with pytest.raises(ExpectedFailure, match="adresse de service"):
        mail_subscriptions.subscribe(Author("veille", "c_1"), Wish(wanted), Sight())


# ---- sessions


class _Refreshing(BaseHTTPRequestHandler):
    """Superset, which gives its cookie anew with each answer, and knows officers by their cookie."""

    def do_GET(self) -> None:
        found = re.search(r"session=([^;]*)", self.headers.get("Cookie", ""))
        name = found[1] if found else ""
        self.send_response(HTTPStatus.OK if name.startswith("officier") else HTTPStatus.UNAUTHORIZED)
        self.send_header("Set-Cookie", "session=officier-1; Path=/")
        self.end_headers()
        roles = '{"veille": [["can_decide", "Veille"]]}'
        self.wfile.write(f'{{"result": {{"username": "{name}", "roles": {roles}}}}}'.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def superset() -> Iterator[Superset]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refreshing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Superset(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def test_the_cookie_that_superset_gives_one_person_is_not_sent_for_the_next(superset: Superset) -> None:
    first = superset.person("officier-1", now=True)
    assert first is not None
    assert first.username == "officier-1"
    assert superset.person("personne", now=True) is None
    second = superset.person("officier-2", now=False)
    assert second is not None
    assert second.username == "officier-2"


@pytest.mark.parametrize(
    "cookie",
    ["x\r\nCookie: session=officier-1", "x\nX: y", "é", "x; session=officier-1", "x, session=officier-1", "\x00"],
)
def test_a_cookie_that_holds_a_header_is_nobodys(superset: Superset, cookie: str) -> None:
    with suppress(NoAnswerError):  # which lets nobody in either
        assert superset.person(cookie, now=True) is None


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1:8091@evil.example", "127.0.0.1:8091.evil.example", "127.0.0.1, evil.example", ""],
)
def test_a_host_that_is_not_ours_is_refused(visit: Visit, host: str) -> None:
    client = visit("veille")
    for path in ("/", "/veille", "/mur/x", "/api/docs"):
        answer = client.get(path, headers={"Host": host, "X-Forwarded-Host": "127.0.0.1:8091"})
        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert "evil" not in text(answer)


@pytest.mark.parametrize("path", ["//evil.example/", "/veille?x=//evil.example", "/veille?next=https://evil.example"])
def test_the_login_leads_back_to_this_host_alone(visit: Visit, path: str) -> None:
    visit()
    forwarded = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "Forwarded": "host=evil.example"}
    answer = Client(headers={"Host": "127.0.0.1:8091", **forwarded}).get(path)
    if answer.status_code == HTTPStatus.FOUND:
        there = urlsplit(answer["Location"])
        back = urlsplit(unquote(there.query.removeprefix("next=")))
        assert (there.scheme, there.hostname) == ("http", "127.0.0.1")
        assert (back.scheme, back.netloc) == ("http", "127.0.0.1:8091")
    else:
        assert answer.status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    "way", ["/veille/", "/veille/..;/verifier", "/VERIFIER", "/verifier/", "/verifier%2f", "/./verifier"]
)
def test_another_spelling_of_an_address_leads_nowhere(visit: Visit, way: str) -> None:
    for roles in (("departement-FR-33",), ("Admin",)):
        assert visit(*roles).get(way).status_code == HTTPStatus.NOT_FOUND


# ---- what is stored and shown

MARKUP = "<img src=x onerror=alert(1)>\"'{{ 7|add:7 }}"


def test_whatever_is_typed_is_shown_as_text(home: Home, visit: Visit) -> None:
    watched(home, replace(FLOOD, topic_label=MARKUP, territory_label=MARKUP, explanation=MARKUP))
    topics.add(Topic("crue", f"Crue {MARKUP}", "crue", "climatique", "team:veille"), OFFICER)
    crisis = opened(title=f"T {MARKUP}")
    crises.note(crisis.crisis_id, f"N {MARKUP}", kind="fait", author=OFFICER)
    crises.admit_wall(crisis, f"M {MARKUP}", OFFICER)
    _, token = crises.admit_wall(crisis, "Mur", OFFICER)
    client = visit("Admin", name=MARKUP.replace(":", ""))
    client.post(f"/veille/{FLOOD.signal_id}", {"verdict": "écarté", "note": f"V {MARKUP}", "form_id": str(uuid4())})
    paths = [f"/crises/{crisis.crisis_id}{part}" for part in ("", "/journal", "/clore", "/rapport")]
    paths += ["/veille", f"/veille/{FLOOD.signal_id}", "/crises", "/themes", "/themes/crue", f"/mur/{token}"]
    for path in paths:
        answer = client.get(path)
        said = text(answer)
        assert answer.status_code == HTTPStatus.OK, path
        assert "<img" not in said
        assert "alert(1)&gt;" in said, path
        assert "{{ 7" in said or "{{ 7" in unescape(said), "no template of it is run"
        assert "unsafe-inline" not in answer["Content-Security-Policy"]
    kept = crisis_report.as_html(crisis_report.gather(home, crisis))
    assert "<img" not in kept


@pytest.mark.long
def test_the_log_of_the_server_holds_nothing_of_a_malformed_request(home: Home, tmp_path: Path) -> None:
    log = tmp_path / "pages.log"
    with served(home, log) as http:
        for sent in (
            b"/mur/secret\xff HTTP/1.1\r\n\r\n",
            b"/ HTTP/1.1\r\nsecret\r\n\r\n",
            b"/mur/secret x HTTP/1.1\r\n\r\n",
        ):
            with socket.create_connection((http.base_url.host, http.base_url.port), 30) as connection:
                connection.sendall(b"GET " + sent)
                assert b" 400 " in connection.recv(200)
    assert "secret" not in log.read_text()


def test_the_log_of_a_failure_holds_neither_address_nor_cookie_nor_text(visit: Visit, monkeypatch, caplog) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("it broke")

    monkeypatch.setattr("web.pages.crises._seen", fails)
    client = visit("Admin", name="cookie-secret")
    client.raise_request_exception = False
    with caplog.at_level(logging.DEBUG, logger="django"):
        assert client.post("/crises/chemin-secret", {"note": "texte-secret"}).status_code == 500
        assert client.get("/crises/chemin-secret?q=question-secrete").status_code == 500
        client.get("/mur/jeton-secret")
    said = logging.Formatter()
    written = "\n".join(said.format(record) for record in caplog.records if record.levelno >= logging.WARNING)
    assert "it broke" in written
    assert "secret" not in written
