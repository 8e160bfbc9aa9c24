"""Empties the query cache of a server."""

from supersync.bundle import Bundle
from supersync.client import Client


def invalidate(client: Client, bundle: Bundle) -> int:
    """Forget every kept answer of the bundle's datasets, so that the next reader sees the copy that is current now.

    Returns:
        The number of datasets whose answers were forgotten.

    Raises:
        SupersetFailure: the server does not answer, or refuses.
    """
    ids = client.ids("dataset")
    present = [ids[dataset.uuid] for dataset in bundle.datasets if dataset.uuid in ids]
    client.post("/api/v1/cachekey/invalidate", json={"datasource_uids": [f"{number}__table" for number in present]})
    return len(present)
