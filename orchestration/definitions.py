"""The Dagster code location: the graph of `assets`, with jobs, schedules and sensors."""

import dagster as dg

from assets.graph import graph
from core import logs
from orchestration import instance
from orchestration.jobs import jobs
from orchestration.resources import resources
from orchestration.schedules import schedules
from orchestration.sensors import sensors


@dg.definitions
def defs() -> dg.Definitions:
    """Return every definition of the platform."""
    instance.prepare()
    return dg.Definitions.merge(
        graph(),
        dg.Definitions(
            jobs=jobs,
            schedules=schedules,
            sensors=sensors,
            resources=resources,
            loggers={"console": dg.json_console_logger} if logs.form() == logs.JSON else None,
            executor=dg.in_process_executor,  # one writer per file: more processes only cost their start
        ),
    )
