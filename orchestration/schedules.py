"""When jobs run by the clock, Europe/Paris. What they run belongs in `jobs`; a load's hour in `ingestion.platforms`."""

import dagster as dg

from ingestion.platforms import PLATFORMS
from orchestration import jobs

TIMEZONE = "Europe/Paris"


def load_schedule(name: str, cron: str) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name=f"load_{name}",
        job=jobs.micro_batches.get(name, jobs.loads[name]),
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

feeling_model = dg.ScheduleDefinition(
    name="feeling_model",
    job=jobs.feeling_model,
    cron_schedule="0 4 * * 0",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Once a week: what citizens tell of their feelings changes slowly, and each new model changes figures.",
)

schedules = [*(load_schedule(entry.name, entry.cron) for entry in PLATFORMS if entry.cron), daily, feeling_model, purge]
