"""Crises in a browser: a journal that grows while somebody types, a screen that refreshes itself, sound states."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from analytics.signals.topics import Topic
from operations import crises, topics
from operations.acts import Author
from operations.models import Crisis
from tests.analytics.signalling import FLOOD
from tests.web.browsing import DESKTOP, PHONE, is_accessible
from tests.web.crisis_copies import publish_beside, publish_mentions

pytestmark = pytest.mark.long
OFFICER = Author("veille")
WALL = (1920, 1080)
LOOKS = pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])


@pytest.fixture
def browse(chromium, served, monkeypatch) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page of somebody with some roles; what its console reports is an error.

    Chromium reports each answer that is a refusal, too: those are asked for here.
    """
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright has a loop of its own in the test's thread
    errors: list[str] = []
    contexts = []

    def page(*roles: str, size: tuple[int, int] = DESKTOP, scheme: str = "light", **options: object) -> Page:
        width, height = size
        viewport = {"width": width, "height": height}
        context = chromium.new_context(
            viewport=viewport, color_scheme=scheme, locale="fr-FR", base_url=served, **options
        )
        contexts.append(context)
        if roles:
            context.add_cookies([{"name": "session", "value": quote(f"essai:{','.join(roles)}"), "url": served}])
        opened = context.new_page()
        opened.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        opened.on("pageerror", lambda problem: errors.append(str(problem)))
        return opened

    yield page
    for context in contexts:
        context.close()
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


@LOOKS
def test_every_state_is_accessible(browse, crisis, size, scheme) -> None:
    page = browse("veille", size=size, scheme=scheme)
    path = f"/crises/{crisis.crisis_id}"
    for address in ("/crises", "/crises/nouvelle", path, f"{path}/clore", f"{path}/rapport", "/crises/rien"):
        page.goto(address)
        is_accessible(page)
    page.goto(path)
    page.get_by_label("Quand").fill("2999-01-01T00:00")
    page.get_by_label("Nouvelle ligne").fill("Demain")
    page.get_by_role("button", name="Écrire au journal").press("Enter")
    expect(page.get_by_text("à venir")).to_be_visible()
    is_accessible(page)
    crises.close(crisis.crisis_id, OFFICER)
    for address in ("/crises", path, f"{path}/clore"):
        page.goto(address)
        is_accessible(page)


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
    is_accessible(page)
    page.context.add_cookies(cookies)  # a login in another tab
    expect(page.get_by_text("Votre session a expiré")).to_be_hidden(timeout=10_000)
    crises.close(crisis.crisis_id, OFFICER)
    expect(page.get_by_text("n'accepte plus de ligne")).to_be_visible(timeout=10_000)
    assert typed.input_value() == "Pont rouvert"
    is_accessible(page)
    page.get_by_role("button", name="Écrire au journal").click()
    expect(page.get_by_label("Votre ligne")).to_have_value("Pont rouvert")
    is_accessible(page)


def test_a_screen_refreshes_itself_until_it_is_revoked(browse, crisis) -> None:
    officer = browse("veille", permissions=["clipboard-read", "clipboard-write"])
    officer.goto(f"/crises/{crisis.crisis_id}")
    officer.get_by_label("Où est l'écran").fill("Salle d'opérations")
    officer.get_by_role("button", name="Donner un accès à un écran").click()
    is_accessible(officer)
    address = officer.locator(".wall-address").inner_text()
    officer.get_by_role("button", name="Copier l'adresse").press("Enter")
    expect(officer.get_by_role("status").filter(has_text="Adresse copiée.")).to_be_visible()
    assert officer.evaluate("navigator.clipboard.readText()") == address
    wall = browse(size=WALL)
    wall.goto(address)
    is_accessible(wall)
    sizes = wall.evaluate(
        "[...document.querySelectorAll('p, h1, h2')].filter(e => !e.className.includes('sr-only'))"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 1080 / 45, "a line of a screen of 1.2 m is 2.7 cm high: readable at five metres"
    assert wall.evaluate("document.documentElement.scrollHeight") <= 1080
    crises.note(crisis.crisis_id, "Pont fermé", kind="fait", author=OFFICER)
    expect(wall.get_by_text("Pont fermé")).to_be_visible(timeout=15_000)
    is_accessible(wall)
    officer.get_by_role("button", name="Révoquer").click()
    expect(officer.get_by_text("est révoqué")).to_be_visible()
    expect(wall.get_by_text("Cet écran n'affiche plus rien")).to_be_visible(timeout=15_000)
    is_accessible(wall)


@LOOKS
def test_a_topic_is_tried_beside_what_is_typed_and_saved(home, browse, size, scheme) -> None:
    publish_mentions(home)
    page = browse("veille", size=size, scheme=scheme)
    for address in ("/themes", "/themes/hameconnage", "/themes/hameconnage/arreter", "/themes/nouveau"):
        page.goto(address)
        is_accessible(page)
    page.get_by_label("Nom").fill("Crue de l'Iton")
    query = page.get_by_label("Requête")
    query.fill('"crue')
    page.get_by_role("button", name="Voir ce qu'il trouverait").press("Enter")
    expect(page.locator("#apercu")).to_contain_text("un guillemet n'est pas refermé")
    is_accessible(page)
    query.fill("volcan")
    page.get_by_role("button", name="Voir ce qu'il trouverait").press("Enter")
    expect(page.locator("#apercu")).to_contain_text("ne trouve rien")
    is_accessible(page)
    query.fill("crue")
    page.get_by_role("button", name="Voir ce qu'il trouverait").press("Enter")
    expect(page.locator("#apercu")).to_contain_text("La crue monte")
    is_accessible(page)
    page.get_by_role("button", name="Ajouter le thème").press("Enter")
    expect(page.get_by_text("Le thème est ajouté")).to_be_visible()
    is_accessible(page)


def test_a_topic_is_tried_without_script_too(home, browse) -> None:
    publish_mentions(home)
    page = browse("veille", java_script_enabled=False)
    page.goto("/themes/nouveau")
    page.get_by_label("Nom").fill("Crue de l'Iton")
    page.get_by_label("Requête").fill("crue")
    page.get_by_role("button", name="Voir ce qu'il trouverait").click()
    assert "La crue monte" in page.locator("#apercu").inner_text()
    assert page.get_by_label("Requête").input_value() == "crue"
