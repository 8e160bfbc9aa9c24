"""The Dagster code location: the graph of `assets`, with jobs, schedules and sensors."""

import dagster as dg

from assets.graph import graph
from orchestration import instance, pools
from orchestration.jobs import jobs
from orchestration.resources import resources
from orchestration.schedules import schedules
from orchestration.sensors import sensors


@dg.definitions
def defs() -> dg.Definitions:
    """Return every definition of the platform."""
    instance.prepare()
    pools.sleep_between_claims()
    return dg.Definitions.merge(
        graph(),
        dg.Definitions(
            jobs=jobs,
            schedules=schedules,
            sensors=sensors,
            resources=resources,
            executor=dg.in_process_executor,  # one writer per file: more processes only cost their start
        ),
    )
