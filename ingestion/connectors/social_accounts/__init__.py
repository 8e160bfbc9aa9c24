"""Connector of the Gendarmerie's accounts on social networks and their daily figures."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import dlt
from dlt.extract import DltResource

from core.clock import today
from ingestion.connectors.social_accounts.client import User, X
from ingestion.connectors.social_accounts.contract import ACCOUNTS, CONTRACT, DAILY_METRICS
from ingestion.connectors.social_accounts.directory import Account, accounts
from ingestion.connectors.social_accounts.exports import adapter

__all__ = ["CONTRACT", "NO_WINDOW", "adapter", "address", "build_source"]

NO_WINDOW = ("X gives the figures of the present only", "Load those of earlier days from a file, with --file.")

Page = list[dict[str, Any]]


def address() -> str:
    """Return the address that `build_source` reads, without secrets."""
    return X().address


@dlt.source(name="social_accounts")
def build_source() -> tuple[DltResource, DltResource]:
    """Return the declared accounts, and today's figures of those on X.

    X gives present figures only, so there is no cursor: the day of reading is part of the key. The other networks come
    as files.
    """

    @cache
    def on_x() -> list[tuple[Account, User]]:
        return X().users([account for account in accounts() if account.network == "x"])

    @dlt.resource(name=ACCOUNTS.name)
    def declared() -> Iterator[Page]:
        described = {account: _description(user) for account, user in on_x()}
        yield [_declaration(account) | described.get(account, {}) for account in accounts()]

    @dlt.resource(name=DAILY_METRICS.name)
    def figures() -> Iterator[Page]:
        read_on = today().isoformat()
        yield [
            {"network": account.network, "account": account.account, "day": read_on, **user.get("public_metrics", {})}
            for account, user in on_x()
        ]

    return declared(), figures()


def _declaration(account: Account) -> dict[str, Any]:
    return {
        "network": account.network,
        "account": account.account,
        "url": account.url,
        "department_code": account.department,
    }


def _description(user: User) -> dict[str, Any]:
    return {name: value for name, value in user.items() if name not in {"public_metrics", "verified"}}
