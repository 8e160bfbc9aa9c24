"""Spark as the engine, on a master and two workers: the tables of DuckDB, also when a worker dies in the middle."""

import itertools
import os
import shutil
import signal
import time
from pathlib import Path

import duckdb
import pytest

from core.settings import Home
from tests.spark.engines import WORKER, Engine, processes
from warehouse.comparison import Comparison

pytestmark = pytest.mark.long

#: KPIs of both platforms, a median and shares among them, with all that they are made of.
KPIS = ("kpi_pre_complaints", "kpi_pre_complaint_duration_median", "kpi_response_time_median", "kpi_positive_share")

#: Tell when something was built or asked; the moment is another one for each build.
CLOCKED = {"audit.build_status", "audit.build_fingerprint", "audit.freshness"}


def models_built(engine: Engine) -> int:
    lake = engine.home.lake / "daily"
    return len([success for success in lake.glob("*/*/_SUCCESS") if success.parts[-3] != "taken_in"])


def built_by_both(
    loaded: Home, cluster: Engine, tmp_path: Path, *selected: str, killed_after: int
) -> tuple[Engine, Engine]:
    """Build the same home with DuckDB and with Spark, one of whose workers dies once it has built some models."""
    duck, spark = (Engine(name, Home(tmp_path / name), cluster.environment) for name in ("duckdb", "spark"))
    for home in (duck.home, spark.home):
        shutil.copytree(loaded.root, home.root)
    duck.run("build", "--daily", *selected)
    former = processes(cluster.home, WORKER)
    assert len(former) == 2
    build = spark.start("build", "--daily", *selected)
    while models_built(spark) < killed_after and build.poll() is None:
        time.sleep(0.5)
    os.kill(former[0], signal.SIGKILL)
    code, output = Engine.end(build)
    assert code == 0, output
    return duck, spark


def test_kpis_of_two_platforms_are_equal_though_a_worker_is_killed(
    loaded: Home, cluster: Engine, tmp_path: Path
) -> None:
    select = " ".join(f"+{name}" for name in KPIS)
    duck, spark = built_by_both(loaded, cluster, tmp_path, "--select", select, killed_after=10)
    comparison = Comparison(duck.home.warehouse, spark.home.warehouse)
    assert {("kpi", name) for name in KPIS} <= set(comparison.tables())
    compared = [name for name in comparison.tables() if ".".join(name) not in CLOCKED]
    assert [str(found) for name in compared if (found := comparison.difference(*name))] == []
    assert min(comparison.rows("kpi", name) for name in KPIS) > 0


#: Ten minutes on two cores, most of them Spark's: `make proof` has the time for it.
@pytest.mark.proof
def test_two_platforms_are_built_alike_though_a_worker_is_killed(loaded: Home, cluster: Engine, tmp_path: Path) -> None:
    duck, spark = built_by_both(loaded, cluster, tmp_path, killed_after=60)
    spark.run("publish", "--daily")
    spark.run("audit", "verify")

    comparison = Comparison(duck.home.warehouse, spark.home.warehouse)
    compared = [name for name in comparison.tables() if ".".join(name) not in CLOCKED]
    assert comparison.absent() == []
    assert [str(found) for name in compared if (found := comparison.difference(*name))] == []
    assert comparison.rows("kpi", "kpi_value") > 100
    with duckdb.connect(str(spark.home.warehouse), read_only=True) as connection:
        kinds = connection.execute("select count(*) from duckdb_views() where schema_name = 'kpi'").fetchone()
    assert kinds != (0,), "the file shows what lies in the lake"


@pytest.mark.proof
def test_a_home_goes_to_spark_and_back_and_publishes_the_same(loaded: Home, cluster: Engine, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(loaded.root, home.root)
    copies = []
    for name in ("duckdb", "spark", "duckdb"):
        engine = Engine(name, home, cluster.environment)
        engine.run("build", "--daily")
        engine.run("publish", "--daily")
        copies.append((home.published / "daily" / "current" / "serving.duckdb").resolve())
    assert len(set(copies)) == len(copies)
    for former, later in itertools.pairwise(copies):
        assert engine.run("engine", "compare", former, later).splitlines()[-1] == "All are equal."
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        shown = connection.execute("select count(*) from duckdb_views() where sql like '%read_parquet%'").fetchone()
    assert shown == (0,), "nothing of the lake is read any more"
