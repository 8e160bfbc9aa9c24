"""The assets that unite the load logs of all platforms, and what waits in quarantine, in two tables."""

import dagster as dg

from assets.raw.loads import table_key
from ingestion.engine.contract import Table
from ingestion.engine.load_log import DATASET, LOADS, SET_ASIDE
from ingestion.engine.reports import LOAD_LOG
from ingestion.platforms import PLATFORMS


def united(table: Table) -> dg.AssetSpec:
    """Return a table that is collected from all platforms; each load writes its log, and what it sets aside."""
    return dg.AssetSpec(
        key=["raw", "platforms", table.name],
        deps=[table_key(platform, LOAD_LOG.name) for platform in PLATFORMS],
        group_name="raw",
        description=table.description,
        owners=["team:donnees"],
        kinds={"duckdb"},
        metadata={"dagster/table_name": f"{DATASET}.{table.name}"},
    )


platform_loads = united(LOADS)
platform_set_aside = united(SET_ASIDE)
