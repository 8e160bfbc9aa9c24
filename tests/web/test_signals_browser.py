"""Veille in a browser: it refreshes itself without a jump, and a thumb judges a signal by night."""

import threading
from collections.abc import Iterator
from socketserver import ThreadingMixIn
from urllib.parse import quote
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from operations import verdicts
from operations.acts import Author
from tests.superset.test_browser import CHROMIUM, FLAGS
from tests.web.watching import closed, publish_watch, signal

pytestmark = pytest.mark.long
PHONE = {"width": 390, "height": 844}
#: Smaller than a finger, WCAG 2.2 level AAA and the design system say.
THUMB = 44


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
def phone(address: str) -> Iterator[BrowserContext]:
    """The phone of somebody who watches, in the dark."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        context = chromium.new_context(viewport=PHONE, color_scheme="dark", locale="fr-FR", has_touch=True)  # ty: ignore[invalid-argument-type]
        context.add_cookies([{"name": "session", "value": quote("essai:veille"), "url": address}])
        yield context
        chromium.close()


def is_sound(page: Page) -> None:
    """Check that a page breaks no rule of axe and is no wider than the screen."""
    assert [(found["id"], found["nodes"]) for found in Axe().run(page).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.dataset.frTheme") == "dark"


def watched(context: BrowserContext) -> tuple[Page, list[str]]:
    """Return a page, and the list into which its errors come."""
    page, errors = context.new_page(), list[str]()
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda problem: errors.append(str(problem)))
    return page, errors


def test_the_list_refreshes_itself_without_a_jump_while_it_is_looked_at(home, phone, address) -> None:
    publish_watch(home, [signal(1), closed(2)])
    page, errors = watched(phone)
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "vu=" in request.url else None)
    page.goto(f"{address}/veille")
    is_sound(page)
    expect(page.locator("#verifie")).to_contain_text("Vérifié à")
    read = page.locator("#signal-0000000000000002")
    read.focus()
    page.evaluate("scrollTo(0, 300)")
    before = read.bounding_box()

    with page.expect_response(lambda answer: "vu=" in answer.url) as same:
        page.clock.fast_forward(31_000)
    assert same.value.status == 204, "nothing has changed, nothing is swapped"

    publish_watch(home, [signal(1), closed(2), signal(3, "FR", "France entière", 4)], "2")
    page.clock.fast_forward(31_000)
    expect(page.locator("#signal-0000000000000003")).to_be_visible()
    expect(page.locator("#etat")).to_contain_text("2 signaux ouverts, le plus grave : Crue – France entière")
    expect(page.locator("#etat")).to_have_attribute("role", "status")
    assert page.evaluate("document.activeElement.id") == "signal-0000000000000002", "the focus stays"
    assert before == read.bounding_box(), "what one reads stays in its place, below what is new"
    is_sound(page)

    known = len(asked)
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, writable: true})")
    page.clock.fast_forward(120_000)
    page.wait_for_timeout(300)
    assert len(asked) == known, "a page that nobody looks at asks for nothing"
    page.evaluate("document.hidden = false")
    assert errors == []

    phone.set_offline(True)
    page.clock.fast_forward(31_000)
    expect(page.locator("#verifie")).to_contain_text("Sans réponse depuis")
    phone.set_offline(False)


def test_a_session_that_ends_ends_the_refreshing(home, phone, address) -> None:
    publish_watch(home, [signal(1)])
    page, _ = watched(phone)
    page.clock.install()
    page.route("**/login/**", lambda route: route.fulfill(body="Connexion"))
    page.goto(f"{address}/veille")
    phone.clear_cookies(name="session")
    page.clock.fast_forward(31_000)
    page.wait_for_url("**/login/?next=**veille**")


def test_a_thumb_judges_a_signal_by_night(home, phone, address) -> None:
    publish_watch(home, [signal(1)])
    page, errors = watched(phone)
    page.goto(f"{address}/veille/0000000000000001")
    is_sound(page)
    for name in ("Vu", "Confirmer", "Écarter"):
        box = page.get_by_role("button", name=name, exact=True).bounding_box()
        assert min(box["height"], box["width"]) >= THUMB

    page.get_by_role("button", name="Écarter").tap()
    expect(page.get_by_role("alert")).to_contain_text("Un signal écarté demande un motif")
    is_sound(page)

    page.get_by_label("Motif ou note").fill("Exercice de la préfecture")
    verdicts.record(signal(1), "confirmé", Author("autre"))
    page.get_by_role("button", name="Écarter").tap()
    expect(page.get_by_role("alert")).to_contain_text("le rôle autre a rendu le verdict « confirmé »")
    expect(page.get_by_label("Motif ou note")).to_have_value("Exercice de la préfecture")
    is_sound(page)

    page.get_by_role("button", name="Écarter").tap()
    expect(page.get_by_role("alert")).to_contain_text("Verdict enregistré : écarté")
    assert page.evaluate("document.activeElement.id") == "fait", "a screen reader reads it first"
    is_sound(page)
    # The browser itself reports the two refusals, which are answers of the server that the page shows.
    assert [said for said in errors if "status of 4" not in said] == []


def test_keys_alone_reach_and_send_the_form_without_script(home, address) -> None:
    publish_watch(home, [signal(1)])
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        context = chromium.new_context(java_script_enabled=False)
        context.add_cookies([{"name": "session", "value": quote("essai:veille"), "url": address}])
        page = context.new_page()
        page.goto(f"{address}/veille")
        page.locator("#signal-0000000000000001").focus()
        page.keyboard.press("Enter")
        page.get_by_label("Motif ou note").focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Verdict enregistré : vu")
        chromium.close()
    assert [given.verdict for given in verdicts.given()] == ["vu"]
