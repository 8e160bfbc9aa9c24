"""Sends a message by mail, webhook or Matrix, and waits until the server accepts it."""

import json
import re
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from urllib.parse import quote, urlsplit

import httpx

from core import certificates, settings
from core.clock import now
from core.errors import ExpectedFailure, TransientFailure
from operations import mail, webhook_signature
from operations.alerts.writing import Message
from operations.subscriptions import Subscription

TIMEOUT_SECONDS = 20
_JSON = "application/json"
MATRIX_TOKEN = "CYBERIMPACT_MATRIX_TOKEN"  # noqa: S105 - the name of a setting


def send(subscription: Subscription, message: Message) -> None:
    """Send a message, and return once the server has acknowledged it.

    Whatever is sent again carries the same identifier: `Message-ID` of a mail, `Idempotency-Key` of a webhook, the
    transaction of a Matrix event, which the server then does not show twice.

    Raises:
        ExpectedFailure: the server cannot be reached or does not take it.
    """
    _CHANNELS[subscription.channel](subscription, message)


def _mail(subscription: Subscription, message: Message) -> None:
    written = EmailMessage()
    written["To"] = subscription.destination()
    written["Subject"] = message.subject
    written["Message-ID"] = f"<{message.message_id}@cyberimpact>"
    written["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notice answers it
    written.set_content(message.plain)
    written.add_alternative(message.html, subtype="html")
    mail.send(written)


def _webhook(subscription: Subscription, message: Message) -> None:
    post(subscription, message.message_id, message.data)


def post(subscription: Subscription, identifier: str, content: Mapping, *, media_type: str = _JSON) -> None:
    """Send JSON to a webhook, signed where its subscription names a secret.

    Args:
        subscription: Where it goes, and what signs it.
        identifier: The same whenever the same is sent again.
        content: What is sent.
        media_type: What it is.

    Raises:
        TransientFailure: the server cannot be reached.
        ExpectedFailure: it answers anything but 2xx, or the secret is none.
    """
    body = json.dumps(content, ensure_ascii=False).encode()
    headers = {"Idempotency-Key": identifier, "Content-Type": media_type}
    if secret := subscription.signing_secret():
        headers |= webhook_signature.headers(secret, identifier, now(), body)
    _ask("POST", subscription.destination(), headers, body)


def _matrix(subscription: Subscription, message: Message) -> None:
    """Send a room event (Matrix client-server API v1.11, `m.room.message`); Tchap is a Matrix server."""
    address = urlsplit(subscription.destination())
    room = quote(address.path.strip("/"), safe="")
    path = f"/_matrix/client/v3/rooms/{room}/send/m.room.message/{message.message_id}"
    content = {
        "msgtype": "m.text",
        "body": f"{message.subject}\n\n{message.plain}",
        "format": "org.matrix.custom.html",
        "formatted_body": _allowed_html(message.html),
    }
    headers = {"Authorization": f"Bearer {settings.require(MATRIX_TOKEN)}"}
    headers["Content-Type"] = _JSON
    _ask("PUT", f"{address.scheme}://{address.netloc}{path}", headers, json.dumps(content).encode())


def _allowed_html(page: str) -> str:
    """Return the body of a page without the styles and sections that Matrix clients do not show."""
    body = page.partition("<body")[2].partition(">")[2].removesuffix("</body></html>")
    return re.sub(r'</?section[^>]*>| style="[^"]*"', "", body)


def _ask(method: str, address: str, headers: Mapping[str, str], content: bytes) -> None:
    """Send JSON to an address that may be a secret, and is therefore never repeated.

    Raises:
        TransientFailure: the server cannot be reached.
        ExpectedFailure: it answers anything but 2xx.
    """
    host = urlsplit(address).hostname
    try:
        answer = httpx.request(method, address, headers=headers, content=content, timeout=TIMEOUT_SECONDS)
    except httpx.HTTPError as problem:
        raise certificates.explain(problem, f"The server {host}") or TransientFailure(
            f"The server {host} cannot be reached ({type(problem).__name__}).", "Nothing is lost: it is tried again."
        ) from None
    if not answer.is_success:
        raise ExpectedFailure(
            f"The server {host} does not take the message (status {answer.status_code}).",
            "It is tried again. If it stays so, correct the address or the access of the subscription.",
        )


_CHANNELS: Mapping[str, Callable[[Subscription, Message], None]] = {
    "mail": _mail,
    "webhook": _webhook,
    "matrix": _matrix,
}
