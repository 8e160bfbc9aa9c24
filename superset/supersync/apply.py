"""Applies the bundle to a server."""

from supersync.bundle import Bundle
from supersync.client import Client
from supersync.errors import SupersetFailure
from supersync.plan import Plan, plan


def apply(client: Client, bundle: Bundle, database_uri: str) -> Plan:
    """Create, overwrite and prune until a server holds what the bundle declares; write nothing if it does already.

    The import is one transaction of the server and every deletion another, so that an apply which is killed leaves
    something from which the next one goes on.

    Args:
        client: The server.
        bundle: What it is to hold.
        database_uri: SQLAlchemy address of the published copy.

    Returns:
        What was done.

    Raises:
        SupersetFailure: the bundle does not pass its check, or the server refuses it or keeps something else.
    """
    done = plan(client, bundle, database_uri)
    if done.is_empty:
        return done
    if done.writes:
        client.import_assets({"metadata.yaml": {"version": "1.0.0", "type": "assets"}, **done.files})
    for change in done.writes:
        if any(difference.path == "theme_uuid" for difference in change.differences):
            # The import of assets leaves a theme that was given by hand.
            client.put(f"/api/v1/{change.kind}/{client.ids(change.kind)[change.uuid]}", json={"theme_id": None})
    for change in done.deletions:
        client.delete(f"/api/v1/{change.kind}/{client.ids(change.kind)[change.uuid]}")
    left = plan(client, bundle, database_uri)
    if not left.is_empty:
        raise SupersetFailure(
            f"Superset accepted the bundle but does not hold it as it is declared:\n{left}\n",
            "Somebody may be editing it right now: repeat the command. If it persists, correct the fields named.",
        )
    return done
