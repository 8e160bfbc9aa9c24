"""The months of each platform that is asked by day, as partitions: what was loaded again, and what is still to be.

An asset of its own per platform: the raw tables are loaded from a cursor, without partitions, and an asset has them or
has none.
"""

from collections.abc import Iterator

import dagster as dg

from assets.raw import sources
from assets.raw.loads import materializations, month_by_month
from core import clock
from core.errors import ExpectedFailure
from ingestion.engine.windows import ONE_DAY, Window, first_day
from ingestion.platforms import PLATFORMS, Platform

#: The platforms that can be asked by day.
ASKED_BY_DAY = [platform for platform in PLATFORMS if hasattr(platform.connector, "build_window")]


def key(platform: Platform) -> dg.AssetKey:
    return dg.AssetKey(["backfill", platform.name])


def months(platform: Platform) -> dg.MonthlyPartitionsDefinition:
    """Return the months that a platform has, the current one with them."""
    try:
        first = first_day(platform)
    except ExpectedFailure:  # of the configuration; what reads the platform says so
        first = clock.today()
    start = first.replace(day=1).isoformat()
    return dg.MonthlyPartitionsDefinition(start, timezone=clock.PARIS.key, fmt="%Y-%m-%d", end_offset=1)


def days(context: dg.AssetExecutionContext) -> Window:
    """Return the days of the months of a run, up to today."""
    span = context.partition_time_window
    return Window(span.start.date(), min(span.end.date() - ONE_DAY, clock.today()))


def build_backfill(platform: Platform) -> dg.AssetsDefinition:
    """Return the backfill of a platform: one run for all of its months, each recorded as soon as it is loaded."""

    @dg.multi_asset(
        name=f"{platform.name}_months",
        specs=[
            dg.AssetSpec(
                key=key(platform),
                deps=[sources.key(platform)],
                group_name="backfill",
                description=f"{platform.title}: months that were loaded again, into the tables of raw/{platform.name}.",
                owners=[platform.owner],
                tags=sources.tags(platform),
                kinds={"dlt", "duckdb"},
                skippable=True,  # its months are recorded one by one
            )
        ],
        partitions_def=months(platform),
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=platform.database,
    )
    def load_months(context: dg.AssetExecutionContext) -> Iterator[dg.AssetMaterialization]:
        for month, report in month_by_month(context, platform, days(context)):
            yield from materializations(platform, report)
            counts = {f"rows_{name}": report.total(f"rows_{name}") for name in COUNTED}
            yield dg.AssetMaterialization(
                key(platform),
                partition=month.start.replace(day=1).isoformat(),
                metadata={"days": str(month), "summary": report.summary(), **counts},
            )

    return load_months


#: Outcomes of records that the metadata of a month count.
COUNTED = ("read", "new", "updated", "unchanged", "quarantined")

backfills = [build_backfill(platform) for platform in ASKED_BY_DAY]
