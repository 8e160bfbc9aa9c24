"""What a dbt target sees of operators' decisions: what they are now, nothing where none was made, or why not."""

import duckdb
import pytest

from analytics.signals.topics import Topic
from core.settings import Home
from operations import topics
from operations.acts import Author
from warehouse.dbt_decisions import Plugin


@pytest.fixture
def plugin(home: Home) -> Plugin:
    home.root.mkdir(parents=True)
    return Plugin("warehouse.dbt_decisions", {})


def seen(plugin: Plugin, query: str) -> list[tuple]:
    with duckdb.connect() as connection:
        plugin.configure_connection(connection)
        plugin.configure_connection(connection)  # dbt does so once for each connection that it opens
        return connection.execute(query).fetchall()


def test_where_nothing_was_decided_tables_are_empty(plugin: Plugin, home: Home) -> None:
    assert seen(plugin, "select code, active from decisions.operations.topics") == []
    assert not home.operations.exists()
    home.operations.touch()
    assert seen(plugin, "select closed_at from decisions.operations.crises") == []


def test_each_build_sees_what_is_decided_by_then(plugin: Plugin) -> None:
    query = "select code, active from decisions.operations.topics"
    topics.add(Topic("feu", "Feu", "feu", "climatique", "team:veille"), Author("veille"))
    assert seen(plugin, query) == [("feu", True)]
    topics.end("feu", Author("veille"))
    assert seen(plugin, query) == [("feu", False)]


def test_a_file_that_cannot_be_read_fails_who_reads_it_and_says_why(plugin: Plugin, home: Home) -> None:
    home.operations.write_bytes(b"no database" * 100)
    assert seen(plugin, "select 1") == [(1,)]
    with pytest.raises(duckdb.Error, match=r"\(operations\.sqlite\) ne peut pas être utilisée .* dernière sauvegarde"):
        seen(plugin, "select * from decisions.operations.topics order by code")
