"""The form of a prevention action in a browser: by keyboard, by thumb and by night."""

import pytest
from playwright.sync_api import expect

from tests.web.browsing import is_accessible
from tests.web.test_actions import loaded, publish

pytestmark = pytest.mark.long


def test_an_action_is_written_by_keyboard_kept_as_a_draft_and_sent(home, officer_page) -> None:
    page = officer_page
    publish(home)
    page.goto("/actions")
    is_accessible(page)
    page.get_by_role("link", name="Nouvelle action").press("Enter")
    is_accessible(page)

    page.get_by_label("Heures").fill("-3")
    page.get_by_role("button", name="Envoyer au registre").press("Enter")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("6 champs à corriger")
    is_accessible(page)
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
    is_accessible(page)

    page.get_by_label("Date de début").fill("2026-11-20")
    page.get_by_label("Pré-plaintes en ligne").press("Space")
    page.get_by_role("button", name="Envoyer au registre").press("Enter")
    expect(page.get_by_role("heading", name="Action envoyée au registre")).to_be_visible()
    is_accessible(page)
    (row,) = loaded(home)
    assert (row["titre"], row["date_debut"], row["indicateurs_vises"]) == (
        "Appel de M. [NOM]",
        "2026-11-20",
        "pre_complaints",
    )


@pytest.mark.parametrize("path", ["/actions/A33", "/actions/C33", "/actions/nope", "/actions/deplacer"])
def test_what_is_only_read_is_accessible_too(home, officer_page, path) -> None:
    page = officer_page
    publish(home)
    page.goto("/actions")
    page.evaluate(f"location.assign('{path}')")
    page.wait_for_url(f"**{path}")
    is_accessible(page)
    assert page.get_by_role("heading", level=1).count() == 1
