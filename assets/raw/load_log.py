"""The asset that unites the load logs of all platforms in one table."""

import dagster as dg

from assets.raw.loads import table_key
from ingestion.engine.load_log import DATASET, LOADS
from ingestion.engine.reports import LOAD_LOG
from ingestion.platforms import PLATFORMS

platform_loads = dg.AssetSpec(
    key=["raw", "platforms", LOADS.name],
    deps=[table_key(platform, LOAD_LOG.name) for platform in PLATFORMS],
    group_name="raw",
    description=LOADS.description,
    owners=["team:donnees"],
    kinds={"duckdb"},
    metadata={"dagster/table_name": f"{DATASET}.{LOADS.name}"},
)
