"""Crises in a browser: a journal that grows while somebody types, a screen that refreshes itself, sound states."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from socketserver import ThreadingMixIn
from urllib.parse import quote
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application
from playwright.sync_api import Page, expect, sync_playwright

from analytics.signals.topics import Topic
from operations import crises, topics
from operations.acts import Author
from operations.models import Crisis
from tests.analytics.signalling import FLOOD
from tests.superset.test_browser import CHROMIUM, FLAGS
from tests.web.crisis_copies import publish_beside, publish_mentions

pytestmark = pytest.mark.long
OFFICER = Author("veille")
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


class _Threading(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(visit, monkeypatch) -> Iterator[str]:
    visit()
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright has a loop of its own in the test's thread
    application = StaticFilesHandler(get_wsgi_application())
    with make_server("127.0.0.1", 0, application, _Threading, _Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def browse(address: str) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page of somebody with some roles; what its console reports is an error."""
    errors: list[str] = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))

        def page(*roles: str, size: dict[str, int] = DESK, scheme: str = "light") -> Page:
            context = chromium.new_context(
                viewport=size,  # ty: ignore[invalid-argument-type]
                color_scheme=scheme,  # ty: ignore[invalid-argument-type]
                locale="fr-FR",
                base_url=address,
            )
            if roles:
                context.add_cookies([{"name": "session", "value": quote(f"essai:{','.join(roles)}"), "url": address}])
            opened = context.new_page()
            opened.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
            opened.on("pageerror", lambda problem: errors.append(str(problem)))
            return opened

        yield page
        chromium.close()
    # Chromium reports each answer that is a refusal, those that a test asks for too.
    assert [said for said in errors if "Failed to load resource" not in said] == []


@pytest.fixture
def crisis(home) -> Crisis:
    now = datetime.now(UTC)
    publish_beside(home, [replace(FLOOD, opened_at=now, updated_at=now)])
    topics.add(Topic("crue", "Crue", "crue", "climatique", "team:veille"), OFFICER)
    made = crises.open_crisis(
        topics=["crue"], territories=["FR-27"], title="Crue de l'Iton", kind=None, owner="team:veille", author=OFFICER
    )
    crises.note(made.crisis_id, "L'Iton déborde.", kind="fait", author=OFFICER)
    crises.pin(made, "thème", "crue", "FR-27", OFFICER)
    return made


def is_sound(page: Page) -> None:
    """Check that a page breaks no rule of axe and is no wider than the screen."""
    page.wait_for_load_state("load")
    assert [(found["id"], found["nodes"]) for found in Axe().run(page).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"])
def test_every_state_is_sound(browse, crisis, size, scheme) -> None:
    page = browse("veille", size=size, scheme=scheme)
    path = f"/crises/{crisis.crisis_id}"
    for address in ("/crises", "/crises/nouvelle", path, f"{path}/clore", f"{path}/rapport", "/crises/rien"):
        page.goto(address)
        is_sound(page)
    page.goto(path)
    page.get_by_label("Quand").fill("2999-01-01T00:00")
    page.get_by_label("Nouvelle ligne").fill("Demain")
    page.get_by_role("button", name="Écrire au journal").press("Enter")
    expect(page.get_by_text("à venir")).to_be_visible()
    is_sound(page)
    crises.close(crisis.crisis_id, OFFICER)
    for address in ("/crises", path, f"{path}/clore"):
        page.goto(address)
        is_sound(page)


def test_lines_of_others_arrive_and_what_is_typed_stays(browse, crisis) -> None:
    page = browse("veille")
    page.goto(f"/crises/{crisis.crisis_id}")
    typed = page.get_by_label("Nouvelle ligne")
    typed.fill("Deux patrou")
    crises.note(crisis.crisis_id, "Pont fermé", kind="fait", author=OFFICER)
    lines = page.locator("#journal > li")
    expect(lines).to_have_count(2, timeout=10_000)
    expect(lines.first).to_contain_text("Pont fermé")
    crises.note(crisis.crisis_id, "Pont rouvert", kind="fait", author=OFFICER)
    expect(lines).to_have_count(3, timeout=10_000)
    expect(lines.first).to_contain_text("Pont rouvert")
    assert typed.input_value() == "Deux patrou"
    assert typed.evaluate("field => field === document.activeElement")
    typed.press_sequentially("illes en route")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Écrire au journal").press("Enter")
    expect(lines).to_have_count(4)
    expect(lines.first).to_contain_text("Deux patrouilles en route")
    page.go_back()
    assert typed.input_value() == ""
    page.get_by_role("button", name="Écrire au journal").click()
    page.wait_for_load_state("load")
    assert len(crises.events(crisis)) == 4, "the back button, then the same form again"


def test_a_session_that_ends_and_a_crisis_that_is_closed_leave_what_is_typed(browse, crisis) -> None:
    page = browse("veille")
    page.goto(f"/crises/{crisis.crisis_id}")
    typed = page.get_by_label("Nouvelle ligne")
    typed.fill("Pont rouvert")
    cookies = page.context.cookies()
    page.context.clear_cookies(name="session")
    expect(page.get_by_text("Votre session a expiré")).to_be_visible(timeout=10_000)
    is_sound(page)
    page.context.add_cookies(cookies)  # a login in another tab
    expect(page.get_by_text("Votre session a expiré")).to_be_hidden(timeout=10_000)
    crises.close(crisis.crisis_id, OFFICER)
    expect(page.get_by_text("n'accepte plus de ligne")).to_be_visible(timeout=10_000)
    assert typed.input_value() == "Pont rouvert"
    is_sound(page)
    page.get_by_role("button", name="Écrire au journal").click()
    expect(page.get_by_label("Votre ligne")).to_have_value("Pont rouvert")
    is_sound(page)


def test_a_screen_refreshes_itself_until_it_is_revoked(browse, crisis) -> None:
    officer = browse("veille")
    officer.goto(f"/crises/{crisis.crisis_id}")
    officer.get_by_label("Où est l'écran").fill("Salle d'opérations")
    officer.get_by_role("button", name="Donner un accès à un écran").click()
    is_sound(officer)
    address = officer.locator(".wall-address").inner_text()
    wall = browse(size={"width": 1920, "height": 1080})
    wall.goto(address)
    is_sound(wall)
    sizes = wall.evaluate(
        "[...document.querySelectorAll('p, h1, h2')].filter(e => !e.className.includes('sr-only'))"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 1080 / 45, "a line of a screen of 1.2 m is 2.7 cm high: readable at five metres"
    assert wall.evaluate("document.documentElement.scrollHeight") <= 1080
    crises.note(crisis.crisis_id, "Pont fermé", kind="fait", author=OFFICER)
    expect(wall.get_by_text("Pont fermé")).to_be_visible(timeout=15_000)
    is_sound(wall)
    officer.get_by_role("button", name="Révoquer").click()
    expect(officer.get_by_text("est révoqué")).to_be_visible()
    expect(wall.get_by_text("Cet écran n'affiche plus rien")).to_be_visible(timeout=15_000)
    is_sound(wall)


def test_the_report_is_a_pdf(crisis, visit) -> None:
    answer = visit("national").get(f"/crises/{crisis.crisis_id}/rapport.pdf")
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'attachment; filename="crise-{crisis.crisis_id}.pdf"'
    assert answer.content.startswith(b"%PDF")
    assert len(answer.content) > 5_000


@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"])
def test_a_topic_is_tried_beside_what_is_typed_and_saved(home, browse, size, scheme) -> None:
    publish_mentions(home)
    page = browse("veille", size=size, scheme=scheme)
    for address in ("/themes", "/themes/hameconnage", "/themes/hameconnage/arreter", "/themes/nouveau"):
        page.goto(address)
        is_sound(page)
    page.get_by_label("Nom").fill("Crue de l'Iton")
    query = page.get_by_label("Requête")
    query.fill('"crue')
    page.get_by_role("button", name="Voir ce qu'il trouverait").press("Enter")
    expect(page.locator("#apercu")).to_contain_text("un guillemet n'est pas refermé")
    is_sound(page)
    query.fill("volcan")
    page.get_by_role("button", name="Voir ce qu'il trouverait").press("Enter")
    expect(page.locator("#apercu")).to_contain_text("ne trouve rien")
    is_sound(page)
    query.fill("crue")
    page.get_by_role("button", name="Voir ce qu'il trouverait").press("Enter")
    expect(page.locator("#apercu")).to_contain_text("La crue monte")
    is_sound(page)
    page.get_by_role("button", name="Ajouter le thème").press("Enter")
    expect(page.get_by_text("Le thème est ajouté")).to_be_visible()
    is_sound(page)


def test_a_topic_is_tried_without_script_too(home, browse, address) -> None:
    publish_mentions(home)
    context = browse("veille").context.browser.new_context(java_script_enabled=False, base_url=address)
    context.add_cookies([{"name": "session", "value": quote("essai:veille"), "url": address}])
    page = context.new_page()
    page.goto("/themes/nouveau")
    page.get_by_label("Nom").fill("Crue de l'Iton")
    page.get_by_label("Requête").fill("crue")
    page.get_by_role("button", name="Voir ce qu'il trouverait").click()
    assert "La crue monte" in page.locator("#apercu").inner_text()
    assert page.get_by_label("Requête").input_value() == "crue"
