"""The weekly digest drawn by a real browser from a real Superset, and taken by a real mail server."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from supersync.apply import apply

from ingestion.errors import ExpectedFailure
from orchestration import digest, subscriptions
from orchestration.digest import Leaf
from tests.unit.mailserver import Mailbox, serving

WEDNESDAY = datetime(2026, 11, 25, 6, 30, tzinfo=UTC)
SUBSCRIPTIONS = """
subscriptions:
  - {recipient: communication, role: communication, channel: mail, address: com@unite.example, wants: [digest]}
  - {recipient: gironde, role: ggd, channel: mail, address: ggd33@unite.example, wants: [digest], territories: [FR-33]}
  - {recipient: outremer, role: ggd, channel: mail, address: om@unite.example, wants: [digest], territories: [GN-OM]}
  - {recipient: veille, role: veille, channel: mail, address: veille@unite.example, wants: [signals]}
"""


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "subscriptions.yml"
    file.write_text(SUBSCRIPTIONS, encoding="utf-8")
    monkeypatch.setenv("CYBERIMPACT_SUBSCRIPTIONS", str(file))


@pytest.fixture
def reached(server, client, bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform reaches the tests' Superset as its own."""
    apply(client, bundle, server.database_uri)
    monkeypatch.setenv("CYBERIMPACT_HOME", str(server.home.root))
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_URL", server.url)
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", server.password)


@pytest.mark.usefixtures("declared", "reached")
def test_each_recipient_gets_its_own_pages(server, monkeypatch):
    monkeypatch.setattr(digest, "DASHBOARDS", ("vue-densemble",))  # the others take their time in the same way
    mailbox = Mailbox()
    with serving(mailbox) as port:
        monkeypatch.setenv("CYBERIMPACT_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("CYBERIMPACT_SMTP_PORT", str(port))
        lines = digest.send(server.home, WEDNESDAY)
    assert lines == [
        "communication: 1 page(s) sent.",
        "gironde: 1 page(s) sent.",
        "outremer: no page for its territories, nothing was sent.",
    ]
    national, local = mailbox.messages
    assert (national["To"], local["To"]) == ("com@unite.example", "ggd33@unite.example")
    assert national["Subject"] == "cyberimpact : les tableaux de bord de la semaine 48 de 2026"
    assert national["Message-ID"] == "<digest.2026-W48.communication@cyberimpact.invalid>"
    text = national.get_body().get_content()
    assert f"Publication {(server.home.published / 'daily' / 'current').readlink().name}" in text
    assert f"{server.url}/superset/dashboard/vue-densemble/" in text
    for mail, name in ((national, "vue-densemble.pdf"), (local, "territoire-Gironde.pdf")):
        (attached,) = mail.iter_attachments()
        assert attached.get_filename() == name
        assert attached.get_content().startswith(b"%PDF-")
        assert attached.get_content().count(b"/Type /Page\n") == 1  # one sheet
        assert len(attached.get_content()) > 50_000  # the charts, not an empty page


@pytest.mark.usefixtures("reached")
def test_the_page_of_a_territory_shows_that_territory():
    with digest.browser() as chromium:
        context = chromium.new_context(viewport={"width": digest.WIDTH, "height": digest.HEIGHT}, locale="fr-FR")
        digest.log_in(context)
        page = context.new_page()
        digest.show(page, Leaf("territoire", "Gironde"))
        profile = page.locator("[data-test-chart-name='Le territoire'] td").first
        assert profile.inner_text() == "Gironde"
        traced = page.locator("[data-test-chart-name='Le territoire et ses semblables : acteurs'] td")
        assert "cyberimpact trace victims_assisted" in traced.all_inner_texts()


def test_a_name_with_an_apostrophe_stays_one_value():
    assert "%27Val-d%21%27Oise%27" in Leaf("territoire", "Val-d'Oise").path


@pytest.mark.usefixtures("declared")
def test_what_is_missing_is_said_before_anything_is_drawn(server, monkeypatch):
    monkeypatch.delenv("CYBERIMPACT_SMTP_HOST", raising=False)
    with pytest.raises(ExpectedFailure, match="No mail server is declared"):
        digest.send(server.home, WEDNESDAY)
    monkeypatch.setattr(digest.shutil, "which", lambda _: None)
    with pytest.raises(ExpectedFailure, match="Chromium is not installed"):
        digest.draw([Leaf("vue-densemble")])


@pytest.mark.usefixtures("reached")
def test_a_wrong_password_is_said(monkeypatch):
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", "wrong")
    monkeypatch.setattr(digest, "LOGIN_MS", 5_000)
    with pytest.raises(ExpectedFailure, match="refused the account"):
        digest.draw([Leaf("vue-densemble")])


def test_nobody_wants_it_so_nothing_is_done(server, tmp_path, monkeypatch):
    file = tmp_path / "none.yml"
    file.write_text("subscriptions: []\n", encoding="utf-8")
    monkeypatch.setenv("CYBERIMPACT_SUBSCRIPTIONS", str(file))
    assert subscriptions.declared("digest") == ()
    assert digest.send(server.home, WEDNESDAY) == []
