"""Joins the column edges of raw tables, dbt models and Superset into one lineage graph."""

from collections.abc import Iterator, Mapping
from typing import Any

from supersync.bundle import Bundle

from assets.bi import lineage as bi_lineage
from assets.dbt.lineage import Lineage
from assets.dbt.translator import node_key
from assets.raw import lineage as raw_lineage
from audit.definitions import relation
from audit.lineage import Column, Edge, Kind, LineageGraph


def lineage_graph(manifest: Mapping[str, Any], lineage: Lineage, bundle: Bundle) -> LineageGraph:
    """Return every edge between two columns.

    Args:
        manifest: dbt's manifest of both targets.
        lineage: Upstream columns of each column of each model, and of its rows.
        bundle: What Superset shows.
    """
    nodes = {**manifest["sources"], **manifest["nodes"]}
    tables = (node for node in nodes.values() if node["resource_type"] in ("model", "seed", "source"))
    layers = {relation(node): layer(node) for node in tables}
    return LineageGraph([*raw_lineage.edges(), *model_edges(nodes, lineage), *bi_lineage.edges(bundle, layers)])


def layer(node: Mapping[str, Any]) -> str:
    return node_key(node).path[0]


def model_edges(nodes: Mapping[str, Mapping[str, Any]], lineage: Lineage) -> Iterator[Edge]:
    for uid, columns in lineage.items():
        for name, upstream in columns.items():
            target = Column(layer(nodes[uid]), relation(nodes[uid]), name)
            for source, column, kind in upstream:
                yield Edge(Column(layer(nodes[source]), relation(nodes[source]), column), target, Kind(kind))
