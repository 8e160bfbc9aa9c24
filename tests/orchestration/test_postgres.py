"""Dagster's runs, events and schedules on PostgreSQL, where the setting names a database."""

import itertools
import os
import subprocess
from pathlib import Path

import dagster as dg
import pytest
import yaml

from cli import supervisor
from core import settings
from core.errors import ExpectedFailure
from core.settings import Home
from orchestration import instance
from tests.e2e.line import wait_for

ADDRESS = "postgresql://dagster:secret-word@db.example:5432/dagster"

LOCATION = """
import time
import dagster as dg

@dg.asset(pool="warehouse")
def table():
    began = time.time()
    time.sleep(3)
    return dg.MaterializeResult(metadata={"began": began, "ended": time.time()})

job = dg.define_asset_job("build", "*")
schedule = dg.ScheduleDefinition(
    name="minutely", job=job, cron_schedule="* * * * *", default_status=dg.DefaultScheduleStatus.RUNNING
)
defs = dg.Definitions([table], jobs=[job], schedules=[schedule], executor=dg.in_process_executor)
"""


def settings_of(home: Home) -> Path:
    return home.dagster / "dagster.yaml"


def test_the_password_is_in_no_file(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_DAGSTER_DATABASE", ADDRESS)
    instance.prepare()
    text = settings_of(home).read_text()
    assert "secret-word" not in text
    given, ours = yaml.safe_load(text), yaml.safe_load((settings.CODE / "orchestration" / "dagster.yaml").read_text())
    assert given.pop("storage") == {"postgres": {"postgres_url": {"env": "CYBERIMPACT_DAGSTER_DATABASE"}}}
    del ours["event_log_storage"]
    assert given == ours


def test_back_to_files(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_DAGSTER_DATABASE", ADDRESS)
    instance.prepare()
    assert not settings_of(home).is_symlink()
    monkeypatch.delenv("CYBERIMPACT_DAGSTER_DATABASE")
    instance.prepare()
    assert settings_of(home).readlink() == settings.CODE / "orchestration" / "dagster.yaml"


@pytest.mark.parametrize("address", ["dagster", "mysql://u:secret-word@h/d", "postgresql://u:secret-word@h"])
def test_another_address_is_refused_without_its_password(
    home: Home,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    address: str,
) -> None:
    monkeypatch.setenv("CYBERIMPACT_DAGSTER_DATABASE", address)
    with pytest.raises(ExpectedFailure, match="CYBERIMPACT_DAGSTER_DATABASE") as refused:
        instance.prepare()
    assert "secret-word" not in str(refused.value)


@pytest.mark.long
@pytest.mark.usefixtures("dagster_database")
def test_a_daemon_schedules_queues_and_runs_one_after_the_other(home: Home, tmp_path: Path) -> None:
    location = tmp_path / "location.py"
    location.write_text(LOCATION)
    instance.prepare()
    where = ["-f", str(location)]
    with instance.get() as history, (tmp_path / "daemon.log").open("w") as log:
        history.event_log_storage.set_concurrency_slots("warehouse", 1)
        daemon = subprocess.Popen(
            [supervisor.BIN / "dagster-daemon", "run", *where], env=os.environ, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            for _ in range(2):
                command = [supervisor.BIN / "dagster", "job", "launch", *where, "-j", "build"]
                subprocess.run(command, env=os.environ, capture_output=True, check=True)
            wait_for(lambda: len(history.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]))) >= 3, 180)
            assert any(run.tags.get("dagster/schedule_name") == "minutely" for run in history.get_runs())
        finally:
            daemon.terminate()
            daemon.wait(60)
        found = history.fetch_materializations(dg.AssetKey("table"), limit=3).records
        spans = sorted(
            (metadata["began"].value, metadata["ended"].value)
            for record in found
            if (metadata := record.asset_materialization and record.asset_materialization.metadata)
        )
    assert len(spans) == 3
    assert all(ended <= began for (_, ended), (began, _) in itertools.pairwise(spans)), "the pool has one slot"
    assert not (home.dagster / "history").exists(), "nothing is kept in files"
