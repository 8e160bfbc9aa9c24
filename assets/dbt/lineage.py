"""Traces column lineage through the compiled SQL of the dbt project, once per code version."""

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from sqlglot import MappingSchema

from assets.dbt.sql_lineage import DIALECT, Origins, trace_query
from assets.dbt.translator import node_key
from audit.lineage import ROWS, Kind
from core import settings
from core.errors import ExpectedFailure
from warehouse import dbt_compiled, dbt_project

#: The dbt sources through which each target reads what the other one has published.
PUBLISHED = ("live_copy", "daily_copy")

#: In observations, a constant in one of these counts the record: it comes from where the key of the record comes from.
COUNTED, RECORD = ("numerator", "denominator"), "record_key"

#: In `meta` of a column of a Python model: its source columns, as `model.column`. SQL models are traced instead.
MADE_OF = "made_of"

#: What a column comes from, and under `ROWS` what decides the rows of the model: model, column -> [(upstream node,
#: upstream column, kind)], nodes by their dbt unique id.
Upstream = list[tuple[str, str, str]]
Lineage = dict[str, dict[str, Upstream]]


def relation(node: Mapping[str, Any]) -> tuple[str, str]:
    """Return the schema and table of a node, in lower case."""
    return node["schema"].lower(), (node.get("identifier") or node.get("alias") or node["name"]).lower()


def trace(manifest: Mapping[str, Any]) -> Lineage:
    """Return the upstream columns of each column of each model, and of its rows.

    Args:
        manifest: dbt's manifest with compiled code, and every column of every node described.
    """
    nodes = {**manifest["nodes"], **manifest["sources"]}
    tables = relations(nodes)
    known = schema_of(nodes, tables)
    found: Lineage = {}
    for uid, node in nodes.items():
        if node["resource_type"] != "model":
            continue
        if node["language"] == "python":
            found[uid] = declared(node, nodes)
        elif node.get("compiled_code"):
            found[uid] = traced(trace_query(node["compiled_code"], known), tables)
    return found


def relations(nodes: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """Return the dbt unique id of each relation that a model may read."""
    models = {node["name"]: uid for uid, node in nodes.items() if node["resource_type"] == "model"}
    tables = {relation(n): uid for uid, n in nodes.items() if n["resource_type"] in ("model", "seed", "source")}
    # A published copy of the other target holds models under their own names: what is read there comes from them.
    return tables | {relation(n): models[n["name"]] for n in nodes.values() if n.get("source_name") in PUBLISHED}


def schema_of(nodes: Mapping[str, Mapping[str, Any]], tables: Mapping[tuple[str, str], str]) -> MappingSchema:
    """Return the columns of relations, for all queries at once: each would normalise every name of the project anew."""
    schema: dict[str, Any] = {}
    for (schema_name, table), uid in tables.items():
        columns = {c["name"].lower(): c.get("data_type") or "text" for c in nodes[uid]["columns"].values()}
        schema.setdefault(schema_name, {})[table] = columns
    return MappingSchema(schema, dialect=DIALECT)


def declared(node: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, Upstream]:
    """Return the upstream columns that a Python model declares for each of its own; its rows come from all it reads.

    Raises:
        ExpectedFailure: it names a column that is not there, or a model that it does not read.
    """
    read = {nodes[uid]["name"]: uid for uid in node["depends_on"]["nodes"]}
    found: dict[str, Upstream] = {ROWS: sorted((uid, ROWS, Kind.COUNT) for uid in read.values())}
    for column in node["columns"].values():
        named = [tuple(column_path.split(".")) for column_path in column["config"]["meta"].get(MADE_OF, [])]
        for model, name in named:
            if model not in read or name not in nodes[read[model]]["columns"]:
                raise ExpectedFailure(
                    f"{node['original_file_path']}: {column['name']} is said to be made of {model}.{name}, "
                    "which the model does not read.",
                    f"Correct `{MADE_OF}` of the column.",
                )
        found[column["name"].lower()] = sorted((read[model], name, Kind.VALUE) for model, name in named)
    return found


def traced(origins: Mapping[str, Origins], tables: Mapping[tuple[str, str], str]) -> dict[str, Upstream]:
    """Return the upstream columns of one model, those of its nodes that the project knows."""
    found: dict[str, Upstream] = {
        column: sorted(
            (tables[schema, table], name, kind) for schema, table, name, kind in of_column if (schema, table) in tables
        )
        for column, of_column in origins.items()
    }
    for column in found.keys() & set(COUNTED):
        if found[column] and all(name == ROWS for _, name, _ in found[column]):
            found[column] = [(node, name, Kind.COUNT) for node, name, _ in found.get(RECORD, [])]
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
    return settings.home().dbt_target / "lineage_by_kind.json"


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
                        for source, name in sorted({(source, name) for source, name, _ in upstream})
                        if name != ROWS
                    ]
                    for column, upstream in columns.items()
                    if column != ROWS
                }
            )
        }
        for uid, columns in load_lineage().items()
    }
