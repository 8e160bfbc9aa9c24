"""Every week the auditors get the head of the ledger, and a warning at once when it was altered."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import ledger, signing
from core.settings import Home
from operations import ledger_mail
from orchestration import maintenance
from tests.audit.world import publish, write_warehouse
from tests.operations.mailserver import Mailbox, serving

KEY = Ed25519PrivateKey.generate()
NOW = datetime(2026, 11, 9, 7, tzinfo=UTC)
SUBSCRIPTIONS = """
subscriptions:
  - {recipient: audit-interne, role: audit, channel: mail, address: audit@unite.example, wants: [ledger_head]}
  - {recipient: inspection, role: audit, channel: mail, address: refused@unite.example, wants: [ledger_head]}
  - {recipient: veille, role: veille, channel: mail, address: veille@unite.example, wants: [signals]}
"""


@pytest.fixture
def published(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home of two publications, eight days apart, and its subscribers."""
    file = tmp_path / "subscriptions.yml"
    file.write_text(SUBSCRIPTIONS)
    monkeypatch.setenv("CYBERIMPACT_SUBSCRIPTIONS", str(file))
    monkeypatch.setenv(signing.SETTING, signing.seed_of(KEY))
    write_warehouse(home)
    publish(home, 0)
    publish(home, 7)
    return home


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    box = Mailbox(refused={"refused@unite.example"})
    with serving(box) as port:
        monkeypatch.setenv("CYBERIMPACT_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("CYBERIMPACT_SMTP_PORT", str(port))
        yield box


def test_the_mail_tells_the_head_and_what_was_published(published: Home) -> None:
    first, _ = ledger_mail.messages(published, NOW)
    assert (first["To"], first["Subject"]) == ("audit@unite.example", "registre cyberimpact, semaine 2026-W46")
    text = first.get_content()
    assert f"    {ledger.entries(published)[-1].reference}\n" in text
    fingerprint = signing.fingerprint(KEY.public_key())
    assert f"signée avec la clé {fingerprint}, en service depuis la publication 1 du 01/11/2026" in text
    assert "2 publication(s), dont 1 depuis une semaine" in text
    assert "- 08/11/2026 à\u00a006\u00a0h\u00a000, publication 2 : 0 valeur(s) changée(s), code abc, scellée." in text
    assert "La vérification n'a rien trouvé d'altéré." in text


def test_the_mail_tells_of_tampering(published: Home) -> None:
    shutil.rmtree(ledger.folders(published)[0])
    first, _ = ledger_mail.messages(published, NOW)
    assert first["Subject"].startswith("ALTÉRATION : ")
    assert "1 publication(s) ont été retirées juste avant" in first.get_content()


def test_a_ledger_that_cannot_be_read_is_mailed_too(published: Home) -> None:
    (ledger.folders(published)[0] / ledger.HEAD).write_bytes(b"{")
    first, _ = ledger_mail.messages(published, NOW)
    assert first["Subject"].startswith("ALTÉRATION : ")
    assert "000001-publication-0 : inséré ou abîmé" in first.get_content()


@pytest.mark.usefixtures("published")
def test_one_recipient_that_is_refused_keeps_no_mail_from_the_others(mailbox: Mailbox) -> None:
    with pytest.raises(dg.Failure, match="refuses the recipient"):
        maintenance.ledger_head.to_job().execute_in_process()
    assert [message["To"] for message in mailbox.messages] == ["audit@unite.example"]


def test_before_a_publication_there_is_no_mail(home: Home) -> None:
    assert list(ledger_mail.messages(home, NOW)) == []
