"""Mentions are counted by day once: a build counts the days anew whose mentions are others than those it counted."""

from datetime import date

import duckdb
import pytest

from core.settings import Home
from ingestion.engine.loading import ensure_tables
from tests.dbt.conftest import dbt
from warehouse import dbt_project

FIRST, SECOND, THIRD, FOURTH = (date(2026, 3, day) for day in (1, 2, 3, 4))
#: Key, day, place, network, topics, reach.
MENTIONS = [
    ("a", FIRST, "FR-33", "x", "crues", 10),
    ("b", FIRST, "FR-33", "x", "crues;incendies", None),
    ("c", SECOND, "ZZ", "press", None, 30),
    ("d", THIRD, "FR-33", "x", None, 40),
    ("e", FOURTH, "FR-33", "x", None, 50),
]

#: The days as the KPIs read them, and the records added up.
DAYS = (
    "select occurred_on, territory_code, network, sum(numerator), sum(observations) from kpi.{kpi}__days group by all"
)
RECORDS = (
    "select occurred_on, territory_code, network, sum(numerator), count(record_key) "
    "from kpi.{kpi}__observations group by all"
)


PARTS = ("days", "observations")


def write(home: Home, statement: str, *parameters: object) -> None:
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(statement, parameters)


def run(*options: str) -> None:
    models = ("int_mention_day", *(f"kpi_{kpi}__{part}" for kpi in ("mentions", "reach") for part in PARTS))
    done = dbt("run", *options, "--select", *models)
    assert done.returncode == 0, done.stdout


def counted(home: Home) -> dict[date, int]:
    """Return the mentions of each day, once the days of both KPIs agree with their records."""
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        for kpi in ("kpi_mentions", "kpi_reach"):
            days, records = (set(connection.execute(q.format(kpi=kpi)).fetchall()) for q in (DAYS, RECORDS))
            assert days == records
        return dict(
            connection.execute("select occurred_on, sum(numerator) from kpi.kpi_mentions__days group by all").fetchall()
        )


@pytest.mark.long
def test_only_changed_days_are_counted_anew(home: Home) -> None:
    dbt_project.manifest()
    for platform in ("listening", "brigade_numerique"):
        ensure_tables(platform)
    assert dbt("run", "--select", "fct_mention").returncode == 0
    for key, day, *others in MENTIONS:
        write(
            home,
            "insert into visibility.fct_mention by name "
            "select ? as mention_id, ? as published_on, ? as territory_code, "
            "? as network, ? as topics, ? as potential_reach, published_on as published_at, '1' as source_load_id",
            *(key, day, *others),
        )
    run()
    assert counted(home) == {FIRST: 2, SECOND: 1, THIRD: 1, FOURTH: 1}

    # What no mention says shows that a day is left as it is.
    write(home, "update visibility.int_mention_day set mentions_of_known_reach = 7 where published_on = ?", FOURTH)
    write(home, "update visibility.fct_mention set potential_reach = 11 where mention_id = 'a'")
    write(home, "update visibility.fct_mention set published_on = ? where mention_id = 'd'", SECOND)
    run()
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        of_fourth = "select mentions_of_known_reach from visibility.int_mention_day where published_on = ?"
        assert connection.execute(of_fourth, [FOURTH]).fetchall() == [(7,)]
        of_third = "select mentions, potential_reach from visibility.int_mention_day where published_on = ?"
        assert connection.execute(of_third, [THIRD]).fetchall() == [(0, None)], "its only mention was moved"
    write(home, "update visibility.int_mention_day set mentions_of_known_reach = 1 where published_on = ?", FOURTH)
    assert counted(home) == {FIRST: 2, SECOND: 2, FOURTH: 1}

    write(home, "update visibility.fct_mention set published_on = ? where mention_id = 'd'", THIRD)
    run()
    assert counted(home) == {FIRST: 2, SECOND: 1, THIRD: 1, FOURTH: 1}
    run("--full-refresh")
    assert counted(home) == {FIRST: 2, SECOND: 1, THIRD: 1, FOURTH: 1}
