"""Checks run as one query per model: how each ends, what is written down, and that dbt by hand ends alike."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from warehouse import checks, held_back
from warehouse.held_back import Graph

if TYPE_CHECKING:
    from collections.abc import Mapping

VISITS = "model.p.visits"


def check(name: str, query: str, severity: str, on_failure: str, model: str | None = VISITS) -> dict[str, Any]:
    return {
        "unique_id": f"test.p.{name}", "name": name, "resource_type": "test", "attached_node": model,
        "compiled_code": query, "config": {"severity": severity, "meta": {"on_failure": on_failure}},
        "depends_on": {"nodes": [VISITS]},
    }  # fmt: skip


CHECKS = [
    check("passes", "select * from visits where day is null -- none", "ERROR", "block"),
    check("blocks", "with t as (select day from visits group by day having count(*) > 1) from t", "error", "block"),
    check("holds_back", "select * from visits where count < 0", "warn", "hold_back"),
    check("warns", "select * from visits where count = 0", "WARN", "warn"),
    check("alone", "select 'it''s' as problem", "warn", "hold_back", model=None),
]  # fmt: skip
NEW = CHECKS[0]
BROKEN = check("broken", "select * from visits where gone", "warn", "hold_back")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Visits of three days: one twice, one with none, two with fewer than none."""
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        visits = "('1', 3), ('1', 4), ('2', 0), ('3', -1), ('3', -2)"
        connection.execute(f"create table visits as from (values {visits}) as days (day, count)")
        connection.execute("create schema audit")
        connection.execute(
            "create table audit.build_status (unique_id varchar primary key, resource_type varchar not null,"
            " name varchar not null, status varchar not null, invocation_id varchar not null, finished_at timestamp)"
        )
        connection.execute(
            "insert into audit.build_status select uid, 'test', split_part(uid, '.', 3), 'pending', 'x', null"
            " from (select unnest(?) as uid)",
            [[node["unique_id"] for node in [*CHECKS, BROKEN] if node != NEW]],
        )
        connection.execute("create table audit.held_back as select 'visits' as kpi_code, 'test.p.passes' as check_id")
        connection.execute("insert into audit.held_back values ('other', 'test.p.other')")
    return file


def run(database: Path, chosen: list[dict[str, Any]]) -> dict[str, tuple[str, int | None]]:
    nodes = {node["unique_id"]: node for node in [*CHECKS, BROKEN]}
    results = checks.run(Graph(nodes, {}), chosen, database)
    return {nodes[result["unique_id"]]["name"]: (result["status"], result["failures"]) for result in results}


def rows(database: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_each_check_ends_as_dbt_would_end_it(database: Path) -> None:
    assert run(database, CHECKS) == {
        "passes": ("pass", 0),
        "blocks": ("fail", 2),
        "holds_back": ("warn", 2),
        "warns": ("warn", 1),
        "alone": ("warn", 1),
    }


def test_statuses_are_those_that_publication_reads(database: Path) -> None:
    """What holds back has failed; what was held back by a check that ran is settled anew; the build stays the same."""
    run(database, CHECKS)
    states = dict(rows(database, "select split_part(unique_id, '.', 3), status from audit.build_status"))
    assert states == {
        "passes": "pass", "blocks": "fail", "holds_back": "fail", "warns": "warn", "alone": "fail", "broken": "pending",
    }  # fmt: skip
    assert rows(database, "select distinct invocation_id from audit.build_status") == [("x",)]
    assert rows(database, "select count(*) from audit.build_status where finished_at is not null") == [(5,)]
    assert rows(database, "select kpi_code from audit.held_back") == [("other",)]


def test_a_new_check_has_a_row_once_it_has_run(database: Path) -> None:
    run(database, [NEW])
    query = "select name, status, invocation_id, finished_at is not null from audit.build_status where unique_id = "
    assert rows(database, f"{query}'{NEW['unique_id']}'") == [("passes", "pass", "x", True)]


def test_a_check_without_an_answer_leaves_the_others_theirs(database: Path) -> None:
    ended = run(database, [*CHECKS, BROKEN])
    assert ended.pop("broken") == ("error", None)
    assert ended == run(database, CHECKS)


def test_what_was_not_built_soundly_is_checked_once_its_failure_is_known(database: Path) -> None:
    nodes: Mapping[str, Any] = {node["unique_id"]: node for node in CHECKS} | {VISITS: {"resource_type": "model"}}
    graph = Graph(nodes, {})
    of_visits = sorted(node["unique_id"] for node in CHECKS)
    with duckdb.connect(str(database)) as connection:
        passes = "insert into audit.build_status values ('test.p.passes', 'test', 'passes', 'pending', 'x', null)"
        connection.execute(passes)
        connection.execute("insert into audit.build_status values (?, 'model', 'visits', 'error', 'x', null)", [VISITS])
    assert held_back.checks_to_run(graph, database, []) == []
    failure = held_back.Failure(VISITS, "visits", "visits", "hold_back", frozenset())
    assert held_back.checks_to_run(graph, database, [failure]) == of_visits
    with duckdb.connect(str(database)) as connection:
        connection.execute("update audit.build_status set status = 'success' where unique_id = ?", [VISITS])
    assert held_back.checks_to_run(graph, database, []) == of_visits
