"""Spark as the engine, on a master and two workers: the tables of DuckDB, also when a worker dies in the middle."""

import itertools
import json
import os
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from core.settings import Home
from tests.ingestion.engine.test_columnar import json_lines, mention, parquet
from tests.spark.engines import WORKER, Engine, processes
from warehouse import dbt_project
from warehouse.comparison import Comparison

pytestmark = pytest.mark.long

#: Built with all that they are made of, from raw tables: counts, and a median.
KPIS = ("kpi_experiences", "kpi_pre_complaints", "kpi_pre_complaint_duration_median")
#: Tell when something was built or asked; the moment is another one for each build.
CLOCKED = {"audit.build_status", "audit.build_fingerprint", "audit.freshness", "signals.live_state"}


def models_built(engine: Engine) -> int:
    lake = engine.home.lake / "daily"
    return len([success for success in lake.glob("*/*/_SUCCESS") if success.parts[-3] != "taken_in"])


def engines(loaded: Home, cluster: Engine, folder: Path) -> tuple[Engine, Engine]:
    """Return both engines, each with a copy of a home that is loaded."""
    duck, spark = (Engine(name, Home(folder / name), cluster.environment) for name in ("duckdb", "spark"))
    for home in (duck.home, spark.home):
        shutil.copytree(loaded.root, home.root)
    return duck, spark


def build_without_a_worker(cluster: Engine, engine: Engine, command: Sequence[str], models: int) -> None:
    """Build, and kill one of the two workers once some models are done."""
    former = processes(cluster.home, WORKER)
    assert len(former) == 2
    build = engine.start(*command)
    while models_built(engine) < models and build.poll() is None:
        time.sleep(0.5)
    os.kill(former[0], signal.SIGKILL)
    code, output = Engine.end(build)
    cluster.run("cluster")
    assert code == 0, output


def differences(duck: Engine, spark: Engine) -> list[str]:
    """Return the tables that only one engine has built, and those that differ."""
    comparison = Comparison(duck.home.warehouse, spark.home.warehouse)
    compared = [name for name in comparison.tables() if ".".join(name) not in CLOCKED]
    assert comparison.rows("kpi", KPIS[0]) > 0
    found = [str(difference) for name in compared if (difference := comparison.difference(*name))]
    return [*map(str, comparison.absent()), *found]


def test_kpis_of_two_platforms_are_built_alike_though_a_worker_is_killed(
    loaded: Home, cluster: Engine, tmp_path: Path
) -> None:
    duck, spark = engines(loaded, cluster, tmp_path)
    chosen = [f"+{kpi}" for kpi in KPIS]
    build = [
        "dbt",
        "build",
        "--target",
        "daily",
        "--resource-type",
        "model",
        "--resource-type",
        "seed",
        "--select",
        *chosen,
    ]
    duck.run(*build)
    build_without_a_worker(cluster, spark, build, models=12)
    assert differences(duck, spark) == []


@pytest.mark.proof
def test_two_platforms_are_built_alike_though_a_worker_is_killed(loaded: Home, cluster: Engine, tmp_path: Path) -> None:
    duck, spark = engines(loaded, cluster, tmp_path)
    duck.run("build", "--daily")
    build_without_a_worker(cluster, spark, ["build", "--daily"], models=60)
    spark.run("publish", "--daily")
    spark.run("audit", "verify")
    assert differences(duck, spark) == []
    with duckdb.connect(str(spark.home.warehouse), read_only=True) as connection:
        kinds = connection.execute("select count(*) from duckdb_views() where schema_name = 'kpi'").fetchone()
    assert kinds != (0,), "the file shows what lies in the lake"


@pytest.mark.proof
def test_mentions_are_read_alike_at_first_and_when_more_come(cluster: Engine, tmp_path: Path) -> None:
    """What texts are about is read in executors, the second time of those that came since and those that changed."""
    variables = cluster.environment | {"CYBERIMPACT_PSEUDONYM_KEY": "cle-du-test"}
    duck, spark = (Engine(name, Home(tmp_path / name), variables) for name in ("duckdb", "spark"))
    places = ("à Bordeaux", "près de Brest", "dans le Nord", "")
    for first in (0, 2_000):
        rows = [
            mention(number, text=f"{('Crue', 'Faux gendarmes', 'Merci')[number % 3]} {places[number % 4]}, n° {number}")
            for number in range(first, first + 3_000)
        ]
        duck.run("load", "listening", "--file", parquet(tmp_path, rows))
        if first:
            copy_raw(duck.home.live, spark.home.live)
        else:
            shutil.copytree(duck.home.root, spark.home.root)
        for engine in (duck, spark):
            engine.run("build", "--live")
        comparison = Comparison(duck.home.live, spark.home.live)
        compared = [name for name in comparison.tables() if ".".join(name) not in CLOCKED]
        assert comparison.absent() == []
        assert [str(found) for name in compared if (found := comparison.difference(*name))] == []
        assert comparison.rows("signals", "live_mention_subject") >= 2 * (first + 3_000)


def copy_raw(source: Path, target: Path) -> None:
    """Give a file the raw mentions of another, with the ids of their loads."""
    with duckdb.connect(str(target)) as connection:
        connection.execute(f"attach '{source}' as source (read_only)")
        query = (
            "select table_name from duckdb_tables() where (database_name, schema_name) = ('source', 'raw_listening')"
        )
        for (name,) in connection.execute(query).fetchall():
            table = f'raw_listening."{name}"'
            connection.execute(f"delete from {table}; insert into {table} by name from source.{table}")


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


@pytest.mark.proof
@pytest.mark.parametrize("target", [dbt_project.DAILY, dbt_project.LIVE])
def test_every_unit_test_passes(cluster: Engine, tmp_path: Path, target: str) -> None:
    """Of a home with one mention: what a unit test is not given, seeds and tables made of them hold."""
    line = Engine("spark", Home(tmp_path / "home"), cluster.environment)
    line.run("load", "listening", "--file", json_lines(tmp_path, [mention(1)]))
    line.run("build", f"--{target}")
    line.run("dbt", "test", "--target", target, "--exclude-resource-type", "test")
    manifest, results = (
        json.loads((line.home.dbt_target / file).read_bytes()) for file in ("manifest.json", "run_results.json")
    )
    of_target = dbt_project.built(manifest, target)
    declared = {
        uid for uid, test in manifest["unit_tests"].items() if not of_target.isdisjoint(test["depends_on"]["nodes"])
    }
    ended = {found["unique_id"]: found["status"] for found in results["results"]}
    assert {uid: status for uid, status in ended.items() if uid.startswith("unit_test.")} == dict.fromkeys(
        declared, "pass"
    )
    assert declared
