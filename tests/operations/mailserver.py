"""A real mail server on loopback that keeps what it is given, and refuses on demand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from tests.ports import free_port


@dataclass
class Mailbox:
    """What the server does and has got.

    Attributes:
        answer: What it says to a whole mail; it keeps those that it answers with 250.
        refused: Recipients that it refuses.
        password: What it takes for the account `cyberimpact`.
    """

    answer: str = "250 OK"
    refused: set[str] = field(default_factory=set)
    password: str = "open sesame"
    messages: list[EmailMessage] = field(default_factory=list)

    async def handle_RCPT(self, _s: Any, _c: Any, envelope: Envelope, address: str, _o: Any) -> str:  # noqa: N802
        if address in self.refused:
            return "550 No such user <secret@unite.example>"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.messages.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return self.answer

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: Any, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        good = (data.login, data.password) == (b"cyberimpact", self.password.encode())
        return AuthResult(success=good, handled=False)


@contextmanager
def serving(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    """Serve a mailbox on a free port of 127.0.0.1, and give the port.

    Args:
        mailbox: What is served.
        options: Further arguments of `aiosmtpd.controller.Controller`.
    """
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()
