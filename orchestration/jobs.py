"""What is run together: a load per platform, build, publication. When belongs in `schedules` and `sensors`."""

import dagster as dg

from ingestion.platforms import PLATFORMS, Platform
from orchestration import maintenance

TAGS = {"dagster/max_runtime": str(4 * 3600)}

MODELS = dg.AssetSelection.groups("seeds", "staging", "reference", "marts", "kpi", "audit")
SERVING = dg.AssetSelection.groups("serving")
BI = dg.AssetSelection.groups("superset")


def load_name(platform: Platform) -> str:
    return f"load_{platform.name}"


#: One job per platform: one that is down stops neither the others nor the build.
loads = {
    platform.name: dg.define_asset_job(
        load_name(platform),
        selection=dg.AssetSelection.key_prefixes(["raw", platform.name]),
        description=f"Load {platform.title}.",
        tags={**TAGS, "platform": platform.name},
    )
    for platform in PLATFORMS
}

build = dg.define_asset_job(
    "build",
    selection=MODELS,
    description="Build every model from the raw tables that are there, and check them.",
    tags=TAGS,
)

publish = dg.define_asset_job(
    "publish", selection=SERVING, description="Publish the last sound build as a read-only copy.", tags=TAGS
)

daily = dg.define_asset_job(
    "daily",
    selection=MODELS | SERVING | BI,
    description="Build, check, publish, and bring Superset in line with what was published.",
    tags=TAGS,
)

superset = dg.define_asset_job(
    "superset", selection=BI, description="Bring Superset in line with the bundle and the published copy.", tags=TAGS
)

purge = maintenance.purge.to_job(name="purge", tags=TAGS)

jobs = [*loads.values(), build, publish, daily, superset, purge]
