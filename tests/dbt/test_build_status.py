"""What a build leaves in `audit.build_status`, whichever way it ends, and that one process at a time may build."""

import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from core.locks import writer_lock
from core.settings import Home
from tests.dbt import citizens, raw
from tests.dbt.conftest import Built, dbt
from warehouse import dbt_project, staleness

GREEN = {"success", "pass", "warn"}
#: Unit tests leave no row in the build status.
BUILD = ("build", "--exclude-resource-type", "unit_test")


def states(warehouse: Path) -> dict[str, str]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return dict(connection.execute("select name, status from audit.build_status").fetchall())


def test_a_build_leaves_one_row_for_every_node_of_its_target(built: Built) -> None:
    live = {uid for uid, node in built.manifest["nodes"].items() if "live" in node["tags"]}
    assert live
    nodes = {
        uid: node["name"]
        for uid, node in built.manifest["nodes"].items()
        if node["resource_type"] in ("model", "seed", "test", "snapshot")
        and live.isdisjoint([uid, *node["depends_on"].get("nodes", [])])
    }
    rows = built.rows("select unique_id, name, status, invocation_id, finished_at from audit.build_status")
    assert {row[0]: row[1] for row in rows} == nodes
    assert staleness.tracked(built.manifest).keys() == nodes.keys()
    assert {row[2] for row in rows} <= GREEN
    assert {row[3] for row in rows} == {built.manifest["metadata"]["invocation_id"]}
    assert all(row[4] for row in rows)


@pytest.mark.long
def test_failures_are_recorded_and_hold_up_nothing(home: Home) -> None:
    """A feeling that no contract knows fails the check of staging; what reads it is built, and its KPIs held back."""
    rows = citizens.experiences(seed=1, count=20)
    raw.create(experiences=[*rows, rows[0] | {"id_experience": "bad", "ressenti_usager": "Furieux"}])

    dbt(*BUILD, "--select", "+fct_experience_theme")

    found = states(home.warehouse)
    assert found["stg_services_publics_plus__experience"] == "success"
    assert found["accepted_values_stg_services_publics_plus__experience_feeling__positif__neutre__n_gatif"] == "fail"
    assert found["fct_experience"] == found["fct_experience_theme"] == "success"
    assert "dim_period" not in found, "a node that was not selected and reads nothing rebuilt has no row"

    assert_that_rebuilding_without_checking_leaves_the_checks_pending(home)


def assert_that_rebuilding_without_checking_leaves_the_checks_pending(home: Home) -> None:
    """A later check settles them; nodes that the project no longer has are forgotten, what other builds left stays."""
    gone = "('model.cyberimpact.gone', 'model', 'gone', 'error', 'x', null)"
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(f"insert into audit.build_status values {gone}")
        connection.execute("alter table audit.build_status rename to build_node")  # as 0.1.0 leaves a warehouse
        connection.execute("create schema kpi; create table kpi.kpi_reading as select 1 as value")

    assert dbt("seed", "--select", "regions").returncode == 0
    found = states(home.warehouse)
    assert found["regions"] == "success"
    assert found["unique_regions_region_code"] == "pending"
    assert found["fct_experience"] == "success"
    assert "gone" not in found
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        kept = connection.execute(
            "select table_name from duckdb_tables() where schema_name in ('kpi', 'audit')"
        ).fetchall()
    assert {name for (name,) in kept} == {"build_status", "build_fingerprint", "held_back"}, (
        "nothing stays under a former name"
    )

    assert dbt("test", "--select", "unique_regions_region_code").returncode == 0
    assert states(home.warehouse)["unique_regions_region_code"] == "pass"


@pytest.mark.long
def test_a_killed_build_shows_and_the_next_one_completes(home: Home) -> None:
    raw.create_empty()
    raw.create(experiences=citizens.experiences(seed=2, count=20), load_log=[citizens.load()])
    killed = subprocess.Popen(
        [dbt_project.DBT, "--no-use-colors", *BUILD],
        env=os.environ | dbt_project.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert killed.stdout
    next(line for line in killed.stdout if "OK created" in line)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdout.close()

    assert Counter(states(home.warehouse).values()).keys() == {"running"}, "no node is known to have ended"
    assert dbt(*BUILD).returncode == 0
    assert set(states(home.warehouse).values()) <= GREEN


@pytest.mark.long
def test_dbt_waits_for_the_writer_and_names_it(home: Home) -> None:
    """A build waits while another process writes; parsing and listing do not."""
    raw.create()
    with writer_lock(home.warehouse):
        assert dbt("list", "--resource-type", "seed").returncode == 0
        waiting = subprocess.Popen(
            [dbt_project.DBT, "--no-use-colors", "seed", "--select", "platforms"],
            env=os.environ | dbt_project.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stderr
        message = waiting.stderr.readline()
        assert "warehouse.duckdb is being written by" in message
        assert f"process {os.getpid()}" in message
        assert waiting.poll() is None
        with duckdb.connect(str(home.warehouse)) as connection:
            connection.execute("create table mine as select 1 as one")
    output, _ = waiting.communicate()
    assert waiting.returncode == 0, output
    assert states(home.warehouse)["platforms"] == "success"
