"""What the platform tells a publication of itself is told from a real instance, and never stops the publication."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.bi import accesses
from assets.serving import annexes
from ingestion.settings import Home

NOW = datetime.now(UTC)


@dg.op
def work() -> None:
    pass


@dg.op
def fail() -> None:
    raise dg.Failure(description="it failed")


@dg.job
def good() -> None:
    work()


@dg.job
def bad() -> None:
    fail()


def test_runs_are_told_with_their_end() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        good.execute_in_process(instance=instance)
        bad.execute_in_process(instance=instance, raise_on_error=False)
        rows = annexes.runs(instance, NOW - timedelta(days=1))
        assert annexes.runs(instance, NOW + timedelta(days=1)) == []
    assert [(row["job"], row["status"]) for row in rows] == [("bad", "FAILURE"), ("good", "SUCCESS")]
    assert all(row["started_at"] <= row["ended_at"] for row in rows)


def test_a_log_that_cannot_be_read_stops_nothing(home: Home) -> None:
    home.superset.mkdir(parents=True)
    with closing(sqlite3.connect(home.superset / accesses.DATABASE)) as connection:
        connection.execute("create table half_migrated (id integer)")
    assert annexes.told_accesses(dg.build_asset_context(), NOW) == []
