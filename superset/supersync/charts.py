"""Turns a short chart declaration into Superset's form data and query."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

ROW_LIMIT = 10_000

#: How charts write numbers and tables instants, unless a file or a metric says otherwise. Numbers are in full: the
#: abbreviations of D3 ("25M", "390k") are no French; millions are a metric of their own.
NUMBER, DECIMAL, INSTANT = ",.0f", ",.2~f", "%d/%m/%Y %H:%M"
#: Measures that set points of a course apart, and are empty for the others.
POINTS = frozenset({"evenement", "fragile", "hors_habitude"})

Declaration = Mapping[str, Any]


def _time_axis(chart: Declaration) -> dict[str, Any]:
    # The rows of a KPI are one per period already: a time grain would only add them up again.
    return {"x_axis": chart["x"], "time_grain_sqla": None}


def _big_number(chart: Declaration) -> dict[str, Any]:
    return {
        **_time_axis(chart),
        "metric": chart["metrics"][0],
        "y_axis_format": NUMBER,
        "aggregation": "LAST_VALUE",
        "show_trend_line": True,
        "start_y_axis_at_zero": True,
        "show_timestamp": True,
        "time_format": "%B %Y",
        "header_font_size": 0.4,
        "subtitle_font_size": 0.15,
        "subheader_font_size": 0.15,
        "metric_name_font_size": 0.15,
    }


def _big_number_total(chart: Declaration) -> dict[str, Any]:
    return {"metric": chart["metrics"][0]}


def _series(chart: Declaration) -> dict[str, Any]:
    one_kpi = chart.get("dimensions") == ["kpi_label"] and isinstance(chart.get("kpi"), str)
    return {
        **_time_axis(chart),
        "metrics": chart["metrics"],
        "groupby": chart.get("dimensions", []),
        "truncate_metric": True,
        "rich_tooltip": True,
        "show_empty_columns": True,
        "comparison_type": "values",
        "show_legend": not one_kpi and bool(chart.get("dimensions") or chart["metrics"][1:]),
        "y_axis_format": NUMBER,
        "x_axis_time_format": "%b %Y",
        "tooltipTimeFormat": "%B %Y",
        "legendType": "plain",
        "legendOrientation": "top",
        "row_limit": chart.get("limit", ROW_LIMIT),
        # A point without neighbours has nothing but its mark.
        **({"markerEnabled": True, "markerSize": 4} if POINTS.intersection(chart["metrics"]) else {}),
    }


def _mixed(chart: Declaration) -> dict[str, Any]:
    series = _series(chart)
    *_, line = chart["metrics"]
    return {
        **{name: value for name, value in series.items() if name not in {"show_empty_columns", "comparison_type"}},
        "metrics": chart["metrics"][:1],
        "metrics_b": [line],
        "y_axis_format_secondary": NUMBER,
        "groupby_b": chart.get("dimensions", []),
        "row_limit_b": series["row_limit"],
        # Two KPIs, two units, two axes: the first in bars on the left, the second as a line on the right.
        "seriesType": "bar",
        "yAxisIndex": 0,
        "seriesTypeB": "line",
        "markerEnabledB": True,
        "yAxisIndexB": 1,
        "show_legend": True,
    }


def _heatmap(chart: Declaration) -> dict[str, Any]:
    return {
        "x_axis": chart["x"],
        "time_grain_sqla": None,
        "groupby": chart["dimensions"][0],
        "metric": chart["metrics"][0],
        "sort_x_axis": "alpha_asc",
        "sort_y_axis": "alpha_desc",  # the first of them on top
        "y_axis_format": NUMBER,
        "normalize_across": "heatmap",
        "legend_type": "continuous",
        "show_legend": True,
        "show_percentage": False,
        "linear_color_scheme": "cyberimpact_sequentiel",
        "left_margin": "auto",
        "bottom_margin": "auto",
        "row_limit": chart.get("limit", ROW_LIMIT),
    }


def _sankey(chart: Declaration) -> dict[str, Any]:
    source, target = chart["dimensions"]
    return {
        "source": source,
        "target": target,
        "metric": chart["metrics"][0],
        "row_limit": chart.get("limit", ROW_LIMIT),
    }


def _bubble(chart: Declaration) -> dict[str, Any]:
    x, y, size = chart["metrics"]
    entity, series = chart["dimensions"]
    return {
        "entity": entity,
        "series": series,
        "x": x,
        "y": y,
        "size": size,
        "xAxisFormat": NUMBER,
        "y_axis_format": NUMBER,
        "tooltipSizeFormat": NUMBER,
        "max_bubble_size": "25",
        "opacity": 0.6,
        "show_legend": True,
        "legendOrientation": "top",
        "row_limit": chart.get("limit", ROW_LIMIT),
    }


def _country_map(chart: Declaration) -> dict[str, Any]:
    return {"metric": chart["metrics"][0], "entity": chart["dimensions"][0], "number_format": NUMBER}


def _table(chart: Declaration) -> dict[str, Any]:
    shape = {
        "row_limit": chart.get("limit", ROW_LIMIT),
        "table_timestamp_format": "%d/%m/%Y",
        "show_cell_bars": False,
        "color_pn": False,
    }
    if "columns" in chart:
        return {
            **shape,
            "query_mode": "raw",
            "all_columns": chart["columns"],
            "order_by_cols": [json.dumps([column, ascending]) for column, ascending in order(chart)],
        }
    (by, ascending), *_ = order(chart)
    return {
        **shape,
        "query_mode": "aggregate",
        "groupby": chart["dimensions"],
        "metrics": chart["metrics"],
        "timeseries_limit_metric": by,
        "order_desc": not ascending,
    }


def column_format(sql_type: str, number: str | None) -> dict[str, str]:
    """Return how a table writes a column: the minute of an instant, and a number as its model says or in full.

    Args:
        sql_type: Of the column.
        number: Format of its model; None where it has none.
    """
    kind = sql_type.partition("(")[0]
    if kind.startswith("TIMESTAMP"):
        return {"d3TimeFormat": INSTANT}
    default = {"DECIMAL": DECIMAL, "DOUBLE": DECIMAL, "INTEGER": NUMBER, "BIGINT": NUMBER}.get(kind)
    written = number or default
    return {"d3NumberFormat": written} if written else {}


def class_colours(metric: str, colours: Sequence[str]) -> list[dict[str, Any]]:
    """Return the formatting of a table in which a metric, the class on a map, has the colour of the map."""
    return [
        {"column": metric, "operator": "=", "targetValue": number, "colorScheme": colour}
        for number, colour in enumerate(colours, start=1)
    ]


_Form = Callable[[Declaration], dict[str, Any]]

#: The form of each kind of chart, and the fields that it requires.
VIZ: Mapping[str, tuple[_Form, set[str]]] = {
    "big_number": (_big_number, {"x", "metrics"}),
    "big_number_total": (_big_number_total, {"metrics"}),
    "bubble_v2": (_bubble, {"dimensions", "metrics"}),
    "country_map": (_country_map, {"dimensions", "metrics"}),
    "echarts_timeseries_bar": (_series, {"x", "metrics"}),
    "echarts_timeseries_line": (_series, {"x", "metrics"}),
    "heatmap_v2": (_heatmap, {"x", "dimensions", "metrics"}),
    "mixed_timeseries": (_mixed, {"kpi", "x", "metrics"}),
    "sankey_v2": (_sankey, {"dimensions", "metrics"}),
    "table": (_table, {"order_by"}),
}


def form_data(chart: Declaration, time_column: str | None, colour: str) -> dict[str, Any]:
    """Return what Superset calls `params`: what is drawn, from which columns, under which conditions.

    Args:
        chart: The declaration, as in the bundle.
        time_column: Column that the period filter of a dashboard acts on; None where there is no period.
        colour: `#rrggbb` of a single series.
    """
    form, _ = VIZ[chart["viz"]]
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    shape = form(chart)
    if chart["viz"] == "mixed_timeseries":
        bars, line = chart["kpi"]
        shape["adhoc_filters_b"] = _conditions({**chart, "kpi": line}, time_column)
        chart = {**chart, "kpi": bars}
    return {
        "viz_type": chart["viz"],
        **shape,
        "color_picker": {"r": red, "g": green, "b": blue, "a": 1},
        "adhoc_filters": _conditions(chart, time_column),
        **chart.get("params", {}),
    }


def query(chart: Declaration, time_column: str | None) -> dict[str, Any]:
    """Return the query of a chart in the shape of `POST /api/v1/chart/data`, without its dataset."""
    filters = [{"col": column, "op": "IN", "val": _values(value)} for column, value in where(chart).items()]
    if time_column:
        filters.append({"col": time_column, "op": "TEMPORAL_RANGE", "val": "No filter"})
    axis = [chart["x"]] if "x" in chart else []
    return {
        "columns": chart.get("columns") or [*axis, *chart.get("dimensions", [])],
        "metrics": None if "columns" in chart else chart["metrics"],
        "filters": filters,
        "orderby": [list(pair) for pair in order(chart)],
        "row_limit": chart.get("limit", ROW_LIMIT),
    }


def where(chart: Declaration) -> dict[str, Any]:
    """Return the conditions of a chart by column, the KPIs that it shows included."""
    kpis = {"kpi_code": chart["kpi"]} if "kpi" in chart else {}
    return {**kpis, **chart.get("where", {})}


def order(chart: Declaration) -> list[tuple[str, bool]]:
    """Return the sort columns of a chart, each with True for ascending; a leading minus means descending."""
    return [(name.removeprefix("-"), not name.startswith("-")) for name in chart.get("order_by", [])]


def columns(chart: Declaration) -> set[str]:
    """Return the columns of its dataset that a chart names."""
    sorted_by = {name for name, _ in order(chart) if name not in chart.get("metrics", [])}
    return {*where(chart), *shown(chart), *sorted_by}


def shown(chart: Declaration) -> set[str]:
    """Return the columns of its dataset that a reader sees on a chart."""
    axis = {chart["x"]} if "x" in chart else set()
    return {*axis, *chart.get("dimensions", []), *chart.get("columns", [])}


def _conditions(chart: Declaration, time_column: str | None) -> list[dict[str, Any]]:
    conditions = [_condition(column, value) for column, value in where(chart).items()]
    if time_column:
        # Without a condition to replace, a dashboard's period filter would leave the chart as it is.
        conditions.append(
            {
                "clause": "WHERE",
                "expressionType": "SIMPLE",
                "subject": time_column,
                "operator": "TEMPORAL_RANGE",
                "comparator": "No filter",
            }
        )
    return conditions


def _condition(column: str, value: Any) -> dict[str, Any]:
    return {
        "clause": "WHERE",
        "expressionType": "SIMPLE",
        "subject": column,
        "operator": "IN",
        "operatorId": "IN",
        "comparator": _values(value),
    }


def _values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
