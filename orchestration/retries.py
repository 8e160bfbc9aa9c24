"""Tries loads and builds again that failed for a reason that may pass: no run waits, a new one starts when it is due.

The step that failed has tagged its run with the time (`assets.failures`); the sensor `retries` starts the next run.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from assets.failures import MOST_RETRIES, RETRY_NUMBER, TRANSIENT, TRY_AGAIN_AT
from core.clock import PARIS, now
from orchestration.loads import loads

#: How often Dagster's daemon says that it lives, several times over.
SILENT_AFTER = timedelta(minutes=3)
#: A run that has failed for longer is history.
REMEMBERED = timedelta(days=3)
MOST_LATER_RUNS = 200
#: Builds that are tried again; what is live follows the next load of it.
BUILDS = ("build", "build_full", "daily")
OF_WHICH_RUN, OF_FIRST_RUN = "dagster/parent_run_id", "dagster/root_run_id"


def due_at(run: dg.DagsterRun) -> datetime | None:
    """Return when a failed run is to be tried again, None where it is not."""
    at = run.tags.get(TRY_AGAIN_AT)
    return datetime.fromisoformat(at) if at and run.status is dg.DagsterRunStatus.FAILURE else None


def requests(instance: dg.DagsterInstance, at: datetime) -> Iterator[dg.RunRequest]:
    """Yield a run for each load or build to be tried again at an instant, and that no later run has replaced."""
    jobs = {*BUILDS, *(job.name for job in loads.values())}
    failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], tags=TRANSIENT, updated_after=at - REMEMBERED)
    for record in instance.get_run_records(failed):
        run = record.dagster_run
        due = due_at(run)
        if run.job_name in jobs and due is not None and due <= at and not is_replaced(instance, record):
            yield request(run)


def try_now(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Have a run that was interrupted tried again at once, as often as one that has failed."""
    if int(run.tags.get(RETRY_NUMBER, 0)) < MOST_RETRIES:
        instance.add_run_tags(run.run_id, {**TRANSIENT, TRY_AGAIN_AT: now().isoformat(timespec="seconds")})


def request(run: dg.DagsterRun) -> dg.RunRequest:
    """Return the run that tries again what a run has failed to do."""
    return dg.RunRequest(
        run_key=f"retry of {run.run_id}",
        job_name=run.job_name,
        run_config={name: part for name, part in run.run_config.items() if name != "loggers"},
        asset_selection=sorted(run.asset_selection) if run.asset_selection else None,
        tags={
            OF_WHICH_RUN: run.run_id,
            OF_FIRST_RUN: run.tags.get(OF_FIRST_RUN, run.run_id),
            RETRY_NUMBER: str(int(run.tags.get(RETRY_NUMBER, 0)) + 1),
        },
    )


def is_replaced(instance: dg.DagsterInstance, record: dg.RunRecord) -> bool:
    """Return whether a later run does the same, whatever has become of it."""
    run = record.dagster_run
    after = dg.RunsFilter(job_name=run.job_name, created_after=record.create_timestamp)
    return any(
        later.run_id != run.run_id and wanted(later) == wanted(run)
        for later in instance.get_runs(after, limit=MOST_LATER_RUNS)
    )


def wanted(run: dg.DagsterRun) -> Any:
    """Return what a run is asked to do, and to which tables."""
    return asks_for(run), run.asset_selection


def asks_for(run: dg.DagsterRun) -> Any:
    """Return what a run is asked to do: a file, say, or nothing in particular."""
    ops: Any = run.run_config.get("ops", {})
    return {name: op["config"] for name, op in ops.items() if op.get("config")}


def is_started_by_itself(instance: dg.DagsterInstance) -> bool:
    """Return whether the daemon that evaluates sensors lives, as it has said of late."""
    heartbeat = instance.get_daemon_heartbeats().get("SENSOR")
    return heartbeat is not None and now().timestamp() - heartbeat.timestamp < SILENT_AFTER.total_seconds()


def outlook(instance: dg.DagsterInstance, run_id: str) -> str:
    """Return a sentence on the next try of a load or build that has failed, empty where there is none to expect."""
    run = instance.get_run_by_id(run_id)
    due = due_at(run) if run else None
    if run is None or due is None:
        return ""
    if not is_started_by_itself(instance):
        return "Nothing tries it again by itself, since Dagster's daemon does not run: `make up` starts it."
    number = int(run.tags.get(RETRY_NUMBER, 0)) + 1
    return f"It is tried again on {due.astimezone(PARIS):%Y-%m-%d at %H:%M} (Paris), retry {number} of {MOST_RETRIES}."
