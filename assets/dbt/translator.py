"""Maps dbt nodes to Dagster keys, tags and owners."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

from warehouse import dbt_project


def node_key(node: Mapping[str, Any], target: str = dbt_project.DAILY) -> dg.AssetKey:
    """Return the asset key of a dbt node: the place of its file below `models/`, or the key that a source declares.

    Args:
        node: The node.
        target: The dbt target that asks: a seed is a table of its own in each target's file.
    """
    if node["resource_type"] == "source":
        return dg.AssetKey(node["config"]["meta"]["dagster"]["asset_key"])
    if node["resource_type"] == "seed":
        return dg.AssetKey(["seeds", *([target] if target != dbt_project.DAILY else []), node["name"]])
    return dg.AssetKey(node["fqn"][1:])


def node_tags(node: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of a node: the pillar or platform that its folder names, and what a KPI declares."""
    meta, folders = dbt_project.meta(node), node["fqn"][1:-1]
    tags = {}
    if folders[:1] == ["staging"]:
        tags["platform"] = folders[1]
    if folders[:1] in (["marts"], ["kpi"]) and len(folders) > 1:
        tags["pillar"] = folders[1]
    if "kpi" in meta:
        tags |= {"kpi": meta["kpi"]["code"], "sensitivity": meta["kpi"]["sensitivity"]}
    return tags


class Translator(DagsterDbtTranslator):
    """Names, groups, owners and tags of what a dbt target builds."""

    def __init__(self, target: str) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True, enable_code_references=True)
        )
        self.target = target

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = (
            manifest["nodes"].get(unique_id) or manifest["sources"].get(unique_id) or manifest["exposures"][unique_id]
        )
        if node["resource_type"] not in ("model", "seed", "source"):
            return spec
        key = node_key(node, self.target)
        # A source, or a node below a test, takes no group of its own: the asset that it stands for has one.
        return spec.replace_attributes(
            key=key,
            group_name=key.path[0] if node["resource_type"] != "source" else None,
            owners=owners(manifest, node),
            tags={**spec.tags, **node_tags(node)} if node["resource_type"] != "source" else {},
        )


def owners(manifest: Mapping[str, Any], node: Mapping[str, Any]) -> list[str]:
    """Return the owner of a node: the one its KPI declares, else the one of its dbt group."""
    meta = dbt_project.meta(node)
    if "kpi" in meta:
        return [meta["kpi"]["owner"]]
    group = manifest["groups"].get(f"group.{node['package_name']}.{node['config'].get('group')}")
    name = group["owner"].get("name") if group else None
    return [name] if name and name.startswith("team:") else []
