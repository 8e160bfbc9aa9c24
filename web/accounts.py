"""Holds what people have subscribed to on pages against what Superset grants their accounts."""

from supersync import server_access

from assets.bi import server
from core.clock import now
from operations import mail_subscriptions
from operations.acts import Author
from operations.mail_subscriptions import Sight
from web import identity
from web.identity import Act


def hold() -> None:
    """Ask Superset for its accounts, and take from subscriptions what theirs are not granted any more.

    Raises:
        ExpectedFailure: a setting is absent, or the operations database cannot be read.
        SupersetFailure: Superset does not answer, or refuses.
    """
    subscribed, asked_at = mail_subscriptions.accounts(), now()
    if not subscribed:
        return
    with server.client() as client:
        found = server_access.accounts(client)
    people = [identity.holding(name, name, roles) for name, roles in found.items()]
    granted = {
        Author(person.role, person.account): Sight(person.places, may_judge=Act.WATCH in person.acts)
        for person in people
        if person.account in subscribed and person.right
    }
    mail_subscriptions.hold(granted, asked_at)
