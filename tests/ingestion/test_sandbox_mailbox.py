"""What the mailbox of the sandbox catches, keeps and shows: text, and nothing that a mail could do."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from sandbox import mailbox
from tests.ports import free_port

HOSTILE = '<script>alert(1)</script><img src="http://tracker.example/x.png">'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mails"


@pytest.fixture
def port(folder: Path) -> Iterator[int]:
    chosen = free_port()
    with mailbox.catching(folder, chosen):
        yield chosen


@pytest.fixture
def client(folder: Path) -> TestClient:
    return TestClient(Starlette(routes=mailbox.pages(folder)))


def mail(subject: str, text: str = "Bonjour", html: str | None = None) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "cyberimpact@localhost", "veille@unite.example", subject
    made.set_content(text)
    if html:
        made.add_alternative(html, subtype="html")
    return made


def send(port: int, *mails: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", port, "test", timeout=10) as server:
        for message in mails:
            server.send_message(message)


def opened(client: TestClient) -> str:
    """Return the page of the last mail."""
    return client.get(client.get(mailbox.PATH).text.partition('<a href="')[2].partition('"')[0]).text


def test_an_empty_mailbox_says_so_and_looks_again_by_itself(client: TestClient) -> None:
    page = client.get(mailbox.PATH)
    assert "Aucun courriel" in page.text
    assert 'http-equiv="refresh"' in page.text
    assert client.get(f"{mailbox.PATH}/1").status_code == 404


def test_mails_are_listed_the_last_one_first_and_opened(port: int, client: TestClient) -> None:
    send(port, mail("Le premier"), mail("L'été à Évreux", "Crue à Évreux : 12 mentions"))
    listed = client.get(mailbox.PATH).text
    assert listed.index("L&#x27;été à Évreux") < listed.index("Le premier")
    page = opened(client)
    assert "Crue à Évreux : 12 mentions" in page
    assert "veille@unite.example" in page
    assert "refresh" not in page, "a page that is read does not move"


def test_the_text_is_shown_and_what_a_mail_holds_besides_does_nothing(port: int, client: TestClient) -> None:
    send(port, mail(HOSTILE, f"Avant {HOSTILE} après", html=f"<b>{HOSTILE}</b>"))
    assert client.get(mailbox.PATH).headers["content-security-policy"].startswith("default-src 'none'")
    for text in (client.get(mailbox.PATH).text, opened(client)):
        assert "&lt;script&gt;" in text
        assert not [tag for tag in ("<script", "<img", "<b>") if tag in text]


def test_only_what_is_on_this_machine_is_a_link(port: int, client: TestClient) -> None:
    send(
        port,
        mail("Liens", "http://127.0.0.1:8091/veille/a?b=1&c=2 https://ailleurs.example/x http://127.0.0.1.nip.io/"),
    )
    page = opened(client)
    assert '<a href="http://127.0.0.1:8091/veille/a?b=1&amp;c=2">' in page
    assert "ailleurs.example" in page
    assert 'href="https://' not in page
    assert 'href="http://127.0.0.1.nip' not in page


def test_the_last_mails_are_kept(port: int, folder: Path, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "KEPT", 3)
    send(port, *(mail(f"Numéro {number}") for number in range(5)))
    assert len(list(folder.iterdir())) == 3
    listed = client.get(mailbox.PATH).text
    assert [f"Numéro {number}" in listed for number in range(5)] == [False, False, True, True, True]


def test_a_mail_that_is_too_large_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "LARGEST_BYTES", 1000)
    chosen = free_port()
    with mailbox.catching(folder, chosen), pytest.raises(smtplib.SMTPResponseException):
        send(chosen, mail("Trop long", "x" * 2000))
    assert list(folder.iterdir()) == []


def test_a_mail_without_text_or_in_an_unknown_charset_is_shown(port: int, client: TestClient) -> None:
    with smtplib.SMTP("127.0.0.1", port, "test", timeout=10) as server:
        head = b"Subject: Brut\r\nContent-Type: "
        server.sendmail("a@unite.example", ["b@unite.example"], head + b"text/plain; charset=nul\r\n\r\nx\r\n")
        assert "(illisible)" in opened(client)
        server.sendmail("a@unite.example", ["b@unite.example"], head + b"text/html\r\n\r\n<b>x</b>\r\n")
        assert "(sans texte)" in opened(client)


def test_it_listens_on_loopback_only(port: int) -> None:
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if line.split()[3] == "0A"]
    assert [address for address in listening if int(address.partition(":")[2], 16) == port] == [f"0100007F:{port:04X}"]
