"""A lost secret is named in a sentence where it is needed; what goes on without it goes on."""

from collections.abc import Callable

import pytest

from audit import signing
from cli import health_checks
from cli.configuration import GENERATED, GIVEN, SECRETS
from core import settings, superset
from core.errors import ExpectedFailure
from opendata import udata
from operations import mail, tokens
from operations.alerts import links, sending
from operations.alerts.writing import Message
from operations.bus import broker
from operations.inbox import sealing
from operations.subscriptions import Subscription
from privacy import pseudonyms
from warehouse import offsite

DOCUMENT = settings.CHECKOUT / "docs" / "installation.md"


def bus_subscription() -> Subscription:
    return Subscription(
        "esb", "national", "webhook", "https://esb.example", frozenset({"events"}), secret="$CYBERIMPACT_WEBHOOK_SECRET"
    )


def mail_with_half_an_account() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CYBERIMPACT_SMTP_HOST", "127.0.0.1")
        patch.setenv("CYBERIMPACT_SMTP_USER", "cyberimpact")
        mail.server()


def send_to_matrix() -> None:
    room = Subscription("veille", "veille", "matrix", "https://matrix.example/!room:matrix.example", frozenset())
    sending._matrix(room, Message("m", "s", "p", "<body>h</body>", {}))


def connect_to_the_bus() -> None:
    with broker.connected():
        pass


#: What needs a secret, and how it says that it is not there. Most platforms are asked without a key, which some allow,
#: and name the setting when they refuse.
NEEDED: dict[str, tuple[Callable[[], object], str]] = {
    "CYBERIMPACT_PSEUDONYM_KEY": (lambda: pseudonyms.pseudonymise("a"), "The setting {} is absent."),
    "CYBERIMPACT_LINK_KEY": (lambda: links.opened("a.b.c"), "The setting {} is absent."),
    "SUPERSET_SECRET_KEY": (superset.environment, "The setting {} is absent."),
    "SUPERSET_ADMIN_PASSWORD": (superset.environment, "The setting {} is absent."),
    "CYBERIMPACT_BACKUP_IDENTITY": (offsite._identity, "The setting {} is absent."),
    "CYBERIMPACT_BUS_URL": (connect_to_the_bus, "No message bus is set. Name it in {}"),
    "CYBERIMPACT_MATRIX_TOKEN": (send_to_matrix, "The setting {} is absent."),
    "CYBERIMPACT_SMTP_PASSWORD": (mail_with_half_an_account, "Set both CYBERIMPACT_SMTP_USER and {}, or neither."),
    "CYBERIMPACT_UDATA_API_KEY": (udata.client, "The setting {} is absent."),
    "CYBERIMPACT_WEBHOOK_SECRET": (lambda: bus_subscription().signing_secret(), "The setting {} is absent."),
}


@pytest.fixture(autouse=True)
def _none(home: settings.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.root.mkdir()
    for name in SECRETS:
        monkeypatch.setenv(name, "")


@pytest.mark.parametrize("name", NEEDED)
def test_a_lost_secret_is_named_where_it_is_needed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    if name.startswith("SUPERSET"):
        monkeypatch.setenv(next(other for other in NEEDED if other.startswith("SUPERSET") and other != name), "there")
    act, said = NEEDED[name]
    with pytest.raises(ExpectedFailure) as failure:
        act()
    assert said.format(name) in str(failure.value)


def test_without_the_key_that_signs_a_publication_goes_on_and_the_doctor_says_so() -> None:
    assert signing.private_key() is None
    finding = next(found for found in health_checks.environments() if found.subject == signing.SETTING)
    assert (finding.state, finding.detail) == ("late", "not set: publications are not signed")


def test_without_the_key_of_links_alerts_go_on_without_links() -> None:
    assert not links.are_possible()
    tokens.add("esb", sends=["listening"])
    with pytest.raises(ExpectedFailure, match="CYBERIMPACT_LINK_KEY"):
        tokens.signing_secret(tokens.named("esb"))


def test_what_was_sealed_with_a_lost_key_is_kept_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_PSEUDONYM_KEY", "the former one")
    sealed = sealing.seal(b"a", "d1")
    monkeypatch.setenv("CYBERIMPACT_PSEUDONYM_KEY", "a new one")
    with pytest.raises(sealing.UnopenedError, match="Put the former key back"):
        sealing.opened(sealed, "d1")


def test_the_page_of_the_installation_says_what_is_lost_with_each() -> None:
    page = DOCUMENT.read_text(encoding="utf-8")
    assert [name for name in GENERATED | GIVEN if f"`{name}`" not in page] == []
