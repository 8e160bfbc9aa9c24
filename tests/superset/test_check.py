"""The examination of the bundle without a server: each kind of mistake is named with its file and field."""

import shutil
from pathlib import Path

import pytest
from supersync import __main__ as command
from supersync import bundle as bundles
from supersync.check import check
from supersync.errors import SupersetFailure

from tests.superset import small_manifest
from tests.superset.conftest import BUNDLE
from tests.superset.edits import edit, set_field

CHARTS = Path("charts") / "perception"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return small_manifest.write(tmp_path)


def problems(folder: Path, manifest: Path) -> list[str]:
    return check(bundles.load(folder, manifest))


def test_the_bundle_is_sound(manifest):
    assert problems(BUNDLE, manifest) == []


def test_a_chart_whose_dataset_is_gone(workshop, manifest):
    set_field(workshop / CHARTS / "structures.yaml", "dataset", "structurs")
    assert problems(workshop, manifest) == [
        "charts/perception/structures.yaml: dataset: there is no dataset structurs."
    ]


def test_a_dashboard_whose_chart_is_gone(workshop, manifest):
    (workshop / CHARTS / "structures.yaml").unlink()
    assert problems(workshop, manifest) == ["dashboards/perception.yaml: rows: there is no chart structures."]


def test_a_chart_that_no_dashboard_shows(workshop, manifest):
    source = (workshop / CHARTS / "structures.yaml").read_text(encoding="utf-8")
    (workshop / CHARTS / "lost.yaml").write_text(source, encoding="utf-8")
    assert problems(workshop, manifest) == ["charts/perception/lost.yaml: no dashboard shows it."]


def test_a_column_that_vanished_from_the_model(workshop, tmp_path):
    content = small_manifest.manifest()
    del content["nodes"]["model.cyberimpact.rpt_kpi"]["columns"]["breakdown_dimension"]
    del content["nodes"]["model.cyberimpact.check_evaluation"]["columns"]["asset"]
    found = problems(workshop, small_manifest.write(tmp_path, content))
    assert "datasets/check_evaluations.yaml: the dbt manifest has no column asset." in found
    charts = [problem for problem in found if "the dataset rpt_kpi has no column breakdown_dimension." in problem]
    chosen = {
        "charts/perception/answer_rate.yaml",
        "charts/visibility/visits_by_site.yaml",
        "dashboards/perception.yaml",
    }
    assert chosen <= {problem.split(": ")[0] for problem in charts}


def test_a_column_that_only_a_metric_uses(workshop, tmp_path):
    content = small_manifest.manifest()
    del content["nodes"]["model.cyberimpact.rpt_kpi"]["columns"]["numerator"]
    found = problems(workshop, small_manifest.write(tmp_path, content))
    assert "datasets/rpt_kpi.yaml: metrics: total uses numerator, which is no column of the dataset." in found


@pytest.mark.parametrize(
    ("table", "column", "dataset"),
    [
        ("rpt_kpi", "page_path", "kpi_year_apart"),  # read alone
        ("rpt_kpi", "is_latest", "irritants"),  # in a condition of a common table expression
        ("dim_territory", "territory_level", "irritants"),  # in the condition of a join
        ("live_signal_term", "log_odds", "live_terms"),
    ],
)
def test_a_column_that_only_a_query_reads(workshop, tmp_path, table, column, dataset):
    content = small_manifest.manifest()
    del content["nodes"][f"model.cyberimpact.{table}"]["columns"][column]
    found = problems(workshop, small_manifest.write(tmp_path, content))
    (message,) = (problem for problem in found if problem.startswith(f"datasets/{dataset}.yaml: query: "))
    assert column in message


def test_a_query_that_is_no_sql(workshop, manifest):
    (workshop / "datasets" / "chat_rhythm.sql").write_text("select (from kpi.rpt_kpi join reference.dim_calendar")
    (problem,) = problems(workshop, manifest)
    assert problem.startswith("datasets/chat_rhythm.yaml: query: ")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"column_config": {"experiencs": {}}}, "params: column_config: the chart shows no experiencs."),
        ({"x_axis_sort": "gone"}, "params: x_axis_sort: the chart shows no gone."),
    ],
)
def test_an_option_that_names_what_the_chart_does_not_show(workshop, manifest, params, said):
    set_field(workshop / CHARTS / "structures.yaml", "params", params)
    assert problems(workshop, manifest) == [f"charts/perception/structures.yaml: {said}"]


@pytest.mark.parametrize(
    ("written", "refused"), [(".3~s", True), ("SMART_NUMBER", True), (",.0f", False), ("%H:%M:%S", False)]
)
def test_numbers_are_not_abbreviated_in_english(workshop, manifest, written, refused):
    set_field(
        workshop / CHARTS / "structures.yaml",
        "params",
        {"column_config": {"structure_name": {"d3NumberFormat": written}}},
    )
    place = "charts/perception/structures.yaml: params: column_config.structure_name.d3NumberFormat"
    problem = f"{place}: “{written}” writes 25M; write numbers in full, or use a metric in millions."
    assert problems(workshop, manifest) == ([problem] if refused else [])


def test_a_chart_that_shows_an_hour_in_utc(workshop, manifest):
    set_field(workshop / "charts" / "signals" / "volume_and_band.yaml", "x", "bin_start")
    assert problems(workshop, manifest) == [
        "charts/signals/volume_and_band.yaml: bin_start is UTC; show bin_start_paris, which is Paris time."
    ]


def test_a_model_that_is_not_published(workshop, tmp_path):
    content = small_manifest.manifest()
    content["nodes"]["model.cyberimpact.freshness"]["config"]["meta"]["exposed"] = False
    assert problems(workshop, small_manifest.write(tmp_path, content)) == [
        f"datasets/{slug}.yaml: audit.freshness is not published (meta.exposed), so readers could not see it."
        for slug in ("audit_state", "freshness")
    ]


def test_two_datasets_of_one_table(workshop, manifest):
    (workshop / "datasets" / "freshness_again.yaml").write_text("model: audit.freshness\n")
    named = "its table has the name of that of datasets/freshness.yaml: rename one of the files."
    assert problems(workshop, manifest) == [f"datasets/freshness_again.yaml: {named}"]


def test_a_new_column_without_a_french_label(workshop, tmp_path):
    content = small_manifest.manifest()
    columns = content["nodes"]["model.cyberimpact.freshness"]["columns"]
    columns["new"] = {"name": "new", "data_type": "string"}
    columns["labelled"] = {"name": "labelled", "data_type": "string", "meta": {"label": "Libellée"}}
    assert problems(workshop, small_manifest.write(tmp_path, content)) == [
        "datasets/freshness.yaml: columns: new has no French label."
    ]


def test_what_the_manifest_says_already_is_not_said_again(workshop, manifest):
    edit(
        workshop / "datasets" / "freshness.yaml",
        lambda declared: declared.update(columns={"title": "Plateforme", "rows": "N"}),
    )
    assert problems(workshop, manifest) == [
        "datasets/freshness.yaml: columns: title has its label from the dbt manifest; leave it out."
    ]


def test_a_measure_of_the_manifest_is_held_to_french_and_to_its_columns(workshop, tmp_path):
    content = small_manifest.manifest()
    metrics = content["nodes"]["model.cyberimpact.freshness"]["config"]["meta"]["superset"]["metrics"]
    metrics["lignes"] |= {"label": "Number of rows", "expression": "max(gone)"}
    del metrics["etat"]["description"]
    assert problems(workshop, small_manifest.write(tmp_path, content)) == [
        "datasets/freshness.yaml: metrics: lignes: readers are French; “Number” is not.",
        "datasets/freshness.yaml: metrics: lignes uses gone, which is no column of the dataset.",
        "datasets/freshness.yaml: metrics: etat has no description.",
    ]


def test_a_table_of_values_that_cannot_be_traced(workshop, manifest):
    set_field(workshop / "charts" / "actors" / "latest_actors.yaml", "metrics", ["rang"])
    assert problems(workshop, manifest) == [
        "charts/actors/latest_actors.yaml: a table of values leads to the page of each: add the metric retracer.",
        *(
            f"dashboards/acteurs.yaml: no table of the page leads from the card {card} to its figure ({code})."
            for card, code in (
                ("handover", "handover_share"),
                ("perceval_amount", "perceval_amount_eur"),
                ("prevention_people", "prevention_audience"),
                ("victims", "victims_assisted"),
            )
        ),
    ]


def test_a_card_whose_figure_no_table_of_its_page_holds(workshop, manifest):
    listed = ["handover_share", "perceval_amount_eur", "prevention_audience"]
    edit(
        workshop / "charts" / "actors" / "latest_actors.yaml",
        lambda declared: declared.update(where={"kpi_code": listed, "period_type": "month"}),
    )
    assert (
        "dashboards/acteurs.yaml: no table of the page leads from the card victims to its figure (victims_assisted)."
    ) in problems(workshop, manifest)


def test_a_chart_that_does_not_say_where_its_figure_is_defined(workshop, manifest):
    set_field(workshop / CHARTS / "experiences.yaml", "description", "Expériences du dernier mois.")
    (problem,) = problems(workshop, manifest)
    assert problem.startswith("charts/perception/experiences.yaml: description: it does not name experiences")


def test_a_phone_that_leaves_out_what_is_not_there(workshop, manifest):
    file = workshop / "dashboards" / "vue-densemble.yaml"
    edit(file, lambda declared: declared["phone"].update({"except": ["nothing"]}))
    edit(file, lambda declared: declared["phone"]["instead"].update(gone="sources"))
    assert problems(workshop, manifest) == [
        f"dashboards/vue-densemble.yaml: phone: {slug} is not on the dashboard." for slug in ("gone", "nothing")
    ]


def test_an_undeclared_metric(workshop, manifest):
    set_field(workshop / CHARTS / "experiences.yaml", "metrics", ["average"])
    assert problems(workshop, manifest) == [
        "charts/perception/experiences.yaml: metrics: the dataset rpt_kpi declares no metric average."
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("metrics", [{"expressionType": "SQL", "sqlExpression": "sum(value)", "label": "Somme"}]),
        ("params", {"adhoc_filters": [{"expressionType": "SQL", "sqlExpression": "1 = 1", "clause": "WHERE"}]}),
    ],
)
def test_ad_hoc_sql_is_refused(workshop, manifest, field, value):
    set_field(workshop / CHARTS / "experiences.yaml", field, value)
    assert any("experiences.yaml" in problem and "ad-hoc" in problem for problem in problems(workshop, manifest))


def test_a_chart_without_a_description(workshop, manifest):
    set_field(workshop / CHARTS / "experiences.yaml", "description", " ")
    assert problems(workshop, manifest) == ["charts/perception/experiences.yaml: description: it is empty."]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("params", {"api_key": "k-123"}, "a secret has no place"),
        ("params", {"note": "postgresql://reader:hunter2@db/x"}, "looks like a secret"),
        ("params", {"note": "duckdb:////srv/cyberimpact/serving.duckdb"}, "belongs to one environment"),
        ("title", "Number of experiences", "readers are French"),
    ],
)
def test_what_has_no_place_in_the_bundle(workshop, manifest, field, value, expected):
    set_field(workshop / CHARTS / "answer_rate.yaml", field, value)
    (problem,) = problems(workshop, manifest)
    assert problem.startswith("charts/perception/answer_rate.yaml:")
    assert expected in problem
    assert "hunter2" not in problem


def test_a_kpi_without_a_chart(workshop, tmp_path):
    content = small_manifest.manifest()
    content["nodes"]["new"] = small_manifest.node("kpi.kpi_new", {"value": {}}, exposed=True, kpi={"code": "new"})
    manifest = small_manifest.write(tmp_path, content)
    assert problems(workshop, manifest) == ["The KPI new has neither a chart nor a row in a KPI table."]
    (workshop / "kpis_without_chart.txt").write_text("new\n", encoding="utf-8")
    assert problems(workshop, manifest) == []
    # A table that shows the values of a whole pillar has a row for it.
    content["nodes"]["new"]["config"]["meta"]["kpi"]["pillar"] = "actors"
    (workshop / "kpis_without_chart.txt").unlink()
    assert problems(workshop, small_manifest.write(tmp_path, content)) == []


def test_the_exceptions_may_only_shrink(workshop, manifest):
    (workshop / "kpis_without_chart.txt").write_text("experiences\n", encoding="utf-8")
    assert problems(workshop, manifest) == [
        "kpis_without_chart.txt: experiences no longer needs its exception; take it out."
    ]


def test_a_row_that_is_too_wide(workshop, manifest):
    edit(
        workshop / "dashboards" / "perception.yaml",
        lambda declared: declared["rows"][0]["charts"].update(feedback_index=9),
    )
    assert problems(workshop, manifest) == ["dashboards/perception.yaml: row 1 is 18 columns wide, 12 is the most."]


def test_a_filter_on_a_column_that_does_not_exist(workshop, manifest):
    edit(
        workshop / "dashboards" / "perception.yaml",
        lambda declared: declared["filters"]["territory"].update(column="place", **{"except": ["nothing"]}),
    )
    assert problems(workshop, manifest) == [
        "dashboards/perception.yaml: filters: territory: nothing is not on the dashboard.",
        "dashboards/perception.yaml: filters: territory: the dataset rpt_kpi has no column place.",
    ]


def test_a_filter_that_reaches_a_chart_that_is_not_there(workshop, manifest):
    edit(
        workshop / "dashboards" / "perception.yaml",
        lambda declared: declared["filters"]["scope"].update(only=["nothing"]),
    )
    assert problems(workshop, manifest) == [
        "dashboards/perception.yaml: filters: scope: nothing is not on the dashboard."
    ]


def test_a_query_that_reads_what_it_does_not_declare(workshop, manifest):
    sql = workshop / "datasets" / "kpi_by_region.sql"
    text = sql.read_text(encoding="utf-8").replace("kpi.rpt_kpi", "raw_spp.experiences")
    sql.write_text(text, encoding="utf-8")
    file = "datasets/kpi_by_region.yaml"
    assert problems(workshop, manifest) == [
        f"{file}: reads: raw_spp.experiences is read by the query but not declared.",
        f"{file}: reads: kpi.rpt_kpi is declared but the query does not read it.",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("title: A\ntitle: [\n", "line 3 is not YAML"),
        ("- a list", "does not hold fields"),
        ("title: A\ndescription: B\nviz: table\n", "lacks the field `dataset`"),
        ("title: A\ndescription: B\nviz: table\ndataset: d\ncolour: red\n", "has the unknown field `colour`"),
        ("title: A\ndescription: B\nviz: pie\ndataset: d\n", "has the unknown `viz` pie"),
        ("title: A\ndescription: B\nviz: big_number_total\ndataset: d\n", "lacks the field `metrics`, which"),
    ],
)
def test_a_file_that_cannot_be_read(workshop, manifest, text, expected):
    (workshop / CHARTS / "structures.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SupersetFailure) as failure:
        bundles.load(workshop, manifest)
    assert "charts/perception/structures.yaml" in failure.value.what
    assert expected in failure.value.what


def test_two_charts_of_one_name(workshop, manifest):
    other = workshop / "charts" / "other"
    other.mkdir()
    shutil.copy(workshop / CHARTS / "structures.yaml", other)
    with pytest.raises(SupersetFailure, match="have the same name"):
        bundles.load(workshop, manifest)


@pytest.mark.parametrize("content", [None, "not json", '{"nodes": 3}'])
def test_no_manifest_to_read(tmp_path, content):
    path = tmp_path / "manifest.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(SupersetFailure) as failure:
        bundles.load(BUNDLE, path)
    assert "dbt parse" in failure.value.remedy


def test_the_command_needs_no_server(workshop, manifest, capsys):
    assert command.main(["check", "--manifest", str(manifest), "--bundle", str(workshop)]) == 0
    set_field(workshop / CHARTS / "experiences.yaml", "description", "")
    assert command.main(["check", "--manifest", str(manifest), "--bundle", str(workshop)]) == 1
    assert "charts/perception/experiences.yaml: description: it is empty." in capsys.readouterr().out
