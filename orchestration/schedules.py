"""Schedules, in the Europe/Paris time zone."""

from typing import Any

import dagster as dg

from core.clock import PARIS
from ingestion.platforms import PLATFORMS
from orchestration import jobs


def schedule(job: Any, cron: str, why: str | None = None) -> dg.ScheduleDefinition:
    """Return the schedule of a job, be it resolved or not, under its name."""
    return dg.ScheduleDefinition(
        name=job.name,
        job=job,
        cron_schedule=cron,
        execution_timezone=PARIS.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=why,
    )


#: What is live is not read by the clock: `orchestration.microbatch` follows it.
schedules = [
    *(schedule(jobs.loads[entry.name], entry.cron) for entry in PLATFORMS if entry.cron and entry.database != "live"),
    schedule(
        jobs.build_full,
        "30 4 * * 0",
        "Once a week everything is built, whatever the daily build knows to have changed.",
    ),
    schedule(jobs.daily, "30 5 * * *", "After the loads of the night, before the first reader of the morning."),
    schedule(
        jobs.feeling_model,
        "0 4 * * 0",
        "Once a week: what citizens tell of their feelings changes slowly, and each new model changes figures.",
    ),
    schedule(
        jobs.purge,
        "15 2 * * *",
        "Before the loads of the night: what is too old is gone from the figures of the morning.",
    ),
    schedule(jobs.backup, "15 6 * * *", "After the daily build: a restoration starts from the figures of the morning."),
    schedule(jobs.restore_drill, "0 3 2 * *", "Once a month, at night: it takes the disk that a restoration takes."),
    schedule(jobs.forget_runs, "45 * * * *", "So that the history of runs stays readable."),
    schedule(jobs.digest, "30 7 * * 1", "Monday, when the daily build has published the Sunday."),
    schedule(
        jobs.ledger_head,
        "0 8 * * 1",
        "On Mondays, after the publication of the morning: a head that was noted reveals a ledger cut since.",
    ),
]
