"""Who gets which pages of the weekly digest, from a published copy and by a real mail server."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import ExpectedFailure
from core.settings import Home
from operations import digest
from operations.digest import Leaf
from tests.handmade import write_copy
from tests.operations.mailserver import Mailbox, serving

WEDNESDAY = datetime(2026, 11, 25, 6, 30, tzinfo=UTC)
COPY = """
    create schema reference; create schema audit;
    create table audit.publication as select 'p-1' as publication_id, date '2026-11-24' as data_as_of;
    create table reference.dim_territory as
        select * from (values
            ('FR', 'nation', 'France'), ('FR-33', 'departement', 'Gironde'),
            ('GN-OM', 'gendarmerie_region', 'Outre-mer')
        ) as t (territory_code, territory_level, territory_name);
"""
SUBSCRIPTIONS = """
subscriptions:
  - {recipient: communication, role: communication, channel: mail, address: com@unite.example, wants: [digest]}
  - {recipient: gironde, role: ggd, channel: mail, address: ggd33@unite.example, wants: [digest], territories: [FR-33]}
  - {recipient: outremer, role: ggd, channel: mail, address: om@unite.example, wants: [digest], territories: [GN-OM]}
  - {recipient: abroad, role: ggd, channel: mail, address: xx@unite.example, wants: [digest], territories: [XX]}
  - recipient: prevention
    role: prevention
    channel: mail
    address: prevention@unite.example
    wants: [digest]
    territories: [FR, FR-33]
    dashboards: [acteurs, veille, impact, territoire]
  - {recipient: veille, role: veille, channel: mail, address: veille@unite.example, wants: [signals]}
"""


@pytest.fixture
def drawn(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Leaf]:
    """What was drawn, each page as its name; the copy and the subscriptions are there."""
    write_copy(home, COPY)
    file = tmp_path / "subscriptions.yml"
    file.write_text(SUBSCRIPTIONS, encoding="utf-8")
    monkeypatch.setenv("CYBERIMPACT_SUBSCRIPTIONS", str(file))
    asked: list[Leaf] = []

    def draw(leaves: Iterator[Leaf]) -> dict[Leaf, bytes]:
        asked.extend(leaves)
        return {leaf: leaf.file_name.encode() for leaf in asked}

    monkeypatch.setattr(digest, "draw", draw)
    return asked


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    box = Mailbox()
    with serving(box) as port:
        monkeypatch.setenv("CYBERIMPACT_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("CYBERIMPACT_SMTP_PORT", str(port))
        yield box


def test_each_recipient_gets_its_own_pages(home, drawn, mailbox):
    assert digest.send(home, WEDNESDAY) == [
        "communication: 4 page(s) sent.",
        "gironde: 1 page(s) sent.",
        "outremer: 1 page(s) sent.",
        "abroad: no page for its territories, nothing was sent.",
        "prevention: 5 page(s) sent.",
    ]
    national_pages = ["vue-densemble", "visibilite", "perception", "acteurs"]
    local = [Leaf("territoire", "Gironde"), Leaf("territoire", "Outre-mer")]
    chosen = [Leaf("acteurs", "Gironde"), Leaf("veille"), Leaf("impact")]
    assert drawn == [*map(Leaf, national_pages), *local, *chosen]  # each once
    national, gironde, _, prevention = mailbox.messages
    names = [part.get_filename() for part in prevention.iter_attachments()]
    assert names == ["acteurs.pdf", "acteurs-Gironde.pdf", "veille.pdf", "impact.pdf", "territoire-Gironde.pdf"]
    assert (national["To"], gironde["To"]) == ("com@unite.example", "ggd33@unite.example")
    assert national["Subject"] == "cyberimpact : les tableaux de bord de la semaine 48 de 2026"
    text = national.get_body().get_content()
    assert "Données au 24/11/2026. Publication p-1." in text
    assert "/superset/dashboard/vue-densemble/" in text
    names = [part.get_filename() for part in national.iter_attachments()]
    assert names == ["vue-densemble.pdf", "visibilite.pdf", "perception.pdf", "acteurs.pdf"]
    (page,) = gironde.iter_attachments()
    assert (page.get_content_type(), page.get_content()) == ("application/pdf", b"territoire-Gironde.pdf")


@pytest.mark.usefixtures("drawn")
def test_a_repeat_is_known_by_its_message_id(home, mailbox):
    digest.send(home, WEDNESDAY)
    digest.send(home, WEDNESDAY.replace(day=27))
    first, again = (message for message in mailbox.messages if message["To"] == "com@unite.example")
    assert first["Message-ID"] == again["Message-ID"] == "<digest.2026-W48.communication@cyberimpact.invalid>"


def test_nothing_is_drawn_that_cannot_be_sent(home, drawn, monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_SMTP_HOST", "")
    with pytest.raises(ExpectedFailure, match="No mail server is declared"):
        digest.send(home, WEDNESDAY)
    assert drawn == []


def test_nobody_wants_it_so_nothing_is_done(home, drawn, tmp_path):
    (tmp_path / "subscriptions.yml").write_text("subscriptions: []\n", encoding="utf-8")
    assert digest.send(home, WEDNESDAY) == []
    assert drawn == []


def test_a_name_with_an_apostrophe_stays_one_value():
    assert "%27Val-d%21%27Oise%27" in Leaf("territoire", "Val-d'Oise").path


def test_without_chromium_it_says_so(monkeypatch):
    monkeypatch.setattr(digest.shutil, "which", lambda _: None)
    with pytest.raises(ExpectedFailure, match="Chromium is not installed"):
        digest.draw([Leaf("vue-densemble")])
