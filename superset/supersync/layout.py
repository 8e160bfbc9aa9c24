"""Turns rows of chart names into Superset's tree of positions, and short filters into native ones. No chart here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

COLUMNS = 12  # of a row
HEIGHT, CAPTION_HEIGHT = 50, 8  # of a row and of a chart's caption, in Superset's units of 8 pixels

Position = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """A chart as a dashboard places it.

    Attributes:
        number: Its number on this dashboard, from 1.
        uuid: Its identity.
        title: Its name.
        caption: Sentence below it; empty for none.
    """

    number: int
    uuid: UUID
    title: str
    caption: str = ""


def position(title: str, rows: Iterable[Mapping[str, Any]], cells: Mapping[str, Cell]) -> Position:
    """Return the position tree of a dashboard.

    Args:
        title: What its header says.
        rows: From top to bottom, each `{text: Markdown, charts: {slug: columns, …}, height: units}`, the text first and
            as wide as the charts leave it.
        cells: The charts, by slug.
    """
    tree: Position = {
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
        "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": title}},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "children": [], "parents": ["ROOT_ID"]},
    }
    for index, row in enumerate(rows, start=1):
        row_id = f"ROW-{index}"
        height = row.get("height", HEIGHT)
        _add(tree, "GRID_ID", row_id, "ROW", {"background": "BACKGROUND_TRANSPARENT"})
        placed = row.get("charts", {})
        if "text" in row:
            width = COLUMNS - sum(placed.values())
            _add(tree, row_id, f"MARKDOWN-{index}", "MARKDOWN", {"code": row["text"], "width": width, "height": height})
        for slug, width in placed.items():
            _add_chart(tree, row_id, slug, cells[slug], {"width": width, "height": height})
    return {"DASHBOARD_VERSION_KEY": "v2", **tree}


def _add_chart(tree: Position, parent: str, slug: str, cell: Cell, size: Mapping[str, int]) -> None:
    meta = {"chartId": cell.number, "uuid": str(cell.uuid), "sliceName": cell.title, **size}
    if not cell.caption:
        _add(tree, parent, f"CHART-{slug}", "CHART", meta)
        return
    # Superset shows a chart's own description on hover only; below the chart it is read.
    column = f"COLUMN-{slug}"
    _add(tree, parent, column, "COLUMN", {"background": "BACKGROUND_WHITE", "width": size["width"]})
    _add(tree, column, f"CHART-{slug}", "CHART", {**meta, "height": size["height"] - CAPTION_HEIGHT})
    caption = {"code": cell.caption, "width": size["width"], "height": CAPTION_HEIGHT}
    _add(tree, column, f"MARKDOWN-{slug}", "MARKDOWN", caption)


def _add(tree: Position, parent: str, name: str, kind: str, meta: dict[str, Any]) -> None:
    tree[parent]["children"].append(name)
    parents = [*tree[parent].get("parents", []), parent]
    tree[name] = {"id": name, "type": kind, "children": [], "parents": parents, "meta": meta}


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
