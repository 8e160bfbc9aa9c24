"""A mail server of this machine."""

from collections.abc import Iterator

import pytest

from tests.operations.mailserver import Mailbox, serving


@pytest.fixture
def local_smtp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mails leave by a server of this machine, without an account."""
    monkeypatch.setenv("CYBERIMPACT_SMTP_HOST", "127.0.0.1")
    for name in ("USER", "PASSWORD"):
        monkeypatch.setenv(f"CYBERIMPACT_SMTP_{name}", "")


@pytest.fixture
def box(local_smtp: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:  # noqa: ARG001
    """A mailbox behind that server."""
    mailbox = Mailbox()
    with serving(mailbox) as port:
        monkeypatch.setenv("CYBERIMPACT_SMTP_PORT", str(port))
        yield mailbox
