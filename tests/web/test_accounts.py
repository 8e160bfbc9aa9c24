"""What was subscribed to on a page ends with its account and role in Superset, as the roles of the project grant it."""

from collections.abc import Callable

import pytest
from django.test import Client
from supersync import server_access
from supersync.errors import SupersetFailure, Unreachable

from core.clock import now
from core.settings import Home
from operations.models import KNOWN_FOR, Act, MailSubscription
from tests.handmade import write_copy
from tests.ports import free_port
from tests.web.conftest import permissions
from tests.web.test_alerts_page import COPY, sent, text_of
from web import accounts

Found = dict[str, dict[str, frozenset[str]]]


@pytest.fixture
def officer(home: Home, visit: Callable[..., Client]) -> Client:
    """Somebody who has just subscribed to the Gironde, with links of verdicts."""
    write_copy(home, COPY)
    client = visit("veille", "departement-FR-33", name="officier")
    sent(client)
    return client


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Found:
    """The accounts of a Superset; `tests/web/test_login.py` asks the real one."""
    made: Found = {"admin": having("Admin")}
    monkeypatch.setattr(server_access, "accounts", lambda _: made)
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", "not-asked")
    return made


def having(*roles: str) -> dict[str, frozenset[str]]:
    return {role: frozenset(" on ".join(pair) for pair in permissions(role)) for role in roles}


def left() -> list[tuple]:
    accounts.hold()
    return list(MailSubscription.objects.values_list("role", "territories", "may_judge"))


@pytest.mark.parametrize(
    ("roles", "kept"),
    [
        (("veille", "departement-FR-33"), [("departement-FR-33", ("FR-33",), True)]),
        (("veille", "region-FR-NAQ"), [("region-FR-NAQ", ("FR-33",), True)]),
        (("veille",), [("veille", ("FR-33",), True)]),
        (("departement-FR-33",), [("departement-FR-33", ("FR-33",), False)]),
        (("national",), [("national", ("FR-33",), False)]),
        (("veille", "departement-FR-35"), []),
        (("Gamma",), []),
        ((), []),
    ],
)
@pytest.mark.usefixtures("officer")
def test_what_roles_grant_today_is_what_mails_follow(found: Found, roles: tuple[str, ...], kept: list) -> None:
    found["officier"] = having(*roles)
    assert left() == kept


@pytest.mark.usefixtures("officer")
def test_an_account_that_is_closed_or_unknown_gets_nothing_any_more(found: Found) -> None:
    found["collegue"] = having("veille", "departement-FR-33")
    assert left() == []
    [done] = Act.objects.filter(role="plateforme")
    assert (done.kind, done.account, done.detail) == ("abonnement supprimé", None, "compte fermé, ou sans rôle")


def test_a_superset_that_is_down_or_refuses_takes_nothing_and_the_page_says_when_mails_have_stopped(
    officer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", "not-asked")
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_URL", f"http://127.0.0.1:{free_port()}")
    checked = MailSubscription.objects.get().checked_at
    with pytest.raises(Unreachable):
        accounts.hold()
    monkeypatch.setattr(server_access, "accounts", refuses)
    with pytest.raises(SupersetFailure, match="denied"):
        accounts.hold()
    assert MailSubscription.objects.get().checked_at == checked
    monkeypatch.delenv("CYBERIMPACT_SUPERSET_URL")
    assert "Rien n'est envoyé" not in text_of(officer.get("/mes-alertes"))
    MailSubscription.objects.update(checked_at=now() - KNOWN_FOR)
    assert "Rien n'est envoyé : vos droits n'ont pas pu être vérifiés depuis le" in text_of(officer.get("/mes-alertes"))


def refuses(_: object) -> Found:
    raise SupersetFailure("Superset denied the account admin.", "Give it the role Admin.")


def test_without_subscriptions_of_pages_superset_is_not_asked(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setattr(server_access, "accounts", refuses)
    accounts.hold()
