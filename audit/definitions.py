"""Reads the definition of each KPI from dbt's compiled manifest: texts, SQL, models, checks and columns."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import MISSING, dataclass, fields
from typing import Any

from audit.lineage import ROWS, SOURCES, Column, LineageGraph, rank
from core.content_store import canonical

#: Upstream columns of each column and of the rows: model -> column -> [(node, column, kind)], nodes by their dbt id.
Lineage = Mapping[str, Mapping[str, Sequence[Sequence[str]]]]

#: The columns of a KPI that hold its figures; the others say of what.
FIGURES = ("numerator", "denominator", "value", "observations")

#: The dbt sources through which each target reads what the other one has published. The live target asks the daily one
#: only which rows are archived: no figure is made of that.
PUBLISHED_BY_LIVE, PUBLISHED_BY_DAILY = "live_copy", "daily_copy"

#: `aggregation` of the definitions that publications of version 0.1.0 have kept, which did not declare it.
_FORMER_AGGREGATIONS = {"followers": "latest"}


#: Fields that definitions did not have at first: hashes of those that were kept without them stay as they are.
_ADDED = ("entering", "deciding", "record_columns", "days")


@dataclass(frozen=True)
class KpiDefinition:
    """The definition of a KPI at a publication. The evidence stores it as JSON and the ledger records its hash.

    Attributes:
        kpi: `meta.kpi` of its model.
        relation: Its table.
        sql: Its compiled SQL.
        observations: The table of the observations that it counts.
        context: The other tables that its SQL reads.
        models: The models and seeds upstream, by dbt id: `file`, `relation` and `sha256`.
        checks: The dbt tests on these models, by dbt id, each with the ids of the models that it tests.
        raw_tables: The raw tables upstream.
        columns: The raw columns upstream of each figure.
        steps: The edges upstream of its figures: layer, column, layer, column.
        shown: Dashboard and chart titles that show it.
        entering: The raw columns whose values enter its value.
        deciding: The raw columns that decide which rows its value counts; empty where a publication does not say so.
        record_columns: The raw columns that the keys of its observations are made of.
        days: The table of its observations added up by day, place and breakdowns, where its SQL reads that instead.
    """

    kpi: Mapping[str, Any]
    relation: str
    sql: str
    observations: str
    context: Sequence[str]
    models: Mapping[str, Mapping[str, str]]
    checks: Mapping[str, Sequence[str]]
    raw_tables: Sequence[str]
    columns: Mapping[str, Sequence[str]]
    steps: Sequence[Sequence[str]] = ()
    shown: Sequence[Sequence[str]] = ()
    entering: Sequence[str] = ()
    deciding: Sequence[str] = ()
    record_columns: Sequence[str] = ()
    days: str = ""

    @property
    def breakdowns(self) -> list[str]:
        """The columns of its observations that it is broken down by."""
        return [breakdown["dimension"] for breakdown in self.kpi["grain"]["breakdowns"]]

    @property
    def counts_latest(self) -> bool:
        """Whether only the latest observation of each entity in a period counts, as of a stock, instead of all."""
        return self.kpi.get("aggregation", _FORMER_AGGREGATIONS.get(self.kpi["code"])) == "latest"

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "KpiDefinition":
        """Return a definition from its JSON object; early publications keep fewer fields."""
        names = (field.name for field in fields(cls) if field.default is MISSING or field.name in kept)
        return cls(**{name: kept[name] for name in names})

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that the evidence keeps; what an early publication did not say stays out of it."""
        kept = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in kept.items() if value or name not in _ADDED}


def relation(node: Mapping[str, Any]) -> str:
    """Return the schema and table of a node, as `kpi.kpi_value`."""
    return f"{node['schema']}.{node.get('identifier') or node.get('alias') or node['name']}"


def definitions(
    manifest: Mapping[str, Any], lineage: Lineage, graph: LineageGraph, shown: Sequence[Mapping[str, str]]
) -> dict[str, KpiDefinition]:
    """Return the definition of each KPI, by code.

    Args:
        manifest: dbt's manifest with the compiled code of both targets.
        lineage: Upstream columns of each column of each model.
        graph: Every edge between columns, from platform to dashboard.
        shown: Where each KPI is shown: code, chart and dashboard, with titles.
    """
    nodes = {**manifest["nodes"], **manifest["sources"]}
    kpis = [node for node in manifest["nodes"].values() if (node["config"].get("meta") or {}).get("kpi")]
    places: dict[str, list[list[str]]] = {}
    for place in shown:
        places.setdefault(place["kpi_code"], []).append([place["dashboard_title"], place["chart_title"]])
    return {
        code: definition(node, nodes, lineage, graph, sorted(places.get(code, [])))
        for node in sorted(kpis, key=lambda node: node["name"])
        for code in (node["config"]["meta"]["kpi"]["code"],)
    }


def steps(graph: LineageGraph, kpi: str) -> list[list[str]]:
    """Return the edges upstream of the figures of a KPI, from the platform on: layer, column, layer, column."""
    edges = {edge[:2] for figure in FIGURES for edge in graph.upstream(Column("kpi", kpi, figure))}
    return [
        [source.layer, str(source), target.layer, str(target)]
        for source, target in sorted(edges, key=lambda edge: (rank(edge[0].layer), edge))
    ]


def definition(
    node: Mapping[str, Any],
    nodes: Mapping[str, Mapping[str, Any]],
    lineage: Lineage,
    graph: LineageGraph,
    shown: Sequence[Sequence[str]],
) -> KpiDefinition:
    chain = {uid: nodes[uid] for uid in ancestors(node["unique_id"], nodes)}
    read = [relation(nodes[uid]) for uid in node["depends_on"]["nodes"]]
    observations, days = (f"{node['schema']}.{node['name']}__{part}" for part in ("observations", "days"))
    built = {uid: found for uid, found in chain.items() if found["resource_type"] in ("model", "seed")}
    checks = (found for found in nodes.values() if found["resource_type"] == "test")
    raw = sorted(relation(found) for uid, found in chain.items() if uid not in built)
    value, tables = Column("kpi", relation(node), "value"), {relation(found) for found in chain.values()}
    return KpiDefinition(
        kpi=node["config"]["meta"]["kpi"],
        relation=relation(node),
        sql=node["compiled_code"],
        observations=observations,
        context=sorted(set(read) - {observations, days}),
        models={
            uid: {"file": found["original_file_path"], "relation": relation(found), "sha256": checksum(found)}
            for uid, found in sorted(built.items())
        },
        checks={
            check["unique_id"]: sorted(built.keys() & set(check["depends_on"]["nodes"]))
            for check in sorted(checks, key=lambda check: check["unique_id"])
            if built.keys() & set(check["depends_on"]["nodes"])
        },
        raw_tables=raw,
        columns={figure: raw_columns(node["unique_id"], figure, nodes, lineage) for figure in FIGURES},
        steps=steps(graph, relation(node)),
        shown=shown,
        entering=of_tables(graph.entering(value), tables),
        deciding=of_tables(graph.deciding(value), tables),
        record_columns=[
            column
            for column in raw_columns(f"{node['unique_id']}__observations", "record_key", nodes, lineage)
            if column.rpartition(".")[0] in raw
        ],
        days=days if days in read else "",
    )


def of_tables(columns: Set[Column], tables: Set[str]) -> list[str]:
    """Return those of some columns with which data enter the warehouse, as `raw_partoo.reviews.rating`.

    Args:
        columns: Columns of any layer. The rows of a table go where a column of it is there too.
        tables: The tables from which data may come.
    """
    found = {column for column in columns if column.layer in SOURCES and column.table in tables}
    named = {column.table for column in found if column.name != ROWS}
    return sorted(str(column) for column in found if column.name != ROWS or column.table not in named)


def by_table(columns: Iterable[str]) -> dict[str, list[str]]:
    """Return the names of columns such as `raw_partoo.reviews.rating` by table."""
    found: dict[str, list[str]] = {}
    for column in sorted(columns):
        table, _, name = column.rpartition(".")
        found.setdefault(table, []).append(name)
    return found


def checksum(node: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a node computes: its compiled code, or its file where nothing is compiled."""
    code = node.get("compiled_code")
    return hashlib.sha256(code.encode()).hexdigest() if code else node["checksum"]["checksum"]


def ancestors(unique_id: str, nodes: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return a node and all nodes upstream; a source of the live copy counts as the live model of that name."""
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
    """Return the columns of raw tables and seeds upstream of a column, as `raw_partoo.reviews.rating`."""
    seen: set[tuple[str, str]] = set()

    def walk(uid: str, name: str) -> Iterator[str]:
        if (uid, name) in seen:
            return
        seen.add((uid, name))
        if nodes[uid]["resource_type"] in ("source", "seed"):
            yield f"{relation(nodes[uid])}.{name}"
        for upstream, upstream_column, _ in lineage.get(uid, {}).get(name, ()):
            if upstream_column != ROWS:
                yield from walk(upstream, upstream_column)

    return sorted(set(walk(unique_id, column)))


def model_checksum(definitions: Mapping[str, KpiDefinition]) -> str:
    """Return the SHA-256 over all definitions but for the charts that show them."""
    content = {code: definition.to_json() for code, definition in definitions.items()}
    for kept in content.values():
        del kept["shown"]
    return hashlib.sha256(canonical(content)).hexdigest()
