"""Traces column lineage through the compiled SQL of the dbt project, once per code version."""

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import sqlglot
from sqlglot import MappingSchema, exp
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from assets.dbt.translator import node_key
from core import settings
from core.errors import ExpectedFailure
from warehouse import dbt_compiled, dbt_project

DIALECT = "duckdb"

#: The dbt sources through which each target reads what the other one has published.
PUBLISHED = ("live_copy", "daily_copy")

#: In observations, a constant in one of these counts the record: it comes from where the key of the record comes from.
COUNTED, RECORD = ("numerator", "denominator"), "record_key"

#: In `meta` of a column of a Python model: its source columns, as `model.column`. SQL models are traced instead.
MADE_OF = "made_of"

#: Columns a column is made from: model, column -> [(upstream node, upstream column)], nodes by their dbt unique id.
Lineage = dict[str, dict[str, list[tuple[str, str]]]]


def relation(node: Mapping[str, Any]) -> tuple[str, str]:
    """Return the schema and table of a node, in lower case."""
    return node["schema"].lower(), (node.get("identifier") or node.get("alias") or node["name"]).lower()


def trace(manifest: Mapping[str, Any]) -> Lineage:
    """Return the upstream columns of each column of each model.

    Args:
        manifest: dbt's manifest with compiled code, and every column of every node described.
    """
    nodes = {**manifest["nodes"], **manifest["sources"]}
    tables = {relation(n): uid for uid, n in nodes.items() if n["resource_type"] in ("model", "seed", "source")}
    models = {node["name"]: uid for uid, node in nodes.items() if node["resource_type"] == "model"}
    # A published copy of the other target holds models under their own names: what is read there comes from them.
    tables |= {relation(n): models[n["name"]] for n in nodes.values() if n.get("source_name") in PUBLISHED}
    schema: dict[str, Any] = {}
    for (schema_name, table), uid in tables.items():
        columns = {c["name"].lower(): c.get("data_type") or "text" for c in nodes[uid]["columns"].values()}
        schema.setdefault(schema_name, {})[table] = columns
    known = MappingSchema(schema, dialect=DIALECT)  # once: it normalises the names of every column of the project
    found: Lineage = {}
    for uid in models.values():
        node = nodes[uid]
        if node["language"] == "python":
            found[uid] = declared(node, nodes)
        elif node.get("compiled_code"):
            found[uid] = trace_model(node, known, tables)
    return found


def declared(node: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, list[tuple[str, str]]]:
    """Return the upstream columns that a Python model declares for each of its own.

    Raises:
        ExpectedFailure: it names a column that is not there, or a model that it does not read.
    """
    read = {nodes[uid]["name"]: uid for uid in node["depends_on"]["nodes"]}
    found: dict[str, list[tuple[str, str]]] = {}
    for column in node["columns"].values():
        named = [tuple(column_path.split(".")) for column_path in column["config"]["meta"].get(MADE_OF, [])]
        for model, name in named:
            if model not in read or name not in nodes[read[model]]["columns"]:
                raise ExpectedFailure(
                    f"{node['original_file_path']}: {column['name']} is said to be made of {model}.{name}, "
                    "which the model does not read.",
                    f"Correct `{MADE_OF}` of the column.",
                )
        found[column["name"].lower()] = sorted((read[model], name) for model, name in named)
    return found


def trace_model(
    node: Mapping[str, Any], schema: MappingSchema, tables: Mapping[tuple[str, str], str]
) -> dict[str, list[tuple[str, str]]]:
    """Return the upstream columns of each column of one model."""
    query = sqlglot.parse_one(node["compiled_code"], dialect=DIALECT)
    for table in query.find_all(exp.Table):
        table.set("catalog", None)  # the database is the file; only schema and table distinguish models
    qualified = qualify(query, schema=schema, dialect=DIALECT, validate_qualify_columns=False)
    # All columns at once: they share steps that one question for each would repeat.
    roots = lineage(None, qualified, schema=schema, scope=build_scope(qualified), dialect=DIALECT)
    found: dict[str, list[tuple[str, str]]] = {}
    counting = []
    for column, root in roots.items():
        steps = list(root.walk())
        upstream = set()
        for step in steps:
            if isinstance(step.expression, exp.Table):
                table = (step.expression.db.lower(), step.expression.name.lower())
                if table in tables:
                    upstream.add((tables[table], step.name.rpartition(".")[2].strip('"').lower()))
        found[column.lower()] = sorted(upstream)
        if not upstream and not any(step.expression.find(exp.Null) for step in steps):
            counting.append(column.lower())
    for column in set(counting) & set(COUNTED):
        found[column] = found.get(RECORD, [])
    return found


def load_compiled() -> tuple[dict[str, Any], Lineage]:
    """Return the compiled manifest of both targets and its lineage, compiled again only if the code has changed.

    Raises:
        ExpectedFailure: dbt cannot compile the project.
    """
    return compiled_project(), load_lineage()


def compiled_project() -> dict[str, Any]:
    return dbt_compiled.joined({target: dbt_compiled.load(target) for target in dbt_compiled.TARGETS})


def kept_lineage() -> Lineage | None:
    """Return the lineage of the current code from the home's cache, None where this code was not traced yet."""
    path = kept_file()
    if path.exists():
        kept = json.loads(path.read_bytes())
        if kept["fingerprint"] == dbt_project.fingerprint():
            return kept["lineage"]
    return None


def kept_file() -> Path:
    return settings.home().dbt_target / "column_lineage.json"


def load_lineage() -> Lineage:
    """Return the lineage of the current code, from the home's cache where this code has been traced before."""
    kept = kept_lineage()
    if kept is not None:
        return kept
    current, path = dbt_project.fingerprint(), kept_file()
    traced = trace(compiled_project())
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps({"fingerprint": current, "lineage": traced}))
    partial.replace(path)
    return traced


@cache
def column_lineage() -> dict[dg.AssetKey, dict[str, dg.TableColumnLineage]]:
    """Return the lineage as the metadata that Dagster draws, by asset key."""
    manifest = dbt_project.read_manifest()
    nodes = {**manifest["nodes"], **manifest["sources"]}
    return {
        node_key(nodes[uid]): {
            "dagster/column_lineage": dg.TableColumnLineage(
                {
                    column: [
                        dg.TableColumnDep(node_key(nodes[source], dbt_project.target_of(nodes[uid])), name)
                        for source, name in upstream
                    ]
                    for column, upstream in columns.items()
                }
            )
        }
        for uid, columns in load_lineage().items()
    }
