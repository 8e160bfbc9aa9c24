"""Maps dbt nodes to Dagster keys, tags and owners."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject
from dagster_dbt.asset_utils import DAGSTER_DBT_UNIQUE_ID_METADATA_KEY

from warehouse import dbt_project, held_back

#: The check of an asset that stands for all rules which its YAML declares, and its metadata: how each rule ended.
RULES = "rules"


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

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        """Return the one check of an asset for all of its rules, whichever of them is asked for."""
        subject = manifest["nodes"][unique_id].get("attached_node")
        if not subject:
            return super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if asset_spec.key != node_key(manifest["nodes"][subject], self.target):
            return None
        children = [manifest["nodes"].get(child, {}) for child in manifest["child_map"][subject]]
        rules = [child for child in children if child.get("attached_node") == subject]
        read = {parent for rule in rules for parent in rule["depends_on"]["nodes"]} - {subject}
        return dg.AssetCheckSpec(
            name=RULES,
            asset=asset_spec.key,
            additional_deps={node_key(manifest["nodes"][parent], self.target) for parent in read},
            description="\n".join(f"- {rule['name']}" for rule in rules),
            blocking=any(dbt_project.meta(rule).get("on_failure") == held_back.BLOCK for rule in rules),
            # dagster-dbt asks for it where a person selects single checks; one stands for all.
            metadata={DAGSTER_DBT_UNIQUE_ID_METADATA_KEY: unique_id},
        )


def check_keys(manifest: Mapping[str, Any], target: str) -> dict[str, dg.AssetCheckKey]:
    """Return Dagster's check of each dbt test, by unique id: rules of one asset share one, others have their own.

    Args:
        manifest: The manifest.
        target: The dbt target: a seed is a table of its own in each target's file.
    """
    found = {}
    for unique_id, test in manifest["nodes"].items():
        if test["resource_type"] == "test":
            subject, name = subject_of(manifest, test), RULES if test.get("attached_node") else test["name"]
            found[unique_id] = dg.AssetCheckKey(node_key(manifest["nodes"][subject], target), name)
    return found


def subject_of(manifest: Mapping[str, Any], test: Mapping[str, Any]) -> str:
    """Return the model beside which a test is shown: its own, the one that it names, or the only one that it reads."""
    named, read = dbt_project.meta(test).get("dagster", {}).get("ref", {}).get("name"), test["depends_on"]["nodes"]
    of_name = (unique_id for unique_id in read if manifest["nodes"][unique_id]["name"] == named)
    return test.get("attached_node") or next(of_name, read[0])


def owners(manifest: Mapping[str, Any], node: Mapping[str, Any]) -> list[str]:
    """Return the owner of a node: the one its KPI declares, else the one of its dbt group."""
    meta = dbt_project.meta(node)
    if "kpi" in meta:
        return [meta["kpi"]["owner"]]
    group = manifest["groups"].get(f"group.{node['package_name']}.{node['config'].get('group')}")
    name = group["owner"].get("name") if group else None
    return [name] if name and name.startswith("team:") else []
