"""What a dbt target sees of the other's published copy: what an older version did not publish is shown empty."""

import duckdb
import pytest

from core.settings import Home
from tests.handmade import write_copy
from warehouse.dbt_published_copy import Plugin

OLDER = """
create schema audit;
create table audit.archived_load as select 3::bigint as rows, 'mention' as entity, 'gone' as column_of_old;
"""


@pytest.fixture
def seen(home: Home) -> duckdb.DuckDBPyConnection:
    """What the live target sees of a daily copy without one table, and without most columns of another."""
    write_copy(home, OLDER)
    plugin = Plugin("warehouse.dbt_published_copy", {"copy": "daily", "tables": ["archived_load", "fct_daily_anomaly"]})
    connection = duckdb.connect()
    plugin.configure_connection(connection)
    return connection


def test_a_column_that_was_not_published_is_null(seen: duckdb.DuckDBPyConnection) -> None:
    found = seen.execute("select entity, rows, day, source_load_id from daily_copy.main.archived_load").fetchall()
    assert found == [("mention", 3, None, None)]


def test_a_table_that_was_not_published_is_empty(seen: duckdb.DuckDBPyConnection) -> None:
    assert seen.execute("from daily_copy.main.fct_daily_anomaly").fetchall() == []


def test_a_table_that_was_renamed_is_shown_from_its_former_name(home: Home) -> None:
    write_copy(home, "create schema signals; create table signals.daily_alarm as select 'crue' as topic_code")
    with duckdb.connect() as connection:
        plugin = Plugin("warehouse.dbt_published_copy", {"copy": "daily", "tables": ["fct_daily_anomaly"]})
        plugin.configure_connection(connection)
        found = connection.execute("select topic_code, platform from daily_copy.main.fct_daily_anomaly").fetchall()
    assert found == [("crue", None)]


def test_nothing_published_is_nothing_shown(home: Home) -> None:  # noqa: ARG001
    plugin = Plugin("warehouse.dbt_published_copy", {"copy": "daily", "tables": ["archived_load"]})
    with duckdb.connect() as connection:
        plugin.configure_connection(connection)
        plugin.configure_connection(connection)  # dbt does so once for each connection that it opens
        assert connection.execute("from daily_copy.main.archived_load").fetchall() == []
