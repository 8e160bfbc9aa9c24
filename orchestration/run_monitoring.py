"""Ends the runs whose process has died, and gives free pool slots to waiting steps.

Dagster's default launcher does neither.
"""

from datetime import datetime
from pathlib import Path

import dagster as dg
from dagster import DagsterEventType

from orchestration.dagster_internals import SqlEventLogStorage

STARTED_STATUSES = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]


def boot_time() -> float:
    """Return the machine's boot time in seconds since the epoch (`btime` of proc_stat(5))."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    raise OSError("/proc/stat names no boot time")


def started_at(pid: int) -> float | None:
    """Return when a process started, in seconds since the epoch (proc_pid_stat(5)); None when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    if state in "ZX":
        return None
    ticks = int(fields[18])
    return boot_time() + ticks / 100  # USER_HZ, fixed at 100 for user space


def is_alive(pid: int, seen_at: float) -> bool:
    """Return whether the process that had this id at `seen_at` still runs, and not a younger one."""
    start = started_at(pid)
    return start is not None and start <= seen_at + 1  # btime is whole seconds


def worker(instance: dg.DagsterInstance, run_id: str) -> tuple[int, float] | None:
    """Return the process id that last reported itself as the worker of a run, and when, or None before it did."""
    connection = instance.get_records_for_run(run_id, of_type=DagsterEventType.ENGINE_EVENT, ascending=False)
    for record in connection.records:
        event = record.event_log_entry.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event else None
        if pid is not None:
            return int(str(pid.value)), record.event_log_entry.timestamp
    return None


def assign_free_slots(instance: dg.DagsterInstance) -> None:
    """Give each free slot of a pool to the step that has waited longest for it.

    Dagster gives a slot to the step that asks while it is free, or else to the next in line when it is freed. A step
    that asks while it is held and is put in line after it was freed falls between the two, and would wait for ever.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    # A pool where nobody waits is left as it is by `assign_pending_steps` itself.
    free = [pool for pool in storage.get_concurrency_keys() if storage.has_unassigned_slots(pool)]
    storage.assign_pending_steps(free)


def reap(instance: dg.DagsterInstance) -> list[str]:
    """End every run of this machine whose process is gone, and give free slots to those who wait for them.

    Returns:
        The ids of the runs that were ended.
    """
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=STARTED_STATUSES)):
        known = worker(instance, run.run_id)
        if known is None or is_alive(*known):
            continue
        pid, seen_at = known
        since = datetime.fromtimestamp(seen_at).astimezone().isoformat(timespec="seconds")
        end(
            instance,
            run,
            f"The process of this run (id {pid}, seen {since}) is gone: killed, or the machine restarted. "
            "Run it again.",
        )
        ended.append(run.run_id)
    assign_free_slots(instance)
    return ended


def end_all(instance: dg.DagsterInstance, why: str) -> list[dg.DagsterRun]:
    """End every run that goes on, whatever has become of its process, give its slots to who waits, and return them."""
    runs = list(instance.get_runs(dg.RunsFilter(statuses=STARTED_STATUSES)))
    for run in runs:
        end(instance, run, why)
    assign_free_slots(instance)
    return runs


def end(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str) -> None:
    """Note that a run has failed, and free its pool slots."""
    instance.report_run_failed(run, why)
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
