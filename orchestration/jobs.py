"""Jobs: loads, builds, publications, micro-batches."""

import dagster as dg

from assets.raw.backfills import ASKED_BY_DAY
from assets.raw.backfills import key as backfill_key
from ingestion.platforms import PLATFORMS
from orchestration import maintenance
from orchestration.fetches import fetches
from orchestration.loads import CONTINUOUS, TAGS, loads

LIVE_PLATFORMS = [platform for platform in PLATFORMS if platform.database == "live"]
LIVE_MODELS = dg.AssetSelection.groups("live") | dg.AssetSelection.key_prefixes(
    ["seeds", "live"], *(["staging", platform.name] for platform in LIVE_PLATFORMS)
)
LIVE_SERVING = dg.AssetSelection.assets(["serving", "live"])
LAYERS = ("seeds", "staging", "reference", "marts", "signals", "impact", "kpi", "audit")
MODELS = dg.AssetSelection.groups(*LAYERS) - LIVE_MODELS
SERVING = dg.AssetSelection.assets(["serving", "daily"])
QUERY_CACHE = dg.AssetSelection.assets(["superset", "query_cache"])
BI = dg.AssetSelection.groups("superset")  # the query cache too
FEELING_MODEL = dg.AssetSelection.assets(["analytics", "feeling_model"])


#: Months to load again, in one run: what was loaded stays, and a launch of the missing ones goes on.
backfills = [
    dg.define_asset_job(
        f"backfill_{platform.name}",
        selection=dg.AssetSelection.assets(backfill_key(platform)),
        description=f"Load months of {platform.title} again; the cursor of its scheduled loads stays.",
        tags={**TAGS, "platform": platform.name},
    )
    for platform in ASKED_BY_DAY
]

#: What the address of a live platform has that is new, up to its readers in one run, whatever the daily build does.
#: A file is loaded by itself and `live` follows: it may lack a table, and Dagster skips a step that lacks an input.
micro_batches = {
    platform.name: dg.define_asset_job(
        f"micro_batch_{platform.name}",
        selection=dg.AssetSelection.key_prefixes(["raw", platform.name]) | LIVE_MODELS | LIVE_SERVING,
        description=f"Load {platform.title}, then build, check and publish what is live.",
        tags={**CONTINUOUS, "platform": platform.name},
    )
    for platform in LIVE_PLATFORMS
    if platform.cron
}

live = dg.define_asset_job(
    "live",
    selection=LIVE_MODELS | LIVE_SERVING,
    description="Build, check and publish what is live, from the raw tables of listening and chat.",
    tags=CONTINUOUS,
)

build_live = dg.define_asset_job(
    "build_live",
    selection=LIVE_MODELS,
    description="Build what is live from the raw tables of listening and chat, and check it.",
    tags=TAGS,
)

publish_live = dg.define_asset_job(
    "publish_live",
    selection=LIVE_SERVING,
    description="Publish the last sound live build as a read-only copy.",
    tags=TAGS,
)

build = dg.define_asset_job(
    "build",
    selection=MODELS,
    description="Build and check what has news since its last sound build: other raw tables, other code, another day.",
    tags=TAGS,
)

build_full = dg.define_asset_job(
    "build_full",
    selection=MODELS,
    description="Build every model from the raw tables that are there, and check them.",
    config={"ops": {"warehouse": {"config": {"full": True}}}},
    tags=TAGS,
)

publish = dg.define_asset_job(
    "publish",
    selection=SERVING | QUERY_CACHE,
    description="Publish the last sound build as a read-only copy, and have Superset forget the former one.",
    tags=TAGS,
)

daily = dg.define_asset_job(
    "daily",
    selection=MODELS | SERVING | BI,
    description="Build what has news, check it, publish, and bring Superset in line with what was published.",
    config={"ops": {"serving__daily": {"config": {"only_news": True}}}},
    tags=TAGS,
)

superset = dg.define_asset_job(
    "superset", selection=BI, description="Bring Superset in line with the bundle and the published copy.", tags=TAGS
)

feeling_model = dg.define_asset_job(
    "feeling_model",
    selection=FEELING_MODEL,
    description="Learn feelings anew from what is published; what passes its gate serves from the next build on.",
    tags=TAGS,
)

purge = maintenance.purge.to_job(name="purge", tags=TAGS)

forget_runs = maintenance.forget_runs.to_job(name="forget_runs", tags=CONTINUOUS)
backup = maintenance.backup.to_job(name="backup", tags=TAGS)
backup_recent = maintenance.backup_recent.to_job(name="backup_recent", tags=CONTINUOUS)
restore_drill = maintenance.drill.to_job(name="restore_drill", tags=TAGS)
digest = maintenance.digest.to_job(name="digest", tags=TAGS)
ledger_head = maintenance.ledger_head.to_job(name="ledger_head", tags=TAGS)

jobs = [
    *loads.values(),
    *fetches.values(),
    *backfills,
    *micro_batches.values(),
    live,
    build_live,
    publish_live,
    build,
    build_full,
    publish,
    daily,
    superset,
    feeling_model,
    purge,
    backup,
    backup_recent,
    restore_drill,
    forget_runs,
    digest,
    ledger_head,
]
