"""Who may open what: every route, every kind of person, every verb."""

from http import HTTPStatus
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import get_resolver

from tests.web.conftest import ADMIN_PERMISSIONS
from web import identity
from web.apps import every_view_says_who_may_open_it, patterns


def test_every_route_says_who_may_open_it():
    assert every_view_says_who_may_open_it() == []


def test_without_a_session_one_is_sent_to_superset_and_back(visit):
    visit()
    answer = Client(headers={"Host": "localhost:8091"}).get("/?x=1")
    assert answer.status_code == HTTPStatus.FOUND
    assert answer["Location"].startswith("http://localhost:")
    assert answer["Location"].endswith("/login/?next=http%3A%2F%2Flocalhost%3A8091%2F%3Fx%3D1")


def test_who_has_no_role_of_the_project_opens_nothing(visit):
    assert visit("Gamma").get("/").status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("role", ["national", "departement-FR-33", "auditeur", "veille", "Admin"])
def test_a_role_that_reads_opens_the_home_page(visit, role):
    answer = visit(role).get("/")
    assert answer.status_code == HTTPStatus.OK
    assert answer["Cache-Control"] == "no-store"
    assert "unsafe-inline" not in answer["Content-Security-Policy"]


def test_superset_that_does_not_answer_lets_nobody_in(visit, monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_PORT", "1")
    answer = visit("Admin")
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_PORT", "1")
    refused = answer.get("/")
    assert refused.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "Superset" in refused.content.decode()


def test_routes_are_found():
    assert {path for path, _ in patterns(get_resolver())} >= {"", "health"}


def test_the_bare_name_of_admin_gives_nothing(visit, monkeypatch):
    """Superset says `Admin` without a permission of auditors, so that it draws its pages of accounts for them."""
    monkeypatch.setitem(ADMIN_PERMISSIONS, "Admin", [])
    visit()
    person = identity.person_of(quote("essai:auditeur,Admin"))
    assert person.roles == {"auditeur"}
    assert not person.right.is_everything
    monkeypatch.setitem(ADMIN_PERMISSIONS, "Admin", [["can_decide", "Veille"]])
    assert identity.person_of(quote("essai:Admin"), now=True).right.is_everything
