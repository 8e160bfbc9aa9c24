"""Sends mail over SMTP."""

import contextlib
import ipaddress
import smtplib
import socket
import ssl
from dataclasses import dataclass
from email.message import EmailMessage

from core import certificates, settings
from core.errors import ExpectedFailure

DEFAULT_PORT = "587"
DEFAULT_TIMEOUT_SECONDS = "20"
DEFAULT_SENDER = "cyberimpact@localhost"


@dataclass(frozen=True)
class Server:
    """A mail server that takes our mail.

    Attributes:
        host: Its name or address.
        port: Its port; STARTTLS is asked for on it.
        user: Account, None where the server asks for none.
        password: Password of the account; never shown.
        sender: Address from which mail comes.
        timeout_seconds: How long one answer may take.
    """

    host: str
    port: int
    user: str | None
    password: str | None
    sender: str
    timeout_seconds: float

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port})"

    @property
    def is_loopback(self) -> bool:
        """Whether its traffic stays on this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def is_configured() -> bool:
    """Return whether a mail server is declared."""
    return settings.get("CYBERIMPACT_SMTP_HOST") is not None


def server() -> Server:
    """Return the mail server that the settings `CYBERIMPACT_SMTP_*` declare.

    Raises:
        ExpectedFailure: none is declared, or a setting is not usable.
    """
    host = settings.get("CYBERIMPACT_SMTP_HOST")
    if host is None:
        raise ExpectedFailure(
            "No mail server is declared, so no mail leaves.", "Set CYBERIMPACT_SMTP_HOST in .env (docs/operator.md)."
        )
    user, password = settings.get("CYBERIMPACT_SMTP_USER"), settings.get("CYBERIMPACT_SMTP_PASSWORD")
    if (user is None) != (password is None):
        raise ExpectedFailure(
            "Of the mail account, only one of user and password is set.",
            "Set both CYBERIMPACT_SMTP_USER and CYBERIMPACT_SMTP_PASSWORD, or neither.",
        )
    return Server(
        host=host,
        port=int(_number("CYBERIMPACT_SMTP_PORT", DEFAULT_PORT, at_most=65535)),
        user=user,
        password=password,
        sender=settings.get("CYBERIMPACT_SMTP_FROM", DEFAULT_SENDER),
        timeout_seconds=_number("CYBERIMPACT_SMTP_TIMEOUT_SECONDS", DEFAULT_TIMEOUT_SECONDS, at_most=600),
    )


def _number(name: str, default: str, at_most: int) -> int:
    value = settings.get(name, default)
    if not value.isdecimal() or not 1 <= int(value) <= at_most:
        raise ExpectedFailure(f"{name} is {value!r}.", f"Set it to a whole number from 1 to {at_most}.")
    return int(value)


def send(message: EmailMessage) -> None:
    """Send a mail, and return once the server has taken charge of it.

    The connection is encrypted with STARTTLS and the server's certificate checked; a connection in the clear is
    made to a server on this machine only. A message without `From` gets the declared sender.

    Args:
        message: The mail, with `To` and `Subject`; a `Message-ID` of the caller's is kept.

    Raises:
        ExpectedFailure: the server cannot be reached, offers no encryption, or refuses: it has not taken the mail. Or
            it fell silent after the whole mail was sent: then it may have taken it.
    """
    ours = server()
    if "From" not in message:
        message["From"] = ours.sender
    try:
        # A name of our own: asking the network for one may take as long as a timeout.
        connection = smtplib.SMTP(ours.host, ours.port, socket.gethostname(), timeout=ours.timeout_seconds)
        try:
            _secure(connection, ours)
            connection.send_message(message)
        finally:
            _leave(connection)
    except (smtplib.SMTPException, OSError) as problem:
        raise _explained(problem, ours) from None


def _secure(connection: smtplib.SMTP, ours: Server) -> None:
    connection.ehlo()
    if not ours.is_loopback:
        connection.starttls(context=ssl.create_default_context())
        connection.ehlo()
    if ours.user is not None and ours.password is not None:
        connection.login(ours.user, ours.password)


def _leave(connection: smtplib.SMTP) -> None:
    """Close the session; its failure does not matter, since an acknowledged mail was sent."""
    with contextlib.suppress(smtplib.SMTPException, OSError):
        connection.quit()
    connection.close()


def _explained(problem: Exception, ours: Server) -> ExpectedFailure:
    """Return a failure in words, without the server's reply, which may name the recipient."""
    if refused := certificates.explain(problem, f"The mail server {ours.host}:{ours.port}"):
        return refused
    remedy = "Nothing is lost: it is tried again. If it stays so, ask who runs the server."
    match problem:
        case smtplib.SMTPAuthenticationError():
            what = f"refuses the account (code {problem.smtp_code})"
            remedy = "Correct CYBERIMPACT_SMTP_USER and CYBERIMPACT_SMTP_PASSWORD."
        case smtplib.SMTPRecipientsRefused():
            codes = ", ".join(str(code) for code, _ in problem.recipients.values())
            what, remedy = f"refuses the recipient (code {codes})", "Correct the address in the subscriptions."
        case smtplib.SMTPSenderRefused():
            what, remedy = f"refuses the sender (code {problem.smtp_code})", "Correct CYBERIMPACT_SMTP_FROM."
        case smtplib.SMTPNotSupportedError():
            what = "lacks what is needed: STARTTLS, or a login with a password; nothing was sent"
            remedy = "Use a server and port that offer STARTTLS, usually 587."
        case ssl.SSLError():
            what = f"does not accept an encrypted connection ({problem.reason or 'no reason given'}); nothing was sent"
            remedy = "Ask who runs the server which versions of TLS it has: 1.2 and 1.3 are known here."
        case smtplib.SMTPResponseException():
            what = f"refuses the mail (code {problem.smtp_code})"
        case TimeoutError() | smtplib.SMTPServerDisconnected():  # smtplib reports a timeout as a broken connection
            what = f"fell silent for {ours.timeout_seconds:.0f} s, or closed the connection"
        case OSError():
            what = f"cannot be reached ({problem.strerror or 'unknown name'})"
            remedy = "Correct CYBERIMPACT_SMTP_HOST and CYBERIMPACT_SMTP_PORT, or start the server; it is tried again."
        case _:
            what = f"failed ({type(problem).__name__})"
    return ExpectedFailure(f"The mail server {ours.host}:{ours.port} {what}.", remedy)
