"""Who reads the published copies reads them only, and gets nowhere else."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from core.errors import ExpectedFailure
from core.settings import Home
from tests.handmade import write_copy
from warehouse import published

TABLES = "create schema kpi; create table kpi.kpi_value as select 'experiences' as kpi_code, 601 as value"
LIVE_TABLES = "create schema signals; create table signals.live_signal as select 3 as value"


@pytest.fixture
def daily(home: Home) -> Path:
    return write_copy(home, TABLES)


@pytest.fixture
def connection(home: Home, daily: Path) -> Iterator[duckdb.DuckDBPyConnection]:  # noqa: ARG001
    with published.connect(home) as opened:
        yield opened


def test_the_daily_copy_is_the_default_catalog(connection: duckdb.DuckDBPyConnection) -> None:
    assert connection.execute("select value from kpi.kpi_value").fetchall() == [(601,)]
    assert connection.execute("select current_catalog()").fetchall() == [("serving",)]


def test_without_a_live_copy_there_is_no_live_catalog(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error):
        connection.execute("select * from live_serving.signals.live_signal")


@pytest.mark.usefixtures("daily")
def test_the_live_copy_is_beside_the_daily_one(home: Home) -> None:
    write_copy(home, LIVE_TABLES, target="live", file_name="live_serving.duckdb")
    with published.connect(home) as connection:
        joined = "select k.value, l.value from kpi.kpi_value k, live_serving.signals.live_signal l"
        assert connection.execute(joined).fetchall() == [(601, 3)]
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("delete from live_serving.signals.live_signal")


@pytest.mark.parametrize("live_only", [False, True])
def test_nothing_published_is_said_with_its_remedy(home: Home, *, live_only: bool) -> None:
    if live_only:
        write_copy(home, LIVE_TABLES, target="live", file_name="live_serving.duckdb")
    with pytest.raises(ExpectedFailure, match="cyberimpact publish"):
        published.connect(home)


def test_a_link_to_a_build_that_is_gone_is_said_with_its_remedy(home: Home, daily: Path) -> None:
    daily.unlink()
    with pytest.raises(ExpectedFailure, match="cyberimpact publish"):
        published.connect(home)


def test_a_copy_that_cannot_be_read_is_said_with_its_remedy(home: Home, daily: Path) -> None:
    daily.write_bytes(b"this is no database" * 1000)
    with pytest.raises(ExpectedFailure, match="cyberimpact publish"):
        published.connect(home)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into kpi.kpi_value values ('more', 1)",
        "update kpi.kpi_value set value = 0",
        "delete from kpi.kpi_value",
        "drop table kpi.kpi_value",
        "create table kpi.other as select 1 as value",
        "create view kpi.other as select 1 as value",
        "alter table kpi.kpi_value rename to other",
        "comment on table kpi.kpi_value is 'other'",
    ],
)
def test_nothing_can_be_written(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    with pytest.raises(duckdb.Error, match="read-only"):
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "select * from read_csv('{outside}')",
        "select * from read_text('{outside}')",
        "select * from read_blob('{outside}')",
        "select * from read_json('{outside}')",
        "select * from read_parquet('{outside}')",
        "select * from glob('{folder}/*')",
        "select * from '{outside}'",
        "attach '{warehouse}' as warehouse (read_only)",
        "attach '{folder}/new.duckdb' as new",
        "copy kpi.kpi_value to '{folder}/stolen.csv'",
        "copy (select 1) to '{folder}/stolen.parquet'",
        "export database '{folder}/stolen'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "set memory_limit = '64GB'",
        "set temp_directory = '{folder}'",
        "reset enable_external_access",
        "pragma enable_external_access = true",
    ],
)
def test_nothing_outside_can_be_reached_nor_the_locks_opened(
    connection: duckdb.DuckDBPyConnection, home: Home, tmp_path: Path, statement: str
) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("secret\n1\n")
    with duckdb.connect(str(home.warehouse)):
        pass
    before = set(tmp_path.rglob("*"))
    with pytest.raises(duckdb.Error):
        connection.execute(statement.format(outside=outside, folder=tmp_path, warehouse=home.warehouse)).fetchall()
    assert set(tmp_path.rglob("*")) == before


def test_a_query_larger_than_memory_spills_nowhere_but_into_the_home(
    connection: duckdb.DuckDBPyConnection, home: Home
) -> None:
    """DuckDB's default is a folder where the process happens to stand."""
    folder = connection.execute("select current_setting('temp_directory')").fetchone()[0]
    assert folder == "" or Path(folder).is_relative_to(home.root)


def test_times_are_shown_in_utc(connection: duckdb.DuckDBPyConnection) -> None:
    assert connection.execute("select current_setting('TimeZone')").fetchone() == ("UTC",)


@pytest.mark.usefixtures("daily")
def test_two_readers_read_at_once(home: Home) -> None:
    with published.connect(home) as first, published.connect(home) as second:
        for connection in (first, second):
            assert connection.execute("select value from kpi.kpi_value").fetchall() == [(601,)]


def test_the_current_build_is_resolved_once(home: Home, daily: Path) -> None:
    found = published.current(home, published.DAILY)
    assert found == daily.resolve()
    assert "current" not in found.parts


def test_a_home_with_a_quote_in_its_name_is_read(tmp_path: Path) -> None:
    home = Home(tmp_path / "l'accueil")
    write_copy(home, TABLES)
    with published.connect(home) as connection:
        assert connection.execute("select value from kpi.kpi_value").fetchall() == [(601,)]


def test_an_open_copy_leaves_no_file_beside_it(home: Home, daily: Path) -> None:
    with published.connect(home) as connection:
        connection.execute("select * from kpi.kpi_value").fetchall()
        assert [path.name for path in daily.parent.iterdir()] == [daily.name]
