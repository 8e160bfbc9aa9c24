"""The pages of the sources and of the texts in a real browser: every state, wide, narrow and dark, and by keyboard."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from core import settings
from core.settings import Home
from tests.handmade import write_copy
from tests.superset import test_browser as looking
from tests.web import test_sources, test_verbatims
from tests.web.process import pages

pytestmark = pytest.mark.long
browser = looking.browser

VIEWS = [(1280, "light"), (390, "light"), (1280, "dark")]


@pytest.fixture
def site(home: Home, _superset: int, tmp_path: Path) -> Iterator[str]:
    """The address of the pages over a copy that is made by hand."""
    write_copy(home, test_sources.statements() + test_verbatims.COPY)
    with pages(home, tmp_path / "pages.log", os.environ | {"CYBERIMPACT_SUPERSET_PORT": str(_superset)}) as address:
        yield address


@pytest.fixture(params=VIEWS, ids=lambda view: f"{view[0]} {view[1]}")
def page(request, browser, site) -> Iterator[Page]:
    """A page of an administrator, whose console stays silent."""
    width, scheme = request.param
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, locale="fr-FR", base_url=site
    )
    context.add_cookies([{"name": "session", "value": quote("essai:administrateur"), "url": site}])
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    yield page
    context.close()
    assert said == []


def look(page: Page) -> None:
    """Refuse what axe-core objects to, once colours have ceased to change, and what is wider than the window."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_the_sources(page: Page, tmp_path: Path) -> None:
    page.goto("/sources")
    look(page)
    page.get_by_role("link", name="Pré-plainte en ligne").click()
    look(page)
    large = tmp_path / "grand.csv"
    with large.open("wb") as stream:
        stream.truncate(33 << 20)
    chosen = page.get_by_label("Fichier de « Pré-plainte en ligne »")
    chosen.set_input_files(large)
    page.get_by_role("button", name="Envoyer et vérifier").click()
    expect(page.get_by_text("Ce fichier est trop grand")).to_be_visible()
    file = tmp_path / "a.csv"
    file.write_bytes(test_sources.CSV)
    chosen.set_input_files(file)
    page.get_by_role("button", name="Envoyer et vérifier").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1 ligne acceptée, 2 à écarter")).to_be_visible(timeout=60_000)
    look(page)
    page.get_by_role("button", name="Déposer").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Le résultat paraîtra ici")).to_be_visible()
    look(page)
    assert [path.name for path in (settings.home().drop / "pre_plainte").iterdir()] == ["a.csv"]


def test_the_texts(page: Page) -> None:
    page.goto("/textes")
    look(page)
    page.get_by_label("Mots cherchés").focus()
    page.keyboard.type("plaintes refusées")
    page.keyboard.press("Enter")
    expect(page.locator("mark").first).to_be_visible()
    look(page)
    page.get_by_role("button", name="Les mêmes valeurs en tableau").click()
    look(page)
    for query, said in (("q=introuvable", "Aucun texte"), ("since=2026-02-02&until=2026-02-01", "Cette date précède")):
        page.goto(f"/textes?{query}")
        expect(page.get_by_text(said)).to_be_visible()
        look(page)
