"""Veille and the home page in a browser: the list refreshes itself without a jump, a thumb judges a signal by night."""

import os
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from operations import verdicts
from operations.acts import Author
from tests.web.browsing import DESKTOP, PHONE, is_accessible, looking
from tests.web.watching import closed, publish_watch, signal

pytestmark = pytest.mark.long
SIGNAL = "/veille/0000000000000001"
#: What is smaller than this many pixels is missed by fingers, says WCAG 2.2.
THUMB = 44
REFRESHED_MS = 31_000


@pytest.fixture(autouse=True)
def _database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a test read what was recorded: Playwright has a loop in its thread, which Django would refuse."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


def test_the_list_refreshes_itself_without_a_jump_while_it_is_looked_at(home, served, chromium):
    publish_watch(home, [signal(1), closed(2)])
    with looking(chromium, served, "veille", size=PHONE, is_dark=True) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if "vu=" in request.url else None)
        page.clock.install()
        page.goto("/veille")
        is_accessible(page)
        expect(page.locator("#verifie")).to_contain_text("Vérifié à")
        read = page.locator("#signal-0000000000000002")
        read.focus()
        page.evaluate("scrollTo(0, 300)")
        before = read.bounding_box()

        with page.expect_response(lambda answer: "vu=" in answer.url) as same:
            page.clock.fast_forward(REFRESHED_MS)
        assert same.value.status == 204, "nothing has changed, nothing is swapped"

        publish_watch(home, [signal(1), closed(2), signal(3, "FR", "France entière", 4)], "2")
        page.clock.fast_forward(REFRESHED_MS)
        expect(page.locator("#signal-0000000000000003")).to_have_count(1)
        expect(page.get_by_role("status")).to_contain_text("2 alertes, la plus grave : Crue – France entière")
        assert page.evaluate("document.activeElement.id") == "signal-0000000000000002", "the focus stays"
        assert read.bounding_box() == before, "what one reads stays in its place, below what is new"
        is_accessible(page)

        known = len(asked)
        page.evaluate("Object.defineProperty(document, 'hidden', {value: true})")
        page.clock.fast_forward(4 * REFRESHED_MS)
        page.wait_for_timeout(300)
        assert len(asked) == known, "a page that nobody looks at asks for nothing"


def test_a_page_without_answers_says_so_and_keeps_what_was_last_known(home, served, chromium, monkeypatch):
    publish_watch(home, [signal(1)])
    page = _visitor(chromium, served)
    page.clock.install()
    page.goto("/veille")
    page.context.set_offline(True)
    page.clock.fast_forward(REFRESHED_MS)
    expect(page.locator("#verifie")).to_contain_text("Sans réponse depuis")
    page.context.set_offline(False)
    answering = os.environ["CYBERIMPACT_SUPERSET_PORT"]
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_PORT", "1")
    with page.expect_response(lambda answer: "vu=" in answer.url) as refused:
        page.clock.fast_forward(REFRESHED_MS)
    assert refused.value.status == 503, "Superset does not say who asks"
    expect(page.locator("#verifie")).to_contain_text("Sans réponse depuis")
    expect(page.locator("#signal-0000000000000001")).to_be_visible()
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_PORT", answering)
    page.clock.fast_forward(REFRESHED_MS)
    expect(page.locator("#verifie")).to_contain_text("Vérifié à")
    page.context.close()


def test_a_session_that_ends_ends_the_refreshing(home, served, chromium):
    publish_watch(home, [signal(1)])
    page = _visitor(chromium, served)
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "vu=" in request.url else None)
    page.goto("/veille")
    page.context.clear_cookies(name="session")
    page.clock.fast_forward(REFRESHED_MS)
    expect(page.locator("#verifie")).to_contain_text("Session terminée")
    expect(page.locator("#signaux")).to_contain_text("Se connecter")
    is_accessible(page)
    page.clock.fast_forward(4 * REFRESHED_MS)
    page.wait_for_timeout(300)
    assert len(asked) == 1
    page.context.close()


def test_a_thumb_judges_a_signal_by_night(home, served, chromium):
    publish_watch(home, [signal(1)])
    page = _visitor(chromium, served, viewport={"width": PHONE[0], "height": PHONE[1]}, color_scheme="dark")
    page.goto(SIGNAL)
    is_accessible(page)
    for name in ("Vu", "Confirmer", "Écarter"):
        box = page.get_by_role("button", name=name, exact=True).bounding_box()
        assert min(box["height"], box["width"]) >= THUMB

    page.get_by_role("button", name="Écarter").click()
    expect(page.get_by_role("alert")).to_contain_text("Un signal écarté demande un motif")
    is_accessible(page)

    page.get_by_label("Motif ou note").fill("Exercice de la préfecture")
    verdicts.record(signal(1), "confirmé", Author("autre"))
    page.get_by_role("button", name="Écarter").click()
    expect(page.get_by_role("alert")).to_contain_text("le rôle « autre » a rendu le verdict « confirmé »")
    expect(page.get_by_label("Motif ou note")).to_have_value("Exercice de la préfecture")
    is_accessible(page)

    page.get_by_role("button", name="Écarter").click()
    expect(page.get_by_role("alert")).to_contain_text("Verdict enregistré : écarté")
    assert page.evaluate("document.activeElement.id") == "fait", "a screen reader reads it first"
    is_accessible(page)
    page.context.close()


def test_keys_alone_reach_and_send_the_form_without_script(home, served, chromium):
    publish_watch(home, [signal(1)])
    page = _visitor(chromium, served, java_script_enabled=False)
    page.goto("/veille")
    page.locator("#signal-0000000000000001").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Motif ou note").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Verdict enregistré : vu")
    page.context.close()
    assert [given.verdict for given in verdicts.given()] == ["vu"]


@pytest.mark.parametrize(("size", "is_dark"), [(DESKTOP, False), (PHONE, True)])
@pytest.mark.parametrize("path", ["/", "/veille", SIGNAL])
def test_a_filled_page_is_accessible(home, served, chromium, path, size, *, is_dark):
    publish_watch(home, [signal(1), closed(2)])
    with looking(chromium, served, "departement-FR-33", size=size, is_dark=is_dark) as page:
        page.goto(path)
        is_accessible(page)


@pytest.mark.parametrize("path", ["/", "/veille"])
def test_an_empty_page_is_accessible(home, served, chromium, path):
    publish_watch(home, [])
    with looking(chromium, served, "national") as page:
        page.goto(path)
        is_accessible(page)


def _visitor(chromium, address: str, **options: object) -> Page:
    """Return the page of somebody who watches, on which refusals and lost connections are no failure of the test."""
    context = chromium.new_context(base_url=address, locale="fr-FR", **options)
    context.add_cookies([{"name": "session", "value": quote("essai:veille"), "url": address}])
    return context.new_page()
