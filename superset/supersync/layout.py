"""Turns rows of chart names into Superset's tree of positions, and short filters into its native ones. Charts belong elsewhere."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

COLUMNS = 12  # of a row
TEXT_HEIGHT, CHART_HEIGHT = 10, 50  # in Superset's units of 8 pixels

Position = dict[str, dict[str, Any]]


def position(title: str, rows: Iterable[Mapping[str, Any]], charts: Mapping[str, tuple[UUID, str]]) -> Position:
    """Return the position tree of a dashboard.

    Args:
        title: What its header says.
        rows: Each `{charts: {slug: columns, …}, height: units}` or `{text: Markdown, height: units}`, from top to bottom.
        charts: UUID and title of the charts, by slug.
    """
    tree: Position = {
        "DASHBOARD_VERSION_KEY": "v2",  # type: ignore[dict-item]
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
        "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": title}},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "children": [], "parents": ["ROOT_ID"]},
    }
    numbers = {slug: number for number, slug in enumerate(charts, start=1)}
    for index, row in enumerate(rows, start=1):
        row_id = f"ROW-{index}"
        parents = ["ROOT_ID", "GRID_ID", row_id]
        cells = _text_cells(row, index, parents) if "text" in row else _chart_cells(row, charts, numbers, parents)
        tree["GRID_ID"]["children"].append(row_id)
        tree[row_id] = {
            "id": row_id,
            "type": "ROW",
            "children": list(cells),
            "parents": parents[:2],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        tree |= cells
    return tree


def native_filter(
    slug: str, declared: Mapping[str, Any], dataset_uuid: UUID | None, excluded: list[int]
) -> dict[str, Any]:
    """Return one filter of a dashboard's filter bar.

    Args:
        slug: Its name in the bundle.
        declared: `{title, description, type: time}` or `{title, description, column, default, where, required}`.
        dataset_uuid: Dataset whose column offers the choices; None for a period.
        excluded: Numbers of the charts it leaves alone.
    """
    shared = {
        "id": f"NATIVE_FILTER-{slug}",
        "name": declared["title"],
        "description": declared.get("description", ""),
        "type": "NATIVE_FILTER",
        "cascadeParentIds": [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": excluded},
    }
    if declared.get("type") == "time":
        return {
            **shared,
            "filterType": "filter_time",
            "targets": [{}],
            "controlValues": {"enableEmptyFilter": False},
            "defaultDataMask": {"extraFormData": {}, "filterState": {}},
        }
    return {
        **shared,
        "filterType": "filter_select",
        "targets": [{"datasetUuid": str(dataset_uuid), "column": {"name": declared["column"]}}],
        "adhoc_filters": [
            {"clause": "WHERE", "expressionType": "SIMPLE", "subject": column, "operator": "IN", "comparator": values}
            for column, values in declared.get("where", {}).items()
        ],
        "controlValues": {
            "enableEmptyFilter": bool(declared.get("required")),
            "defaultToFirstItem": False,
            "multiSelect": False,
            "searchAllOptions": False,
            "inverseSelection": False,
            "sortAscending": True,
        },
        "defaultDataMask": _default_mask(declared),
    }


def _default_mask(declared: Mapping[str, Any]) -> dict[str, Any]:
    if "default" not in declared:
        return {"extraFormData": {}, "filterState": {}}
    chosen = [declared["default"]]
    return {
        "extraFormData": {"filters": [{"col": declared["column"], "op": "IN", "val": chosen}]},
        "filterState": {"value": chosen, "label": declared["default"]},
    }


def _chart_cells(
    row: Mapping[str, Any], charts: Mapping[str, tuple[UUID, str]], numbers: Mapping[str, int], parents: list[str]
) -> Position:
    cells = {}
    for slug, width in row["charts"].items():
        uuid, title = charts[slug]
        cells[f"CHART-{slug}"] = {
            "id": f"CHART-{slug}",
            "type": "CHART",
            "children": [],
            "parents": parents,
            "meta": {
                # Each its own number: filters name the charts they spare by it until the server knows better.
                "chartId": numbers[slug],
                "uuid": str(uuid),
                "sliceName": title,
                "width": width,
                "height": row.get("height", CHART_HEIGHT),
            },
        }
    return cells


def _text_cells(row: Mapping[str, Any], index: int, parents: list[str]) -> Position:
    cell_id = f"MARKDOWN-{index}"
    return {
        cell_id: {
            "id": cell_id,
            "type": "MARKDOWN",
            "children": [],
            "parents": parents,
            "meta": {"code": row["text"], "width": COLUMNS, "height": row.get("height", TEXT_HEIGHT)},
        }
    }
