"""What differs between two states of the warehouse."""

from pathlib import Path

import duckdb
import pytest

from audit.comparison import Kpi, Table, as_json, compare

KPI_VALUE = """
    create schema kpi;
    create table kpi.kpi_value as from (values
        ('visits', 'month', date '2026-09-01', 'nation', 'FR', 'total', 'total', 1, 1, 1.0, 1, false),
        ('visits', 'month', date '2026-10-01', 'nation', 'FR', 'total', 'total', 2, 1, 2.0, 2, false),
        ('victims', 'month', date '2026-10-01', 'departement', 'FR-33', 'total', 'total', null, null, null, null, true)
    ) as t(kpi_code, period_type, period_start, territory_level, territory_code, breakdown_dimension, breakdown_value,
        numerator, denominator, value, observations, is_suppressed)
"""


@pytest.fixture
def before(tmp_path: Path) -> Path:
    return made(tmp_path / "before.duckdb")


@pytest.fixture
def after(tmp_path: Path) -> Path:
    return made(tmp_path / "after.duckdb")


def made(file: Path) -> Path:
    change(
        file,
        KPI_VALUE,
        "create schema actors; create table actors.fct as select range as key from range(3)",
        "create schema raw_jdma; create table raw_jdma.answers as select 1 as key",
        "create schema audit; create table audit.build_status as select 'a' as name",
        "create view actors.shown as from actors.fct",
    )
    return file


def change(file: Path, *statements: str) -> None:
    with duckdb.connect(str(file)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_equal_states_do_not_differ_nor_does_the_order_of_rows(before: Path, after: Path) -> None:
    change(after, "create or replace table actors.fct as select 2 - range as key from range(3)")
    found = compare(before, after)
    assert (found.tables, found.kpis) == ([], [])


def test_what_is_loaded_and_what_tells_of_builds_is_left_out(before: Path, after: Path) -> None:
    change(after, "insert into raw_jdma.answers values (2)", "insert into audit.build_status values ('b')")
    assert compare(before, after).tables == []


def test_rows_columns_and_tables(before: Path, after: Path) -> None:
    change(before, "create table actors.gone as select 1 as key", "create table actors.typed as select 1 as key")
    change(after, "update actors.fct set key = 9 where key = 2", "create table actors.new as select 1 as key")
    change(after, "create table actors.typed as select 1::bigint as key")
    assert compare(before, after).tables == [
        Table("actors.fct", 3, 3),
        Table("actors.gone", 1, None),
        Table("actors.new", None, 1),
        Table("actors.typed", 1, 1),
    ]


def test_figures(before: Path, after: Path) -> None:
    change(
        after,
        "update kpi.kpi_value set value = 2.5 where period_start = '2026-10-01' and kpi_code = 'visits'",
        "delete from kpi.kpi_value where period_start = '2026-09-01'",
        "insert into kpi.kpi_value select * replace ('FR-BRE' as territory_code) from kpi.kpi_value"
        " where kpi_code = 'visits'",
        "update kpi.kpi_value set is_suppressed = false, observations = 9 where kpi_code = 'victims'",
    )
    victims, visits = compare(before, after).kpis
    assert victims == Kpi("victims", 0, 0, 1, victims.examples)
    assert (visits.added, visits.removed, visits.changed) == (1, 1, 1)
    of_nation = [row for row in visits.examples if row["territory_code"] == "FR"]
    assert [(row["value_before"], row["value_after"]) for row in of_nation] == [(2.0, 2.5), (1.0, None)]
    assert of_nation == visits.examples[:2], "the nation first, the latest period first"
    assert as_json(compare(before, after))["kpis"][1]["examples"][0]["value_after"] == "2.5"


def test_a_state_without_figures(before: Path, after: Path) -> None:
    change(after, "drop table kpi.kpi_value")
    found = compare(before, after)
    assert found.kpis == []
    assert found.tables == [Table("kpi.kpi_value", 3, None)]
