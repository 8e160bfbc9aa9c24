"""What a publication records about the platform comes from a real instance, and never stops the publication."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.bi import access_log
from assets.serving import publication_metadata
from core.settings import Home

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
        rows = publication_metadata.runs(instance, NOW - timedelta(days=1))
        assert publication_metadata.runs(instance, NOW + timedelta(days=1)) == []
    assert [(row["job"], row["status"]) for row in rows] == [("bad", "FAILURE"), ("good", "SUCCESS")]
    assert all(row["started_at"] <= row["ended_at"] for row in rows)


@dg.asset
def table() -> int:
    return 1


@dg.asset_check(asset=table)
def complete() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.asset_check(asset=table)
def plausible() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)


@dg.asset_check(asset=table, blocking=True)
def sound() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False)


def test_every_evaluation_of_a_check_is_told_also_of_a_failed_run() -> None:
    keys = [dg.AssetCheckKey(table.key, name) for name in ("sound", "plausible", "complete", "never_evaluated")]
    graph = dg.Definitions([table], asset_checks=[complete, plausible, sound], jobs=[dg.define_asset_job("all_of_it")])
    with dg.DagsterInstance.ephemeral() as instance:
        first, second = (
            graph.resolve_job_def("all_of_it").execute_in_process(instance=instance, raise_on_error=False).run_id
            for _ in range(2)
        )
        rows = publication_metadata.evaluations(instance, keys, NOW - timedelta(days=1))
        assert publication_metadata.evaluations(instance, keys, NOW + timedelta(days=1)) == []
    assert [(row["check_name"], row["status"], row["run_id"]) for row in rows] == [
        ("complete", "pass", second),
        ("complete", "pass", first),
        ("plausible", "warn", second),
        ("plausible", "warn", first),
        ("sound", "fail", second),
        ("sound", "fail", first),
    ]
    assert {row["asset"] for row in rows} == {"table"}
    assert all(NOW.replace(tzinfo=None) <= row["evaluated_at"] for row in rows)


@dg.asset_check(asset=table, name="rules")
def of_dbt() -> dg.AssetCheckResult:
    ended = {"unique_day": "pass", "not_null_day": "warn", "relationships_day": "fail", "known_day": "error"}
    return dg.AssetCheckResult(passed=False, metadata={"rules": ended})


def test_each_rule_of_a_check_is_told() -> None:
    graph = dg.Definitions([table], asset_checks=[of_dbt], jobs=[dg.define_asset_job("all_of_it")])
    with dg.DagsterInstance.ephemeral() as instance:
        graph.resolve_job_def("all_of_it").execute_in_process(instance=instance, raise_on_error=False)
        keys = [dg.AssetCheckKey(table.key, "rules")]
        rows = publication_metadata.evaluations(instance, keys, NOW - timedelta(days=1))
    assert {(row["asset"], row["check_name"], row["status"]) for row in rows} == {
        ("table", "unique_day", "pass"),
        ("table", "not_null_day", "warn"),
        ("table", "relationships_day", "fail"),
        ("table", "known_day", "fail"),
    }


def test_the_checks_are_those_of_the_whole_graph() -> None:
    names = {(key.asset_key.to_user_string(), key.name) for key in publication_metadata.checks()}
    assert ("raw/app_stores/reviews", "quarantine_is_empty") in names
    assert ("audit/archived_load", "rules") in names


def test_a_log_that_cannot_be_read_stops_nothing(home: Home) -> None:
    home.superset.mkdir(parents=True)
    with closing(sqlite3.connect(home.superset / access_log.DATABASE)) as connection:
        connection.execute("create table half_migrated (id integer)")
    assert publication_metadata.access_rows(dg.build_asset_context(), NOW) == []
