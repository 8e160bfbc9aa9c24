"""A chart that somebody made by hand becomes a file of the bundle that says the same."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from supersync import adopt, charts
from supersync import bundle as bundles
from supersync.apply import apply
from supersync.check import check
from supersync.errors import SupersetFailure

from tests.superset import small_manifest
from tests.superset.conftest import BUNDLE

CHARTS = sorted(path.stem for path in (BUNDLE / "charts").rglob("*.yaml"))
#: What Superset's page saves besides, of any chart.
NOTED = {
    "datasource": "1__table", "slice_id": 7, "dashboards": [], "url_params": {}, "extra_form_data": {}, "groupby_b": [],
    "annotation_layers": [], "matrixify_enable": False, "matrixify_mode_rows": "disabled", "time_grain_sqla": "P1D",
    "color_picker": {"r": 0, "g": 122, "b": 135, "a": 1}, "temporal_columns_lookup": {"period_start": True},
}  # fmt: skip


def condition(column: str, value: Any, operator: str = "IN") -> dict[str, Any]:
    """Return a filter as the page saves it."""
    return {
        "expressionType": "SIMPLE", "clause": "WHERE", "subject": column, "operator": operator, "comparator": value,
        "operatorId": operator, "sqlExpression": None, "isExtra": False, "filterOptionName": "filter_1",
    }  # fmt: skip


PERIOD = condition("period_start", "No filter", "TEMPORAL_RANGE")


def made_by_hand(viz: str, **chosen: Any) -> dict[str, Any]:
    """Return the form of a chart: what somebody chose, and what Superset's page saves with it."""
    return {**adopt.defaults(viz), **NOTED, "viz_type": viz, "adhoc_filters": [PERIOD], "row_limit": 10000, **chosen}


BARS = made_by_hand(
    "echarts_timeseries_bar",
    x_axis="breakdown_label",
    metrics=["derniere"],
    groupby=[],
    orientation="horizontal",
    y_axis_format=",.1f",
    adhoc_filters=[
        condition("kpi_code", "satisfaction_score", "=="),
        condition("period_type", ["month"]),
        condition("breakdown_dimension", "service", "=="),
        condition("is_complete", True, "=="),
        PERIOD,
    ],
)
BARS_TEXT = """\
title: Notes par démarche
description: >-
  Note de chaque démarche (indicateur satisfaction_score).
dataset: rpt_kpi
viz: echarts_timeseries_bar
kpi: satisfaction_score
where:
  period_type: month
  breakdown_dimension: service
  is_complete: true
x: breakdown_label
metrics: [derniere]
params:
  orientation: horizontal
  y_axis_format: ',.1f'
"""
SUM = {"expressionType": "SIMPLE", "column": {"column_name": "value"}, "aggregate": "SUM", "sqlExpression": None}
SQL = {"expressionType": "SQL", "sqlExpression": "max(target)", "column": None, "aggregate": None}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return bundles.load(BUNDLE, small_manifest.write(tmp_path_factory.mktemp("manifest")))


@pytest.fixture(scope="module")
def kpis(whole):
    return found(whole.datasets, "rpt_kpi")


def found(assets, slug):
    return next(asset for asset in assets if asset.slug == slug)


def drawn(viz: str, form: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a form draws: Superset puts in the options that it does not name."""
    kept = {name: value for name, value in form.items() if value not in (None, [])}
    return {**adopt.defaults(viz), **kept}


@pytest.mark.parametrize("slug", CHARTS)
def test_what_a_chart_of_the_bundle_draws_is_drawn_by_its_adoption(whole, slug):
    chart = found(whole.charts, slug)
    dataset = found(whole.datasets, chart.declared["dataset"])
    viz, form = chart.declared["viz"], chart.config["params"]
    adopted = adopt.declaration(chart.title, form, dataset)
    again = bundles.form_data(adopted, dataset, bundles.read_yaml(BUNDLE / "palette.yaml"))
    # An option with the value that Superset gives a new chart was chosen by nobody, as far as one can see.
    chosen = {name for name in form.keys() | again.keys() if form.get(name) != adopt.defaults(viz).get(name)}
    assert {name: drawn(viz, again).get(name) for name in chosen} == {
        name: drawn(viz, form).get(name) for name in chosen
    }
    assert charts.where(adopted) == charts.where(chart.declared) | one_by_one(chart.declared)
    assert adopt.declaration(chart.title, again, dataset) == adopted


def one_by_one(declared):
    """Return the conditions of a list with one value, which is adopted as this value."""
    return {
        column: value[0]
        for column, value in charts.where(declared).items()
        if isinstance(value, list) and value[:2] == value[:1]
    }


def test_a_file_holds_what_somebody_chose_and_nothing_else(kpis):
    declared = adopt.declaration("Notes par démarche", BARS, kpis)
    declared["description"] = "Note de chaque démarche (indicateur satisfaction_score)."
    assert adopt.written(declared) == BARS_TEXT


@pytest.mark.parametrize("viz", sorted(charts.VIZ))
def test_options_that_nobody_touched_are_the_bundles(kpis, viz):
    one, two = [condition("kpi_code", "visits"), PERIOD], [condition("kpi_code", "followers"), PERIOD]
    rows = {"row_limit_b": 10000}
    shapes = {
        "bubble_v2": {"entity": "kpi_label", "series": "unit", "x": "valeur", "y": "total", "size": "derniere"},
        "mixed_timeseries": {"metrics_b": ["valeur"], "adhoc_filters": one, "adhoc_filters_b": two, **rows},
        "sankey_v2": {"source": "kpi_label", "target": "unit"},
        "country_map": {"entity": "map_code"},
        "heatmap_v2": {"groupby": "kpi_label"},
        "table": {"query_mode": "aggregate", "groupby": ["kpi_label"], "all_columns": ["unit"]},
    }  # fmt: skip
    shape = {"x_axis": "period_start", "metric": "valeur", "metrics": ["valeur"], **shapes.get(viz, {})}
    form = made_by_hand(viz, **shape)
    assert "params" not in adopt.declaration("Un graphique", form, kpis)


def test_a_table_keeps_its_mode_and_its_order(kpis):
    grouped = made_by_hand("table", query_mode="aggregate", groupby=["kpi_label"], metrics=["total"], order_desc=False)
    grouped |= {"timeseries_limit_metric": "total", "row_limit": 50, "order_by_cols": ['["unit", true]']}
    assert adopt.declaration("T", grouped, kpis) == {
        "title": "T", "dataset": "rpt_kpi", "viz": "table", "dimensions": ["kpi_label"], "metrics": ["total"],
        "order_by": ["total"], "limit": 50,
    }  # fmt: skip
    raw = made_by_hand(
        "table", query_mode="raw", all_columns=["unit"], order_by_cols=['["unit", false]'], groupby=["target"]
    )
    adopted = adopt.declaration("T", raw, kpis)
    assert (adopted["columns"], adopted["order_by"], "dimensions" in adopted) == (["unit"], ["-unit"], False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"viz_type": "pie"}, "is a pie, which the bundle does not draw"),
        ({"metrics": [SUM]}, "“SUM(value)” is a metric made inside the chart. Use a saved metric of rpt_kpi"),
        ({"metrics": [SQL]}, "“max(target)” is a metric made inside the chart"),
        ({"groupby": [{"sqlExpression": "upper(unit)", "expressionType": "SQL"}]}, "“upper(unit)” is SQL inside"),
        ({"timeseries_limit_metric": SQL}, "“max(target)” is a metric made inside the chart"),
        ({"adhoc_filters": [condition("target", 3, ">")]}, "The filter “target >” cannot be said"),
        ({"adhoc_filters": [{"expressionType": "SQL", "sqlExpression": "1 = 1"}]}, "“1 = 1” is a filter in SQL"),
        ({"adhoc_filters": [condition("nowhere", 3)]}, "The filter names nowhere"),
        ({"adhoc_filters": [condition("period_start", "Last year", "TEMPORAL_RANGE")]}, "The period of period_start"),
    ],
)  # fmt: skip
def test_what_the_bundle_cannot_say_is_refused_with_its_remedy(kpis, change, said):
    with pytest.raises(SupersetFailure) as refused:
        adopt.declaration("Notes", {**BARS, **change}, kpis)
    assert said in refused.value.what
    assert refused.value.remedy


def test_the_saved_metric_that_says_the_same_is_named(whole):
    dataset = found(whole.datasets, "structure_experiences")
    saved = found_metric(dataset, "experiences")
    same = {**SQL, "sqlExpression": saved["expression"].upper()}
    with pytest.raises(SupersetFailure, match=rf"Use the saved metric “{saved['verbose_name']}” \(experiences\)"):
        adopt.declaration("Structures", {**BARS, "adhoc_filters": [], "metrics": [same]}, dataset)


def found_metric(dataset, name):
    return next(metric for metric in dataset.config["metrics"] if metric["metric_name"] == name)


def test_two_series_that_differ_in_more_than_a_kpi_are_refused(kpis):
    filters = [condition("kpi_code", "visits")], [condition("kpi_code", "followers"), condition("unit", "%")]
    form = made_by_hand(
        "mixed_timeseries", x_axis="period_start", metrics=["valeur", "rang"], metrics_b=["total"], row_limit_b=10000,
        adhoc_filters=filters[0], adhoc_filters_b=filters[1],
    )  # fmt: skip
    with pytest.raises(SupersetFailure, match=r"(?s)more than one metric.*more than one KPI each"):
        adopt.declaration("Deux", form, kpis)


@pytest.fixture
def shop(server, client, bundle, workshop):
    """A server that holds the bundle, a copy of the bundle to adopt into, and what makes a chart by hand."""
    apply(client, bundle, server.database_uri)
    made: list[int] = []

    def make(title: str = "Notes par démarche", dataset: str = "rpt_kpi", **fields: Any) -> int:
        number = client.ids("dataset")[found(bundle.datasets, dataset).uuid]
        form = {**BARS, "datasource": f"{number}__table"}
        body = {"slice_name": title, "viz_type": BARS["viz_type"], "datasource_id": number, "datasource_type": "table"}
        made.append(client.post("/api/v1/chart/", json=body | {"params": json.dumps(form)} | fields)["id"])
        return made[-1]

    yield make, bundles.load(workshop, server.manifest)
    for number in made:
        client.delete(f"/api/v1/chart/{number}")


@pytest.mark.parametrize("way", ["{number}", "{url}/explore/?slice_id={number}", "Notes par démarche"])
def test_a_chart_of_a_server_becomes_a_file_that_passes_the_check(server, client, shop, way):
    make, bundle = shop
    number = make()
    given = way.format(number=number, url=server.url)
    adopted = adopt.adopt(client, bundle, given, description="Note de chaque démarche")
    file = bundle.folder / "charts" / "perception" / "notes_par_demarche.yaml"
    assert file.read_text(encoding="utf-8") == adopted.text == BARS_TEXT
    again = bundles.load(bundle.folder, server.manifest)
    assert check(again) == ["charts/perception/notes_par_demarche.yaml: no dashboard shows it."]
    chart = found(again.charts, "notes_par_demarche")
    assert drawn(BARS["viz_type"], chart.config["params"]).items() >= {"orientation": "horizontal"}.items()
    with pytest.raises(SupersetFailure, match="exists already"):
        adopt.adopt(client, again, given, description="Note de chaque démarche")


def test_what_cannot_be_adopted_leaves_the_bundle_as_it_was(client, shop):
    make, bundle = shop
    before = sorted(bundle.folder.rglob("*"))
    first, second = str(make("Deux fois")), str(make("Deux fois"))
    physical = client.get(f"/api/v1/dataset/{client.ids('dataset')[found(bundle.datasets, 'rpt_kpi').uuid]}")["result"]
    stray = client.post(
        "/api/v1/dataset/",
        json={"database": physical["database"]["id"], "table_name": "stray", "sql": "select 1 as one"},
    )["id"]
    elsewhere = make("Ailleurs", params=json.dumps({**BARS, "datasource": f"{stray}__table"}))
    refusals = {
        "987654": "has no chart 987654",
        "Deux fois": f"Give the number of one: {first}, {second}.",
        first: "has no description",
        "Satisfaction par démarche, à un an d'écart": "is charts/perception/satisfaction_by_service.yaml of the bundle",
        str(elsewhere): "reads a dataset that the bundle does not have",
    }
    for chart, said in refusals.items():
        with pytest.raises(SupersetFailure) as refused:
            adopt.adopt(client, bundle, chart)
        assert said in str(refused.value)
    with pytest.raises(SupersetFailure, match="readers are French; “The” is not"):
        adopt.adopt(client, bundle, first, description="The chart of notes")
    assert sorted(bundle.folder.rglob("*")) == before
    client.delete(f"/api/v1/dataset/{stray}")
