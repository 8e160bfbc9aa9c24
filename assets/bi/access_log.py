"""Reads from Superset's log who viewed or exported what, by day."""

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core import settings
from core.clock import PARIS
from core.settings import Home
from privacy import pseudonymise_account

DAYS_SETTING, DAYS = "CYBERIMPACT_ACCESS_DAYS", 365
DATABASE = "superset.db"

_SEEN, _EXPORTED, _QUERIED = "consultation", "export", "requête SQL"

#: What of Superset's log a person does; the rest is done by pages for themselves.
_QUERY = """
    select
        logs.dttm, users.username, logs.action, dashboards.dashboard_title, slices.slice_name,
        logs.json like '%"result_format": "csv"%' or logs.json like '%"result_format": "xlsx"%'
    from logs
    inner join ab_user as users on logs.user_id = users.id
    left join dashboards on logs.dashboard_id = dashboards.id
    left join slices on logs.slice_id = slices.id
    where
        logs.dttm >= ?
        and (
            logs.action in ('dashboard', 'explore', 'ExploreRestApi.get', 'ChartDataRestApi.data')
            or logs.action like 'SqlLabRestApi.export%'
            or logs.action like 'SqlLabRestApi.execute_sql%'
        )
"""


def by_day(home: Home, now: datetime) -> list[dict[str, Any]]:
    """Return how often each account looked at or exported what, by day; nothing where this home has no Superset.

    Accounts are pseudonyms, HMAC-SHA-256 with the key of the pseudonyms: the same account has always the same one.

    Args:
        home: The home.
        now: The present, with its time zone; what is older than `CYBERIMPACT_ACCESS_DAYS` before it is left out.

    Raises:
        ExpectedFailure: that setting is no number of days.
    """
    file = home.superset / DATABASE
    if not file.exists():
        return []
    since = now.astimezone(UTC) - timedelta(days=settings.whole_number(DAYS_SETTING, DAYS, "days"))
    counted: Counter[tuple] = Counter()
    for moment, username, action, dashboard, chart, is_export in rows(file, since):
        activity = what(action, dashboard, chart, is_export=bool(is_export))
        if activity:
            day = datetime.fromisoformat(moment).replace(tzinfo=UTC).astimezone(PARIS).date()
            counted[day, pseudonymise_account(username), *activity] += 1
    names = ("day", "account", "action", "object_kind", "object_title")
    return [{**dict(zip(names, key, strict=True)), "times": times} for key, times in sorted(counted.items())]


def rows(file: Path, since: datetime) -> list[tuple]:
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        return connection.execute(_QUERY, [since.replace(tzinfo=None).isoformat(sep=" ")]).fetchall()


def what(action: str, dashboard: str | None, chart: str | None, *, is_export: bool) -> tuple[str, str, str] | None:
    """Return action, kind and title of what was done; None where a page only drew itself."""
    if action.startswith("SqlLabRestApi"):
        return (_EXPORTED if ".export" in action else _QUERIED), "base de données", "SQL Lab"
    if action == "ChartDataRestApi.data":
        return (_EXPORTED, "graphique", chart or "sans titre") if is_export else None
    if action == "dashboard":
        return (_SEEN, "tableau de bord", dashboard) if dashboard else None
    return (_SEEN, "graphique", chart) if chart else None
