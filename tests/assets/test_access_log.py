"""Superset's log is summarised by pseudonym: who read or exported what."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime

import pytest

from assets.bi import access_log
from core.settings import Home
from privacy import pseudonymise_account

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
SCHEMA = """
    create table ab_user (id integer, username text);
    create table dashboards (id integer, dashboard_title text);
    create table slices (id integer, slice_name text);
    create table logs (dttm text, user_id integer, action text, json text, dashboard_id integer, slice_id integer);
    insert into ab_user values (1, 'capitaine.dupont'), (2, 'auditrice');
    insert into dashboards values (4, 'Acteurs');
    insert into slices values (7, 'Victimes par mois');
"""
EVENTS = [
    # The 24th at 23:30 UTC is the 25th in Paris.
    ("2026-11-24 23:30:00.000001", 1, "dashboard", "{}", 4, None),
    ("2026-11-25 06:00:00", 1, "dashboard", "{}", 4, None),
    ("2026-11-25 06:00:01", 1, "ChartDataRestApi.data", '{"result_format": "json"}', 4, 7),
    ("2026-11-25 06:01:00", 1, "ChartDataRestApi.data", '{"result_format": "csv", "q": "secret"}', 4, 7),
    ("2026-11-25 06:02:00", 2, "SqlLabRestApi.execute_sql_query", '{"sql": "select secret"}', None, None),
    ("2026-11-25 06:03:00", 2, "SqlLabRestApi.export_csv", "{}", None, None),
    ("2026-11-25 06:04:00", 2, "welcome", "{}", None, None),
    ("2025-11-20 06:00:00", 2, "dashboard", "{}", 4, None),
]


@pytest.fixture
def watched(home: Home) -> Home:
    home.superset.mkdir(parents=True)
    with closing(sqlite3.connect(home.superset / access_log.DATABASE)) as connection:
        connection.executescript(SCHEMA)
        connection.executemany("insert into logs values (?, ?, ?, ?, ?, ?)", EVENTS)
        connection.commit()
    return home


def test_accesses_are_counted_by_day_and_account(watched: Home) -> None:
    dupont, auditor = pseudonymise_account("capitaine.dupont"), pseudonymise_account("auditrice")
    found = {
        (row["day"], row["account"], row["action"], row["object_title"]): row["times"]
        for row in access_log.by_day(watched, NOW)
    }
    day = date(2026, 11, 25)
    assert found == {
        (day, dupont, "consultation", "Acteurs"): 2,
        (day, dupont, "export", "Victimes par mois"): 1,
        (day, auditor, "requête SQL", "SQL Lab"): 1,
        (day, auditor, "export", "SQL Lab"): 1,
    }


def test_nothing_tells_who_it_was_or_what_was_asked(watched: Home) -> None:
    rows = str(access_log.by_day(watched, NOW))
    assert "dupont" not in rows
    assert "secret" not in rows


def test_only_the_last_days_are_told(watched: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_ACCESS_DAYS", "400")
    assert date(2025, 11, 20) in {row["day"] for row in access_log.by_day(watched, NOW)}


def test_a_home_without_superset_has_no_accesses(home: Home) -> None:
    assert access_log.by_day(home, NOW) == []
