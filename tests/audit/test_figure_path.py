"""The way of a figure is given layer by layer, with its keys in Dagster."""

from dataclasses import replace

from audit.figure_path import layers
from audit.tracing import Model
from tests.audit.world import definition

STEPS = [
    ["platform", "audience.hourly_visits.visits", "raw", "raw_audience.hourly_visits.visits"],
    ["raw", "raw_audience.hourly_visits.visits", "marts", "visibility.fct_visit.visits"],
    ["marts", "visibility.fct_visit.visits", "kpi", "kpi.kpi_visits.numerator"],
    ["kpi", "kpi.kpi_visits.numerator", "kpi", "kpi.kpi_visits.value"],
]


def test_the_way_goes_from_the_platform_to_the_figure() -> None:
    visit = Model("visibility.fct_visit", "dbt_project/models/marts/visibility/fct_visit.sql", "success", None, 1, 1)
    found = layers(replace(definition(), steps=STEPS), [visit])
    assert [(layer.title, [table.name for table in layer.tables]) for layer in found] == [
        ("Plateforme", ["audience.hourly_visits"]),
        ("Données brutes", ["raw_audience.hourly_visits"]),
        ("Tables métier", ["visibility.fct_visit"]),
        ("Indicateurs", ["kpi.kpi_visits"]),
    ]
    platform, raw, marts, kpi = (layer.tables[0] for layer in found)
    assert [table.asset for table in (platform, raw, marts, kpi)] == [
        None,
        "raw/audience/hourly_visits",
        "marts/visibility/fct_visit",
        None,
    ]
    assert [table.made_of for table in (raw, kpi)] == [("audience.hourly_visits",), ("visibility.fct_visit",)]
    assert (kpi.columns, marts.model, kpi.model) == (("numerator", "value"), visit, None)


def test_a_publication_without_steps_has_no_way() -> None:
    assert layers(replace(definition(), steps=[]), []) == []
