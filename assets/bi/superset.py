"""Superset's datasets, charts and dashboards as one step that applies the bundle."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import dagster as dg
from supersync.bundle import Asset
from supersync.client import Client
from supersync.service import apply

from assets.bi import server
from assets.bi.lineage import edges
from assets.dbt.translator import node_key, owners
from assets.failures import ending_the_step
from assets.serving.copies import key as copy_key
from audit.definitions import relation
from audit.lineage import Column, LineageGraph
from core import settings
from warehouse import dbt_project
from warehouse.published import DAILY, LIVE

TABLES = ("model", "seed", "source")
#: Who answers for the pages, and for what is no model's.
PAGES_OWNER = "team:plateforme-donnees"
UPSTREAM_KIND = {"chart": "dataset", "dashboard": "chart"}


@cache
def manifest() -> Mapping[str, Any]:
    return dbt_project.read_manifest()


@cache
def nodes() -> Mapping[str, Any]:
    """Return dbt's nodes and sources by id."""
    return {**manifest()["nodes"], **manifest()["sources"]}


@cache
def datasets() -> Mapping[str, Asset]:
    return {asset.slug: asset for asset in server.bundle() if asset.kind == "dataset"}


def asset_key(kind: str, slug: str) -> dg.AssetKey:
    return dg.AssetKey(["superset", kind, slug])


def upstream(asset: Asset) -> list[dg.AssetKey]:
    """Return the upstream assets of a Superset object; those of a dataset are the published copies of its models.

    What a copy says of itself is no model: it comes with the copy.
    """
    if asset.kind == "dataset":
        copy = copy_key(LIVE if asset.declared.get("database") == LIVE.target else DAILY)
        read = {node_key(nodes()[unique_id]) for unique_id in asset.reads if unique_id in nodes()}
        return [copy, *sorted(read - {copy})]
    return [asset_key(UPSTREAM_KIND[asset.kind], slug) for slug in asset.reads]


def spec(asset: Asset) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=asset_key(asset.kind, asset.slug),
        deps=upstream(asset),
        group_name="superset",
        owners=owners_of(asset),
        kinds={"superset"},
        description=f"{asset.title}. {asset.description}",
        metadata={"defined_in": f"superset/bundle/{asset.path}"},
        skippable=True,  # a home without Superset publishes all the same
    )


def owners_of(asset: Asset) -> list[str]:
    """Return who answers for an object: the owners of the models that a dataset or chart reads, or the pages' team."""
    if asset.kind == "dashboard":
        return [PAGES_OWNER]
    dataset = asset if asset.kind == "dataset" else datasets()[asset.reads[0]]
    read = {owner for name in dataset.reads if name in nodes() for owner in owners(manifest(), nodes()[name])}
    return sorted(read) or [PAGES_OWNER]


def live_pages(client: Client) -> dict[dg.AssetKey, str]:
    """Return where a browser opens each object: charts and datasets have numbers of the server's own."""
    paths = {
        "dataset": "/explore/?datasource_type=table&datasource_id={number}",
        "chart": "/explore/?slice_id={number}",
        "dashboard": "/superset/dashboard/{slug}/",
    }
    numbers = {kind: client.ids(kind) for kind in paths}
    return {
        asset_key(asset.kind, asset.slug): settings.superset_url()
        + paths[asset.kind].format(number=numbers[asset.kind][asset.uuid], slug=asset.slug)
        for asset in shown()
    }


def lineage() -> dict[dg.AssetKey, dg.TableColumnLineage]:
    """Return which columns each object shows, as Dagster draws it: it knows columns, and of metrics what they read."""
    tables = {relation(node): node_key(node) for node in nodes().values() if node["resource_type"] in TABLES}
    graph = LineageGraph(edges(server.bundle(), {name: key.path[0] for name, key in tables.items()}))
    found: dict[dg.AssetKey, dict[str, set[tuple[dg.AssetKey, str]]]] = {}
    for edge in graph.edges:
        source, target, _ = edge
        if target.layer == "metric" or edge.is_of_rows:
            continue
        deps = found.setdefault(asset_key(target.layer, target.table), {}).setdefault(target.name, set())
        deps.update((tables.get(column.table) or asset_key(*column[:2]), column.name) for column in read(graph, source))
    return {
        key: dg.TableColumnLineage(
            {column: [dg.TableColumnDep(*dep) for dep in sorted(deps)] for column, deps in columns.items()}
        )
        for key, columns in found.items()
    }


def read(graph: LineageGraph, column: Column) -> list[Column]:
    """Return the columns of a dataset that a metric is computed from, any other column itself."""
    if column.layer != "metric":
        return [column]
    return [edge.source for edge in graph.upstream(column) if edge.target == column]


@cache
def shown() -> list[Asset]:
    """Return the datasets, charts and dashboards; a database is no asset."""
    return [asset for asset in server.bundle() if asset.kind != "database"]


@dg.definitions
def defs() -> dg.Definitions:
    """Return Superset's objects as one step that applies the bundle."""
    step = dg.multi_asset(name="superset_bundle", specs=[spec(asset) for asset in shown()])
    return dg.Definitions(assets=[step(apply_bundle)])


def apply_bundle(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    """Bring Superset in line with the bundle and the policies.

    Raises:
        dg.Failure: Superset refuses, or does not answer.
    """
    if not settings.home().superset.is_dir():
        context.log.warning("This home has no Superset (`make up` makes it): nothing is shown.")
        return
    with ending_the_step(), server.client() as client:
        done = apply(client, server.bundle(), server.policies(server.bundle()), server.database_uri())
        pages = live_pages(client)
    context.log.info("%s", done)
    columns = lineage()
    for asset in shown():
        key = asset_key(asset.kind, asset.slug)
        drawn = {"dagster/column_lineage": columns[key]} if key in columns else {}
        yield dg.MaterializeResult(asset_key=key, metadata={"page": dg.MetadataValue.url(pages[key]), **drawn})
