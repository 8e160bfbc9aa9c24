"""Reads models, columns and KPIs from dbt's manifest."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supersync.errors import SupersetFailure


@dataclass(frozen=True)
class Column:
    """A column as its model declares it: SQL type in capitals, French name (`meta.label`) and number format or none."""

    name: str
    type: str
    description: str
    label: str = ""
    format: str = ""


@dataclass(frozen=True)
class Model:
    """A dbt model or seed, or a source that publication itself fills.

    Attributes:
        unique_id: dbt's name for it, `model.cyberimpact.rpt_kpi`.
        schema: Its schema, the same in the warehouse and in the published copy.
        name: Its table.
        description: What a row of it is.
        columns: Its columns by name, in their declared order.
        owner: Address or team of its group's owner, empty if it has none.
        is_exposed: Whether it is in the published copy (`meta.exposed`).
        kpi: `meta.kpi` where the model is a KPI.
        label: French name of the table (`meta.label`), or none.
        superset: `meta.superset`: what only Superset needs to know of it, `time` and `metrics`.
    """

    unique_id: str
    schema: str
    name: str
    description: str
    columns: Mapping[str, Column]
    owner: str
    is_exposed: bool
    kpi: Mapping[str, Any] | None
    label: str
    superset: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Return the name that the bundle gives it, `kpi.rpt_kpi`."""
        return f"{self.schema}.{self.name}"


class Manifest(dict[str, Model]):
    """Every table that dbt knows of and a dataset may read, by `schema.name`."""

    @property
    def kpi_codes(self) -> set[str]:
        return {model.kpi["code"] for model in self.values() if model.kpi}

    def schema_of(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return the types of the columns of tables by schema, table and column, in the form that sqlglot takes."""
        found: dict[str, Any] = {}
        for model in (self[key] for key in keys):
            types = {column.name: column.type or "TEXT" for column in model.columns.values()}
            found.setdefault(model.schema, {})[model.name] = types
        return found

    def kpis_of_pillar(self, pillar: str) -> set[str]:
        return {model.kpi["code"] for model in self.values() if model.kpi and model.kpi.get("pillar") == pillar}


def read(path: Path) -> Manifest:
    """Read a manifest that dbt wrote.

    Raises:
        SupersetFailure: there is none, or it is not one.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        groups = content.get("groups", {})
        nodes = [node for node in content["nodes"].values() if node["resource_type"] in ("model", "seed")]
        nodes += [source for source in content.get("sources", {}).values() if _meta(source).get("exposed")]
        models = [_model(node, groups) for node in nodes]
    except FileNotFoundError:
        raise SupersetFailure(
            f"There is no dbt manifest at {path}.", "Make it with `cyberimpact build` or `dbt parse`."
        ) from None
    except (json.JSONDecodeError, KeyError, AttributeError):
        raise SupersetFailure(
            f"{path} is not a dbt manifest.", "Make it again with `cyberimpact build` or `dbt parse`."
        ) from None
    return Manifest((model.key, model) for model in models)


def _model(node: Mapping[str, Any], groups: Mapping[str, Any]) -> Model:
    meta = _meta(node)
    owners = {group["name"]: group.get("owner") or {} for group in groups.values()}
    owner = owners.get(node.get("group") or "", {})
    return Model(
        unique_id=node["unique_id"],
        schema=node["schema"],
        name=node.get("alias") or node["name"],
        description=node.get("description", "").strip(),
        columns={name: _column(column) for name, column in node["columns"].items()},
        owner=owner.get("name") or owner.get("email") or "",
        is_exposed=bool(meta.get("exposed")),
        kpi=meta.get("kpi"),
        label=meta.get("label") or "",
        superset=meta.get("superset") or {},
    )


def _column(column: Mapping[str, Any]) -> Column:
    return Column(
        name=column["name"],
        type=(column.get("data_type") or "").upper(),
        description=column.get("description", "").strip(),
        label=_meta(column).get("label") or "",
        format=_meta(column).get("format") or "",
    )


def _meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    # dbt 1.10 moved meta into config; older manifests carry it beside.
    return (node.get("config") or {}).get("meta") or node.get("meta") or {}
