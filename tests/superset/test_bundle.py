"""The expansion of the bundle, and the comparison of what was sent with what a server gives back. No server."""

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
from supersync import bundle as bundles
from supersync import charts, layout
from supersync.bundle import Bundle
from supersync.normal import normalise
from supersync.plan import differences, is_ours

from ingestion.platforms import PLATFORMS
from tests.superset import small_manifest
from tests.superset.conftest import BUNDLE
from tests.superset.edits import edit


@pytest.fixture(scope="module")
def expanded(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundles.load(BUNDLE, small_manifest.write(tmp_path_factory.mktemp("manifest")))


def by_slug(bundle: Bundle, slug: str) -> bundles.Asset:
    return next(asset for asset in bundle if asset.slug == slug)


def test_an_identity_never_changes():
    # What is on a server is found again by this number: changing it would orphan every dashboard in use.
    assert bundles.identifier("dashboard", "perception") == UUID("9a966764-2f95-57c7-a753-aacf794c73fc")


def test_a_renamed_dataset_is_the_same_on_every_server(expanded):
    """What a reader has made on it goes on: on a server, charts and filters name the dataset by this number."""
    renamed = by_slug(expanded, "rpt_kpi")
    assert renamed.config["table_name"] == "rpt_kpi"
    assert is_ours("dataset", renamed.uuid, renamed.config), "it goes where it is no longer declared"
    assert renamed.uuid == UUID("5d260a1c-b8a8-5f32-9bfe-908ac1b33f93")  # of `dataset/kpi_reading`
    assert by_slug(expanded, "answer_rate").config["dataset_uuid"] == str(renamed.uuid)
    filters = by_slug(expanded, "perception").config["metadata"]["native_filter_configuration"]
    assert str(renamed.uuid) in {target.get("datasetUuid") for native in filters for target in native["targets"]}


def test_a_table_has_the_same_former_name_in_its_model_and_in_its_dataset(expanded):
    declared = {
        dataset.config["table_name"]: dataset.declared.get("formerly")
        for dataset in expanded.datasets
        if "model" in dataset.declared
    }
    models = {name: small_manifest.meta_of(entry).get("formerly") for name, entry in small_manifest.entries().items()}
    assert {name: models[name] for name in declared} == declared
    assert declared["rpt_kpi"] == "kpi_reading"


def test_what_each_object_is_made_from(expanded):
    assert by_slug(expanded, "rpt_kpi").reads == ("model.cyberimpact.rpt_kpi",)
    assert by_slug(expanded, "chat_rhythm").reads == (
        "model.cyberimpact.rpt_kpi",
        "model.cyberimpact.dim_calendar",
    )
    assert by_slug(expanded, "answer_rate").reads == ("rpt_kpi",)
    assert {slug for dashboard in expanded.dashboards for slug in dashboard.reads} == {
        chart.slug for chart in expanded.charts
    }


def test_nothing_of_one_environment_is_in_the_expansion(expanded):
    text = json.dumps([asset.config for asset in expanded], ensure_ascii=False)
    assert "duckdb:" not in text
    assert str(BUNDLE) not in text


def test_a_column_carries_what_dbt_knows_of_it(expanded):
    columns = {column["column_name"]: column for column in by_slug(expanded, "rpt_kpi").config["columns"]}
    assert columns["period_start"] | {} == {
        "column_name": "period_start",
        "verbose_name": "Début de la période",
        "description": "Colonne period_start.",
        "type": "DATE",
        "is_dttm": True,
        "is_active": True,
        "groupby": True,
        "filterable": True,
    }
    assert not columns["value"]["is_dttm"]


def test_labels_and_metrics_may_stand_in_dbt(workshop, tmp_path):
    content = small_manifest.manifest()
    model = content["nodes"]["model.cyberimpact.freshness"]
    model["columns"]["rows"]["config"]["meta"]["label"] = "Lignes"
    metric = {"label": "En retard", "expression": "count(distinct case when is_late then platform end)", "format": ",d"}
    model["config"]["meta"] |= {"label": "Fraîcheur", "superset": {"time": "data_as_of", "metrics": {"late": metric}}}
    more = {"label": "Plateformes", "expression": "count(distinct platform)"}
    edit(workshop / "datasets" / "freshness.yaml", lambda declared: declared.update(metrics={"platforms": more}))
    asset = by_slug(bundles.load(workshop, small_manifest.write(tmp_path, content)), "freshness")
    assert asset.title == "Fraîcheur"
    assert asset.config["main_dttm_col"] == "data_as_of"
    assert {column["column_name"]: column["verbose_name"] for column in asset.config["columns"]}["rows"] == "Lignes"
    assert [(metric["metric_name"], metric["d3format"]) for metric in asset.config["metrics"]] == [
        ("late", ",d"),
        ("platforms", None),
    ]


def test_a_table_writes_numbers_as_dbt_says(expanded):
    (chart,) = (chart for chart in expanded.charts if chart.slug == "territory_profile")
    assert chart.config["params"]["column_config"] == {
        "population": {"d3NumberFormat": ",d"},
        "area_km2": {"d3NumberFormat": ",d"},
        "density": {"d3NumberFormat": ",.1f"},
    }


@pytest.mark.parametrize(
    ("sql_type", "number", "written"),
    [
        ("BIGINT", None, {"d3NumberFormat": ",.0f"}),
        ("DECIMAL(18, 6)", None, {"d3NumberFormat": ",.2~f"}),
        ("DECIMAL(18, 6)", ".1%", {"d3NumberFormat": ".1%"}),
        ("TIMESTAMP", None, {"d3TimeFormat": "%d/%m/%Y %H:%M"}),
        ("DATE", None, {}),  # as the table writes days
        ("VARCHAR", None, {}),
    ],
)
def test_a_table_writes_a_column_as_its_type_asks(sql_type, number, written):
    assert charts.column_format(sql_type, number) == written


def test_a_chart_of_two_kpis_draws_the_first_metric_in_bars_and_the_last_as_a_line(expanded):
    params = by_slug(expanded, "perceval_by_month").config["params"]
    assert (params["metrics"], params["metrics_b"]) == (["valeur"], ["millions"])
    params = by_slug(expanded, "victims_and_prevention").config["params"]
    assert (params["metrics"], params["metrics_b"]) == (["valeur"], ["valeur"])


def test_the_cells_of_a_class_have_the_colours_of_the_map(expanded):
    (first, *_, last) = by_slug(expanded, "victims_map_classes").config["params"]["conditional_formatting"]
    assert first == {"column": "classe", "operator": "=", "targetValue": 1, "colorScheme": "#e3e3fd"}
    assert last == {"column": "classe", "operator": "=", "targetValue": 5, "colorScheme": "#000091"}


def test_a_query_has_columns_of_its_own_beside_those_of_its_models(expanded):
    config = by_slug(expanded, "chat_rhythm").config
    labels = {column["column_name"]: (column["verbose_name"], column["type"]) for column in config["columns"]}
    # Its own label, the manifest's, and a column that only the query has.
    assert labels["period_start"] == ("Mois", "DATE")
    assert labels["territory_name"] == ("Territoire", "STRING")
    assert labels["hour"] == ("Heure", "VARCHAR")
    # The measures of a model count its rows, not those of a query.
    assert [metric["metric_name"] for metric in config["metrics"]] == ["contacts"]


def test_every_dashboard_is_headed_by_its_publication(expanded):
    for dashboard in expanded.dashboards:
        assert dashboard.reads[0] == bundles.HEADER
        tree = dashboard.config["position"]
        (head,) = tree[tree["GRID_ID"]["children"][0]]["children"]
        number = tree[head]["meta"]["chartId"]
        filters = dashboard.config["metadata"]["native_filter_configuration"]
        assert all(number in native_filter["scope"]["excluded"] for native_filter in filters), dashboard.slug


def caption(chart: Mapping[str, Any]) -> str:
    """Return what stands below a chart, as it is set."""
    cells = {"a": layout.Cell(1, UUID(int=1), "A", bundles.KPIS_NAMED.sub("", chart["description"].strip()))}
    return layout.position("Titre", [{"charts": {"a": 12}}], cells)["MARKDOWN-a"]["meta"]["code"]


def test_a_caption_names_no_code_of_a_kpi(expanded):
    assert "(indicateur victims_per_10k)" in by_slug(expanded, "victims_map").description
    captions = [
        node["meta"]["code"]
        for dashboard in expanded.dashboards
        for node in dashboard.config["position"].values()
        if isinstance(node, dict) and node["type"] == "MARKDOWN"
    ]
    assert [text for text in captions if re.search(r"\(indicateurs? [a-z]", text)] == []


@pytest.mark.parametrize("slug", ["vue-densemble", "veille", "territoire"])
def test_a_phone_has_the_same_charts_in_one_column(expanded, slug):
    wide, narrow = by_slug(expanded, slug), by_slug(expanded, f"{slug}-telephone")
    phone = wide.declared["phone"] or {}
    instead = phone.get("instead", {})
    kept = [chart for chart in wide.reads if chart not in phone.get("except", [])]
    assert list(narrow.reads) == [instead.get(chart, chart) for chart in kept]
    charts_of = {chart.slug: chart.declared for chart in expanded.charts}
    # Read without a swipe.
    for chart in map(charts_of.get, instead.values()):
        assert len([name for part in ("dimensions", "metrics", "columns") for name in chart.get(part, [])]) <= 4
    assert narrow.title == f"{wide.title} (téléphone)"
    assert narrow.uuid != wide.uuid
    tree = narrow.config["position"]
    for row in tree["GRID_ID"]["children"]:
        (child,) = tree[row]["children"]
        assert tree[child]["meta"]["width"] == layout.COLUMNS
    captions = [caption(charts_of[chart]) for chart in narrow.reads if chart in narrow.declared["captioned"]]
    texts = [node["meta"]["code"] for node in tree.values() if isinstance(node, dict) and node["type"] == "MARKDOWN"]
    assert [text for text in captions if text not in texts] == []


@pytest.mark.parametrize("slug", ["veille", "veille-telephone", "vue-densemble", "vue-densemble-telephone"])
def test_a_list_of_signals_says_whether_the_live_feed_is_late(expanded, slug):
    """Calm is a row of the same table as the state of the feed, first on the page, and no filter reaches it."""
    dashboard = by_slug(expanded, slug)
    charts_of = {chart.slug: chart for chart in expanded.charts}
    first = charts_of[dashboard.reads[1]]
    assert first.declared["dataset"] == "live_now"
    assert {0, 3, 4} <= set(first.declared["where"]["rank"])
    for declared_filter in dashboard.declared["filters"].values():
        assert bundles.is_excluded(declared_filter, first.slug, charts_of)


@pytest.mark.parametrize("slug", ["vue-densemble", "vue-densemble-telephone", "territoire", "audit"])
def test_a_page_of_many_sources_says_whether_they_are_late(expanded, slug):
    charts_of = {chart.slug: chart.declared for chart in expanded.charts}
    shown = [charts_of[name] for name in by_slug(expanded, slug).reads]
    assert any(query["dataset"] == "freshness" and "etat" in query["metrics"] for query in shown)


@pytest.mark.parametrize(
    ("loaded", "late_at", "was_late", "said"),
    [
        ("now() - interval 1 hour", "now() + interval 1 day", "false", "à jour"),
        ("now() - interval 3 day", "now() - interval 1 minute", "false", "en retard"),
        # It may have been loaded since: the copy is a day's.
        ("now() - interval 9 hour", "now() - interval 8 hour", "false", "à jour"),
        ("now() - interval 37 hour", "now() - interval 36 hour", "false", "en retard"),
        ("now() - interval 3 day", "now() + interval 1 day", "true", "en retard"),
        ("null", "null", "true", "jamais chargée"),
    ],
)
def test_a_source_becomes_late_without_a_build(expanded, loaded, late_at, was_late, said):
    dataset = by_slug(expanded, "freshness")
    (state,) = (metric["expression"] for metric in dataset.config["metrics"] if metric["metric_name"] == "etat")
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'Asia/Tokyo'")  # the moments are UTC, wherever the reader's server stands
        moments = (
            f"timezone('UTC', ({expression})::timestamptz) as {name}"
            for expression, name in ((loaded, "last_loaded_at"), (late_at, "late_at"))
        )
        row = f"select {', '.join(moments)}, {was_late} as is_late"
        assert connection.execute(f"select {state} from (select 'jdma' as platform, * from ({row}))").fetchone() == (
            said,
        )
    assert dataset.config["cache_timeout"] <= 600  # a kept answer is no older either


@pytest.mark.parametrize(
    ("sql_type", "stored", "shown"),
    [
        ("TIMESTAMP", "2026-07-01 22:30:00", "2026-07-02 00:30:00"),
        ("TIMESTAMP", "2026-01-01 22:30:00", "2026-01-01 23:30:00"),
        ("TIMESTAMP", "2026-10-25 00:59:00", "2026-10-25 02:59:00"),  # a minute before the clocks go back
        ("TIMESTAMP", "2026-10-25 01:00:00", "2026-10-25 02:00:00"),
        ("TIMESTAMPTZ", "2026-07-01 22:30:00+00", "2026-07-02 00:30:00"),
    ],
)
def test_an_instant_is_shown_as_a_clock_in_paris_shows_it(sql_type, stored, shown):
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'Asia/Tokyo'")  # wherever the reader's server stands
        expression = bundles.paris_time("opened_at", sql_type)
        rows = f"(select '{stored}'::{sql_type} as opened_at)"
        [(found, found_type)] = connection.execute(
            f"select cast({expression} as varchar), typeof({expression}) from {rows}"
        ).fetchall()
    assert (found, found_type) == (shown, "TIMESTAMP")


def test_each_instant_of_a_dataset_has_its_paris_time_beside_it(expanded):
    columns = {
        column["column_name"]: (column["verbose_name"], column.get("expression"))
        for column in by_slug(expanded, "live_signals").config["columns"]
    }
    assert columns["opened_at"] == ("Ouvert le (UTC)", None)
    assert columns["opened_at_paris"] == ("Ouvert le", "timezone('Europe/Paris', timezone('UTC', opened_at))")
    assert "topic_label_paris" not in columns


def test_the_state_of_what_is_followed_live_is_said_by_the_live_copy_alone(expanded):
    dataset = by_slug(expanded, "freshness")
    (state,) = (metric["expression"] for metric in dataset.config["metrics"] if metric["metric_name"] == "etat")
    with duckdb.connect() as connection:
        for platform in PLATFORMS:
            row = f"select '{platform.name}' as platform, now() as last_loaded_at, now() as late_at, false as is_late"
            is_live = connection.execute(f"select {state} from ({row})").fetchone() == ("suivie en direct",)
            assert is_live == (platform.database == "live"), platform.name


def test_double_punctuation_never_begins_a_line():
    cells = {"a": layout.Cell(1, UUID(int=1), "A", "Ce que montre A ; rien : « rien ».")}
    tree = layout.position("Titre", [{"charts": {"a": 12}}], cells)
    assert tree["MARKDOWN-a"]["meta"]["code"] == "Ce que montre A\u00a0; rien\u00a0: «\u00a0rien\u00a0»."


TABBED = [
    {"text": "### Tête", "height": 8},
    {
        "tabs": {
            "Chiffres": [{"charts": {"a": 6, "b": 6}, "height": 40}],
            "Détail": [{"charts": {"c": 12}, "height": 30}],
        }
    },
]


def test_tabs_hold_rows_of_their_own_and_charts_below_them():
    cells = {slug: layout.Cell(number, UUID(int=number), slug.upper()) for number, slug in enumerate("abc", 1)}
    tree = layout.position("Titre", TABBED, cells)
    assert tree["GRID_ID"]["children"] == ["ROW-1", "TABS-2"]
    figures, detail = (tree[tab] for tab in tree["TABS-2"]["children"])
    assert [tab["meta"]["text"] for tab in (figures, detail)] == ["Chiffres", "Détail"]
    assert [tree[row]["children"] for tab in (figures, detail) for row in tab["children"]] == [
        ["CHART-a", "CHART-b"],
        ["CHART-c"],
    ]
    assert tree["CHART-c"]["parents"] == ["ROOT_ID", "GRID_ID", "TABS-2", detail["id"], *detail["children"]]


def test_on_a_phone_a_tab_is_a_section():
    page = layout.single_column({"title": "Titre", "rows": TABBED, "phone": {"except": ["b"]}})
    shown = [row.get("text") or list(row["charts"]) for row in page["rows"]]
    assert shown == ["### Tête", "### Chiffres", ["a"], "### Détail", ["c"]]
    page = layout.single_column({"title": "Titre", "rows": TABBED, "phone": {"except": ["c"]}})
    assert "### Détail" not in [row.get("text") for row in page["rows"]]


def test_a_filter_may_choose_the_first_that_its_reader_may_see(expanded):
    filters = by_slug(expanded, "territoire").config["metadata"]["native_filter_configuration"]
    chosen = {
        native_filter["name"]: (
            native_filter["requiredFirst"],
            native_filter["controlValues"].get("defaultToFirstItem"),
        )
        for native_filter in filters
    }
    assert chosen == {"Période": (False, None), "Territoire": (True, True)}


def test_words_are_searched_among_all_and_a_click_reaches_the_other_charts(expanded):
    dashboards = {dashboard.slug: dashboard for dashboard in expanded.dashboards}
    metadata = dashboards["verbatims"].config["metadata"]
    words = metadata["native_filter_configuration"][0]
    assert words["targets"][0]["column"] == {"name": "words"}
    assert (words["controlValues"]["multiSelect"], words["controlValues"]["searchAllOptions"]) == (True, True)
    # The empty word, under which every text stands, is none to choose.
    (condition,) = words["adhoc_filters"]
    assert (condition["subject"], condition["comparator"]) == ("is_word", True)
    assert metadata["cross_filters_enabled"] is True
    assert dashboards["perception"].config["metadata"]["cross_filters_enabled"] is False


def test_a_text_of_a_citizen_is_never_drawn_as_html(expanded):
    texts = [chart for chart in expanded.charts if "text" in charts.columns(chart.declared)]
    assert {chart.slug for chart in texts} >= {
        "verbatim_search",
        "verbatim_examples",
        "signal_examples",
    }
    assert [chart.slug for chart in texts if chart.config["params"].get("allow_render_html", True)] == []


def test_a_chart_chooses_its_rows(expanded):
    chart = by_slug(expanded, "answer_rate")
    (query,) = json.loads(chart.config["query_context"])["queries"]
    assert query["filters"] == [
        {"col": "kpi_code", "op": "IN", "val": ["answer_rate"]},
        {"col": "period_type", "op": "IN", "val": ["month"]},
        {"col": "breakdown_dimension", "op": "IN", "val": ["total", "scope"]},
        {"col": "is_complete", "op": "IN", "val": [True]},
        {"col": "period_start", "op": "TEMPORAL_RANGE", "val": "No filter"},
    ]
    shown = [
        (native_filter["subject"], native_filter["comparator"])
        for native_filter in chart.config["params"]["adhoc_filters"]
    ]
    assert shown == [(native_filter["col"], native_filter["val"]) for native_filter in query["filters"]]


def test_two_kpis_share_a_chart_on_two_axes(expanded):
    params = by_slug(expanded, "perceval_by_month").config["params"]
    codes = [
        column["comparator"]
        for name in ("adhoc_filters", "adhoc_filters_b")
        for column in params[name]
        if column["subject"] == "kpi_code"
    ]
    assert codes == [["perceval_reports"], ["perceval_amount_eur"]]
    assert (params["yAxisIndex"], params["yAxisIndexB"]) == (0, 1)
    # The period filter of a dashboard acts on both.
    assert params["adhoc_filters"][-1] == params["adhoc_filters_b"][-1]
    assert params["adhoc_filters"][-1]["operator"] == "TEMPORAL_RANGE"


def test_a_flow_and_a_heat_map_name_their_two_sides(expanded):
    flow = charts.form_data({"viz": "sankey_v2", "dimensions": ["from", "to"], "metrics": ["n"]}, None, "#000091")
    assert (flow["source"], flow["target"], flow["metric"]) == ("from", "to", "n")
    (heat,) = (chart.config["params"] for chart in expanded.charts if chart.slug == "chat_rhythm")
    assert (heat["x_axis"], heat["groupby"], heat["metric"]) == ("hour", "weekday", "contacts")


def test_a_leading_minus_sorts_downwards():
    assert charts.order({"order_by": ["-experiences", "label"]}) == [("experiences", False), ("label", True)]


def test_a_filter_spares_the_charts_that_it_names(expanded):
    dashboard = by_slug(expanded, "perception").config
    numbers = {
        node["meta"]["uuid"]: node["meta"]["chartId"]
        for node in dashboard["position"].values()
        if isinstance(node, dict) and node["type"] == "CHART"
    }
    assert sorted(numbers.values()) == list(range(1, len(by_slug(expanded, "perception").reads) + 1))
    territory = next(
        native_filter
        for native_filter in dashboard["metadata"]["native_filter_configuration"]
        if native_filter["name"] == "Territoire"
    )
    # By name, or because the chart itself is of France: its figure exists for no other territory.
    spared = {"publication", "sources_perception", "index_map", "index_map_classes", "kpi_definitions"}
    spared |= {"jdma_marks", "satisfaction_by_service", "irritant_words", "negative_by_region", "falling_departements"}
    assert set(territory["scope"]["excluded"]) == {numbers[str(bundles.identifier("chart", slug))] for slug in spared}
    assert territory["defaultDataMask"]["extraFormData"] == {
        "filters": [{"col": "territory_name", "op": "IN", "val": ["France"]}]
    }


def test_a_filter_may_name_the_charts_that_it_reaches_instead(expanded):
    dashboard = by_slug(expanded, "perception")
    charts_of = {chart.slug: chart for chart in expanded.charts}
    declared_filter = dashboard.declared["filters"]["scope"]
    reached = [slug for slug in dashboard.reads if not bundles.is_excluded(declared_filter, slug, charts_of)]
    assert sorted(reached) == sorted(declared_filter["only"])


def test_a_period_of_the_audit_reaches_all_that_has_a_moment(expanded):
    """And a click on a value reaches the tables that have the same column."""
    dashboard = by_slug(expanded, "audit")
    charts_of = {chart.slug: chart for chart in expanded.charts}
    times = {dataset.slug: dataset.config["main_dttm_col"] for dataset in expanded.datasets}
    period = dashboard.declared["filters"]["period"]
    dated = {slug for slug in dashboard.reads if times[charts_of[slug].declared["dataset"]]}
    assert dated >= {"audit_loads", "audit_check_history", "audit_check_failures", "audit_runs", "audit_ledger"}
    assert not any(bundles.is_excluded(period, slug, charts_of) for slug in dated)
    assert dashboard.config["metadata"]["cross_filters_enabled"] is True


def test_rows_become_a_tree():
    cells = {"a": layout.Cell(1, UUID(int=1), "A"), "b": layout.Cell(2, UUID(int=2), "B", "Ce que montre B.")}
    tree = layout.position(
        "Titre", [{"text": "Bonjour", "charts": {"a": 4}, "height": 20}, {"charts": {"b": 12}}], cells
    )
    assert tree["GRID_ID"]["children"] == ["ROW-1", "ROW-2"]
    assert tree["ROW-1"]["children"] == ["MARKDOWN-1", "CHART-a"]
    assert tree["MARKDOWN-1"]["meta"] == {"code": "Bonjour", "width": 8, "height": 20}
    assert tree["ROW-2"]["children"] == ["COLUMN-b"]
    assert tree["COLUMN-b"]["children"] == ["CHART-b", "MARKDOWN-b"]
    assert tree["CHART-b"]["parents"] == ["ROOT_ID", "GRID_ID", "ROW-2", "COLUMN-b"]
    heights = [tree[name]["meta"]["height"] for name in ("CHART-b", "MARKDOWN-b")]
    assert heights == [layout.HEIGHT - layout.CAPTION_HEIGHT, layout.CAPTION_HEIGHT]
    assert tree["MARKDOWN-b"]["meta"]["code"] == "Ce que montre B."


def test_what_a_server_adds_is_no_difference(expanded):
    chart = by_slug(expanded, "answer_rate")
    exported = deepcopy(chart.config)
    exported["params"] |= {"annotation_layers": [], "datasource": "7__table", "slice_id": 4}
    context = json.loads(exported["query_context"]) | {"datasource": {"id": 7, "type": "table"}}
    exported |= {"query_context": json.dumps(context), "cache_timeout": None, "tags": []}
    del exported["is_managed_externally"], exported["external_url"]
    assert differences("chart", exported, chart.config) == ()


def test_numbers_of_a_server_are_no_difference(expanded):
    dashboard = by_slug(expanded, "perception").config
    exported = deepcopy(dashboard)
    for node in exported["position"].values():
        if isinstance(node, dict) and node["type"] == "CHART":
            node["meta"]["chartId"] += 40
    for native_filter in exported["metadata"]["native_filter_configuration"]:
        native_filter["scope"]["excluded"] = [number + 40 for number in native_filter["scope"]["excluded"]]
    exported["metadata"] |= {"shared_label_colors": ["x"], "color_scheme_domain": []}
    assert differences("dashboard", exported, dashboard) == ()


def test_a_hand_edit_is_a_difference_that_can_be_read(expanded):
    chart = by_slug(expanded, "answer_rate")
    exported = deepcopy(chart.config)
    exported["slice_name"] = "Réponses"
    exported["params"]["y_axis_format"] = ".3%"
    exported["params"]["added_by_hand"] = 1
    assert [str(difference) for difference in differences("chart", exported, chart.config)] == [
        "params.added_by_hand: 1 -> absent",
        "params.y_axis_format: '.3%' -> '.1%'",
        "slice_name: 'Réponses' -> 'Taux de réponse'",
    ]


def test_the_end_of_a_long_text_is_shown_where_it_differs(expanded):
    dashboard = by_slug(expanded, "perception").config
    exported = deepcopy(dashboard)
    text = exported["position"]["MARKDOWN-irritant_words"]["meta"]
    text["code"] = text["code"].replace("trois textes par mot", "deux textes par mot")
    (difference,) = differences("dashboard", exported, dashboard)
    assert "deux textes par mot" in str(difference)
    assert "trois textes par mot" in str(difference)


def test_a_filter_takes_only_what_exists_and_that_of_the_audit_reaches_the_path_of_columns(expanded):
    for dashboard in expanded.dashboards:
        for native in dashboard.config["metadata"]["native_filter_configuration"]:
            assert native["filterType"] == "filter_time" or native["controlValues"]["creatable"] is False
    column = by_slug(expanded, "audit").declared["filters"]["kpi"]["column"]
    for chart in ("audit_catalogue", "audit_places", "audit_lineage", "audit_ledger", "audit_changes"):
        dataset = by_slug(expanded, by_slug(expanded, chart).declared["dataset"])
        assert column in {known["column_name"] for known in dataset.config["columns"]}, chart


def test_normal_form_is_its_own_normal_form(expanded):
    for kind, assets in (("chart", expanded.charts), ("dataset", expanded.datasets)):
        for asset in assets:
            once = normalise(kind, asset.config)
            assert once
            assert json.dumps(once)
    assert Path(by_slug(expanded, "answer_rate").path) == Path("charts/perception/answer_rate.yaml")
