"""Client of X (API v2): figures of the declared accounts."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from requests import JSONDecodeError, Response

from core.errors import ExpectedFailure
from core.settings import get
from ingestion.connectors.social_accounts.directory import Account
from ingestion.engine.contract import CHANGED_FORMAT
from ingestion.engine.http import Api, without_query

log = logging.getLogger(__name__)

User = dict[str, Any]

PLATFORM = "social_accounts"
KEY_SETTING = "CYBERIMPACT_SOCIAL_ACCOUNTS_X_TOKEN"

#: Users that one question may name [certain, docs.x.com].
MOST_USERS = 100

FIELDS = "created_at,public_metrics,verified"


class X:
    """Users lookup of X: `GET /2/users` by number, `GET /2/users/by` by name; bearer token [certain: docs.x.com]."""

    def __init__(self) -> None:
        base = get("CYBERIMPACT_SOCIAL_ACCOUNTS_X_URL", "https://api.x.com/2").rstrip("/")
        token = get(KEY_SETTING)
        self._api = Api(PLATFORM, base, KEY_SETTING, auth=BearerTokenAuth(token=token) if token else None, check=_check)

    @property
    def address(self) -> str:
        return self._api.base_url

    def users(self, accounts: Sequence[Account]) -> list[tuple[Account, User]]:
        """Return the accounts that X knows with their figures; the others are named in the log.

        Raises:
            ExpectedFailure: X cannot be read, or knows none of them.
        """
        by_number = {account.id: account for account in accounts if account.id}
        by_name = {account.account.casefold(): account for account in accounts if not account.id}
        found = [
            *self._lookup("users", "ids", "id", by_number),
            *self._lookup("users/by", "usernames", "username", by_name),
        ]
        known = {account for account, _ in found}
        missing = [account.account for account in accounts if account not in known]
        if accounts and not found:
            raise ExpectedFailure(
                f"{self._api.where('users')}: X knows none of the {len(accounts)} declared accounts.",
                "Nothing was loaded: compare config/accounts.yml with the accounts of the network.",
            )
        if missing:
            log.warning("%s: X does not know %s; the other accounts are loaded.", PLATFORM, ", ".join(missing))
        return found

    def _lookup(
        self, path: str, parameter: str, name: str, wanted: Mapping[str, Account]
    ) -> Iterator[tuple[Account, User]]:
        """Yield the wanted accounts that X knows.

        Args:
            path: Below the base address.
            parameter: Query parameter that takes what is wanted.
            name: Where a user of the answer has it.
            wanted: Number or name to account.
        """
        keys = list(wanted)
        for start in range(0, len(keys), MOST_USERS):
            asked = ",".join(keys[start : start + MOST_USERS])
            for user in self._api.get(path, {parameter: asked, "user.fields": FIELDS}).get("data", []):
                account = wanted.get(str(user.get(name, "")).casefold())
                if account is None:
                    raise ExpectedFailure(
                        f"{self._api.where(path)}: the answer holds a user whose {name!r} was not asked for.",
                        CHANGED_FORMAT,
                    )
                yield account, user


def _check(response: Response) -> ExpectedFailure | None:
    """Refuse an answer that is neither users nor errors."""
    if not response.ok:
        return None
    try:
        answer = response.json()
    except JSONDecodeError:
        return None
    if isinstance(answer, dict) and answer.keys() & {"data", "errors"}:
        return None
    where = f"{PLATFORM}, address {without_query(response.url)}"
    return ExpectedFailure(f"{where}: the answer has neither 'data' nor 'errors'.", CHANGED_FORMAT)
