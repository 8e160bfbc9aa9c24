"""The lineage of the project's own models."""

from assets.dbt.lineage import relations, schema_of
from assets.dbt.sql_lineage import trace_query
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
