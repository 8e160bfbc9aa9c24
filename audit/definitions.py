"""What a KPI was at a publication: its text, formula, models, checks and columns, from dbt's compiled manifest."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from audit.lineage import Column, Way, rank
from core.content_store import canonical

#: Columns behind each column: model -> column -> [(node, column)], nodes by their dbt unique id.
Lineage = Mapping[str, Mapping[str, Sequence[Sequence[str]]]]

#: The columns of a KPI that hold its figures; the others say of what.
FIGURES = ("numerator", "denominator", "value", "observations")

#: The dbt sources through which each target reads what the other one has published. The live target asks the daily one
#: only which rows are archived: no figure is made of that.
PUBLISHED_BY_LIVE, PUBLISHED_BY_DAILY = "live_copy", "daily_copy"


def relation(node: Mapping[str, Any]) -> str:
    """Return the schema and table of a node, as `kpi.kpi_value`."""
    return f"{node['schema']}.{node.get('identifier') or node.get('alias') or node['name']}"


def definitions(
    manifest: Mapping[str, Any], lineage: Lineage, way: Way, shown: Sequence[Mapping[str, str]]
) -> dict[str, dict[str, Any]]:
    """Return everything that defines each KPI, ready to be kept as JSON, by code.

    Args:
        manifest: dbt's manifest with the compiled code of both targets.
        lineage: Columns behind each column of each model.
        way: Every edge between columns, from platform to dashboard.
        shown: Where each KPI is shown: code, chart and dashboard, with titles.
    """
    nodes = {**manifest["nodes"], **manifest["sources"]}
    kpis = [node for node in manifest["nodes"].values() if (node["config"].get("meta") or {}).get("kpi")]
    found = {
        node["config"]["meta"]["kpi"]["code"]: definition(node, nodes, lineage)
        for node in sorted(kpis, key=lambda node: node["name"])
    }
    for code, known in found.items():
        known["steps"] = steps(way, known["relation"])
        known["shown"] = sorted(
            [one["dashboard_title"], one["chart_title"]] for one in shown if one["kpi_code"] == code
        )
    return found


def steps(way: Way, kpi: str) -> list[list[str]]:
    """Return the steps behind the figures of a KPI, from the platform's fields on: layer, column, layer, column."""
    edges = {edge for figure in FIGURES for edge in way.behind(Column("kpi", kpi, figure))}
    return [
        [source.layer, str(source), target.layer, str(target)]
        for source, target in sorted(edges, key=lambda edge: (rank(edge.source.layer), edge))
    ]


def definition(node: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]], lineage: Lineage) -> dict[str, Any]:
    """Return everything that defines one KPI."""
    chain = {uid: nodes[uid] for uid in ancestors(node["unique_id"], nodes)}
    read = [relation(nodes[uid]) for uid in node["depends_on"]["nodes"]]
    observations = f"{node['schema']}.{node['name']}__observations"
    built = {uid: found for uid, found in chain.items() if found["resource_type"] in ("model", "seed")}
    checks = (found for found in nodes.values() if found["resource_type"] == "test")
    raw = sorted(relation(found) for uid, found in chain.items() if uid not in built)
    return {
        "kpi": node["config"]["meta"]["kpi"],
        "relation": relation(node),
        "sql": node["compiled_code"],
        "observations": observations,
        "context": sorted(set(read) - {observations}),
        "models": {
            uid: {"file": found["original_file_path"], "relation": relation(found), "sha256": checksum(found)}
            for uid, found in sorted(built.items())
        },
        "checks": {
            check["unique_id"]: sorted(built.keys() & set(check["depends_on"]["nodes"]))
            for check in sorted(checks, key=lambda check: check["unique_id"])
            if built.keys() & set(check["depends_on"]["nodes"])
        },
        "raw_tables": raw,
        "columns": {figure: raw_columns(node["unique_id"], figure, nodes, lineage) for figure in FIGURES},
    }


def checksum(node: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a node computes: its compiled code, or its file where nothing is compiled."""
    code = node.get("compiled_code")
    return hashlib.sha256(code.encode()).hexdigest() if code else node["checksum"]["checksum"]


def ancestors(unique_id: str, nodes: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return a node and all that it is made from; a table that the live target publishes is the model of that name."""
    models = {node["name"]: uid for uid, node in nodes.items() if node["resource_type"] == "model"}
    found: set[str] = set()
    waiting = [unique_id]
    while waiting:
        uid = waiting.pop()
        node = nodes[uid]
        if node.get("source_name") == PUBLISHED_BY_LIVE:
            waiting.append(models[node["name"]])
        elif uid not in found and node.get("source_name") != PUBLISHED_BY_DAILY:
            found.add(uid)
            waiting += node.get("depends_on", {}).get("nodes", ())
    return found


def raw_columns(unique_id: str, column: str, nodes: Mapping[str, Mapping[str, Any]], lineage: Lineage) -> list[str]:
    """Return the columns of raw tables and seeds that a column is made from, as `raw_partoo.reviews.rating`."""
    seen: set[tuple[str, str]] = set()

    def walk(uid: str, name: str) -> Iterator[str]:
        if (uid, name) in seen:
            return
        seen.add((uid, name))
        if nodes[uid]["resource_type"] in ("source", "seed"):
            yield f"{relation(nodes[uid])}.{name}"
        for upstream, upstream_column in lineage.get(uid, {}).get(name, ()):
            yield from walk(upstream, upstream_column)

    return sorted(set(walk(unique_id, column)))


def model_checksum(known: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the SHA-256 over every definition: it differs when any does, but not when a chart comes or goes."""
    made = {code: {part: one[part] for part in one.keys() - {"shown"}} for code, one in known.items()}
    return hashlib.sha256(canonical(made)).hexdigest()
