"""Each kind of failure is found once, and a load that may succeed later is tried again before anybody hears of it."""

import asyncio
import shutil
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from dagster._core.definitions.freshness_evaluator import CronFreshnessPolicyEvaluator
from dagster._core.loader import LoadingContextForTest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.test_utils import create_run_for_test, freeze_time
from dagster._daemon.types import DaemonHeartbeat
from dagster._utils.error import SerializableErrorInfo

from assets.failures import RETRY_NUMBER, TRANSIENT, TRY_AGAIN_AT, ending_the_try
from assets.serving.copies import FRESHNESS
from core.clock import PARIS, now
from core.settings import Home
from ingestion.engine.http import Api
from operations import health
from operations.models import Trouble
from operations.troubles import Cause
from orchestration import instance as home_instance
from orchestration import maintenance, monitoring, retries
from orchestration.jobs import jobs
from warehouse.published import DAILY

FAILURE, SUCCESS, STARTED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.STARTED
LOAD = "load_jdma"
NONE = dg.Definitions().get_repository_def()


@pytest.fixture
def instance(home: Home) -> Iterator[dg.DagsterInstance]:
    home.root.mkdir(parents=True)
    with home_instance.get() as opened:
        yield opened


def run_of(
    instance: dg.DagsterInstance,
    status: dg.DagsterRunStatus,
    *,
    due: datetime | None = None,
    number: int = 0,
    job: str = LOAD,
    file: str | None = None,
) -> dg.DagsterRun:
    tags = {RETRY_NUMBER: str(number)} if number else {}
    tags |= {**TRANSIENT, TRY_AGAIN_AT: due.isoformat()} if due else {}
    config = {"ops": {"jdma": {"config": {"file": file}}}} if file else {}
    return create_run_for_test(instance, job_name=job, status=status, tags=tags, run_config=config)


def runs(instance: dg.DagsterInstance, job: str = LOAD) -> list[Cause | str]:
    return list(monitoring.runs(instance, job))


# ---- retries


def test_a_load_is_tried_again_when_its_time_has_come(instance: dg.DagsterInstance) -> None:
    at = now()
    failed = run_of(instance, FAILURE, due=at)
    assert list(retries.requests(instance, at - timedelta(seconds=1))) == []
    [request] = retries.requests(instance, at)
    assert (request.job_name, request.run_config) == (LOAD, {})
    assert request.tags == {
        "dagster/parent_run_id": failed.run_id,
        "dagster/root_run_id": failed.run_id,
        "dagster/retry_number": "1",
    }
    assert [again.run_key for again in retries.requests(instance, at)] == [request.run_key], "one run for each key"


@pytest.mark.parametrize("status", [SUCCESS, STARTED, dg.DagsterRunStatus.CANCELED])
def test_a_later_run_of_the_same_replaces_it(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    at = now()
    run_of(instance, FAILURE, due=at)
    run_of(instance, SUCCESS, file="/drop/jdma/other.csv")
    assert len(list(retries.requests(instance, at))) == 1, "a file is something else"
    run_of(instance, status)
    assert list(retries.requests(instance, at)) == []


def test_a_contract_that_broke_is_not_tried_again(instance: dg.DagsterInstance) -> None:
    run_of(instance, FAILURE)
    assert list(retries.requests(instance, now() + timedelta(days=1))) == []


def test_a_build_whose_engine_was_not_there_is_tried_again_with_its_tables(instance: dg.DagsterInstance) -> None:
    at = now()
    chosen = frozenset({dg.AssetKey(["seeds", "regions"])})
    failed = create_run_for_test(
        instance,
        job_name="build",
        status=FAILURE,
        tags={**TRANSIENT, TRY_AGAIN_AT: at.isoformat()},
        asset_selection=chosen,
    )
    create_run_for_test(instance, job_name="build", status=SUCCESS)
    [request] = retries.requests(instance, at)
    assert (request.job_name, request.asset_selection) == ("build", [*chosen]), "a build of everything is another one"
    assert request.tags["dagster/parent_run_id"] == failed.run_id
    create_run_for_test(instance, job_name="build", status=SUCCESS, asset_selection=chosen)
    assert list(retries.requests(instance, at)) == []


class Answers(BaseHTTPRequestHandler):
    """Answers with the status that its class names."""

    status = 503

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("CYBERIMPACT_HTTP_ATTEMPTS", "1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Api("jdma", f"http://127.0.0.1:{server.server_port}", "CYBERIMPACT_JDMA_API_KEY")
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "number", "tags"),
    [(503, 0, {"failure", TRY_AGAIN_AT}), (429, 2, {"failure", TRY_AGAIN_AT}), (500, 3, {"failure"}), (404, 0, set())],
)
def test_a_step_says_whether_and_when_to_try_again(
    instance: dg.DagsterInstance, platform: Api, status: int, number: int, tags: set[str]
) -> None:
    Answers.status = status

    @dg.asset
    def load(context: dg.AssetExecutionContext) -> None:
        with ending_the_try(context):
            platform.get("reviews")

    before = now()
    done = dg.materialize([load], instance=instance, tags={RETRY_NUMBER: str(number)}, raise_on_error=False)
    run = instance.get_run_by_id(done.run_id)
    assert run is not None
    assert {tag for tag in run.tags if not tag.startswith("dagster/")} == tags
    if due := retries.due_at(run):
        assert timedelta(minutes=15) <= due - before.replace(microsecond=0) < timedelta(minutes=16)


def test_the_sentence_on_the_next_try(instance: dg.DagsterInstance) -> None:
    due = datetime(2026, 11, 28, 3, 15, tzinfo=UTC)
    run = run_of(instance, FAILURE, due=due, number=1)
    assert "daemon does not run" in retries.outlook(instance, run.run_id)
    instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "1", []))
    assert retries.outlook(instance, run.run_id) == "It is tried again on 2026-11-28 at 04:15 (Paris), retry 2 of 3."
    assert retries.outlook(instance, run_of(instance, FAILURE).run_id) == ""


# ---- runs


def test_a_job_is_wrong_until_it_succeeds(instance: dg.DagsterInstance) -> None:
    failed = run_of(instance, FAILURE)
    instance.report_run_failed(failed, "The process of this run is gone.")
    run_of(instance, STARTED)
    [cause] = runs(instance)
    assert isinstance(cause, Cause)
    assert (cause.key, cause.remedy) == (f"run {LOAD}", "cyberimpact load jdma")
    assert cause.address.endswith(f"/runs/{failed.run_id}")
    run_of(instance, SUCCESS)
    assert runs(instance) == []


def test_nobody_hears_of_a_load_that_is_to_be_tried_again(instance: dg.DagsterInstance) -> None:
    run_of(instance, FAILURE, due=now() + timedelta(minutes=15))
    assert runs(instance) == [f"run {LOAD}"]
    run_of(instance, FAILURE, due=now() - monitoring.LATE_RETRY)
    assert isinstance(runs(instance)[0], Cause), "nobody has tried"
    run_of(instance, FAILURE, number=3)
    assert isinstance(runs(instance)[0], Cause), "the last try failed"


def test_a_file_is_wrong_as_long_as_it_lies_there(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    file = tmp_path / "MARTIN_Anne.csv"
    file.touch()
    run_of(instance, SUCCESS)
    run_of(instance, FAILURE, file=str(file))
    [cause] = runs(instance)
    assert isinstance(cause, Cause)
    assert "--file" in cause.remedy
    assert "MARTIN" not in f"{cause}"
    file.unlink()
    assert runs(instance) == []


def test_of_an_unexpected_error_its_kind_is_told_and_no_value(instance: dg.DagsterInstance) -> None:
    @dg.asset
    def broken() -> None:
        raise ValueError("Anne Martin")

    done = dg.materialize([broken], instance=instance, raise_on_error=False)
    assert monitoring.why(instance, done.run_id) == "broken: ValueError"


# ---- checks


@pytest.mark.parametrize(
    ("severity", "raises", "found"),
    [
        (dg.AssetCheckSeverity.ERROR, False, ["Contrôle en échec : kpi, is_sound"]),
        (dg.AssetCheckSeverity.WARN, False, []),
        (dg.AssetCheckSeverity.ERROR, True, []),
    ],
)
def test_a_check_that_failed_in_a_run_that_went_on(
    instance: dg.DagsterInstance, severity: dg.AssetCheckSeverity, raises: bool, found: list[str]
) -> None:
    key = dg.AssetCheckKey(dg.AssetKey("kpi"), "is_sound")

    @dg.asset(check_specs=[dg.AssetCheckSpec("is_sound", asset="kpi")])
    def kpi() -> Iterator[object]:
        yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=False, severity=severity)])
        if raises:
            raise dg.Failure("The run is told, not the check.")

    dg.materialize([kpi], instance=instance, raise_on_error=False)
    causes = [each for each in monitoring.checks(instance, [key]) if isinstance(each, Cause)]
    assert [cause.subject for cause in causes] == found


def test_a_check_that_was_planned_and_not_made(instance: dg.DagsterInstance) -> None:
    @dg.multi_asset(
        specs=[dg.AssetSpec("kpi")], check_specs=[dg.AssetCheckSpec("is_sound", asset="kpi")], can_subset=True
    )
    def build() -> Iterator[dg.MaterializeResult]:
        yield dg.MaterializeResult("kpi")

    done = dg.materialize([build], instance=instance)
    found = list(monitoring.checks(instance, [dg.AssetCheckKey(dg.AssetKey("kpi"), "is_sound")]))
    [cause] = [each for each in found if isinstance(each, Cause)]
    assert cause.detail == "1 planned checks were not made."
    assert cause.address.endswith(done.run_id)


# ---- the rest


def test_a_daemon_that_is_silent(instance: dg.DagsterInstance) -> None:
    long_ago = now() - timedelta(hours=1)
    assert list(monitoring.daemons(instance, long_ago)) == [], "it never ran: the command line needs none"
    instance.add_daemon_heartbeat(DaemonHeartbeat(long_ago.timestamp(), "SENSOR", "1", []))
    assert list(monitoring.daemons(instance, now())) == [], "both are just being started"
    [cause] = monitoring.daemons(instance, long_ago)
    assert isinstance(cause, Cause)
    assert "SENSOR" in cause.detail
    instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "2", []))
    assert list(monitoring.daemons(instance, long_ago)) == []


def ticked(
    instance: dg.DagsterInstance, kind: InstigatorType, *outcomes: TickStatus, at: datetime | None = None
) -> InstigatorState:
    """Record the ticks of an instigator named `essai`, as the daemon does: from now on, or from a moment."""
    origin = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("cyberimpact"), "__repository__")
    data = SensorInstigatorData() if kind is InstigatorType.SENSOR else ScheduleInstigatorData("30 5 * * *")
    state = InstigatorState(origin.get_instigator_origin("essai"), kind, InstigatorStatus.DECLARED_IN_CODE, data)
    instance.add_instigator_state(state)
    for rank, outcome in enumerate(outcomes):
        error = SerializableErrorInfo("Anne Martin", [], "ValueError") if outcome is TickStatus.FAILURE else None
        instance.create_tick(
            TickData(
                state.instigator_origin_id,
                "essai",
                kind,
                outcome,
                (at or now()).timestamp() + rank,
                run_ids=[] if outcome is TickStatus.SUCCESS else None,
                error=error,
                selector_id=state.selector_id,
            )
        )
    return state


@pytest.mark.parametrize(
    ("kind", "outcomes", "is_wrong"),
    [
        (InstigatorType.SCHEDULE, [TickStatus.SUCCESS, TickStatus.FAILURE], True),
        (InstigatorType.SCHEDULE, [TickStatus.FAILURE, TickStatus.SUCCESS], False),
        (InstigatorType.SENSOR, [TickStatus.SKIPPED, TickStatus.FAILURE, TickStatus.FAILURE], False),
        (InstigatorType.SENSOR, [TickStatus.FAILURE, TickStatus.FAILURE, TickStatus.FAILURE], True),
    ],
)
def test_what_fails_to_tick(
    instance: dg.DagsterInstance, kind: InstigatorType, outcomes: list[TickStatus], is_wrong: bool
) -> None:
    state = ticked(instance, kind, *outcomes)
    found = [each.detail for each in monitoring.ticks(instance, ["essai"]) if isinstance(each, Cause)]
    assert found == (["Its evaluation fails (ValueError)."] if is_wrong else [])
    instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED))
    [cause] = monitoring.ticks(instance, ["essai"])
    assert isinstance(cause, Cause)
    assert cause.detail == "It was switched off."
    assert list(monitoring.ticks(instance, [])) == [], "it is defined no more"


@dg.op
def nothing() -> None: ...


@dg.job
def daily() -> None:
    nothing()


SCHEDULED = dg.Definitions(
    schedules=[dg.ScheduleDefinition("essai", cron_schedule="30 5 * * *", execution_timezone=PARIS.key, target=daily)]
)


@dg.sensor(name="essai", minimum_interval_seconds=600, target=None)
def essai() -> None: ...


SENSED = dg.Definitions(sensors=[essai])


def beating(instance: dg.DagsterInstance, at: datetime) -> None:
    for kind in instance.get_required_daemon_types():
        instance.add_daemon_heartbeat(DaemonHeartbeat(at.timestamp(), kind, "1", []))


@pytest.mark.parametrize(
    ("definitions", "ticked_at", "looked_at", "key"),
    [
        (SCHEDULED, "2026-11-27 05:30", "2026-11-28 05:34", None),
        (SCHEDULED, "2026-11-27 05:30", "2026-11-28 05:36", "silence planifications"),
        (SCHEDULED, "2026-11-28 05:30", "2026-11-29 05:29", None),
        (SENSED, "2026-11-28 05:30", "2026-11-28 05:49", None),
        (SENSED, "2026-11-28 05:30", "2026-11-28 05:51", "silence capteurs"),
    ],
)
def test_what_does_not_tick_although_the_daemon_lives(
    instance: dg.DagsterInstance, definitions: dg.Definitions, ticked_at: str, looked_at: str, key: str | None
) -> None:
    last, at = (datetime.fromisoformat(text).replace(tzinfo=PARIS) for text in (ticked_at, looked_at))
    repository, long_ago = definitions.get_repository_def(), at - timedelta(days=2)
    kind = InstigatorType.SCHEDULE if definitions is SCHEDULED else InstigatorType.SENSOR
    state = ticked(instance, kind, TickStatus.SKIPPED, at=last)

    def keys(since: datetime, beat: datetime) -> list[str]:
        beating(instance, beat)
        found = list(monitoring.silence(instance, repository, since))
        causes = [each for each in found if isinstance(each, Cause)]
        assert all(f"essai since {ticked_at}" in cause.detail for cause in causes)
        return [cause.key for cause in causes] if causes or not found else ["unknown"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monitoring, "now", lambda: at)
        assert keys(long_ago, at) == ([key] if key else [])
        assert keys(at, at) == ["unknown"], "this process has just begun"
        assert keys(long_ago, long_ago) == ["unknown"], "that the daemon is dead is told"
        instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED))
        assert keys(long_ago, at) == [], "that it is off is told"


@pytest.mark.parametrize(
    ("state", "age", "is_wrong"),
    [
        (FreshnessState.FAIL, monitoring.PATIENCE, True),
        (FreshnessState.FAIL, timedelta(), False),
        (FreshnessState.WARN, monitoring.PATIENCE, False),
    ],
)
def test_a_publication_that_missed_its_time(
    instance: dg.DagsterInstance, state: FreshnessState, age: timedelta, is_wrong: bool
) -> None:
    key = dg.AssetKey(["serving", "daily"])
    at = (now() - age).timestamp()
    change = FreshnessStateChange(
        key=key, new_state=state, previous_state=FreshnessState.PASS, state_change_timestamp=at
    )
    instance._report_runless_asset_event(change)
    subjects = [each.subject for each in monitoring.freshness(instance) if isinstance(each, Cause)]
    assert subjects == (["Publication quotidienne en retard"] if is_wrong else [])


@pytest.mark.parametrize(
    ("published", "looked", "state"),
    [
        ("2026-11-28 05:50", "2026-11-28 07:01", FreshnessState.PASS),
        ("2026-11-27 23:59", "2026-11-28 07:01", FreshnessState.FAIL),
        ("2026-11-27 05:50", "2026-11-28 06:59", FreshnessState.PASS),
        ("2026-11-28 07:30", "2026-11-28 07:31", FreshnessState.PASS),
    ],
)
def test_the_daily_copy_is_due_by_seven(
    instance: dg.DagsterInstance, published: str, looked: str, state: FreshnessState
) -> None:
    def paris(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=PARIS)

    @dg.asset(key=["serving", "daily"], freshness_policy=FRESHNESS[DAILY])
    def copy() -> None: ...

    node = dg.Definitions([copy]).resolve_asset_graph().get(copy.key)
    with freeze_time(paris(published)):
        instance.report_runless_asset_event(dg.AssetMaterialization(copy.key))
    with freeze_time(paris(looked)):
        context = LoadingContextForTest(instance)
        found = asyncio.run(CronFreshnessPolicyEvaluator().evaluate_freshness(context, node))
    assert found is state


def test_a_disk_that_is_nearly_full(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.root.mkdir()
    usage = namedtuple("usage", "total used free")
    free = health.FREE_BYTES
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 40, 0, free))
    assert list(monitoring.storage(home)) == []
    with home.warehouse.open("wb") as file:
        file.truncate(3 * 1024**3)
    [cause] = monitoring.storage(home)
    assert isinstance(cause, Cause)
    assert cause.detail == "2.0 GB free, 5.0 GB needed"
    assert health.disk(home).remedy == cause.remedy


def test_who_comes_first_in_a_minute_looks_for_both(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_of(instance, FAILURE)
    assert monitoring.look(instance, NONE, now())
    assert [trouble.cause for trouble in Trouble.objects.all()] == [f"run {LOAD}"]
    run_of(instance, SUCCESS)
    assert not monitoring.look(instance, NONE, now())
    assert Trouble.objects.get().ended_at is None
    monkeypatch.setattr(monitoring, "LOOK_SECONDS", 0)
    assert monitoring.look(instance, NONE, now())
    assert Trouble.objects.get().ended_at is not None


# ---- what is kept


def test_failures_stay_for_a_month_and_quiet_batches_for_a_day(instance: dg.DagsterInstance) -> None:
    quiet = run_of(instance, SUCCESS, job="live")
    failed = run_of(instance, FAILURE, job="live")
    load = run_of(instance, SUCCESS)
    assert maintenance.forget(instance, now()) == 0
    assert maintenance.forget(instance, now() + timedelta(days=2)) == 1
    assert {run.run_id for run in instance.get_runs()} == {failed.run_id, load.run_id} != quiet.run_id
    assert maintenance.forget(instance, now() + timedelta(days=31)) == 1
    assert {run.run_id for run in instance.get_runs()} == {load.run_id}


def test_every_job_is_looked_at() -> None:
    assert {"daily", LOAD, "live", "micro_batch_listening"} <= {job.name for job in jobs}
