"""A dbt manifest written by hand, with just what the bundle reads, for tests that need no server and no dbt."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.superset.conftest import BUNDLE

TYPES = {"published_on": "date", "period_start": "date", "data_as_of": "date", "value": "decimal(18, 6)"}
KPIS = (
    "experiences",
    "positive_share",
    "answer_rate",
    "response_time_median",
    "response_time_p75",
    "response_time_p90",
)
#: Columns that only a join reaches, by model.
JOINED = {"reference.dim_territory": ("territory_code", "territory_name", "region_code", "gendarmerie_region_code")}


def manifest() -> dict[str, Any]:
    """Return a manifest in which every model that the bundle reads exists, with the columns that it labels."""
    columns: dict[str, dict[str, None]] = {}
    for file in sorted((BUNDLE / "datasets").glob("*.yaml")):
        dataset = yaml.safe_load(file.read_text(encoding="utf-8"))
        keys = dataset.get("reads") or [dataset["model"]]
        columns.setdefault(keys[0], {}).update(
            dict.fromkeys(name for name, told in dataset["columns"].items() if isinstance(told, str))
        )
        for key in keys[1:]:
            columns.setdefault(key, {}).update(dict.fromkeys(JOINED[key]))
    nodes = [node(key, names, exposed=True) for key, names in columns.items()]
    nodes += [node(f"kpi.kpi_{code}", ("value",), exposed=True, kpi={"code": code}) for code in KPIS]
    return {"nodes": {one["unique_id"]: one for one in nodes}, "groups": {}}


def node(key: str, columns: Any, **meta: Any) -> dict[str, Any]:
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
            column: {"name": column, "data_type": TYPES.get(column, "string"), "description": f"Colonne {column}."}
            for column in columns
        },
    }


def write(folder: Path, content: dict[str, Any] | None = None) -> Path:
    """Write a manifest and return its path."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest() if content is None else content), encoding="utf-8")
    return path
