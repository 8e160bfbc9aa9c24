"""Any published figure is recomputed from its evidence, to the last digit, and from today's warehouse too."""

import random

import duckdb
import pytest

from audit.cells import Cell, Period
from audit.readers import OPERATOR
from audit.tracing import trace
from core.settings import Home
from tests.e2e.line import Line
from warehouse.published import DAILY

CELLS = """
    select kpi_code, list(cell order by cell)
    from (
        select
            kpi_code,
            (period_type, period_start, territory_code, breakdown_dimension, breakdown_value) as cell
        from kpi.kpi_value
    )
    group by kpi_code
    order by kpi_code
"""


def cells(home: Home, count: int, seed: int) -> dict[str, list[Cell]]:
    """Return some cells of each published KPI, drawn from all periods, territories and breakdowns."""
    dice = random.Random(seed)
    with duckdb.connect(str(DAILY.link(home)), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        published = connection.execute(CELLS).fetchall()
    return {
        code: [
            Cell(code, Period(kind, start), territory, dimension, part)
            for kind, start, territory, dimension, part in dice.sample(rows, min(count, len(rows)))
        ]
        for code, rows in published
    }


def prove(home: Home, drawn: dict[str, list[Cell]]) -> None:
    for cell in (cell for some in drawn.values() for cell in some):
        found = trace(home, OPERATOR, cell)
        assert found.recomputation.agrees, cell
        if not found.shown.figures.is_suppressed:
            assert found.recomputation.today.figures == found.shown.figures, cell
            assert found.records.number == found.shown.figures.observations, cell


def test_a_figure_of_each_kpi_is_recomputed(golden: Line) -> None:
    drawn = cells(golden.home, 1, seed=8)
    assert "answer_rate" in drawn
    prove(golden.home, drawn)


@pytest.mark.proof
def test_three_figures_of_every_kpi_are_recomputed(everything: Line) -> None:
    with duckdb.connect(str(DAILY.link(everything.home)), read_only=True) as connection:
        catalogue = {code for (code,) in connection.execute("select kpi_code from kpi.kpi_catalogue").fetchall()}
    drawn = cells(everything.home, 3, seed=33)
    assert catalogue - drawn.keys() == {"action_effect"}, "three months of an action's past measure no effect"
    prove(everything.home, drawn)
