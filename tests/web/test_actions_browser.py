"""The form of a prevention action in a browser: by keyboard, by thumb and by night."""

import threading
from collections.abc import Iterator
from socketserver import ThreadingMixIn
from urllib.parse import quote
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application
from playwright.sync_api import Page, expect, sync_playwright

from tests.superset.test_browser import CHROMIUM, FLAGS
from tests.web.test_actions import loaded, publish

pytestmark = pytest.mark.long


class _Threading(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(visit) -> Iterator[str]:
    visit()
    with make_server("127.0.0.1", 0, StaticFilesHandler(get_wsgi_application()), _Threading, _Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(params=[("light", 1280), ("dark", 390)], ids=["desk", "phone"])
def page(request, address) -> Iterator[Page]:
    """A page of somebody who writes actions of Gironde; what its console reports is an error of the test."""
    scheme, width = request.param
    errors: list[str] = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        context = chromium.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme, locale="fr-FR", base_url=address
        )
        context.add_cookies([{"name": "session", "value": quote("essai:prevention,departement-FR-33"), "url": address}])
        opened = context.new_page()
        opened.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        opened.on("pageerror", lambda problem: errors.append(str(problem)))
        yield opened
        chromium.close()
    # The browser itself reports a page that is not there, which is an answer.
    assert [said for said in errors if "status of 404" not in said] == []


def is_sound(page: Page) -> None:
    """Check that a page breaks no rule of axe and is no wider than the screen."""
    page.wait_for_load_state("networkidle")
    assert [(found["id"], found["nodes"]) for found in Axe().run(page).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_action_is_written_by_keyboard_kept_as_a_draft_and_sent(home, page) -> None:
    publish(home)
    page.goto("/actions")
    is_sound(page)
    page.get_by_role("link", name="Nouvelle action").press("Enter")
    is_sound(page)

    page.get_by_label("Heures").fill("-3")
    page.get_by_role("button", name="Envoyer au registre").press("Enter")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("6 champs à corriger")
    is_sound(page)
    alert.get_by_role("link", name="Titre").press("Enter")
    assert page.evaluate("location.hash") == "#id_titre"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") in {"id_titre", "id_description"}

    page.get_by_label("Titre").fill("Appel de M. Jean Dupont")
    page.get_by_label("Type d'action").select_option("Stand ou forum")
    page.locator("#id_theme").select_option("Perceval")
    page.get_by_label("Unité").fill("Brigade d'Arcachon")
    page.get_by_label("Département").select_option("33")
    page.get_by_label("Heures").fill("2h30")
    page.get_by_role("button", name="Enregistrer le brouillon").press("Enter")
    expect(page.get_by_text("a été masqué dans : Titre")).to_be_visible()
    is_sound(page)

    page.get_by_label("Date de début").fill("2026-11-20")
    page.get_by_label("Pré-plaintes en ligne").press("Space")
    page.get_by_role("button", name="Envoyer au registre").press("Enter")
    expect(page.get_by_role("heading", name="Action envoyée au registre")).to_be_visible()
    is_sound(page)
    (row,) = loaded(home)
    assert (row["titre"], row["date_debut"], row["indicateurs_vises"]) == (
        "Appel de M. [NOM]",
        "2026-11-20",
        "pre_complaints",
    )


@pytest.mark.parametrize("path", ["/actions/A33", "/actions/C33", "/actions/nope", "/actions/deplacer"])
def test_what_is_only_read_is_sound_too(home, page, path) -> None:
    publish(home)
    page.goto("/actions")
    page.evaluate(f"location.assign('{path}')")
    page.wait_for_url(f"**{path}")
    is_sound(page)
    assert page.get_by_role("heading", level=1).count() == 1
