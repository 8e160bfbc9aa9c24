"""Mail leaves once, encrypted unless it stays on the machine, and a failure is said without a secret."""

import socket
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from core.errors import ExpectedFailure
from operations import mail
from tests import tls
from tests.operations.mailserver import Mailbox, serving


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "PORT", "USER", "PASSWORD", "FROM", "TIMEOUT_SECONDS"):
        monkeypatch.setenv(f"CYBERIMPACT_SMTP_{name}", "")
    monkeypatch.setenv("CYBERIMPACT_SMTP_TIMEOUT_SECONDS", "2")


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def box(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A mailbox on this machine, declared in the settings."""
    with serving(mailbox) as port:
        monkeypatch.setenv("CYBERIMPACT_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("CYBERIMPACT_SMTP_PORT", str(port))
        yield mailbox


def written() -> EmailMessage:
    message = EmailMessage()
    message["To"] = "permanence@unite.example"
    message["Subject"] = "Crue à Évreux : signal n° 1"
    message["Message-ID"] = "<alert-1@cyberimpact>"
    message.set_content("Les routes sont coupées.\n")
    message.add_alternative("<p>Les routes sont <b>coupées</b>.</p>", subtype="html")
    return message


def test_a_mail_arrives_as_it_was_written(box: Mailbox) -> None:
    mail.send(written())
    [arrived] = box.messages
    assert arrived["Subject"] == "Crue à Évreux : signal n° 1"
    assert arrived["Message-ID"] == "<alert-1@cyberimpact>"
    assert arrived["From"] == mail.DEFAULT_SENDER
    assert arrived.get_body(("plain",)).get_content() == "Les routes sont coupées.\r\n"  # type: ignore[union-attr]
    assert "<b>coupées</b>" in arrived.get_body(("html",)).get_content()  # type: ignore[union-attr]


def test_without_a_declared_server_nothing_is_tried() -> None:
    assert not mail.is_configured()
    with pytest.raises(ExpectedFailure, match="CYBERIMPACT_SMTP_HOST"):
        mail.send(written())


@pytest.mark.parametrize(
    ("answer", "said"),
    [("451 Try again later", "refuses the mail \\(code 451\\)"), ("554 Spam", "refuses the mail \\(code 554\\)")],
)
def test_a_refused_mail_is_a_failure_in_words(box: Mailbox, answer: str, said: str) -> None:
    box.answer = answer
    with pytest.raises(ExpectedFailure, match=said):
        mail.send(written())
    assert box.messages == []


def test_a_refused_recipient_is_not_named(box: Mailbox) -> None:
    box.refused = {"permanence@unite.example"}
    with pytest.raises(ExpectedFailure, match="refuses the recipient \\(code 550\\)") as refusal:
        mail.send(written())
    assert "unite.example" not in str(refusal.value)


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("CYBERIMPACT_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("CYBERIMPACT_SMTP_PORT", str(taken.getsockname()[1]))
        with pytest.raises(ExpectedFailure, match="cannot be reached"):
            mail.send(written())


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("CYBERIMPACT_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("CYBERIMPACT_SMTP_PORT", str(silent.getsockname()[1]))
        monkeypatch.setenv("CYBERIMPACT_SMTP_TIMEOUT_SECONDS", "1")
        with pytest.raises(ExpectedFailure, match="fell silent for 1 s"):
            mail.send(written())


def test_a_goodbye_that_fails_does_not_unsend_a_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that hangs up after its acknowledgement: a repeat would be a double."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 ready\r\n")
            for line in lines:
                verb = line[:4].upper()
                if verb == b"DATA":
                    connection.sendall(b"354 go on\r\n")
                    while lines.readline() != b".\r\n":
                        pass
                    connection.sendall(b"250 taken\r\n")
                elif verb == b"QUIT":
                    connection.sendall(b"500 no\r\n")
                    return
                else:
                    connection.sendall(b"250 fine\r\n")

    server = threading.Thread(target=serve)
    server.start()
    monkeypatch.setenv("CYBERIMPACT_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("CYBERIMPACT_SMTP_PORT", str(listener.getsockname()[1]))
    mail.send(written())
    server.join(5)
    listener.close()
    assert not server.is_alive()


# A server elsewhere is a name that this machine resolves to itself: all else is as it would be.


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = socket.getaddrinfo

    def resolve(host: str, *rest: object, **named: object) -> object:
        return ask("127.0.0.1" if host == "mail.example" else host, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setenv("CYBERIMPACT_SMTP_HOST", "mail.example")


@pytest.mark.usefixtures("elsewhere")
def test_a_server_elsewhere_without_encryption_gets_nothing(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(mailbox) as port:
        monkeypatch.setenv("CYBERIMPACT_SMTP_PORT", str(port))
        with pytest.raises(ExpectedFailure, match="lacks what is needed: STARTTLS"):
            mail.send(written())
    assert mailbox.messages == []


@pytest.mark.usefixtures("elsewhere")
def test_encrypted_with_an_account(mailbox: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, kept = tls.certificate(tmp_path, "mail.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(shown))
    monkeypatch.setenv("CYBERIMPACT_SMTP_USER", "cyberimpact")
    monkeypatch.setenv("CYBERIMPACT_SMTP_PASSWORD", mailbox.password)
    options = {"tls_context": tls.context(shown, kept), "require_starttls": True, "auth_required": True}
    with serving(mailbox, authenticator=mailbox.authenticate, **options) as port:
        monkeypatch.setenv("CYBERIMPACT_SMTP_PORT", str(port))
        mail.send(written())
        assert len(mailbox.messages) == 1
        monkeypatch.setenv("CYBERIMPACT_SMTP_PASSWORD", "a wrong secret")
        with pytest.raises(ExpectedFailure, match="refuses the account \\(code 535\\)") as refusal:
            mail.send(written())
    assert "a wrong secret" not in f"{refusal.value}{refusal.value.__cause__}{mail.server()!r}"
    assert len(mailbox.messages) == 1


@pytest.mark.usefixtures("elsewhere")
def test_a_certificate_that_nobody_vouches_for_gets_nothing(
    mailbox: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(mailbox, tls_context=tls.context(*tls.certificate(tmp_path, "mail.example"))) as port:
        monkeypatch.setenv("CYBERIMPACT_SMTP_PORT", str(port))
        with pytest.raises(ExpectedFailure, match=r"certificate of the server is not accepted .self-signed"):
            mail.send(written())
    assert mailbox.messages == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "smtp", "CYBERIMPACT_SMTP_PORT"),
        ("PORT", "70000", "1 to 65535"),
        ("TIMEOUT_SECONDS", "0", "1 to 600"),
        ("USER", "cyberimpact", "only one of user and password"),
    ],
)
def test_settings_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv("CYBERIMPACT_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv(f"CYBERIMPACT_SMTP_{name}", value)
    with pytest.raises(ExpectedFailure, match=said):
        mail.server()
