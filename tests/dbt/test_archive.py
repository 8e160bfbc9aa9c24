"""`kpi_value` takes a period either from the archive or from what is counted, never from both."""

import duckdb
import pytest

from tests.dbt.conftest import Built

VALUES = "'nation', 'FR', 'total', 'total', {value}, null, {value}, 1, false"


@pytest.fixture
def compiled(built: Built) -> str:
    return built.manifest["nodes"]["model.cyberimpact.kpi_value"]["compiled_code"]


def test_an_archived_period_takes_the_place_of_what_is_left_of_it(built: Built, compiled: str) -> None:
    """The year is archived whole, of its months the first only; another KPI stays as it is counted."""
    columns = built.manifest["nodes"]["model.cyberimpact.kpi_experiences"]["columns"]
    typed = ", ".join(f"{name} {column['data_type']}" for name, column in columns.items())
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            "attach ':memory:' as warehouse; create schema warehouse.kpi; create schema warehouse.archive"
        )
        for node in built.manifest["nodes"].values():
            if node["resource_type"] == "model" and "kpi" in node["config"]["meta"]:
                connection.execute(f"create table warehouse.kpi.{node['name']} ({typed})")
        connection.execute(f"create table warehouse.archive.kpi_value ({typed}, archived_at timestamp)")
        for code, kind, start, value in [
            ("experiences", "year", "2021-01-01", 3),
            ("experiences", "month", "2021-01-01", 1),
            ("experiences", "month", "2021-02-01", 2),
            ("answer_rate", "month", "2021-01-01", 9),
        ]:
            row = f"'{code}', '{kind}', date '{start}', {VALUES.format(value=value)}"
            connection.execute(f"insert into warehouse.kpi.kpi_{code} values ({row})")
        for kind, start, value in [("year", "2021-01-01", 12), ("month", "2021-01-01", 7), ("month", "2020-12-01", 5)]:
            row = f"'experiences', '{kind}', date '{start}', {VALUES.format(value=value)}, timestamp '2026-01-01'"
            connection.execute(f"insert into warehouse.archive.kpi_value values ({row})")
        found = connection.execute(
            "select kpi_code, period_type, period_start::varchar, value::int, is_archived"
            f" from ({compiled}) order by all"
        ).fetchall()
    assert found == [
        ("answer_rate", "month", "2021-01-01", 9, False),
        ("experiences", "month", "2020-12-01", 5, True),
        ("experiences", "month", "2021-01-01", 7, True),
        ("experiences", "month", "2021-02-01", 2, False),
        ("experiences", "year", "2021-01-01", 12, True),
    ]
