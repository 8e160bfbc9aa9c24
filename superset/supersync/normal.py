"""Normalises what the bundle declares and what a server exports, so that both can be compared."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

#: What a server adds or leaves out by itself, by kind; none of it is declared.
_SERVERS_OWN = {
    "database": {"configuration_method"},
    "dataset": {"database_id", "catalog", "default_endpoint", "template_params", "fetch_values_predicate", "folders"},
    "chart": {"datasource_id", "datasource_type", "datasource_name"},
    "dashboard": set(),
}
_EVERYWHERE = {"version", "uuid", "is_managed_externally", "external_url", "tags"}
_PARAMS = {"datasource", "slice_id", "dashboards", "annotation_layers"}
_METADATA = {
    "shared_label_colors",
    "map_label_colors",
    "color_scheme_domain",
    "default_filters",
    "show_chart_timestamps",
}
_CROSS_FILTERS = {"global_chart_configuration", "chart_configuration"}


def normalise(kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the declared part of an object: without a server's additions, with names in place of its ids.

    Args:
        kind: `database`, `dataset`, `chart` or `dashboard`.
        config: The object as the bundle expands it, or as a server exports it.
    """
    kept = {name: deepcopy(value) for name, value in config.items() if name not in _EVERYWHERE | _SERVERS_OWN[kind]}
    return _pruned(_SHAPES[kind](kept))


def _database(config: dict[str, Any]) -> dict[str, Any]:
    return config


def _dataset(config: dict[str, Any]) -> dict[str, Any]:
    for children, name in (("columns", "column_name"), ("metrics", "metric_name")):
        config[children] = {
            child[name]: {key: value for key, value in child.items() if key not in {name, "uuid"}}
            for child in config.get(children) or []
        }
    return config


def _chart(config: dict[str, Any]) -> dict[str, Any]:
    config["params"] = {name: value for name, value in (config.get("params") or {}).items() if name not in _PARAMS}
    context = json.loads(config.pop("query_context", None) or "{}")
    config["queries"] = [
        {name: value for name, value in query.items() if name != "datasource"} for query in context.get("queries", [])
    ]
    return config


def _dashboard(config: dict[str, Any]) -> dict[str, Any]:
    tree = config.get("position") or {}
    metas = [node["meta"] for node in tree.values() if isinstance(node, dict) and node.get("type") == "CHART"]
    names = {meta.get("chartId"): meta.get("uuid") for meta in metas}
    for node in tree.values():
        if isinstance(node, dict):
            node.pop("parents", None)  # follows from the children
    for meta in metas:
        meta.pop("chartId", None)
    given = config.get("metadata") or {}
    metadata = {name: value for name, value in given.items() if name not in _METADATA | _CROSS_FILTERS}
    metadata["cross_filters"] = _cross_filters(given, names)
    metadata["native_filter_configuration"] = {
        native_filter.get("id", ""): _native_filter(native_filter, names)
        for native_filter in metadata.get("native_filter_configuration") or []
    }
    config["metadata"] = metadata
    return config


def _cross_filters(metadata: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    """Return which charts a click does not filter, where that is declared; a server also exports empty lists."""
    own = {
        str(names.get(int(number), number)): _click(scope, names)
        for number, chart in (metadata.get("chart_configuration") or {}).items()
        if isinstance(scope := (chart.get("crossFilters") or {}).get("scope"), dict)
    }
    page_scope = (metadata.get("global_chart_configuration") or {}).get("scope") or {}
    return {"of_all": _click(page_scope, names), "of_one": own}


def _click(scope: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    """Return what a click does not reach; without a root it reaches nothing, which a server writes as an empty list."""
    roots = scope.get("rootPath", ["ROOT_ID"])
    return {"excluded": _excluded(scope, names), "within": "" if roots == ["ROOT_ID"] else " ".join(roots) or "nothing"}


def _excluded(scope: Mapping[str, Any], names: Mapping[int, str]) -> list[str]:
    return sorted(str(names.get(number, number)) for number in scope.get("excluded", []))


def _native_filter(native_filter: dict[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    scope = native_filter.get("scope") or {}
    kept = {name: value for name, value in native_filter.items() if name not in {"chartsInScope", "tabsInScope"}}
    return {**kept, "scope": {**scope, "excluded": _excluded(scope, names)}}


_SHAPES: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "database": _database,
    "dataset": _dataset,
    "chart": _chart,
    "dashboard": _dashboard,
}


def _pruned(value: Any) -> Any:
    """Leave out empty values: a server exports `null` or an empty list where the bundle declares nothing."""
    if isinstance(value, dict):
        return {
            key: pruned
            for key, inner in value.items()
            if (pruned := _pruned(inner)) is not None and pruned not in ({}, [], "")
        }
    if isinstance(value, list):
        return [_pruned(inner) for inner in value]
    return value
