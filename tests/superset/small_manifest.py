"""A dbt manifest of what the bundle reads, from the YAML of the models, for tests that need no server and no dbt."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from core.settings import CHECKOUT
from tests.superset.conftest import BUNDLE

MODELS = CHECKOUT / "dbt_project" / "models"


def manifest() -> dict[str, Any]:
    """Return a manifest in which every model and source that the bundle reads exists, and every KPI that it shows."""
    nodes = [node(key, columns_of(described(key)), **meta_of(described(key))) for key in sorted(keys())]
    for code in kpis():
        pillar = meta_of(entries()[f"kpi_{code}"])["kpi"]["pillar"]
        nodes.append(node(f"kpi.kpi_{code}", {"value": {}}, exposed=True, kpi={"code": code, "pillar": pillar}))
    return {"nodes": {node["unique_id"]: node for node in nodes}, "groups": {}}


def keys() -> set[str]:
    """Return the tables that the datasets of the bundle read, as `schema.table`."""
    datasets = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in (BUNDLE / "datasets").glob("*.yaml"))
    return {key for dataset in datasets for key in dataset.get("reads") or [dataset["model"]]}


@cache
def entries() -> dict[str, Mapping[str, Any]]:
    """Return what the project's YAML says of each model and of what publication writes, by name."""
    return {entry["name"]: entry for file in MODELS.rglob("*.yml") for entry in _entries(file)}


def _entries(file: Path) -> Iterator[Mapping[str, Any]]:
    content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    yield from content.get("models", [])
    if file.parent.name == "audit":
        for source in content.get("sources", []):
            yield from source["tables"]


def described(key: str) -> Mapping[str, Any]:
    return entries()[key.rpartition(".")[2]]


def meta_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    return deepcopy(entry.get("config", {}).get("meta", {}))


def columns_of(entry: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {column["name"]: column for column in entry["columns"]}


def kpis() -> list[str]:
    """Return the KPIs that the charts of the bundle name."""
    named = (
        yaml.safe_load(file.read_text(encoding="utf-8")).get("kpi", []) for file in (BUNDLE / "charts").rglob("*.yaml")
    )
    return sorted({code for kpi in named for code in (kpi if isinstance(kpi, list) else [kpi])})


def node(key: str, columns: Mapping[str, Mapping[str, Any]], **meta: Any) -> dict[str, Any]:
    schema, name = key.split(".")
    return {
        "unique_id": f"model.cyberimpact.{name}",
        "resource_type": "model",
        "schema": schema,
        "name": name,
        "alias": name,
        "description": f"Une ligne de {name}.",
        "config": {"meta": meta},
        "columns": {
            column: {
                "name": column,
                "data_type": declared.get("data_type", "string"),
                "description": f"Colonne {column}.",
                "config": {"meta": meta_of(declared)},
            }
            for column, declared in columns.items()
        },
    }


def write(folder: Path, content: dict[str, Any] | None = None) -> Path:
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest() if content is None else content), encoding="utf-8")
    return path
