"""The lineage of the project's own models."""

import pytest

from assets.dbt.lineage import relations, schema_of, trace
from assets.dbt.sql_lineage import trace_query
from assets.serving.lineage import model_edges
from audit.definitions import KpiDefinition, definitions
from audit.lineage import LineageGraph
from tests.assets.test_sql_lineage import columns_used
from tests.dbt.conftest import Built


def test_no_column_that_a_model_uses_is_lost(built: Built) -> None:
    nodes = {**built.manifest["nodes"], **built.manifest["sources"]}
    schema = schema_of(nodes, relations(nodes))
    lost, used = {}, set()
    for uid, node in nodes.items():
        if node["resource_type"] == "model" and node["language"] == "sql" and node.get("compiled_code"):
            of_model = columns_used(node["compiled_code"], schema)
            origins = trace_query(node["compiled_code"], schema).values()
            lost[uid] = of_model - {origin[:3] for of_column in origins for origin in of_column}
            used |= of_model
    assert {uid: columns for uid, columns in lost.items() if columns} == {}
    assert ("raw_jdma", "answers", "field_code") in used


@pytest.fixture(scope="module")
def known(built: Built) -> dict[str, KpiDefinition]:
    lineage = trace(built.manifest)
    nodes = {**built.manifest["nodes"], **built.manifest["sources"]}
    return definitions(built.manifest, lineage, LineageGraph(model_edges(nodes, lineage)), [])


def of(table: str, columns: list[str]) -> set[str]:
    return {column.rpartition(".")[2] for column in columns if column.rpartition(".")[0] == table}


def test_what_is_counted_by_row_is_named_though_none_of_its_columns_enters(known: dict[str, KpiDefinition]) -> None:
    # An answer counts one, a statistic as many as it says; the mark of either is looked up by what was answered.
    score = known["satisfaction_score"]
    assert set(score.entering) == {"raw_jdma.statistics.count", "reference.feedback_scales.mark"}
    assert {"field_code", "intention", "review_id"} <= of("raw_jdma.answers", score.deciding)
    assert "answer_text" not in of("raw_jdma.answers", score.deciding)
    assert {"category", "interval_start", "product_id"} <= of("raw_jdma.statistics", score.deciding)
    assert score.record_columns == ["raw_jdma.answers.answer_id", "raw_jdma.statistics.statistic_id"]


def test_every_kpi_says_what_decides_its_rows(known: dict[str, KpiDefinition]) -> None:
    assert {code for code, definition in known.items() if not definition.deciding} == set()
    inhabitants = known["prevention_coverage"].entering
    assert inhabitants == ["raw_prevention_actions.actions.personnes_touchees", "reference.territories.population"]
