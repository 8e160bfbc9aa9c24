"""Who may open what: every route, every kind of person, every verb."""

import re
from html import unescape
from http import HTTPStatus
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import get_resolver

from tests.web import conftest
from tests.web.conftest import ADMIN_PERMISSIONS
from web import identity
from web.access import GIVEN_BY
from web.apps import every_view_says_who_may_open_it, patterns

STRANGER = "nobody"
#: Kinds of person, by their role; `Gamma` is Superset's own and gives nothing here.
ROLES = (
    "Gamma",
    "departement-FR-33",
    "region-FR-BRE",
    "national",
    "analyste",
    "auditeur",
    "administrateur",
    "ingenieur",
    "veille",
    "prevention",
    "Admin",
)
READERS = frozenset(ROLES) - {"Gamma"}
#: Where a token or a signature in the request decides, or nothing is to be decided.
ALL = frozenset(ROLES) | {STRANGER}
NOBODY = frozenset[str]()
AUDITORS = frozenset({"auditeur", "Admin"})
WATCHERS = frozenset({"veille", "Admin"})
WRITERS = frozenset({"prevention", "Admin"})
#: Of which platform who may send a file is in `tests/web/test_sources.py`.
SENDERS = frozenset({"administrateur", "ingenieur", "prevention", "Admin"})
READERS_OF_TEXTS = frozenset({"administrateur", "analyste", "auditeur", "Admin"})

#: By route: whom it answers if they read, and whom if they send a form. A route without its line fails.
ROUTES = {
    "": (READERS, NOBODY),
    "connecte": (READERS, NOBODY),
    "veille": (READERS, NOBODY),
    "veille/<str:signal_id>": (READERS, WATCHERS),
    "chercher": (READERS, NOBODY),
    "chiffre/<str:code>/<str:period>/<str:territory>": (READERS, NOBODY),
    "chiffre/<str:code>/<str:period>/<str:territory>/recalcul": (AUDITORS, NOBODY),
    "chiffre/<str:code>/<str:period>/<str:territory>/enregistrements": (AUDITORS, NOBODY),
    "chiffre/<str:code>/<str:period>/<str:territory>/preuve": (AUDITORS, NOBODY),
    "verifier": (AUDITORS, AUDITORS),
    "verifier/controle/<str:run>": (AUDITORS, NOBODY),
    "verifier/definitions": (AUDITORS, NOBODY),
    "verifier/affiche": (AUDITORS, NOBODY),
    "verifier/cle-publique": (AUDITORS, NOBODY),
    "crises": (READERS, NOBODY),
    "crises/nouvelle": (WATCHERS, WATCHERS),
    "crises/<str:crisis_id>": (READERS, WATCHERS),
    "crises/<str:crisis_id>/journal": (READERS, NOBODY),
    "crises/<str:crisis_id>/clore": (WATCHERS, WATCHERS),
    "crises/<str:crisis_id>/rapport": (READERS, NOBODY),
    "crises/<str:crisis_id>/rapport.pdf": (READERS, NOBODY),
    "crises/<str:crisis_id>/courbes": (NOBODY, WATCHERS),
    "crises/<str:crisis_id>/courbes/<int:pin_id>/retirer": (NOBODY, WATCHERS),
    "crises/<str:crisis_id>/ecrans": (NOBODY, WATCHERS),
    "crises/<str:crisis_id>/ecrans/<str:access_id>/revoquer": (NOBODY, WATCHERS),
    "themes": (READERS, NOBODY),
    "themes/nouveau": (WATCHERS, WATCHERS),
    "themes/<str:code>": (READERS, WATCHERS),
    "themes/<str:code>/arreter": (WATCHERS, WATCHERS),
    "mur/<str:token>": (ALL, NOBODY),
    "actions": (READERS, NOBODY),
    "actions/nouvelle": (WRITERS, WRITERS),
    "actions/brouillons/<str:draft_id>": (WRITERS, WRITERS),
    "actions/deplacer": (READERS, NOBODY),
    "actions/<path:action_id>": (READERS, NOBODY),
    "mes-alertes": (READERS, READERS),
    "mes-alertes/nouveau": (READERS, READERS),
    "mes-alertes/<str:subscription_id>": (READERS, READERS),
    "sources": (READERS, NOBODY),
    "sources/<str:name>": (READERS, NOBODY),
    "sources/<str:name>/envoi": (NOBODY, SENDERS),
    "sources/<str:name>/abandon": (NOBODY, SENDERS),
    "sources/<str:name>/envoi/<uuid:upload_id>": (READERS, NOBODY),
    "sources/<str:name>/envoi/<uuid:upload_id>/depot": (NOBODY, SENDERS),
    "textes": (READERS_OF_TEXTS, NOBODY),
    "verdict/<token>": (ALL, ALL),
    "api/events/schema": (ALL, NOBODY),
    "api/in/receipts/<str:delivery_id>": (ALL, NOBODY),
    "api/in/<str:platform>/<str:entity>": (NOBODY, ALL),
    "api/": (ALL, NOBODY),
    "api/contracts": (ALL, NOBODY),
    "api/contracts/<name>/<version>/json-schema": (ALL, NOBODY),
    "api/contracts/<name>/<version>/odcs": (ALL, NOBODY),
    "api/docs": (ALL, NOBODY),
    "api/kpi": (ALL, NOBODY),
    "api/kpi/<code>": (ALL, NOBODY),
    "api/openapi.json": (ALL, NOBODY),
    "api/values": (ALL, NOBODY),
    "health": (ALL, NOBODY),
    "healthz": (ALL, NOBODY),
    "readyz": (ALL, NOBODY),
    "metrics": (ALL, NOBODY),
}
PARAMETER = re.compile(r"<(?:(\w+):)?\w+>")
OF_KIND = {"int": "1", "uuid": "00000000-0000-0000-0000-000000000000"}


def path_of(route: str) -> str:
    """Return an address of a route, which names nothing that exists."""
    return "/" + PARAMETER.sub(lambda found: OF_KIND.get(found[1], "x"), route)


def is_answered(answer) -> bool:
    """Return whether a request came through to its view, which may say that what it names does not exist."""
    is_sent_to_login = answer.status_code == HTTPStatus.FOUND and "/login/?next=" in answer["Location"]
    lacks_session = answer.status_code == HTTPStatus.UNAUTHORIZED and "WWW-Authenticate" not in answer.headers
    refused = {HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED}
    return not is_sent_to_login and not lacks_session and answer.status_code not in refused


def test_every_route_has_its_line():
    assert {path for path, _ in patterns(get_resolver())} == ROUTES.keys()


@pytest.mark.parametrize("route", ROUTES)
def test_each_role_may_what_its_line_says_and_nothing_else(visit, route):
    path = path_of(route)
    people = {role: visit(role) for role in ROLES} | {STRANGER: Client(headers={"Host": "127.0.0.1:8091"})}
    reading, sending = ROUTES[route]
    for verb, allowed in {"GET": reading, "HEAD": reading, "POST": sending}.items():
        assert {name for name, client in people.items() if is_answered(client.generic(verb, path))} == allowed, verb
    for verb in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        for name, client in people.items():
            assert client.generic(verb, path).status_code == HTTPStatus.METHOD_NOT_ALLOWED, (verb, name)


@pytest.mark.parametrize(
    ("role", "method", "path", "named"),
    [
        ("national", "get", "/verifier", "Il faut le rôle « Auditeur »."),
        ("national", "get", "/crises/nouvelle", "Il faut le rôle « Cellule de veille »."),
        ("national", "get", "/actions/nouvelle", "Il faut le rôle « Cellule de prévention »."),
        ("national", "get", "/textes", "Ces données se lisent avec le rôle « Analyste » ou « Auditeur »"),
    ],
)
def test_a_refusal_names_the_role_that_is_missing(visit, role, method, path, named):
    answer = getattr(visit(role), method)(path)
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert named in unescape(answer.content.decode()).replace("\u00a0", " ")


def test_the_roles_that_a_refusal_names_are_those_that_give_the_act():
    for act, named in GIVEN_BY.items():
        giving = {name for name in conftest.ROLES["roles"] if act.value.split(" on ") in conftest.permissions(name)}
        assert giving == set(named), act


def test_every_route_says_who_may_open_it():
    assert every_view_says_who_may_open_it() == []


def test_without_a_session_one_is_sent_to_superset_and_back(visit):
    visit()
    answer = Client(headers={"Host": "localhost:8091"}).get("/?x=1")
    assert answer.status_code == HTTPStatus.FOUND
    assert answer["Location"].startswith("http://localhost:")
    assert answer["Location"].endswith("/login/?next=http%3A%2F%2Flocalhost%3A8091%2F%3Fx%3D1")


def test_a_page_is_kept_nowhere_and_runs_nothing_of_others(visit):
    answer = visit("national").get("/")
    assert answer["Cache-Control"] == "no-store"
    assert "unsafe-inline" not in answer["Content-Security-Policy"]


def test_superset_that_does_not_answer_lets_nobody_in(visit, monkeypatch):
    answer = visit("Admin")
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_PORT", "1")
    refused = answer.get("/")
    assert refused.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "Superset" in refused.content.decode()


def test_the_bare_name_of_admin_gives_nothing(visit, monkeypatch):
    """Superset says `Admin` without a permission of auditors, so that it draws its pages of accounts for them."""
    monkeypatch.setitem(ADMIN_PERMISSIONS, "Admin", [])
    visit()
    person = identity.person_of(quote("essai:auditeur,Admin"))
    assert person.roles == {"auditeur"}
    assert not person.right.is_everything
    monkeypatch.setitem(ADMIN_PERMISSIONS, "Admin", [["can_decide", "Veille"]])
    assert identity.person_of(quote("essai:Admin"), now=True).right.is_everything
