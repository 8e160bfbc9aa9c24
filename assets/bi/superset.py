"""Superset's datasets, charts and dashboards as one step that applies the bundle. The client is `supersync`."""

from collections.abc import Iterator

import dagster as dg
from supersync.apply import apply
from supersync.bundle import Asset
from supersync.cache import invalidate
from supersync.errors import SupersetFailure

from assets.serving.copies import key as copy_key
from assets.warehouse.translator import node_key
from ingestion import settings
from orchestration import bi, project
from orchestration.published import DAILY, LIVE

BUNDLE = bi.bundle()
NODES = project.read_manifest()["nodes"]
UPSTREAM_KIND = {"chart": "dataset", "dashboard": "chart"}


def asset_key(kind: str, slug: str) -> dg.AssetKey:
    return dg.AssetKey(["superset", kind, slug])


def upstream(asset: Asset) -> list[dg.AssetKey]:
    """Return what an object of Superset is made from; a dataset reads the published copy of its models."""
    if asset.kind == "dataset":
        copy = LIVE if asset.declared.get("database") == LIVE.target else DAILY
        return [copy_key(copy), *(node_key(NODES[unique_id]) for unique_id in asset.reads)]
    return [asset_key(UPSTREAM_KIND[asset.kind], slug) for slug in asset.reads]


def spec(asset: Asset) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=asset_key(asset.kind, asset.slug),
        deps=upstream(asset),
        group_name="superset",
        owners=["team:plateforme-donnees"],
        kinds={"superset"},
        description=f"{asset.title}. {asset.description}",
        metadata={"defined_in": f"superset/bundle/{asset.path}", **live_page(asset)},
        skippable=True,  # a home without Superset publishes all the same
    )


def live_page(asset: Asset) -> dict[str, dg.MetadataValue]:
    if asset.kind != "dashboard":
        return {}
    return {"page": dg.MetadataValue.url(f"{settings.superset_url()}/superset/dashboard/{asset.slug}/")}


SHOWN = [asset for asset in BUNDLE if asset.kind != "database"]


@dg.multi_asset(name="superset_bundle", specs=[spec(asset) for asset in SHOWN])
def superset(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    if not settings.home().superset.is_dir():
        context.log.warning("This home has no Superset (`make up` makes it): nothing is shown.")
        return
    try:
        with bi.client() as client:
            done = apply(client, BUNDLE, bi.database_uri())
            forgotten = invalidate(client, BUNDLE)
    except SupersetFailure as failure:
        raise dg.Failure(description=str(failure), allow_retries=False) from None
    context.log.info("%s\nCached answers forgotten: %s datasets.", done, forgotten)
    for asset in SHOWN:
        yield dg.MaterializeResult(asset_key=asset_key(asset.kind, asset.slug))
