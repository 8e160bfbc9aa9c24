"""Un chiffre and Vérifier in a real browser: light and dark, on a screen, a phone and paper."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Browser, expect

from audit import signing
from core.settings import Home
from tests.web.browsing import DESKTOP, PHONE, is_accessible, looking
from tests.web.published_figures import address, publish

pytestmark = pytest.mark.long


@pytest.fixture
def world(home: Home, visit: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> Home:  # noqa: ARG001
    monkeypatch.setenv(signing.SETTING, "c2l4dGVlbiBieXRlcyEhc2l4dGVlbiBieXRlcyEhYWI"[:43])
    publish(home, 0)
    publish(home, 1, late=True)
    return home


@pytest.mark.parametrize(("size", "is_dark"), [(DESKTOP, False), (PHONE, True)])
def test_a_figure_is_followed_to_its_source_and_computed_again(
    world: Home,  # noqa: ARG001
    served: str,
    chromium: Browser,
    size: tuple[int, int],
    *,
    is_dark: bool,
) -> None:
    with looking(chromium, served, "auditeur", size=size, is_dark=is_dark) as page:
        page.goto(address("FR-33"))
        expect(page.get_by_role("heading", level=1)).to_have_text("Visites")
        is_accessible(page)
        button = page.get_by_role("link", name="Recalculer")
        button.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("Recalculé : égal")
        assert page.url.endswith(address("FR-33"))  # its page stays
        for part in page.locator("main summary").all():
            part.click()
        expect(page.get_by_text("sum(numerator)").first).to_be_visible()
        is_accessible(page)
        page.get_by_role("link", name="Enregistrements sources").click()
        expect(page.get_by_role("cell", name="late")).to_be_visible()
        is_accessible(page)
        page.get_by_role("link", name="Retour au chiffre").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Preuve (ZIP)").click()
        assert download.value.suggested_filename == "visits_2026-10_FR-33_publication-2.zip"


def test_a_figure_is_printed_whole(world: Home, served: str, chromium: Browser, tmp_path: Path) -> None:  # noqa: ARG001
    with looking(chromium, served, "departement-FR-33") as page:
        page.goto(address("FR-33"))
        expect(page.get_by_role("button", name="Imprimer")).to_be_visible()
        expect(page.get_by_text("sum(numerator)").first).to_be_hidden()
        page.emulate_media(media="print")
        expect(page.get_by_text("sum(numerator)").first).to_be_visible()
        expect(page.get_by_role("banner")).to_be_hidden()
        expect(page.get_by_role("button", name="Imprimer")).to_be_hidden()
        expect(page.get_by_text("page affichée le")).to_be_visible()
        # A picture behind a cell hides its text in the PDF, and what is wider than the paper is cut.
        pictures = "[...document.querySelectorAll('.fr-table *')].map(e => getComputedStyle(e).backgroundImage)"
        assert set(page.evaluate(pictures)) == {"none"}
        page.set_viewport_size({"width": 680, "height": 1000})  # of A4, in pixels
        assert page.evaluate("document.documentElement.scrollWidth") <= 680
        page.pdf(path=tmp_path / "figure.pdf")
        page.emulate_media(media="screen")
        expect(page.get_by_text("sum(numerator)").first).to_be_hidden()


def test_a_figure_is_read_and_computed_again_without_script(
    world: Home,  # noqa: ARG001
    served: str,
    chromium: Browser,
) -> None:
    context = chromium.new_context(base_url=served, java_script_enabled=False)
    context.add_cookies([{"name": "session", "value": "essai%3Aauditeur", "url": served}])
    page = context.new_page()
    page.goto(address("FR-33"))
    page.get_by_role("link", name="Recalculer").click()
    expect(page.get_by_role("heading", name="Recalculé : égal")).to_be_visible()
    context.close()


@pytest.mark.parametrize(("size", "is_dark"), [(DESKTOP, True), (PHONE, False)])
def test_the_ledger_is_verified_while_the_page_says_how_far(
    world: Home,
    served: str,
    chromium: Browser,
    size: tuple[int, int],
    *,
    is_dark: bool,
) -> None:
    with looking(chromium, served, "auditeur", size=size, is_dark=is_dark) as page:
        page.goto("/verifier")
        is_accessible(page)
        page.get_by_role("button", name="Vérifier le registre").click()
        expect(page.get_by_role("status")).to_contain_text("Vérification en cours")
        is_accessible(page)
        expect(page.get_by_role("status")).to_contain_text("altéré", timeout=30_000)
        is_accessible(page)
        page.goto("/verifier")
        page.get_by_label("Période 2026").fill("2026-10")
        page.get_by_label("Territoire FR").fill("FR-33")
        page.get_by_label("Tel qu'affiché").fill("2026-11-01")
        page.get_by_role("button", name="Ouvrir le chiffre").click()
        expect(page.get_by_text("Tel qu'il était affiché le 01/11/2026")).to_be_visible()
        is_accessible(page)
        page.goto("/verifier/definitions?de=1&a=2")
        expect(page.get_by_text("Aucun indicateur n'a changé")).to_be_visible()
        is_accessible(page)
        page.goto("/verifier")
        file = next(world.evidence.glob("*/*.parquet"))
        file.write_bytes(file.read_bytes() + b" ")
        page.get_by_role("button", name="Vérifier le registre").click()
        expect(page.get_by_role("status")).to_contain_text("1 altération(s) trouvée(s).", timeout=30_000)
        is_accessible(page)
