"""Loads the assets and checks of this folder, once per process."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any

import dagster as dg

from assets.bi import server
from assets.bi.lineage import shown
from core import settings, superset
from warehouse.publication import code_version


@cache
def graph() -> dg.Definitions:
    """Return every asset and check; loading them takes seconds."""
    # `load_from_defs_folder` wants the checkout's pyproject.toml, which an installed wheel has not.
    found = dg.ComponentTree.from_module(import_module("assets"), settings.CODE).build_defs()
    shown_on = [
        asset.map_asset_specs(with_dashboards) if isinstance(asset, dg.AssetsDefinition) else asset
        for asset in with_code(found.assets or ())
    ]
    return dg.Definitions(assets=shown_on, asset_checks=found.asset_checks)


def with_code(assets: Iterable[Any]) -> list[Any]:
    """Add to each asset where its code stands: in the repository that the setting names, else in the checkout."""
    located = list(dg.with_source_code_references([*assets]))
    repository = settings.get("CYBERIMPACT_REPOSITORY_URL")
    if repository is None:
        return located
    linked = dg.link_code_references_to_git(
        located,
        git_url=repository.rstrip("/"),
        git_branch=code_version().removesuffix("-dirty"),
        file_path_mapping=dg.AnchorBasedFilePathMapping(settings.CODE, ""),
        platform="github" if "github" in repository else "gitlab",
    )
    return list(linked)


def with_dashboards(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Add to a KPI the dashboards that show it."""
    found = dashboards().get(spec.tags.get("kpi", ""))
    return spec.merge_attributes(metadata=found) if found else spec


@cache
def dashboards() -> dict[str, dict[str, dg.MetadataValue]]:
    """Return the address of each dashboard that shows a KPI, by the KPI's code and the dashboard's title."""
    found: dict[str, dict[str, dg.MetadataValue]] = defaultdict(dict)
    for place in shown(server.bundle()):
        address = settings.superset_url() + superset.dashboard_path(place["dashboard"])
        found[place["kpi_code"]][f"dashboard {place['dashboard_title']}"] = dg.MetadataValue.url(address)
    return found
