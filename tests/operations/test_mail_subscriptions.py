"""What was subscribed to on pages follows what accounts are granted, and sends nothing once that is not known."""

from datetime import timedelta
from typing import Any

import pytest

from cli import health_checks
from core.clock import now
from operations import mail_subscriptions, subscriptions
from operations.acts import Author
from operations.alerts import dispatch, outbox
from operations.mail_subscriptions import Sight, Wish
from operations.models import KNOWN_FOR, Act, Alert, MailSubscription
from privacy import pseudonymise_account
from tests.analytics.signalling import FLOOD, other, publish, subscribe

pytestmark = pytest.mark.usefixtures("home")

OFFICER = Author("veille", pseudonymise_account("capitaine.dupont"))
COLLEAGUE = Author("departement-FR-27", pseudonymise_account("lieutenant.martin"))
ADDRESS = "permanence@gendarmerie.interieur.gouv.fr"
BOTH = Sight(("FR-27", "FR-76"), may_judge=True)


@pytest.fixture(autouse=True)
def _no_file(home, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe(monkeypatch, home)


def made(author: Author = OFFICER, sight: Sight = BOTH, territories: tuple[str, ...] = ("FR-27", "FR-76")) -> str:
    return mail_subscriptions.subscribe(author, Wish(ADDRESS, territories), sight).subscription_id


def held(granted: dict[Author, Sight]) -> list[tuple]:
    """Hold what there is against what accounts are granted, and return what is left of it."""
    mail_subscriptions.hold(granted, now())
    return list(MailSubscription.objects.values_list("role", "territories", "may_judge"))


def recorded() -> list[tuple[str, str, str | None]]:
    """Return what the platform did: the kind, the subscription, and in words."""
    done = Act.objects.filter(role="plateforme", account=None)
    return list(done.values_list("kind", "object_id", "detail"))


def test_what_is_still_granted_stays_as_it_is() -> None:
    made()
    made(COLLEAGUE, Sight(("FR-27",)), ("FR-27",))
    kept = [("veille", ("FR-27", "FR-76"), True), ("departement-FR-27", ("FR-27",), False)]
    assert held({OFFICER: BOTH, COLLEAGUE: Sight(("FR-27", "FR-76"), may_judge=True)}) == kept, "nothing is widened"
    assert recorded() == []


def test_a_closed_account_takes_its_subscriptions_and_what_waits_with_it() -> None:
    gone, kept = made(), made(COLLEAGUE, Sight(("FR-27",)), ("FR-27",))
    for one in subscriptions.declared("signals"):
        outbox.put(FLOOD, one, "Crue", now())
    assert held({COLLEAGUE: Sight(("FR-27",))}) == [("departement-FR-27", ("FR-27",), False)]
    assert recorded() == [("abonnement supprimé", gone, "compte fermé, ou sans rôle")]
    [left] = subscriptions.declared("signals")
    assert left.recipient == kept
    assert Alert.objects.count() == len(outbox.waiting(left)) == 1


@pytest.mark.parametrize(
    ("author", "sight", "left", "said"),
    [
        (OFFICER, Sight(("FR-27", "FR-76")), ("veille", ("FR-27", "FR-76"), False), "rôle veille, FR-27, FR-76, sans"),
        (
            Author("departement-FR-27", OFFICER.account),
            Sight(("FR-27",), may_judge=True),
            ("departement-FR-27", ("FR-27",), True),
            "rôle departement-FR-27, FR-27",
        ),
    ],
)
def test_what_a_role_does_not_grant_any_more_is_taken_away(
    author: Author, sight: Sight, left: tuple, said: str
) -> None:
    changed = made()
    assert held({author: sight}) == [left]
    [(kind, subscription, detail)] = recorded()
    assert (kind, subscription) == ("abonnement réduit", changed)
    assert detail is not None
    assert detail.startswith(said)
    assert held({author: sight}) == [left]
    assert len(recorded()) == 1, "a second look finds nothing to take"


def test_everything_becomes_what_a_role_sees_and_never_the_reverse() -> None:
    whole = made(sight=Sight(), territories=())
    assert held({OFFICER: Sight(("FR-27",))}) == [("veille", ("FR-27",), False)]
    assert held({OFFICER: Sight(("FR-76",))}) == [], "no territory left is not all of them"
    assert [(kind, one) for kind, one, _ in recorded()] == [
        ("abonnement réduit", whole),
        ("abonnement supprimé", whole),
    ]


def test_what_waits_on_a_territory_that_was_lost_does_not_leave_in_the_morning() -> None:
    made()
    [before] = subscriptions.declared("signals")
    lost = other(1, territory_code="FR-76")
    for signal in (FLOOD, lost, other(2, territory_code="FR")):
        outbox.put(signal, before, "Crue", now())
    held({OFFICER: Sight(("FR-27",))})
    [after] = subscriptions.declared("signals")
    assert {alert.territory_code for alert in outbox.waiting(after)} == {"FR-27", "FR"}


def test_what_was_subscribed_to_while_superset_answered_is_left_to_the_next_look() -> None:
    asked_at = now() - timedelta(seconds=5)
    made()
    mail_subscriptions.hold({}, asked_at)
    assert MailSubscription.objects.count() == 1
    assert held({}) == []


def test_without_an_answer_of_superset_mails_go_on_for_three_days_and_then_stop(
    home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    monkeypatch.setattr("operations.alerts.sending.send", lambda subscription, _: sent.append(subscription.recipient))
    one = made()

    def state(age: timedelta, number: int) -> str:
        """Return what `doctor` says of accounts that were last known so long ago, with a new signal to tell of."""
        MailSubscription.objects.update(checked_at=now() - age)
        publish(home, [other(number)], build=str(number))
        dispatch.dispatch(home)
        [found] = [finding for finding in health_checks.alerts() if finding.subject == "their accounts"]
        return f"{found.state}: {found.detail}"

    assert state(timedelta(minutes=5), 1) == "ok: 1 on pages, checked with Superset 0 h ago"
    assert state(KNOWN_FOR - timedelta(hours=1), 2).startswith("late: 1 on pages, checked with Superset 2 days ago")
    assert sent == [one, one]
    assert state(KNOWN_FOR + timedelta(hours=1), 3).endswith("3 days ago: beyond 3 days they get no mail")
    assert state(KNOWN_FOR + timedelta(hours=2), 4).startswith("broken")
    assert sent == [one, one]
    held({OFFICER: BOTH})
    dispatch.dispatch(home)
    assert sent == [one, one, one], "once Superset answers, what is open is told"
