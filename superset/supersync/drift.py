"""Finds what was changed on a server by hand."""

from supersync.bundle import Bundle
from supersync.client import Client
from supersync.plan import Change, plan


def drift(client: Client, bundle: Bundle, database_uri: str) -> list[Change]:
    """Return the objects of the project that were edited or deleted on the server.

    Run it with the bundle that was applied last: it cannot distinguish a hand edit from a later change of the bundle.

    Raises:
        SupersetFailure: the bundle does not pass its check, or the server does not answer.
    """
    return list(plan(client, bundle, database_uri).writes)
