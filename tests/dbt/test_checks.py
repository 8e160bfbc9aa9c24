"""The checks of a build end alike, whether one query per model runs them or dbt by hand."""

import json
import shutil
from typing import Any

import duckdb
import pytest

from core import settings
from core.settings import Home
from tests.dbt.conftest import Built, dbt
from warehouse import checks, dbt_compiled, dbt_project, held_back
from warehouse.held_back import Graph

#: What goes wrong in tables that are built: a duplicate, a value that nobody knows, nulls, a dangling reference.
FAULTS = (
    "insert into reference.regions from (from reference.regions limit 1)",
    "update perception.fct_experience set feeling = 'Furieux' where rowid = 1",
    "update perception.fct_experience set territory_code = 'nowhere' where rowid = 2",
    "update reference.regions set gendarmerie_region_code = null where region_code in ('FR-BRE', 'FR-NOR')",
    "insert into kpi.kpi_answer_rate from (from kpi.kpi_answer_rate limit 1)",
)


@pytest.mark.long
def test_dbt_by_hand_ends_every_check_alike_and_shows_the_same_rows(home: Home, built: Built) -> None:
    [(source,)] = built.rows("select path from duckdb_databases() where database_name = 'warehouse'")
    shutil.copy(source, home.warehouse)
    with duckdb.connect(str(home.warehouse)) as connection:
        for fault in FAULTS:
            connection.execute(fault)
    graph = Graph.of(built.manifest)
    known = held_back.states(home.warehouse).keys()
    compiled = [node for uid, node in dbt_compiled.load(dbt_project.DAILY)["nodes"].items() if uid in known]
    ours = checks.run(graph, [node for node in compiled if node["resource_type"] == "test"], home.warehouse)
    found = shown(graph, home, ours)
    assert {"hold_back", "block"} <= {failure[0] for failure in found[1].values()}

    dbt("test", "--exclude-resource-type", "unit_test")
    results = json.loads((settings.home().dbt_target / "run_results.json").read_bytes())["results"]
    assert shown(graph, home, [result for result in results if result["unique_id"].startswith("test.")]) == found


def shown(graph: Graph, home: Home, results: list[dict[str, Any]]) -> tuple[dict[str, str], dict[str, tuple]]:
    """Return the status of every node, and the report of each check that did not pass."""
    found = held_back.failures(graph, home.warehouse, results)
    said = {one.unique_id: (one.on_failure, one.kpis, one.rows, tuple(one.examples), one.subject) for one in found}
    return held_back.states(home.warehouse), said
