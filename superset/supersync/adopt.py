"""Writes a chart that somebody made by hand in Superset as a declaration of the bundle."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import sqlglot
import yaml
from sqlglot.errors import SqlglotError

from supersync import bundle as bundles
from supersync import charts
from supersync.bundle import Asset, Bundle
from supersync.check import DIALECT, check, columns_of
from supersync.client import Client
from supersync.errors import SupersetFailure

Form = Mapping[str, Any]

#: Where each kind of chart keeps the fields of the bundle's language; a table, whose shape varies, is read apart.
_PLACES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "big_number": {"x": ("x_axis",), "metrics": ("metric",)},
    "big_number_total": {"metrics": ("metric",)},
    "bubble_v2": {"dimensions": ("entity", "series"), "metrics": ("x", "y", "size"), "limit": ("row_limit",)},
    "country_map": {"dimensions": ("entity",), "metrics": ("metric",)},
    "echarts_timeseries_bar": {
        "x": ("x_axis",), "dimensions": ("groupby",), "metrics": ("metrics",), "limit": ("row_limit",),
    },
    "echarts_timeseries_line": {
        "x": ("x_axis",), "dimensions": ("groupby",), "metrics": ("metrics",), "limit": ("row_limit",),
    },
    "heatmap_v2": {
        "x": ("x_axis",), "dimensions": ("groupby",), "metrics": ("metric",), "limit": ("row_limit",),
    },
    "mixed_timeseries": {
        "x": ("x_axis",), "dimensions": ("groupby",), "metrics": ("metrics", "metrics_b"), "limit": ("row_limit",),
    },
    "sankey_v2": {"dimensions": ("source", "target"), "metrics": ("metric",), "limit": ("row_limit",)},
    "table": {"limit": ("row_limit",)},
}  # fmt: skip
_STRUCTURE = {name for fields in _PLACES.values() for places in fields.values() for name in places}
#: The order in which a file of the bundle has its fields.
_FIELDS = (
    "title", "description", "dataset", "viz", "kpi", "where", "x", "dimensions", "metrics", "columns", "order_by",
    "limit", "params",
)  # fmt: skip
#: What a table keeps its shape in, of both of its modes: what the other mode left behind says nothing.
_TABLE = {
    "query_mode", "all_columns", "order_by_cols", "groupby", "metrics", "timeseries_limit_metric", "order_desc",
}  # fmt: skip
#: What a mixed chart repeats of its first series for its second.
_SECOND = {"groupby_b": "groupby", "row_limit_b": "row_limit"}
#: What the declaration says elsewhere, or Superset notes for itself.
_NOT_OPTIONS = {
    "viz_type", "datasource", "slice_id", "dashboards", "url_params", "extra_form_data", "temporal_columns_lookup",
    "adhoc_filters", "adhoc_filters_b", "color_picker",
}  # fmt: skip
_EQUALITIES = {"IN", "=="}
_PERIOD, _ANY_PERIOD = "TEMPORAL_RANGE", "No filter"
_DAILY = "P1D"
#: Options of a grid of charts, all of which Superset saves with every chart.
_MATRIX = "matrixify_"


@dataclass(frozen=True)
class Adopted:
    """A chart as the bundle would hold it.

    Attributes:
        asset: The chart, declared and expanded.
        text: Its file.
    """

    asset: Asset
    text: str


def adopt(
    client: Client, bundle: Bundle, chart: str, *, name: str = "", folder: str = "", description: str = ""
) -> Adopted:
    """Write a chart of a server into the bundle.

    Args:
        client: The server.
        bundle: The bundle that takes it.
        chart: Its number, its address or its title.
        name: Name of its file without ending; made from the title by default.
        folder: Folder of `charts/`; by default the pillar of its KPIs, or where its dataset is shown already.
        description: French sentence that says what it shows; by default that of the chart.

    Returns:
        The chart, whose file is written.

    Raises:
        SupersetFailure: there is no such chart, or several, or the bundle cannot say it. Nothing is written then.
    """
    found = _found(client, bundle, chart)
    title = found["slice_name"]
    declared = declaration(title, json.loads(found["params"] or "{}"), _dataset(client, bundle, found))
    declared["description"] = _described(title, description or found["description"] or "", declared)
    slug = name or _slug(title)
    path = Path("charts", folder or _folder(bundle, declared), f"{slug}.yaml")
    for other in bundle.charts:
        if other.slug == slug:
            raise SupersetFailure(f"{other.path} exists already.", "Give the chart another name with --name.")
    palette = bundles.read_yaml(bundle.folder / "palette.yaml")
    made = bundles.chart_asset(slug, path, declared, {dataset.slug: dataset for dataset in bundle.datasets}, palette)
    problems = [
        problem
        for problem in check(replace(bundle, charts=(*bundle.charts, made)))
        if problem.startswith(f"{path}:") and not problem.endswith("no dashboard shows it.")
    ]
    _refuse(title, problems)
    text = written(declared)
    file = bundle.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return Adopted(made, text)


def _found(client: Client, bundle: Bundle, chart: str) -> dict[str, Any]:
    rows = list(client.list("chart", ["id", "uuid", "slice_name"]))
    number = _number(chart)
    named = [row for row in rows if number == row["id"] or (number is None and chart == row["slice_name"])]
    if not named:
        raise SupersetFailure(f"Superset has no chart {chart}.", "Give its number, its address or its exact title.")
    if named[1:]:
        numbers = ", ".join(str(row["id"]) for row in named)
        raise SupersetFailure(f"Superset has {len(named)} charts “{chart}”.", f"Give the number of one: {numbers}.")
    for asset in bundle.charts:
        if asset.uuid == UUID(named[0]["uuid"]):
            raise SupersetFailure(f"“{asset.title}” is {asset.path} of the bundle already.", "Edit that file.")
    return client.get(f"/api/v1/chart/{named[0]['id']}")["result"]


def _number(chart: str) -> int | None:
    """Return the number in `12` or in an address of the chart, `…/explore/?slice_id=12`."""
    given = parse_qs(urlsplit(chart).query).get("slice_id", [chart])[0]
    return int(given) if given.isdecimal() else None


def _dataset(client: Client, bundle: Bundle, found: Mapping[str, Any]) -> Asset:
    number = int(json.loads(found["params"] or "{}").get("datasource", "0__table").split("__")[0])
    uuids = {known: uuid for uuid, known in client.ids("dataset").items()}
    for dataset in bundle.datasets:
        if dataset.uuid == uuids.get(number):
            return dataset
    raise SupersetFailure(
        f"The chart “{found['slice_name']}” reads a dataset that the bundle does not have.",
        "Make it on a certified dataset, or declare the dataset in superset/bundle/datasets/ first.",
    )


def declaration(title: str, form: Form, dataset: Asset) -> dict[str, Any]:
    """Return what the bundle says of a chart, without a description.

    Args:
        title: Its name.
        form: What Superset calls `params`.
        dataset: The dataset that it reads.

    Raises:
        SupersetFailure: the language of the bundle cannot say it.
    """
    viz = form.get("viz_type")
    if viz not in charts.VIZ:
        raise SupersetFailure(
            f"The chart “{title}” is a {viz}, which the bundle does not draw.",
            f"Make it as one of {', '.join(sorted(charts.VIZ))}.",
        )
    _refuse(title, list(dict.fromkeys(_problems(form, dataset))))
    declared: dict[str, Any] = {"title": title, "dataset": dataset.slug, "viz": viz}
    declared |= _conditions(form) | _shape(form)
    options = _options(form, dataset, declared)
    declared |= {"params": options} if options else {}
    return {name: declared[name] for name in _FIELDS if name in declared}


def _refuse(title: str, problems: list[str]) -> None:
    if problems:
        raise SupersetFailure(
            f"The chart “{title}” cannot be adopted:\n" + "\n".join(f"  {problem}" for problem in problems) + "\n",
            "Correct it in Superset and save it, then repeat the command.",
        )


def _problems(form: Form, dataset: Asset) -> Iterator[str]:
    """Find what the language of the bundle cannot say."""
    for name, value in form.items():
        if name not in {"adhoc_filters", "adhoc_filters_b"}:
            yield from _ad_hoc(value, dataset)
    for condition in (*form.get("adhoc_filters", []), *form.get("adhoc_filters_b", [])):
        yield from _condition_problems(condition, dataset)
    if form["viz_type"] == "mixed_timeseries":
        yield from _mixed_problems(form)


def _ad_hoc(value: Any, dataset: Asset) -> Iterator[str]:
    match value:
        case {"expressionType": "SIMPLE", "aggregate": str(aggregate), "column": {"column_name": str(column)}}:
            template = "COUNT(DISTINCT {})" if aggregate == "COUNT_DISTINCT" else f"{aggregate}({{}})"
            yield _ad_hoc_metric(template.format(column), dataset)
        case {"sqlExpression": str(sql), "aggregate": _}:
            yield _ad_hoc_metric(sql, dataset)
        case {"sqlExpression": str(sql)}:
            yield f"“{sql}” is SQL inside the chart. Use a column of the dataset."
        case dict():
            for inner in value.values():
                yield from _ad_hoc(inner, dataset)
        case list():
            for inner in value:
                yield from _ad_hoc(inner, dataset)


def _ad_hoc_metric(sql: str, dataset: Asset) -> str:
    refused = f"“{sql}” is a metric made inside the chart."
    for metric in dataset.config["metrics"]:
        if _canonical(metric["expression"]) == _canonical(sql):
            return (
                f"{refused} Use the saved metric “{metric['verbose_name']}” ({metric['metric_name']}): it is the same."
            )
    return f"{refused} Use a saved metric of {dataset.slug}, or declare one in its file or its model."


def _canonical(sql: str) -> str:
    try:
        return sqlglot.parse_one(sql, dialect=DIALECT).sql(dialect=DIALECT, normalize=True, comments=False).lower()
    except SqlglotError:
        return sql


def _condition_problems(condition: Form, dataset: Asset) -> Iterator[str]:
    if condition.get("expressionType") == "SQL":
        yield f"“{condition.get('sqlExpression')}” is a filter in SQL. Filter a column by its values."
        return
    column, operator = condition["subject"], condition["operator"]
    if operator == _PERIOD:
        if condition["comparator"] != _ANY_PERIOD:
            yield f"The period of {column} is fixed. Choose “no filter”: the dashboard's filter gives the period."
    elif condition.get("clause") == "HAVING" or operator not in _EQUALITIES:
        yield f"The filter “{column} {operator}” cannot be said. Choose values of the column: “equal to” or “in”."
    elif column not in columns_of(dataset):
        yield f"The filter names {column}, which the dataset {dataset.slug} does not have."


def _mixed_problems(form: Form) -> Iterator[str]:
    for second, first in _SECOND.items():
        if (form.get(second) or []) != (form.get(first) or []):
            yield f"The two series differ in {first}. Both have the same dimensions and limit."
    if any(len(_listed(form.get(name))) != 1 for name in ("metrics", "metrics_b")):
        yield "A series has more than one metric. Give each one."
    one, other = (_where(form, name) for name in ("adhoc_filters", "adhoc_filters_b"))
    kpis = one.pop("kpi_code", []), other.pop("kpi_code", [])
    if one != other or any(len(codes) != 1 for codes in kpis):
        yield "The two series differ in more than one KPI each. Give both the same filters, and each one KPI."


def _where(form: Form, name: str = "adhoc_filters") -> dict[str, list[Any]]:
    """Return the values that each column is restricted to."""
    found: dict[str, list[Any]] = {}
    for condition in form.get(name) or []:
        if condition["operator"] in _EQUALITIES:
            values = _listed(condition["comparator"])
            column = condition["subject"]
            found[column] = [value for value in found.get(column, values) if value in values]
    return found


def _conditions(form: Form) -> dict[str, Any]:
    where = {column: values if values[1:] else values[0] for column, values in _where(form).items() if values}
    if form["viz_type"] == "mixed_timeseries":
        where["kpi_code"] = [where["kpi_code"], *_where(form, "adhoc_filters_b")["kpi_code"]]
    # A table of values lists its KPIs, whose names it shows; any other chart has them in its description.
    lists = form["viz_type"] == "table" and "value_label" in _columns(form)
    kpi = {} if lists or "kpi_code" not in where else {"kpi": where.pop("kpi_code")}
    return kpi | ({"where": where} if where else {})


def _columns(form: Form) -> list[Any]:
    return _listed(form.get("all_columns" if form.get("query_mode") == "raw" else "groupby"))


def _shape(form: Form) -> dict[str, Any]:
    """Return axis, dimensions, metrics, columns, order and limit."""
    found = _table(form) if form["viz_type"] == "table" else {}
    for name, places in _PLACES[form["viz_type"]].items():
        values = [value for place in places for value in _listed(form.get(place))]
        if not values:
            continue
        if name == "x":
            found[name] = values[0]
        elif name == "limit":
            found |= {name: int(values[0])} if int(values[0]) != charts.ROW_LIMIT else {}
        else:
            found[name] = list(dict.fromkeys(values)) if form["viz_type"] == "mixed_timeseries" else values
    return found


def _table(form: Form) -> dict[str, Any]:
    if form.get("query_mode") == "raw":
        pairs = [json.loads(pair) for pair in form.get("order_by_cols") or []]
        return {"columns": _listed(form.get("all_columns")), "order_by": [_ordered(*pair) for pair in pairs]}
    metrics = _listed(form.get("metrics"))
    # Superset sorts by the first metric, the greatest first, where nothing is chosen.
    chosen = _listed(form.get("timeseries_limit_metric"))
    by = _ordered(chosen[0], not form.get("order_desc", True)) if chosen else _ordered(metrics[0], False)
    return {"dimensions": _listed(form.get("groupby")), "metrics": metrics, "order_by": [by]}


def _ordered(name: str, ascending: bool) -> str:
    return name if ascending else f"-{name}"


def _options(form: Form, dataset: Asset, declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return Superset's own options that somebody chose: the bundle has its own where nobody did."""
    viz = form["viz_type"]
    expanded = bundles.form_data(declared, dataset, {"brand": "#000000"})
    untouched = dict(defaults(viz))
    types = {column["column_name"]: column["type"] for column in dataset.config["columns"]}
    if not bundles.is_instant(types.get(declared.get("x"), "")):
        untouched["time_grain_sqla"] = _DAILY  # which leaves a day, or what is no time, as it is
    return {
        name: value
        for name, value in form.items()
        if not is_said(viz, name)
        and not (name.startswith(_MATRIX) and not form.get(f"{_MATRIX}enable"))
        and not _is_empty(value)
        and value not in (expanded.get(name), untouched.get(name))
    }


def is_said(viz: str, name: str) -> bool:
    """Return whether a field of a kind of chart is no option: the declaration says it, or Superset alone needs it."""
    shape = _TABLE if viz == "table" else _SECOND if viz == "mixed_timeseries" else ()
    return name in _NOT_OPTIONS or name in _STRUCTURE or name in shape


@cache
def defaults(viz: str) -> Mapping[str, Any]:
    """Return the options of a new chart, as Superset's own page saves them."""
    content = bundles.read_yaml(Path(__file__).with_name("defaults.yaml"))
    return {**content["all"], **content.get(viz, {})}


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _listed(value: Any) -> list[Any]:
    if _is_empty(value):
        return []
    return list(value) if isinstance(value, list) else [value]


def _described(title: str, description: str, declared: Mapping[str, Any]) -> str:
    """Return a description that names the KPIs, whose definition a reader looks up."""
    if not description.strip():
        raise SupersetFailure(
            f"The chart “{title}” has no description.",
            "Say in a French sentence what it shows: in its properties, or with --description.",
        )
    missing = [code for code in _listed(declared.get("kpi")) if code not in description]
    if not missing:
        return description.strip()
    word = "indicateurs" if missing[1:] else "indicateur"
    return f"{description.strip().rstrip('.')} ({word} {', '.join(missing)})."


def _slug(title: str) -> str:
    letters = (
        unicodedata.normalize("NFKD", title.replace("'", " ").replace("’", " ")).encode("ascii", "ignore").decode()
    )
    return re.sub(r"[^a-z0-9]+", "_", letters.lower()).strip("_")


def _folder(bundle: Bundle, declared: Mapping[str, Any]) -> str:
    codes = set(_listed(declared.get("kpi")))
    pillars = {model.kpi["pillar"] for model in bundle.models.values() if model.kpi and model.kpi["code"] in codes}
    if len(pillars) == 1:
        return pillars.pop()
    beside = [asset.path.parent.name for asset in bundle.charts if asset.declared["dataset"] == declared["dataset"]]
    if codes or not beside:
        raise SupersetFailure("No one folder of charts suggests itself.", "Choose one with --folder.")
    return max(sorted(set(beside)), key=beside.count)


class _Folded(str):
    """A text over several lines, written with `>-`."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes as the files of the bundle are written: lists on a line, a description folded."""


_Dumper.add_representer(_Folded, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style=">"))
_Dumper.add_representer(
    list, lambda dumper, values: dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=True)
)


def written(declared: Mapping[str, Any]) -> str:
    """Return the file of a declaration."""
    fields = {**declared, "description": _Folded(declared["description"])}
    return yaml.dump(
        {name: fields[name] for name in _FIELDS if name in fields},
        Dumper=_Dumper,
        allow_unicode=True,
        sort_keys=False,
        width=116,
    )
