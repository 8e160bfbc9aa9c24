"""Two versions of a KPI are told apart by what they mean, not by how they are written."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from audit.definition_diff import Change, differences
from tests.audit.world import SQL, definition

Definition = dict


def former() -> Definition:
    known = definition()
    known["models"]["model.c.observations"] = {
        "file": "o.sql", "relation": known["observations"], "sha256": "2" * 64,
    }  # fmt: skip
    return known


def changes(edit: Callable[[Definition], None]) -> list[Change]:
    later = deepcopy(former())
    edit(later)
    return differences({"visits": former()}, {"visits": later})


def reformat(known: Definition) -> None:
    known["sql"] = "-- said otherwise\n" + " ".join(SQL.split())
    known["kpi"]["definition"] = "Visites\n  <comptées>."


def define(known: Definition) -> None:
    known["kpi"]["definition"] = "Visites uniques."


def calculate(known: Definition) -> None:
    known["sql"] = SQL.replace("sum(numerator)", "2 * sum(numerator)")


def observe(known: Definition) -> None:
    known["models"]["model.c.observations"]["sha256"] = "3" * 64


def come_from(known: Definition) -> None:
    known["columns"]["value"] = ["raw_audience.hourly_visits.bounces"]


def answer(known: Definition) -> None:
    known["kpi"]["owner"] = "team:b"


def change_upstream(known: Definition) -> None:
    known["models"]["model.c.fct_visit"]["sha256"] = "4" * 64


def show(known: Definition) -> None:
    known["shown"] = [["Vue d'ensemble", "Visites"]]


def test_what_is_only_written_otherwise_is_no_change() -> None:
    assert changes(reformat) == []


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
def test_what_means_something_else_wants_a_line(edit: Callable[[Definition], None], said: list[str]) -> None:
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
def test_what_else_changes_is_told(edit: Callable[[Definition], None], said: list[str]) -> None:
    [change] = changes(edit)
    assert (change.meanings, list(change.circumstances)) == ((), said)
    assert not change.wants_a_line


def test_only_a_kpi_that_goes_wants_a_line() -> None:
    [come] = differences({}, {"visits": former()})
    [gone] = differences({"visits": former()}, {})
    assert (come.kind, come.wants_a_line) == ("ajouté", False)
    assert (gone.kind, gone.wants_a_line) == ("retiré", True)
