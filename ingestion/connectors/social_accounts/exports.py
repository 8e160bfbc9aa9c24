"""Adapts files of accounts to the contract: users of X as extraction tools leave them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.errors import ExpectedFailure
from ingestion.connectors.social_accounts.contract import ACCOUNTS, DAILY_METRICS
from ingestion.connectors.social_accounts.directory import known
from ingestion.engine.contract import Table
from ingestion.engine.files import exported_day
from ingestion.engine.parsed_file import Adapt

_METRICS = ("followers_count", "following_count", "tweet_count", "listed_count")
_DESCRIPTION = ("id", "username", "name", "created_at")
_DAYS = ("day", "jour", "date")


def adapter(labels: Sequence[str], where: str) -> Sequence[tuple[Table | None, Adapt]]:
    """Return how the records of a file are read: users of X hold both an account and its figures of a day.

    Raises:
        ExpectedFailure: the figures of users have no day.
    """
    if "username" not in labels or {"account", "compte"} & set(labels):
        return [(None, lambda values: [values])]
    parts: list[tuple[Table | None, Adapt]] = [(ACCOUNTS, _account)]
    if "followers_count" in labels:
        exported = exported_day(where)
        column = next((label for label in _DAYS if label in labels), None)
        if column is None and exported is None:
            raise ExpectedFailure(
                f"{where}: the followers have no day.",
                "Nothing was loaded: add a column 'day', or put the day into the file name, as in x_2026-03-30.jsonl.",
            )
        fixed = exported.isoformat() if exported else None

        def figures(values: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
            counted = {name: values.get(name) for name in _METRICS if name in labels}
            day = values.get(column) if column else fixed
            return [{"network": "x", "account": values.get("username"), "day": day, **counted}]

        parts.append((DAILY_METRICS, figures))
    return parts


def _account(values: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Return a user of X as an account; where it belongs is declared."""
    declared = known("x", str(values.get("username") or ""))
    described = {name: values[name] for name in _DESCRIPTION if name in values}
    return [
        {
            "network": "x",
            "account": values.get("username"),
            "url": declared and declared.url,
            "department_code": declared and declared.department,
            **described,
        }
    ]
