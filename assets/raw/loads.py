"""One load per platform, with the raw tables that it writes. Reading, contracts and quarantine belong in `ingestion`."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from assets.raw import sources as platform_sources
from ingestion.errors import ExpectedFailure
from ingestion.loading import LoadReport, load
from ingestion.platforms import PLATFORMS, Platform
from orchestration.freshness import within

QUARANTINE_CHECK = "quarantine_is_empty"


class LoadConfig(dg.Config):
    """What to load: the platform's own address, or one file that lies where it is given."""

    file: str | None = None


def table_key(platform: Platform, entity: str) -> dg.AssetKey:
    return dg.AssetKey(["raw", platform.name, entity])


def table_spec(platform: Platform, entity: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=table_key(platform, entity),
        deps=[platform_sources.key(platform)],
        group_name="raw",
        description=f"{platform.title}: {entity}, minimised, under contract, before any business rule.",
        owners=[platform.owner],
        tags={"pillar": platform.pillar, "platform": platform.name, "sensitivity": platform.sensitivity},
        kinds={"dlt", "duckdb"},
        metadata={"dagster/table_name": f"{platform.dataset}.{entity}"},
        freshness_policy=within(platform.late_after),
        skippable=True,  # a file holds one table; the other one keeps its date
    )


def results(platform: Platform, report: LoadReport) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Tell Dagster what a load has done, table by table."""
    for entity in platform.entities:
        yield dg.MaterializeResult(asset_key=table_key(platform, entity), metadata=report.metadata(entity))
        quarantined = report.quarantined(entity)
        yield dg.AssetCheckResult(
            asset_key=table_key(platform, entity),
            check_name=QUARANTINE_CHECK,
            passed=quarantined == 0,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"quarantined": quarantined, "table": f"quarantine.{platform.name}"},
        )


def build_load(platform: Platform) -> dg.AssetsDefinition:
    """Return the load of one platform as one step that writes all of its raw tables."""

    @dg.multi_asset(
        name=f"load_{platform.name}",
        specs=[table_spec(platform, entity) for entity in platform.entities],
        check_specs=[
            dg.AssetCheckSpec(
                QUARANTINE_CHECK,
                asset=table_key(platform, entity),
                description="No row of the last load broke the contract; those that do are set aside, the others load.",
            )
            for entity in platform.entities
        ],
        pool="warehouse",
    )
    def load_platform(
        context: dg.AssetExecutionContext, config: LoadConfig
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        try:
            report = load(platform.name, file=Path(config.file) if config.file else None, progress=context.log.info)
        except ExpectedFailure as failure:
            raise dg.Failure(description=str(failure), allow_retries=False) from None
        yield from results(platform, report)
        if not report.complete:
            raise dg.Failure(description=report.summary(), allow_retries=False)

    return load_platform


loads = [build_load(platform) for platform in PLATFORMS]
