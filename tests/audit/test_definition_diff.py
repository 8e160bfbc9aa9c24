"""Two versions of a KPI differ by what they mean, not by how they are written."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from audit.definition_diff import Change, differences
from audit.definitions import KpiDefinition
from tests.audit.world import SQL, definition

Edit = Callable[[KpiDefinition], KpiDefinition]


def former() -> KpiDefinition:
    known = definition()
    observations = {"file": "o.sql", "relation": known.observations, "sha256": "2" * 64}
    return replace(known, models={**known.models, "model.c.observations": observations})


def changes(edit: Edit) -> list[Change]:
    return differences({"visits": former()}, {"visits": edit(former())})


def with_kpi(known: KpiDefinition, **meta: object) -> KpiDefinition:
    return replace(known, kpi={**known.kpi, **meta})


def with_checksum(known: KpiDefinition, model: str, sha256: str) -> KpiDefinition:
    return replace(known, models={**known.models, model: {**known.models[model], "sha256": sha256}})


def reformat(known: KpiDefinition) -> KpiDefinition:
    formatted = replace(known, sql="-- said otherwise\n" + " ".join(SQL.split()))
    return with_kpi(formatted, definition="Visites\n  <comptées>.")


def define(known: KpiDefinition) -> KpiDefinition:
    return with_kpi(known, definition="Visites uniques.")


def calculate(known: KpiDefinition) -> KpiDefinition:
    return replace(known, sql=SQL.replace("sum(numerator)", "2 * sum(numerator)"))


def observe(known: KpiDefinition) -> KpiDefinition:
    return with_checksum(known, "model.c.observations", "3" * 64)


def come_from(known: KpiDefinition) -> KpiDefinition:
    return replace(known, columns={**known.columns, "value": ["raw_audience.hourly_visits.bounces"]})


def answer(known: KpiDefinition) -> KpiDefinition:
    return with_kpi(known, owner="team:b")


def change_upstream(known: KpiDefinition) -> KpiDefinition:
    return with_checksum(known, "model.c.fct_visit", "4" * 64)


def show(known: KpiDefinition) -> KpiDefinition:
    return replace(known, shown=[["Vue d'ensemble", "Visites"]])


def test_what_is_only_written_otherwise_is_no_change() -> None:
    assert changes(reformat) == []


def test_the_order_of_the_keys_of_a_grain_is_no_change_and_that_of_its_values_is() -> None:
    declared = with_kpi(former(), grain={"breakdowns": [], "period_types": ["day", "week"]})
    kept = with_kpi(former(), grain={"period_types": ["day", "week"], "breakdowns": []})
    other = with_kpi(former(), grain={"period_types": ["week", "day"], "breakdowns": []})
    assert differences({"visits": declared}, {"visits": kept}) == []
    [change] = differences({"visits": declared}, {"visits": other})
    assert change.meanings[0].endswith('devient « {"breakdowns": [], "period_types": ["week", "day"]} »')


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (define, ["définition : « Visites <comptées>. » devient « Visites uniques. »"]),
        (calculate, ["calcul : le SQL de l'indicateur change"]),
        (observe, ["calcul : le choix des observations change"]),
        (
            come_from,
            [
                "provenance : value ne vient plus de raw_audience.hourly_visits.visits",
                "provenance : value vient aussi de raw_audience.hourly_visits.bounces",
            ],
        ),
    ],
)
def test_what_means_something_else_wants_a_line(edit: Edit, said: list[str]) -> None:
    [change] = changes(edit)
    assert (list(change.meanings), change.circumstances) == (said, ())
    assert change.wants_a_line
    assert "  affiché : Visibilité, Visites <par mois>" in list(change.lines())


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (answer, ["responsable : « team:a » devient « team:b »"]),
        (change_upstream, ["tables en amont modifiées : visibility.fct_visit"]),
        (
            show,
            [
                "plus affiché : Visibilité, Visites <par mois>",
                "désormais affiché : Vue d'ensemble, Visites",
            ],
        ),
    ],
)
def test_what_else_changes_is_told(edit: Edit, said: list[str]) -> None:
    [change] = changes(edit)
    assert (change.meanings, list(change.circumstances)) == ((), said)
    assert not change.wants_a_line


def test_only_a_kpi_that_goes_wants_a_line() -> None:
    [come] = differences({}, {"visits": former()})
    [gone] = differences({"visits": former()}, {})
    assert (come.kind, come.wants_a_line) == ("ajouté", False)
    assert (gone.kind, gone.wants_a_line) == ("retiré", True)
