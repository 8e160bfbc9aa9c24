"""Turns rows of charts into Superset's position tree, and short filters into native filters."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

COLUMNS = 12  # of a row
HEIGHT, CAPTION_HEIGHT = 50, 5  # of a row and of a chart's caption, in Superset's units of 8 pixels

#: Of a phone's single column, which has about fifty characters in a line.
PHONE_CAPTION_HEIGHT, PHONE_LINE, PHONE_LINE_HEIGHT = 14, 42, 3
PHONE_HEIGHT = 46

#: The head of a dashboard is one line of text: no title, no head of a table. What a table does not know is a dash where
#: Superset writes an English abbreviation. A table is as tall as its rows, at most as its place on the page. A caption
#: stands right below its chart. The boxes of a row are equally tall. A card has its month beside its number.
CSS = """\
[data-test-chart-name="Publication"] [data-test="slice-header"],
[data-test-chart-name="Publication"] thead { display: none; }
[data-test-chart-name="Publication"] [role="presentation"] { visibility: visible !important; overflow: hidden; }
[data-test-chart-name="Publication"] tr { background: none !important; }
[data-test-chart-name="Publication"] td { border: 0 !important; padding: 0 !important; background: none !important; }
td.dt-is-null { font-size: 0 !important; }
td.dt-is-null::before { content: "–"; font-size: 12px; }
.chart-slice .ant-empty-image { display: none; }
.superset-chart-table :is(td, th) { padding: 2px 6px !important; line-height: 16px; }
.resizable-container:has(> .dashboard-component .superset-chart-table),
:is(.chart-slice, .dashboard-chart, .chart-container, .slice_container):has(.superset-chart-table),
.superset-chart-table div:has(> div > div > table) { height: auto !important; min-height: 0 !important; }
.grid-column .dashboard-markdown .resizable-container { height: auto !important; min-height: 0 !important; }
.grid-column .dashboard-markdown .dashboard-component { padding: 0 16px 12px; font-size: 12px; line-height: 16px; }
.grid-column .dashboard-markdown p { margin: 0 !important; }
.grid-column > .dragdroppable-row:not(:last-child) { margin-bottom: 0 !important; }
.grid-row { align-items: stretch !important; }
.grid-row > .dragdroppable-column { background: #ffffff; }
.dashboard-component:has(.superset-legacy-chart-big-number) { padding: 8px 16px 0; }
:is(.dashboard-chart, .chart-container, .slice_container):has(.superset-legacy-chart-big-number) {
  overflow: visible !important; justify-content: flex-start !important; }
.superset-legacy-chart-big-number { justify-content: flex-start !important; margin-top: -8px; }
.superset-legacy-chart-big-number .text-container {
  position: relative; width: 100%; height: auto !important; justify-content: flex-start !important; }
.superset-legacy-chart-big-number .header-line { font-size: 28px !important; line-height: 32px; }
.superset-legacy-chart-big-number :is(.kicker, .subheader-line, .subtitle-line) {
  font-size: 12px !important; line-height: 16px; height: 16px !important; margin: 0 !important; }
:is(.date-label-content, .ant-select-selection-placeholder) { color: #3a3a3a !important; }
.dashboard-markdown a { text-decoration: underline; }
.superset-legacy-chart-big-number .kicker { position: absolute; top: 12px; right: 0; }
"""

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


def each_row(rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a dashboard from top to bottom, those of its tabs in their place."""
    for row in rows:
        if "tabs" in row:
            for inner in row["tabs"].values():
                yield from each_row(inner)
        else:
            yield row


def _without_tabs(rows: Iterable[Mapping[str, Any]], left_out: set[str]) -> Iterator[Mapping[str, Any]]:
    """Yield rows with each tab as a section, but for the tabs of which no chart is kept."""
    for row in rows:
        for title, inner in row.get("tabs", {}).items():
            if {slug for kept in each_row(inner) for slug in kept.get("charts", {})} - left_out:
                yield {"text": f"### {title}"}
                yield from _without_tabs(inner, left_out)
        if "tabs" not in row:
            yield row


def single_column(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dashboard's declaration for a phone: the same texts and charts in one column, each tab a section.

    Args:
        declared: The declaration, whose `phone` may name charts to leave out (`except`), and others to put in their
            place (`instead`), which keep the height of their row.
    """
    phone = declared["phone"] or {}
    left_out, instead = set(phone.get("except", [])), phone.get("instead", {})

    def kept(slugs: Iterable[str]) -> list[str]:
        return [instead.get(slug, slug) for slug in slugs if slug not in left_out]

    rows: list[dict[str, Any]] = []
    for row in _without_tabs(declared["rows"], left_out):
        if "text" in row:
            rows.append({"text": row["text"], "height": _text_height(row["text"])})
        height = row.get("height", HEIGHT)
        rows += [
            {"charts": {slug: COLUMNS}, "height": height if slug in instead.values() else min(height, PHONE_HEIGHT)}
            for slug in kept(row.get("charts", {}))
        ]
    filters = {
        name: {
            **declared_filter,
            **{key: kept(declared_filter[key]) for key in ("except", "only") if key in declared_filter},
        }
        for name, declared_filter in declared.get("filters", {}).items()
    }
    captioned = kept(declared.get("captioned", []))
    title = f"{declared['title']} (téléphone)"
    return {**declared, "title": title, "rows": rows, "filters": filters, "captioned": captioned}


def _text_height(text: str) -> int:
    # Lines of a paragraph run together; a blank line parts two.
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    lines = sum(len(paragraph) // PHONE_LINE + 1 for paragraph in paragraphs)
    return 3 + PHONE_LINE_HEIGHT * (lines + len(paragraphs) - 1) + (2 if text.startswith("#") else 0)


def _typeset(text: str) -> str:
    """Return a French text whose double punctuation never begins a line."""
    return re.sub(r" ([;:!?»%])", "\u00a0\\1", text).replace("« ", "«\u00a0")


def caption_height(*, on_phone: bool) -> int:
    """Return the height of a chart's caption, which has more lines where the page is narrow."""
    return PHONE_CAPTION_HEIGHT if on_phone else CAPTION_HEIGHT


def position(
    title: str, rows: Iterable[Mapping[str, Any]], cells: Mapping[str, Cell], caption: int = CAPTION_HEIGHT
) -> Position:
    """Return the position tree of a dashboard.

    Args:
        title: What its header says.
        rows: From top to bottom, each `{text: Markdown, charts: {slug: columns, …}, height: units}`, the text first and
            as wide as the charts leave it; or `{tabs: {title: rows, …}}`.
        cells: The charts, by slug.
        caption: Height of a chart's caption.
    """
    tree: Position = {
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
        "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": title}},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "children": [], "parents": ["ROOT_ID"]},
    }
    _add_rows(tree, "GRID_ID", rows, cells, caption)
    return {"DASHBOARD_VERSION_KEY": "v2", **tree}


def _add_rows(
    tree: Position, parent: str, rows: Iterable[Mapping[str, Any]], cells: Mapping[str, Cell], caption: int
) -> None:
    prefix = "" if parent == "GRID_ID" else f"{parent}-"
    for index, row in enumerate(rows, start=1):
        name = f"{prefix}{index}"
        if "tabs" in row:
            _add(tree, parent, f"TABS-{name}", "TABS", {})
            for number, (title, inner) in enumerate(row["tabs"].items(), start=1):
                tab = f"TAB-{name}-{number}"
                _add(tree, f"TABS-{name}", tab, "TAB", {"text": title})
                _add_rows(tree, tab, inner, cells, caption)
            continue
        height = row.get("height", HEIGHT)
        _add(tree, parent, f"ROW-{name}", "ROW", {"background": "BACKGROUND_TRANSPARENT"})
        placed = row.get("charts", {})
        if "text" in row:
            width = COLUMNS - sum(placed.values())
            meta = {"code": _typeset(row["text"]), "width": width, "height": height}
            _add(tree, f"ROW-{name}", f"MARKDOWN-{name}", "MARKDOWN", meta)
        for slug, width in placed.items():
            size = {"width": width, "height": height}
            _add_chart(tree, f"ROW-{name}", slug, cells[slug], size=size, caption_height=caption)


def _add_chart(
    tree: Position, parent: str, slug: str, cell: Cell, *, size: Mapping[str, int], caption_height: int
) -> None:
    meta = {"chartId": cell.number, "uuid": str(cell.uuid), "sliceName": cell.title, **size}
    if not cell.caption:
        _add(tree, parent, f"CHART-{slug}", "CHART", meta)
        return
    # Superset shows a chart's own description on hover only; below the chart it is read.
    column = f"COLUMN-{slug}"
    _add(tree, parent, column, "COLUMN", {"background": "BACKGROUND_WHITE", "width": size["width"]})
    _add(tree, column, f"CHART-{slug}", "CHART", {**meta, "height": size["height"] - caption_height})
    caption = {"code": _typeset(cell.caption), "width": size["width"], "height": caption_height}
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
        declared: `{title, description, type: time}` or `{title, description, column, default, where, required, first,
            search}`; `first` chooses the first of the values that the reader may see; `search` takes several values,
            which the server looks for while the reader types; `required` without a default shows nothing before one.
        dataset_uuid: Dataset whose column offers the choices; None for a period.
        excluded: Numbers of the charts it leaves alone.
    """
    shared = {
        "id": f"NATIVE_FILTER-{slug}",
        "name": declared["title"],
        "requiredFirst": bool(declared.get("first")),  # chosen before the charts are asked
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
            "creatable": False,  # what does not exist would find nothing, without a word
            "defaultToFirstItem": bool(declared.get("first")),
            "multiSelect": bool(declared.get("search")),
            "searchAllOptions": bool(declared.get("search")),
            "inverseSelection": False,
            "sortAscending": True,
        },
        "defaultDataMask": _default_mask(declared),
    }


def _default_mask(declared: Mapping[str, Any]) -> dict[str, Any]:
    if "default" not in declared:
        waits = declared.get("required") and not declared.get("first")
        nothing = {"filters": [{"col": declared["column"], "op": "IN", "val": [""]}]}
        return {"extraFormData": nothing if waits else {}, "filterState": {}}
    chosen = [declared["default"]]
    return {
        "extraFormData": {"filters": [{"col": declared["column"], "op": "IN", "val": chosen}]},
        "filterState": {"value": chosen, "label": declared["default"]},
    }
