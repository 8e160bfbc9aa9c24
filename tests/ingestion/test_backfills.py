"""Backfills as Dagster runs them, in processes of their own: one is killed and gone on with, two ask for the same."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import dagster as dg
import pytest

from assets.raw.backfills import key
from core import settings
from core.settings import Home
from ingestion.engine.loading import load_window
from ingestion.engine.windows import Window
from ingestion.platforms import platform
from orchestration import instance
from orchestration.run_monitoring import reap
from tests.ingestion import every_connector, killing
from tests.ingestion.conftest import FIRST_TODAY, Sandbox

pytestmark = pytest.mark.long

PLATFORM = "audience"
MONTHS = ["2025-01-01", "2025-02-01", "2025-03-01"]
PATIENCE_SECONDS = 300

BACKFILL = """
import sys
import dagster as dg
from assets.raw.backfills import backfills
from orchestration import instance

[asset] = [backfill for backfill in backfills if backfill.op.name == f"{sys.argv[1]}_months"]
first, last = sys.argv[2:]
tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
with instance.get() as home:
    sys.exit(not dg.materialize([asset], instance=home, tags=tags, raise_on_error=False).success)
"""


@pytest.fixture
def history(sandbox: Sandbox, home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:  # noqa: ARG001
    monkeypatch.setenv("CYBERIMPACT_HTTP_READ_SECONDS", "60")
    with instance.get() as opened:
        yield opened


def start(first: str, last: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", BACKFILL, PLATFORM, first, last]
    return subprocess.Popen(command, cwd=settings.CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def loaded(history: dg.DagsterInstance) -> set[str]:
    return history.get_materialized_partitions(key(platform(PLATFORM)))


def wait_for(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it does not come to that"
        time.sleep(0.05)


def content() -> dict[str, list[tuple]]:
    return {
        table.name: killing.ask(PLATFORM, f"select {table.key}, _content_hash from {table.name} order by all")
        for table in every_connector.contract(PLATFORM)
    }


def test_a_backfill_that_is_killed_goes_on_with_what_is_missing(history, monkeypatch, tmp_path):
    with start(MONTHS[0], MONTHS[-1]) as process:
        wait_for(lambda: loaded(history) or process.poll() is not None)
        process.kill()
    done = loaded(history)
    assert {MONTHS[0]} <= done < {*MONTHS}, "it was to be killed between two months"
    wait_for(lambda: reap(history))
    [run] = history.get_runs()
    assert run.status is dg.DagsterRunStatus.FAILURE
    missing = [month for month in MONTHS if month not in done]
    with start(missing[0], missing[-1]) as process:
        assert process.wait(PATIENCE_SECONDS) == 0
    assert loaded(history) == {*MONTHS}
    assert killing.contradictions(PLATFORM) == {}
    found = content()
    monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "undisturbed"))
    for _ in load_window(PLATFORM, Window(FIRST_TODAY.replace(month=1, day=1), FIRST_TODAY)):
        pass
    assert found == content()


def test_of_two_backfills_of_the_same_month_the_second_waits_and_changes_nothing(history):
    with start(MONTHS[0], MONTHS[0]) as one, start(MONTHS[0], MONTHS[0]) as other:
        assert (one.wait(PATIENCE_SECONDS), other.wait(PATIENCE_SECONDS)) == (0, 0)
    records = history.fetch_materializations(key(platform(PLATFORM)), limit=10).records
    second, first = ({n: v.value for n, v in r.asset_materialization.metadata.items()} for r in records)
    assert first["rows_new"] == first["rows_read"] > 0
    assert (second["rows_new"], second["rows_updated"], second["rows_unchanged"]) == (0, 0, first["rows_read"])
