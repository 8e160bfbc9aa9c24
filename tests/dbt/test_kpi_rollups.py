"""The compiled SQL of every KPI, run over random observations, against the roll-up that `tests.rollups` says it is."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import duckdb
import pandas as pd
import pytest

from audit import evidence
from tests.dbt.conftest import Built
from tests.rollups import ROLLUPS, Observation, cells, rounded

#: The whole of a year's turn: days of two years, three quarters, five months and weeks that two months share.
FIRST_DAY, DAYS = date(2023, 11, 27), 130
#: Places of each kind: in and out of metropolitan France, a region where nothing finer is known, abroad, unknown.
TERRITORIES = ("FR-33", "FR-40", "FR-67", "FR-2A", "FR-75C", "FR-971", "FR-NC", "FR-NAQ", "XX", "ZZ")
OBSERVATIONS = 150

COLUMNS = "period_type, period_start, territory_level, territory_code, breakdown_dimension, breakdown_value"
FIGURES = "numerator, denominator, value, observations, is_suppressed"


@pytest.fixture(scope="module")
def kpis(built: Built) -> Mapping[str, Mapping[str, Any]]:
    """The node of each KPI."""
    nodes = built.manifest["nodes"].values()
    return {node["config"]["meta"]["kpi"]["code"]: node for node in nodes if "kpi" in node["config"]["meta"]}


def test_every_kpi_has_its_rollup(kpis: Mapping[str, Any]) -> None:
    assert set(kpis) == set(ROLLUPS)


@pytest.mark.parametrize("code", sorted(ROLLUPS))
def test_a_kpi_rolls_its_observations_up(built: Built, kpis: Mapping[str, Mapping[str, Any]], code: str) -> None:
    kpi, name = kpis[code]["config"]["meta"]["kpi"], kpis[code]["name"]
    replaced = {
        f'"warehouse"."kpi"."{name}__observations"': "temp.observations",
        '"warehouse"."kpi"."kpi_suppressed_cell"': "temp.hidden",
    }
    for original, table in replaced.items():
        built.connection.execute(f"create or replace temp table {table} as from {original} limit 0")
    types = dict(built.rows("select column_name, column_type from (describe temp.observations)"))
    observed = random_observations(kpi, types, Random(code))
    insert(built.connection, "temp.observations", [as_row(row) for row in observed])
    days = f'"warehouse"."kpi"."{name}__days"'
    if days in kpis[code]["compiled_code"]:
        breakdowns = [breakdown["dimension"] for breakdown in kpi["grain"]["breakdowns"]]
        added_up = evidence.by_day("temp.observations", breakdowns)
        built.connection.execute(f"create or replace temp view days as {added_up}")
        replaced[days] = "temp.days"
    expected = cells(kpi, observed)
    hidden = set(sorted(expected)[::3]) if "victims" in kpi else set()
    names = ("kpi_code", *COLUMNS.split(", "))
    insert(built.connection, "temp.hidden", [dict(zip(names, (code, *cell), strict=True)) for cell in hidden])

    sql = kpis[code]["compiled_code"]
    for original, table in replaced.items():
        sql = sql.replace(original, table)
    rows = built.rows(f"select {COLUMNS}, {FIGURES} from ({sql})")

    assert len(rows) == len(expected) > 1
    assert {row[:6]: row[6:] for row in rows} == {
        cell: (None, None, None, None, True)
        if cell in hidden
        else (
            figures.numerator,
            figures.denominator,
            None if figures.value is None else rounded(figures.value),
            number,
            False,
        )
        for cell, (figures, number) in expected.items()
    }


def random_observations(kpi: Mapping[str, Any], types: Mapping[str, str], dice: Random) -> list[Observation]:
    """Return observations of all parts of a KPI, some of them not said, some without a denominator."""
    breakdowns = kpi["grain"]["breakdowns"]
    exclusive = [breakdown["dimension"] for breakdown in breakdowns if breakdown.get("part")]
    others = [breakdown["dimension"] for breakdown in breakdowns if not breakdown.get("part")]

    def number(column: str) -> int | Decimal:
        drawn = dice.randrange(1000)
        return Decimal(drawn) / 8 if types[column].startswith("DECIMAL") else drawn

    def observation(index: int) -> Observation:
        parts = {name: dice.choice(("a", "b", None)) for name in others}
        if exclusive and dice.random() < 2 / 3:
            parts[dice.choice(exclusive)] = dice.choice(("c", "d"))
        return Observation(
            record_key=f"{index:03}",
            occurred_on=FIRST_DAY + timedelta(days=dice.randrange(DAYS)),
            territory_code=dice.choice(TERRITORIES),
            numerator=number("numerator"),
            denominator=number("denominator") if "denominator" in types and dice.random() < 0.8 else 0,
            entity_key=dice.choice("xyz") if "entity_key" in types else None,
            parts={name: parts.get(name) for name in (*exclusive, *others)},
        )

    return [observation(index) for index in range(OBSERVATIONS)]


def as_row(observation: Observation) -> dict[str, Any]:
    row = vars(observation) | observation.parts
    return {name: value for name, value in row.items() if name != "parts"}


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    """Insert rows; fields that the table lacks are left out."""
    if not rows:
        return
    columns = [name for (name,) in connection.execute(f"select column_name from (describe {table})").fetchall()]
    frame = pd.DataFrame(rows, dtype="string")
    known = ", ".join(name for name in columns if name in frame)
    connection.execute(f"insert into {table} ({known}) select {known} from frame")
