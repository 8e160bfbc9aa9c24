"""Schedules, in the Europe/Paris time zone."""

import dagster as dg

from ingestion.platforms import PLATFORMS
from orchestration import jobs

TIMEZONE = "Europe/Paris"


def load_schedule(name: str, cron: str) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name=f"load_{name}",
        job=jobs.loads[name],
        cron_schedule=cron,
        execution_timezone=TIMEZONE,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


daily = dg.ScheduleDefinition(
    name="daily",
    job=jobs.daily,
    cron_schedule="30 5 * * *",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="After the loads of the night, before the first reader of the morning.",
)

purge = dg.ScheduleDefinition(
    name="purge",
    job=jobs.purge,
    cron_schedule="15 2 * * *",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Before the loads of the night: what is too old is gone from the figures of the morning.",
)

forget = dg.ScheduleDefinition(
    name="forget_runs",
    job=jobs.forget_runs,
    cron_schedule="45 * * * *",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="So that the history of runs stays readable.",
)

digest = dg.ScheduleDefinition(
    name="digest",
    job=jobs.digest,
    cron_schedule="30 7 * * 1",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Monday, when the daily build has published the Sunday.",
)

ledger_head = dg.ScheduleDefinition(
    name="ledger_head",
    job=jobs.ledger_head,
    cron_schedule="0 8 * * 1",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="On Mondays, after the publication of the morning: a head that was noted reveals a ledger cut since.",
)

feeling_model = dg.ScheduleDefinition(
    name="feeling_model",
    job=jobs.feeling_model,
    cron_schedule="0 4 * * 0",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Once a week: what citizens tell of their feelings changes slowly, and each new model changes figures.",
)

#: What is live is not read by the clock: `orchestration.microbatch` follows it.
schedules = [
    *(load_schedule(entry.name, entry.cron) for entry in PLATFORMS if entry.cron and entry.database != "live"),
    daily,
    feeling_model,
    purge,
    forget,
    digest,
    ledger_head,
]
