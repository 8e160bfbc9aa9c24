"""Looks for what is wrong: failed runs and checks, missed freshness, what no longer ticks, a disk that fills up.

Dagster's daemon looks, by a sensor, and so does the process that watches: each notices that the other is dead. Whoever
comes first in a minute looks for both. `operations.troubles` notes what is found, and what is well again.
"""

import fcntl
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DagsterEventType

from core import disk, settings
from core.clock import PARIS, now
from core.settings import Home
from ingestion.platforms import PLATFORMS, Platform
from operations import health, troubles
from operations.alerts.outbox import derived
from operations.troubles import Cause
from orchestration.dagster_internals import get_latest_completed_cron_tick
from orchestration.execution import root_error
from orchestration.jobs import jobs
from orchestration.loads import load_name
from orchestration.retries import asks_for, due_at

#: Seconds between two looks, and how much earlier than that one may be: no clock is exact.
LOOK_SECONDS, SLACK_SECONDS = 60, 15
#: How long a daemon or what it evaluates may be silent, and how long a missed freshness must last: a restart takes some
#: minutes.
PATIENCE = timedelta(minutes=5)
#: How long after its time a next try may begin.
LATE_RETRY = timedelta(minutes=30)
#: Runs of a job among which its last one is looked for, beside those of files.
RECENT_RUNS = 50
#: Evaluations of a sensor that fail in a row before it is a trouble; a schedule that fails once has missed its run.
FAILED_TICKS = 3

ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
FAILED = dg.DagsterRunStatus.FAILURE

#: What is wrong, or the key of a cause of which it cannot be said now.
Found = Iterator[Cause | str]


def look(instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, since: datetime) -> bool:
    """Look for what is wrong and note it, unless somebody has looked within the last minute; return whether it has.

    Args:
        instance: Dagster's instance.
        repository: What is defined: only that is looked at.
        since: When this process began; the silence before is not held against anybody.
    """
    home = settings.home()
    settings.make_folder(home.locks)
    with (home.locks / "monitoring.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        state = os.fstat(lock.fileno())
        if state.st_size and time.time() - state.st_mtime < LOOK_SECONDS - SLACK_SECONDS:
            return False
        found = list(everything(instance, repository, since))
        causes = [each for each in found if isinstance(each, Cause)]
        troubles.record(causes, [each for each in found if isinstance(each, str)], now())
        lock.truncate(0)
        lock.write("looked")
    return True


def everything(instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, since: datetime) -> Found:
    """Yield all that is wrong."""
    yield from storage(settings.home())
    yield from daemons(instance, since)
    yield from ticks(instance, {each.name for each in (*repository.schedule_defs, *repository.sensor_defs)})
    yield from silence(instance, repository, since)
    for job in jobs:
        yield from runs(instance, job.name)
    yield from checks(instance, repository.asset_graph.asset_check_keys)
    yield from freshness(instance)


def storage(home: Home) -> Found:
    """Yield that the disk is nearly full."""
    finding = health.disk(home)
    if finding.state != "ok":
        yield Cause("disk", "Disque presque plein", finding.detail, finding.remedy, "")


def daemons(instance: dg.DagsterInstance, since: datetime) -> Found:
    """Yield that a part of Dagster's daemon is silent; one that never ran is not missed."""
    latest = (now() - PATIENCE).timestamp()
    required, heartbeats = set(instance.get_required_daemon_types()), instance.get_daemon_heartbeats()
    silent = {
        name: beat.timestamp
        for name, beat in heartbeats.items()
        if name in required and max(beat.timestamp, since.timestamp()) < latest
    }
    if silent:
        last = datetime.fromtimestamp(max(silent.values()), PARIS)
        detail = f"No sign of life of {', '.join(sorted(silent))} since {last:%Y-%m-%d %H:%M} (Paris)."
        remedy = "cyberimpact doctor ; make up ; le journal dagster-daemon.log"
        yield Cause("daemon", "Dagster à l'arrêt : ni chargement, ni publication", detail, remedy, page("deployment"))


def ticks(instance: dg.DagsterInstance, names: Iterable[str]) -> Found:
    """Yield each schedule and sensor that is switched off, or whose evaluation fails."""
    for state in instance.all_instigator_state():
        if state.name not in names:
            continue
        is_sensor = state.instigator_type.value == "SENSOR"
        what = f"{'Capteur' if is_sensor else 'Planification'} à l'arrêt : {state.name}"
        address = page("locations", "cyberimpact", "sensors" if is_sensor else "schedules", state.name)
        key = f"tick {state.name}"
        least = FAILED_TICKS if is_sensor else 1
        last = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=least)
        if not state.is_running:
            yield Cause(key, what, "It was switched off.", "le remettre en marche sur sa page", address)
        elif len(last) == least and all(tick.status.value == "FAILURE" for tick in last):
            error = last[0].error
            detail = f"Its evaluation fails ({error.cls_name if error else 'unknown error'})."
            yield Cause(key, what, detail, "lire l'erreur sur sa page", address)


def silence(instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, since: datetime) -> Found:
    """Yield that schedules or sensors that are switched on are not evaluated, although the daemon lives.

    A schedule is silent once it misses a time of its cron, a sensor after twice its interval.
    """
    latest = now() - PATIENCE
    due = {
        "planifications": {
            each.name: get_latest_completed_cron_tick(str(each.cron_schedule), latest, each.execution_timezone)
            for each in repository.schedule_defs
        },
        "capteurs": {
            each.name: min(latest, now() - 2 * timedelta(seconds=each.minimum_interval_seconds or 0))
            for each in repository.sensor_defs
        },
    }
    is_known = since < latest and not any(daemons(instance, since))
    evaluated = {state.name: last_evaluated(instance, state) for state in instance.all_instigator_state()}
    for what, times in due.items():
        missed = {name: evaluated[name] for name, time in times.items() if evaluated.get(name, time) < time}
        if not is_known:
            yield f"silence {what}"
        elif missed:
            last = max(missed.values()).astimezone(PARIS)
            detail = f"No evaluation of {', '.join(sorted(missed))} since {last:%Y-%m-%d %H:%M} (Paris)."
            remedy = "make down ; make up ; les journaux dagster-daemon.log et dagster-code.log"
            yield Cause(f"silence {what}", f"Dagster n'évalue plus ses {what}", detail, remedy, page("deployment"))


def last_evaluated(instance: dg.DagsterInstance, state: Any) -> datetime:
    """Return when a schedule or sensor was last evaluated or switched on; one that is off misses nothing."""
    if not state.is_running:
        return now()
    known = [tick.timestamp for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)]
    of_state = ("start_timestamp", "last_iteration_timestamp", "last_sensor_start_timestamp")
    known += [getattr(state.instigator_data, name, None) or 0 for name in of_state]
    return datetime.fromtimestamp(max(known), UTC)


def runs(instance: dg.DagsterInstance, job: str) -> Found:
    """Yield that the last run of a job failed, and each file whose load did and that still waits in its drop folder.

    A load that is to be tried again is undecided until its last try.
    """
    seen: set[str | None] = set()
    for run in instance.get_runs(dg.RunsFilter(job_name=job, statuses=ENDED), limit=RECENT_RUNS):
        file = next((config["file"] for config in asks_for(run).values() if config.get("file")), None)
        if file in seen:
            continue
        seen.add(file)
        is_over = run.status is not FAILED or (file is not None and not Path(file).exists())
        if is_over:
            continue
        key = f"run {job}" if file is None else f"file {derived(file)}"
        due = due_at(run)
        if due is not None and now() < due + LATE_RETRY:
            yield key
        else:
            yield failed_run(instance, run, key, of_file=file is not None)
    if None not in seen:
        yield f"run {job}"  # its runs are forgotten


def failed_run(instance: dg.DagsterInstance, run: dg.DagsterRun, key: str, *, of_file: bool) -> Cause:
    platform = next((each for each in PLATFORMS if load_name(each) == run.job_name), None)
    subject = f"Exécution en échec : {run.job_name}"
    remedy = health.BUILD_AGAIN if run.job_name in ("build", "daily") else "relancer l'exécution sur sa page"
    if platform is not None:
        subject = f"{'Fichier refusé' if of_file else 'Chargement en échec'} : {platform.title}"
        remedy = health.load_file_again(platform) if of_file else health.load_again(platform)
    return Cause(key, subject, why(instance, run.run_id), remedy, page("runs", run.run_id))


def why(instance: dg.DagsterInstance, run_id: str) -> str:
    """Return why a run failed: the sentence of an expected failure, the kind of an unexpected one.

    The message of an unexpected error may quote data, and is read in Dagster.
    """
    for kind in (DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE):
        for record in instance.get_records_for_run(run_id, of_type=kind, limit=1).records:
            event = record.event_log_entry.dagster_event
            if event is None or not event.is_step_failure:
                return record.event_log_entry.message.splitlines()[0]
            failure = event.step_failure_data
            if failure.user_failure_data and failure.user_failure_data.description:
                return failure.user_failure_data.description.splitlines()[0]
            error = root_error(failure.error)
            kind_of = "the disk is full" if error and disk.is_full(error.message) else error and error.cls_name
            return f"{event.step_key}: {kind_of or 'failed'}"
    return "The run failed without a word."


def checks(instance: dg.DagsterInstance, keys: Iterable[dg.AssetCheckKey]) -> Found:
    """Yield each check that failed in a run that went on, and the jobs that left out checks they had planned.

    Of a run that failed, the run itself is reported. Checks that warn are for Dagster's pages.
    """
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
    unsound = {key: record for key, record in latest.items() if record.status.value != "SUCCEEDED"}
    by_id = {}
    if unsound:
        ids = sorted({record.run_id for record in unsound.values()})
        by_id = {run.run_id: run for run in instance.get_runs(dg.RunsFilter(run_ids=ids))}
    missing: Counter[tuple[str, str]] = Counter()
    for key, record in unsound.items():
        run, name = by_id.get(record.run_id), f"{key.asset_key.to_user_string()}, {key.name}"
        evaluation = record.evaluation if record.status.value == "FAILED" else None
        if evaluation is not None and evaluation.severity is dg.AssetCheckSeverity.WARN:
            continue
        if run is None or run.status is not dg.DagsterRunStatus.SUCCESS:
            yield f"check {name}"
            yield f"missing {run.job_name if run else ''}"
        elif evaluation is None:
            yield f"check {name}"
            missing[run.job_name, run.run_id] += 1
        else:
            said = evaluation.metadata.get("kpis held back")
            remedy = evaluation.metadata.get("remedy")
            yield Cause(
                f"check {name}",
                f"Contrôle en échec : {name}",
                f"KPIs held back: {said.value}." if said and said.value else "The check failed.",
                str(remedy.value) if remedy else health.BUILD_AGAIN,
                page("assets", *key.asset_key.path) + "?view=checks",
            )
    for (job, run_id), number in missing.items():
        yield Cause(
            f"missing {job}",
            f"Contrôles absents : {job}",
            f"{number} planned checks were not made.",
            health.BUILD_AGAIN,
            page("runs", run_id),
        )


def freshness(instance: dg.DagsterInstance) -> Found:
    """Yield each publication that missed its time, and each platform whose main table did, once it has for a while."""
    watched = {
        dg.AssetKey(["serving", name]): Cause(
            f"fresh serving/{name}", subject, detail, "cyberimpact doctor", page("assets", "serving", name)
        )
        for name, subject, detail in (
            ("daily", "Publication quotidienne en retard", "Nothing was published today by 07:00 (Paris)."),
            ("live", "Publication du temps réel en retard", "Nothing live was published for a while."),
        )
    }
    watched |= {dg.AssetKey(["raw", each.name, each.entities[0]]): late_platform(each) for each in PLATFORMS}
    states = instance.get_freshness_state_records(list(watched))
    for key, cause in watched.items():
        record = states.get(key)
        if record is None or record.freshness_state.value == "UNKNOWN":
            yield cause.key
        elif record.freshness_state.value == "FAIL":
            yield cause if now() - record.updated_at >= PATIENCE else cause.key


def late_platform(platform: Platform) -> Cause:
    return Cause(
        f"{troubles.LATE}{platform.name}",
        f"Données en retard : {platform.title}",
        f"Nothing was loaded for more than {2 * platform.late_after}.",
        health.load_again(platform),
        page("assets", "raw", platform.name, platform.entities[0]),
    )


def page(*path: str) -> str:
    return "/".join((settings.dagster_url(), *path))
