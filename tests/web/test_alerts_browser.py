"""Mes alertes in a browser."""

import pytest
from playwright.sync_api import expect

from tests.handmade import write_copy
from tests.operations.mailserver import Mailbox, serving
from tests.web.browsing import is_accessible
from tests.web.test_alerts_page import ADDRESS, COPY

pytestmark = pytest.mark.long


def test_somebody_subscribes_tries_and_deletes(home, officer_page, monkeypatch) -> None:
    page = officer_page
    write_copy(home, COPY)
    page.goto("/mes-alertes")
    is_accessible(page)
    page.get_by_role("link", name="Nouvel abonnement").press("Enter")
    is_accessible(page)

    page.locator("#id_address").fill(ADDRESS)
    page.locator("#id_quiet_from").fill("22:00")
    page.get_by_role("button", name="Enregistrer").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Choisissez un territoire.")
    expect(page.get_by_role("alert")).to_contain_text("Donnez les deux heures, ou aucune.")
    is_accessible(page)

    page.get_by_label("Gironde").press("Space")
    page.locator("#id_quiet_until").fill("06:30")
    page.get_by_role("button", name="Enregistrer").press("Enter")
    expect(page.get_by_role("heading", name=ADDRESS)).to_be_visible()
    is_accessible(page)

    mailbox = Mailbox()
    with serving(mailbox) as port:
        monkeypatch.setenv("CYBERIMPACT_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("CYBERIMPACT_SMTP_PORT", str(port))
        page.get_by_role("button", name="Envoyer un message d'essai").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("Message d'essai envoyé")
    assert [message["To"] for message in mailbox.messages] == [ADDRESS]
    is_accessible(page)

    page.get_by_role("button", name="Supprimer").press("Enter")
    is_accessible(page)
    page.get_by_role("button", name="Supprimer définitivement").press("Enter")
    expect(page.get_by_text("Vous n'avez pas d'abonnement.")).to_be_visible()
    is_accessible(page)
