"""What Dagster shows of tables: their rows, and the latest figures of KPIs."""

from pathlib import Path

import duckdb
import pytest

from assets.dbt.table_metadata import of_tables, sparkline


def node(schema: str, name: str, kpi: str | None = None, kind: str = "model") -> dict:
    meta = {"kpi": {"code": kpi}} if kpi else {}
    return {
        "unique_id": f"{kind}.{name}", "schema": schema, "name": name, "resource_type": kind, "config": {"meta": meta},
    }  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("""
            create schema kpi; create schema staging; create schema raw;
            create table raw.given as select range as key from range(7);
            create view staging.stg_given as select key from raw.given where key % 2 = 0;
            create view staging.stg_dangling as select 1 as key from raw.given;
            create table kpi.kpi_share (
                period_type text, period_start date, territory_code text, breakdown_dimension text,
                numerator bigint, denominator bigint, value decimal(18, 6));
            insert into kpi.kpi_share values
                ('month', '2026-08-01', 'FR', 'total', 1, 4, 0.25),
                ('month', '2026-09-01', 'FR', 'total', 2, 4, 0.5),
                ('month', '2026-10-01', 'FR', 'total', 4, 4, 1),
                ('month', '2026-10-01', 'FR-33', 'total', 1, 1, 9),
                ('month', '2026-11-01', 'FR', 'channel', 1, 1, 9),
                ('day', '2026-11-02', 'FR', 'total', 1, 1, 9),
                ('year', '2026-01-01', 'FR', 'total', 7, 12, 9);
            create table kpi.kpi_yearly as from kpi.kpi_share where period_type = 'year';
            create table kpi.kpi_hidden as
                select * replace (null as numerator, null as value) from kpi.kpi_share
                where period_start = '2026-08-01';
            create table kpi.kpi_empty as from kpi.kpi_share limit 0
        """)
    return file


def test_rows_of_tables_and_views(database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute("alter table raw.given rename to taken; create table raw.given as from raw.taken limit 4")
    found = of_tables(database, [node("raw", "taken", kind="seed"), node("staging", "stg_given")])
    assert found == {"seed.taken": {"dagster/row_count": 7}, "model.stg_given": {"dagster/row_count": 2}}


def test_what_is_not_there_or_cannot_be_read_has_no_count(database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute("drop table raw.given")
    assert of_tables(database, [node("raw", "never"), node("staging", "stg_dangling")]) == {"model.stg_dangling": {}}


def test_the_course_of_a_kpi_is_the_nation_s_by_month(database: Path) -> None:
    found = of_tables(database, [node("kpi", "kpi_share", "share")])["model.kpi_share"]
    assert found["dagster/row_count"] == 7
    assert found["course"].text == "▁▃█"  # 0.25, 0.5 and 1: a third of the way is the third bar of eight
    assert found["latest_value"].value == 1.0
    assert found["page"].url.endswith("/chiffre/share/2026-10/FR")
    shown = [record.data for record in found["latest"].records]
    assert shown[0] == {"period": "2026-10", "numerator": "4", "denominator": "4", "value": "1.000000"}
    assert [record["period"] for record in shown] == ["2026-10", "2026-09", "2026-08"]


def test_a_kpi_by_year_a_hidden_one_and_an_empty_one(database: Path) -> None:
    nodes = [node("kpi", f"kpi_{name}", name) for name in ("yearly", "hidden", "empty")]
    found = of_tables(database, nodes)
    assert found["model.kpi_yearly"]["page"].url.endswith("/chiffre/yearly/2026/FR")
    assert "latest_value" not in found["model.kpi_hidden"]
    assert [record.data["value"] for record in found["model.kpi_hidden"]["latest"].records] == [""]
    assert found["model.kpi_empty"] == {"dagster/row_count": 0}


@pytest.mark.parametrize(
    ("values", "bars"),
    [([], ""), ([None], ""), ([3.0], "▁"), ([0.0, None, 8.0], "▁ █"), ([5.0, 5.0], "▁▁"), ([1.0, 2.0, 3.0], "▁▅█")],
)
def test_bars(values: list, bars: str) -> None:
    assert sparkline(values) == bars
