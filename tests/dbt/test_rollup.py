"""The roll-ups' exact division and the check of what they leave. Values of each KPI are unit tests of dbt."""

from collections.abc import Sequence
from fractions import Fraction
from math import floor
from random import Random

import duckdb
import pytest

from core.settings import Home
from tests.dbt import citizens, raw
from tests.dbt.conftest import Built, dbt


def test_a_scaled_ratio_is_rounded_once_and_half_up(built: Built) -> None:
    """10 000 × 1 / 3 keeps its six digits, which scaling a rounded third would lose; the tie at the seventh goes up."""
    draw = Random(3)
    drawn = [(Fraction(draw.randrange(10**8), 100), Fraction(draw.randrange(1, 10**6))) for _ in range(300)]
    ties = [(Fraction(n, 10), Fraction(2 * 10**9)) for n in range(1, 40, 2)]
    pairs = [(Fraction(1), Fraction(3)), *drawn, *ties]
    expected = [Fraction(floor(10000 * a / b * 10**6 + Fraction(1, 2)), 10**6) for a, b in pairs]
    assert expected[0] == Fraction("3333.333333")
    assert divided(built, "prevention_hours_per_10k", [*pairs, (Fraction(1), Fraction(0))]) == [*expected, None]


def test_a_share_is_rounded_half_up(built: Built) -> None:
    """1 of 640 is 0.0015625 exactly, which a division of doubles rounds either way."""
    ties = [(Fraction(n), Fraction(d)) for d in (128, 640, 1280, 3200) for n in range(d + 1)]
    expected = [Fraction(floor(a / b * 10**6 + Fraction(1, 2)), 10**6) for a, b in ties]
    assert divided(built, "answer_rate", ties) == expected


def divided(built: Built, code: str, pairs: Sequence[tuple[Fraction, Fraction]]) -> list[Fraction | None]:
    """Return the quotient of each pair by the compiled division of a KPI."""
    compiled = built.manifest["nodes"][f"model.cyberimpact.kpi_{code}"]["compiled_code"]
    division = compiled.rpartition("as denominator,")[2].partition(" as value,")[0]
    for figure, column in {"sum(numerator)": "a", "sum(denominator)": "b", "max(population)": "b"}.items():
        division = division.replace(figure, column)
    rows = ", ".join(f"({number}, {float(a):.6f}, {float(b):.6f})" for number, (a, b) in enumerate(pairs))
    found = built.rows(
        f"select {division} from (select number, a::decimal(38, 6) as a, b::decimal(38, 6) as b"
        f" from (values {rows}) as t (number, a, b)) order by number"
    )
    return [None if value is None else Fraction(value) for (value,) in found]


#: What is done to the rows of `kpi_answer_rate`, and the problem that the check must name.
PROBLEMS = {
    "several rows for one cell": "insert into {t} from {t} where {cell}",
    "another KPI": "update {t} set kpi_code = 'experiences' where {cell}",
    "not in the grain that is declared": "update {t} set period_type = 'hour' where {cell}",
    "half a total": "update {t} set breakdown_value = 'autres' where {cell}",
    "no such territory at this level": "update {t} set territory_code = 'FR-33' where {cell}",
    "no such period": "update {t} set period_start = date '2024-01-02' where {cell}",
    "suppressed, though it counts no victims": "update {t} set is_suppressed = true where {cell}",
    "no observations": "update {t} set observations = 0 where {cell}",
    "a value without a denominator": "update {t} set denominator = 0 where {cell}",
    "the value is not the ratio of its parts": "update {t} set value = value + 0.00001 where {cell}",
}


@pytest.mark.long
def test_a_row_that_is_not_what_its_kpi_declares_is_named(home: Home) -> None:
    """Each problem is planted in the row of the nation of another month; the check lists them, and nothing else."""
    raw.create(experiences=citizens.experiences(seed=5, count=200))
    unchecked = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    assert dbt("build", "--select", "+kpi_answer_rate", "dim_period", *unchecked).returncode == 0
    with duckdb.connect(str(home.warehouse)) as connection:
        months = connection.execute(
            "select distinct period_start from kpi.kpi_answer_rate"
            " where period_type = 'month' and denominator > 0 order by 1"
        ).fetchall()
        for (month,), change in zip(months, PROBLEMS.values(), strict=False):
            cell = (
                f"period_type = 'month' and period_start = date '{month}' and territory_code = 'FR'"
                " and breakdown_dimension = 'total'"
            )
            connection.execute(change.format(t="kpi.kpi_answer_rate", cell=cell))
    assert len(months) >= len(PROBLEMS)

    checked = dbt("test", "--select", "kpi_answer_rate,test_name:kpi_is_sound", "--store-failures")

    assert checked.returncode == 0, "a row holds back its KPI and stops nothing"
    assert "WARN=1" in checked.stdout
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        table = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where table_name like 'kpi_is_sound%'"
        ).fetchone()
        assert table
        found = connection.execute(f"select problem from {table[0]}").fetchall()
    assert sorted({problem for (problem,) in found}) == sorted(PROBLEMS)
    assert len(found) == len(PROBLEMS) + 1, "the doubled row is listed twice"
