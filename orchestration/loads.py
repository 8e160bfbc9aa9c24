"""The jobs that load a platform; they run without the rest of the graph, whose definition takes seconds."""

from datetime import timedelta
from functools import cache

import dagster as dg

from assets.raw import loads as raw
from ingestion.platforms import PLATFORMS, Platform

#: Dagster's pages filter runs by tag: those of a day, on one page, without those that come every hour or minute.
TAGS = {"dagster/max_runtime": str(4 * 3600), "cadence": "daily"}
CONTINUOUS = {**TAGS, "cadence": "continuous"}


def load_name(platform: Platform) -> str:
    return f"load_{platform.name}"


#: Tags of a run that loads what was sent.
FROM_INBOX = {"inbox": "yes"}


def inbox_config(name: str) -> dict:
    """Return the configuration of a run that loads what was sent of a platform."""
    return {"ops": {name: {"config": {"inbox": True}}}}


#: One job per platform: one that is down stops neither the others nor the build.
loads = {
    platform.name: dg.define_asset_job(
        load_name(platform),
        selection=dg.AssetSelection.key_prefixes(["raw", platform.name]),
        description=f"Load {platform.title}.",
        tags={**(CONTINUOUS if platform.late_after < timedelta(days=1) else TAGS), "platform": platform.name},
    )
    for platform in PLATFORMS
}


@cache
def definitions() -> dg.Definitions:
    """Return the loads alone, each with the steps, checks and tags that it has in the whole graph."""
    return dg.Definitions(assets=raw.loads, jobs=[*loads.values()], executor=dg.in_process_executor)
