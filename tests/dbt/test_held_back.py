"""What a failed check stops, and what a KPI that is held back shows. One test builds a home of its own."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import duckdb
import pytest

from core import settings
from core.settings import Home
from tests.dbt import citizens, raw
from tests.dbt.conftest import Built, dbt
from warehouse import held_back
from warehouse.held_back import Graph

PLACES = {"region", "gendarmerie_region", "departement"}
#: Layers that every figure stands on; a model of them that rows of a platform fill says so itself.
EVERYWHERE = {"reference", "audit"}


def checks_of(built: Built) -> list[Mapping[str, Any]]:
    return [node for node in built.manifest["nodes"].values() if node["resource_type"] == "test"]


def test_every_check_says_what_its_failure_stops(built: Built) -> None:
    """dbt goes on after what does not block, and dagster takes what does for blocking."""
    for test in checks_of(built):
        on_failure = test["config"]["meta"].get("on_failure")
        assert on_failure in ("block", "hold_back", "warn"), test["name"]
        assert (test["config"]["severity"].lower() == "error") == (on_failure == "block"), test["name"]


def test_every_check_counts_the_rows_that_it_refuses(built: Built) -> None:
    """`warehouse/checks.py` counts rows and knows no threshold."""
    for test in checks_of(built):
        config = test["config"]
        assert (config["fail_calc"], config["warn_if"], config["error_if"]) == ("count(*)", "!= 0", "!= 0"), test[
            "name"
        ]
        assert config["limit"] is None, test["name"]


def test_only_what_every_figure_stands_on_blocks(built: Built) -> None:
    nodes, graph = built.manifest["nodes"], Graph.of(built.manifest)
    for test in checks_of(built):
        if test["config"]["meta"]["on_failure"] == "block":
            for subject in graph.subjects(test):
                shared = nodes[subject]["fqn"][1:-1] == ["kpi"] or nodes[subject]["fqn"][1] in EVERYWHERE
                assert nodes[subject]["resource_type"] == "seed" or shared, test["name"]


def test_a_kpi_that_shows_places_shows_what_lies_in_none(built: Built) -> None:
    for node in built.manifest["nodes"].values():
        kpi = (node["config"].get("meta") or {}).get("kpi")
        if kpi and "habitant" not in kpi["unit"]:
            for part in (kpi["grain"], *kpi["grain"]["breakdowns"]):
                levels = set(part.get("territory_levels", kpi["grain"]["territory_levels"]))
                assert not levels & PLACES or {"abroad", "unknown"} <= levels, kpi["code"]


@pytest.mark.parametrize(
    ("model", "kpis"),
    [
        ("fct_pre_complaint", {"pre_complaints", "pre_complaint_duration_median", "demand_per_fte"}),
        ("kpi_google_rating", {"google_rating"}),
        ("int_action_effect", {"action_effect", "actions_concluded_share"}),
        # What is hidden in one KPI of these victims must be hidden in all; those of another platform are others.
        ("kpi_victims_per_10k", {"victims_per_10k", "victims_assisted", "handover_share"}),
        ("fct_perceval_day", {"perceval_amount_eur", "perceval_mean_amount_eur", "perceval_reports"}),
        ("dim_unit", set()),
    ],
)
def test_the_kpis_that_rest_on_a_model_are_held_back_and_no_other(built: Built, model: str, kpis: set[str]) -> None:
    assert Graph.of(built.manifest).dependent_kpis([f"model.cyberimpact.{model}"]) == kpis


def test_values_are_shown_without_persons() -> None:
    assert held_back.harmless("p_" + "0" * 32) == "p_…"
    assert "06 12" not in held_back.harmless("appelez le 06 12 34 56 78")


def results() -> list[dict[str, Any]]:
    return json.loads((settings.home().dbt_target / "run_results.json").read_bytes())["results"]


def publish_by_hand(home: Home, values_of: datetime) -> None:
    """Make a published copy that shows one value of `experiences`."""
    folder = home.published / "daily" / "former"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "serving.duckdb")) as connection:
        connection.execute("create schema kpi; create schema audit")
        connection.execute(
            "create table kpi.kpi_experiences as select 'experiences' as kpi_code, 'month' as period_type,"
            " date '2023-01-01' as period_start, 'nation' as territory_level, 'FR' as territory_code,"
            " 'total' as breakdown_dimension, 'total' as breakdown_value, 42::bigint as numerator,"
            " null::bigint as denominator, 42::decimal(18, 6) as value, 42::bigint as observations,"
            " false as is_suppressed"
        )
        connection.execute("create table kpi.kpi_catalogue (kpi_code varchar, values_of timestamp)")
        connection.execute("insert into kpi.kpi_catalogue values ('experiences', ?)", [values_of])
        connection.execute(
            "create table audit.publication as select timestamptz '2026-11-02 04:00:00+00' as published_at"
        )
    (folder.parent / "current").symlink_to("former")


@pytest.mark.long
def test_a_row_that_fails_holds_its_kpi_back_and_lets_publication_go_on(home: Home) -> None:
    """An experience of 1999 is on no day of the calendar: its key is named, readers keep 42 and the date of 42."""
    values_of = datetime(2026, 10, 30, 4)  # noqa: DTZ001 - stored in UTC without a zone
    experiences = [*citizens.experiences(seed=5, count=20)]
    poison = {**experiences[0], "id_experience": "poison", "date_de_publication": "1999-01-01T10:30"}
    raw.create(experiences=[*experiences, poison])
    publish_by_hand(home, values_of)
    cautious = ("--indirect-selection", "cautious", "--exclude-resource-type", "unit_test")
    done = dbt("build", "--select", "+kpi_experiences", *cautious)
    assert done.returncode == 0, done.stdout

    graph = Graph.of(json.loads((home.dbt_target / "manifest.json").read_bytes()))
    found = [
        failure
        for failure in held_back.failures(graph, home.warehouse, results())
        if failure.on_failure != held_back.WARN
    ]
    assert {failure.on_failure for failure in found} == {"hold_back"}
    [by_day] = [failure for failure in found if "published_on__date_day" in failure.name]
    assert "experiences" in by_day.kpis
    assert by_day.rows == 1
    assert "poison" in str(by_day)
    assert held_back.states(home.warehouse)[by_day.unique_id] == "fail", "publication refuses until it is settled"

    # The other KPIs of experiences are not built here.
    found = [replace(failure, kpis=failure.kpis & {"experiences"}) for failure in found]
    held_back.hold_back(home, graph, found, home.warehouse)
    held_back.settle(graph, home.warehouse, found)
    assert {held_back.states(home.warehouse)[failure.unique_id] for failure in found} == {"held_back"}
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        assert connection.execute("select value from kpi.kpi_experiences").fetchall() == [(42,)]
    held = held_back.held_back(home.warehouse)
    assert {kpi.code for kpi in held} == {"experiences"}
    assert {kpi.values_of for kpi in held} == {values_of}
    assert all("2026-10-30" in str(kpi) for kpi in held)

    # Built again by hand, it has other values than those that readers keep: publication waits.
    assert dbt("run", "--select", "kpi_experiences").returncode == 0
    assert held_back.states(home.warehouse)[by_day.unique_id] == "pending"
