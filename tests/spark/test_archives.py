"""What cannot be made again outlives its driver: killed in the middle, no row is lost and none is there twice."""

import os
import random
import signal
import time
from pathlib import Path

import duckdb
import pytest

from tests.spark.engines import DRIVER, Engine, processes

pytestmark = [pytest.mark.long, pytest.mark.proof]

KILLS = 20
NEW_ROWS = 40_000
MODEL = """
{{ config(materialized='archive', unique_key='key', full_refresh=false) }}
select key, place, load_id from parquet.`FOLDER/brought`
"""
CONTRACT = """
models:
  - name: kept
    config: {contract: {enforced: true}}
    columns:
      - {name: key, data_type: bigint}
      - {name: place, data_type: string}
      - {name: load_id, data_type: int}
"""


@pytest.fixture
def project(small_project: Path) -> Path:
    for name, content in {"kept.sql": MODEL, "kept.yml": CONTRACT}.items():
        (small_project / "models" / name).write_text(content.replace("FOLDER", str(small_project)))
    return small_project


def bring(known: duckdb.DuckDBPyConnection, folder: Path, load: int) -> None:
    """Leave the rows that the next build finds, new ones and others for a third of the former; note what is to be."""
    last = load * NEW_ROWS
    known.execute(
        "create or replace temp table brought as"
        f" select key, 'FR-' || (key * {load + 7} % 96) as place, {load} as load_id"
        f" from range({last + NEW_ROWS}) as keys(key) where key >= {last} or key % 3 = {load % 3}"
    )
    known.execute(f"copy brought to '{folder}/brought/rows.parquet' (format parquet)")
    known.execute("insert or replace into expected from brought")


def test_twenty_drivers_are_killed_in_the_middle(cluster: Engine, project: Path) -> None:
    variables = {"DBT_PROJECT_DIR": str(project), "DBT_PROFILES_DIR": str(project)}
    line = Engine("spark", cluster.home, cluster.environment | variables)
    known = duckdb.connect(":memory:")
    known.execute("create table expected (key bigint primary key, place varchar, load_id int)")
    versions = f"read_parquet('{project}/lake/kept/kept__versions/*.parquet')"
    chance = random.Random(22)

    bring(known, project, 0)
    line.run("run", program="dbt")
    began = time.monotonic()
    line.run("run", program="dbt")
    seconds, interrupted = time.monotonic() - began, 0
    for load in range(1, KILLS + 1):
        bring(known, project, load)
        build = line.start("run", program="dbt")
        time.sleep(seconds * chance.uniform(0.4, 1))
        [driver] = processes(cluster.home, DRIVER)
        os.kill(driver, signal.SIGKILL)
        interrupted += Engine.end(build)[0] != 0
        cluster.run("cluster")
        line.run("run", program="dbt")

        newest = f"from {versions} qualify row_number() over (partition by key order by archived_by_build desc) = 1"
        shown = f"select key, place, load_id {newest}"
        assert (
            known.sql(f"(from expected except ({shown})) union all (({shown}) except from expected)").fetchall() == []
        )
        twice = f"select count(*) - count(distinct (key, load_id)) from {versions}"
        assert known.sql(twice).fetchall() == [(0,)]
    assert interrupted > KILLS / 2, "most drivers died while they built"
