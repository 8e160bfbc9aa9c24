"""Empties Superset's query cache after each publication."""

import dagster as dg
from supersync.cache import invalidate
from supersync.errors import SupersetFailure, Unreachable

from assets.bi import server
from assets.serving.copies import key as copy_key
from core import settings
from warehouse.published import DAILY

KEY = dg.AssetKey(["superset", "query_cache"])


@dg.asset(
    key=KEY,
    deps=[copy_key(DAILY)],
    group_name="superset",
    owners=["team:plateforme-donnees"],
    kinds={"superset"},
    description="Superset's query cache: no answer in it is older than the published daily copy.",
)
def query_cache() -> dg.MaterializeResult:
    """Empty Superset's query cache, or report why there is none.

    It waits for nothing but the publication: an apply of the bundle that fails leaves no former figures on the screen.

    Raises:
        dg.Failure: Superset runs, but does not do it.
    """
    return dg.MaterializeResult(metadata={"summary": forget()})


def forget() -> str:
    """Empty Superset's query cache, and return a sentence on the outcome.

    Raises:
        dg.Failure: Superset runs, but does not do it.
    """
    if not settings.home().superset.is_dir():
        return "This home has no Superset."
    try:
        with server.client() as client:
            return f"Superset has forgotten its answers of {invalidate(client, server.bundle())} datasets."
    except Unreachable:
        return "Superset does not run; it forgets its former answers when it starts."
    except SupersetFailure as failure:
        raise dg.Failure(
            description=f"The copy is published, but Superset may show kept answers of the former one. {failure}",
            allow_retries=False,
        ) from None
