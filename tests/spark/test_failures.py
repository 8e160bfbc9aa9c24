"""What goes wrong with a cluster ends in a sentence and its remedy, on real processes."""

import json
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings import Home
from tests.spark.engines import DRIVER, WORKER, Engine, children, free_ports, processes

pytestmark = pytest.mark.long

SEEDS = ("build", "--daily", "--select", "resource_type:seed")
ONE_SEED = ("build", "--daily", "--select", "regions")

#: Statements, each with a line of what the adapter says of it.
STATEMENTS = """
import sys
from dbt_common.exceptions import DbtRuntimeError
from warehouse.spark.adapter import LakeCursor
for statement in sys.argv[1:]:
    try:
        cursor = LakeCursor()
        cursor.execute(statement)
        print("done", cursor.fetchall())
    except DbtRuntimeError as failure:
        print(" ".join(str(failure).split()))
"""
#: As Spark does with a session that nobody has asked for an hour.
CLOSED = """
from warehouse.spark.session import living_session, session
living_session().client.release_session()
session.cache_clear()
print(living_session().sql("select 2 as number").collect())
"""
OTHER_VERSION = """
import pyspark
pyspark.__version__ = "4.2.0"
from core.errors import ExpectedFailure
from warehouse.spark.session import session
try:
    session()
except ExpectedFailure as failure:
    print(failure)
"""


@pytest.fixture(scope="module")
def line(cluster: Engine, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """An empty home on the cluster."""
    return Engine("spark", Home(tmp_path_factory.mktemp("failures") / "home"), cluster.environment)


def said_of(line: Engine, *statements: str) -> list[str]:
    return line.run("-c", STATEMENTS, *statements, program="python").splitlines()


def tags_of_last_run(home: Home) -> dict[str, str]:
    """Return the tags of the run that was recorded last."""
    [file] = home.dagster.rglob("runs.db")
    with sqlite3.connect(file) as connection:
        query = "select key, value from run_tags where run_id = (select run_id from runs order by id desc limit 1)"
        return dict(connection.execute(query).fetchall())


def test_a_driver_that_is_not_there(line: Engine) -> None:
    alone = Engine("spark", line.home, free_ports())
    code, output = Engine.end(alone.start(*ONE_SEED))
    assert code != 0
    assert "No Spark driver answers at sc://127.0.0.1:" in output
    assert "make cluster" in output
    assert "Traceback" not in output
    tags = tags_of_last_run(line.home)
    assert (tags["failure"], "try_again_at" in tags) == ("transient", True)


def test_a_value_that_its_type_cannot_hold_and_files_that_are_no_longer_there(line: Engine) -> None:
    table = line.home.lake / "daily" / "kpi" / "kpi_trial"
    written = f"create table trial.kpi_trial using parquet location '{table}' as select id from range(10)"
    good = said_of(line, "create database if not exists trial", written, "select count(*) from trial.kpi_trial")
    assert good[-1] == "done [Row(count(1)=10)]"
    for file in table.glob("*.parquet"):
        file.write_bytes(b"changed by hand")
    cast, changed, place = said_of(
        line,
        "create table trial.bad using parquet as select cast('abc' as bigint) as number",
        "select sum(id) from trial.kpi_trial",
        "create table trial.elsewhere using parquet location '/proc/nowhere' as select 1 as number",
    )
    assert "[CAST_INVALID_INPUT]" in cast
    assert "stacktrace" not in cast.lower()
    assert "A file of the table kpi.kpi_trial is missing or is no longer what Spark wrote." in changed
    assert "cyberimpact build --full" in changed
    assert "Spark may not write the lake" in place


def test_a_session_that_was_closed_is_begun_anew(line: Engine) -> None:
    assert line.run("-c", CLOSED, program="python").splitlines()[-1] == "[Row(number=2)]"


def test_another_version_of_spark(line: Engine) -> None:
    said = line.run("-c", OTHER_VERSION, program="python")
    assert "this environment has 4.2.0" in said
    assert "make lock" in said


@pytest.mark.proof
def test_a_driver_that_is_killed_in_the_middle_of_a_build_and_two_builds_after_it(
    cluster: Engine, line: Engine
) -> None:
    build = line.start(*SEEDS)
    seeds = line.home.lake / "daily" / "reference"
    while not any(seeds.glob("*/*.parquet")) and build.poll() is None:
        time.sleep(0.1)
    [driver] = processes(cluster.home, DRIVER)
    os.kill(driver, signal.SIGKILL)
    code, output = Engine.end(build)
    assert code != 0
    assert output.count("The Spark driver was lost") == 1, output
    assert "StatusCode" not in output
    assert "Traceback" not in output
    assert tags_of_last_run(line.home)["failure"] == "transient"

    cluster.run("cluster")  # the supervisor has started it anew; this waits until it serves
    ended = [Engine.end(process) for process in [line.start(*SEEDS), line.start(*ONE_SEED)]]
    assert [code for code, _ in ended] == [0, 0], ended
    tags = tags_of_last_run(line.home)
    assert tags["engine"] == "spark"
    assert tags["spark_application"] == f"http://127.0.0.1:{line.environment['CYBERIMPACT_SPARK_UI_PORT']}"


@pytest.fixture
def worker_without_executor(cluster: Engine) -> Iterator[None]:
    """One worker has lost its executor and starts no other."""
    worker = processes(cluster.home, WORKER)[0]
    os.kill(worker, signal.SIGSTOP)
    for executor in children(worker):
        os.kill(executor, signal.SIGKILL)
    yield
    os.kill(worker, signal.SIGKILL)  # the supervisor starts it anew


def test_doctor_finds_a_whole_cluster(line: Engine) -> None:
    assert findings(line)["Spark workers"]["detail"].startswith("2 executors with 2 cores")


@pytest.mark.usefixtures("worker_without_executor")
def test_doctor_knows_the_cluster_and_counts_its_workers(line: Engine) -> None:
    until = time.monotonic() + 60
    while (found := findings(line))["Spark workers"]["state"] == "ok" and time.monotonic() < until:
        time.sleep(1)
    workers = found["Spark workers"]
    assert workers["detail"].startswith("1 executors with 1 cores")
    assert (workers["state"], "make cluster" in workers["remedy"]) == ("late", True)
    for subject in ("Java", "lake", "Spark driver", "lake of the workers", "Python of the workers"):
        assert found[subject]["state"] == "ok", found[subject]


def findings(line: Engine) -> dict[str, dict[str, str]]:
    _, output = Engine.end(line.start("doctor", "--json"))
    print(output)
    return {finding["subject"]: finding for finding in json.loads(output[output.index("[\n") :])}


def test_a_lake_that_cannot_be_written_ends_the_build_before_it_begins(
    cluster: Engine, line: Engine, tmp_path: Path
) -> None:
    other = Engine("spark", Home(tmp_path / "home"), cluster.environment)
    other.home.root.mkdir()
    shutil.copytree(line.home.dbt_target.parent, other.home.dbt_target.parent)
    other.home.lake.write_text("no folder")
    code, output = Engine.end(other.start(*ONE_SEED))
    assert code != 0
    assert f"The lake {other.home.lake} cannot be written: File exists." in output
    assert "Traceback" not in output
