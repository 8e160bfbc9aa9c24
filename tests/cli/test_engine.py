"""`cyberimpact engine compare`: equal builds pass, a difference is named with its table and columns."""

from pathlib import Path

import duckdb
import pytest

from tests.cli.verbs import Run

BUILT = """
create schema kpi; create schema audit; create schema raw_jdma;
create table kpi.kpi_value as select * from (values
    ('visits', 1.25::decimal(18, 6), 0.1::double, date '2026-01-01'),
    ('calls', null, 1e9::double, null)
) as rows(kpi_code, value, share, period_start);
create table audit.freshness as select now() as asked_at;
create table raw_jdma.reviews as select 1 as id;
"""


def build(file: Path, changes: str = "") -> Path:
    with duckdb.connect(str(file)) as connection:
        connection.execute(BUILT + changes)
    return file


def test_two_builds_that_differ_in_the_order_of_rows_and_in_a_last_bit_of_doubles_are_equal(
    run: Run, tmp_path: Path
) -> None:
    again = """
        create or replace table kpi.kpi_value as from kpi.kpi_value order by kpi_code;
        update kpi.kpi_value set share = share + 1e-14;
        insert into raw_jdma.reviews values (2);
    """
    done = run("engine", "compare", str(build(tmp_path / "left.duckdb")), str(build(tmp_path / "right.duckdb", again)))
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "1 tables of 2 rows compared, without those of the schema audit.",
        "All are equal.",
    ]


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        ("update kpi.kpi_value set value = 1.250001 where kpi_code = 'visits'", "value"),
        ("update kpi.kpi_value set share = share * 1.00000001", "share"),
        ("update kpi.kpi_value set period_start = '2026-01-02' where kpi_code = 'calls'", "period_start"),
    ],
)
def test_a_difference_is_named(run: Run, tmp_path: Path, change: str, columns: str) -> None:
    files = build(tmp_path / "left.duckdb"), build(tmp_path / "right.duckdb", change)
    done = run("engine", "compare", *map(str, files))
    assert done.code == 1
    assert done.out.splitlines()[0].startswith("kpi.kpi_value: 2 and 2 rows")
    assert done.out.splitlines()[0].endswith(f"columns: {columns}")
    assert "1 tables differ." in done.err


def test_a_table_that_only_one_has_and_a_file_that_is_none(run: Run, tmp_path: Path) -> None:
    left = build(tmp_path / "left.duckdb", "create table kpi.kpi_new as select 1 as id")
    done = run("engine", "compare", str(left), str(build(tmp_path / "right.duckdb")))
    assert (done.code, f"kpi.kpi_new: only in {left}" in done.out) == (1, True)
    done = run("engine", "compare", str(left), str(tmp_path / "absent.duckdb"))
    assert (done.code, "cannot be read" in done.err) == (1, True)
