"""A dbt manifest written by hand, with just what the bundle reads, for tests that need no server and no dbt."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.superset.conftest import BUNDLE

TYPES = {"published_on": "date", "period_start": "date", "data_as_of": "date", "value": "decimal(18, 6)"}
#: Columns that only a join reaches, by model.
JOINED = {
    "kpi.kpi_reading": ("kpi_code", "period_type", "period_start", "is_latest"),
    "perception.fct_irritant": ("theme", "theme_label"),
    "reference.dim_calendar": ("iso_weekday", "weekday_name"),
    "reference.dim_territory": ("territory_code", "territory_name", "region_code", "gendarmerie_region_code"),
}


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
    nodes += [node(f"kpi.kpi_{code}", ("value",), exposed=True, kpi={"code": code}) for code in kpis()]
    return {"nodes": {one["unique_id"]: one for one in nodes}, "groups": {}}


def kpis() -> list[str]:
    """Return the KPIs that the charts of the bundle name."""
    named = (
        yaml.safe_load(file.read_text(encoding="utf-8")).get("kpi", []) for file in (BUNDLE / "charts").rglob("*.yaml")
    )
    return sorted({code for kpi in named for code in (kpi if isinstance(kpi, list) else [kpi])})


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
