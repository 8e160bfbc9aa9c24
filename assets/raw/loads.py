"""One load per platform, with the raw tables that it writes and its quarantine checks."""

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from assets.failures import ending_the_step, ending_the_try
from assets.raw import sources as platform_sources
from assets.raw.freshness import within
from assets.raw.lineage import column_lineage, column_schema
from core import clock, run_progress, settings
from core.errors import ExpectedFailure
from core.locks import writer_lock
from ingestion.engine import drop_folder, quarantine, tables
from ingestion.engine.loading import load, load_everything, load_window
from ingestion.engine.progress import Progress
from ingestion.engine.reports import LOAD_LOG, EntityReport, LoadReport
from ingestion.engine.windows import Window, allowed
from ingestion.platforms import PLATFORMS, Platform
from operations.inbox.loading import load_waiting

QUARANTINE_CHECK = "quarantine_is_empty"


class LoadConfig(dg.Config):
    """What to load: what is new at the platform's address, unless one of these says otherwise."""

    file: str | None = Field(None, description="A file of the drop folder, or the token of a file given elsewhere.")
    from_date: str | None = Field(None, description="First day to load again, such as 2026-01-31; the cursor stays.")
    to_date: str | None = Field(None, description="Last day to load again; today where none is given.")
    full: bool = Field(False, description="Load all that the platform has, as a first load would.")
    inbox: bool = Field(False, description="Load what others have sent and waits in the inbox.")

    def window(self) -> Window | None:
        """Return the days to load again, if they are named.

        Raises:
            ExpectedFailure: a day is none, only the last one is named, or something else is to be loaded too.
        """
        if self.from_date is None and self.to_date is None:
            return None
        if self.from_date is None or self.full or self.file is not None:
            raise ExpectedFailure(
                "Days are loaded again from a first one on, and neither a file nor everything with them.",
                "Name from_date, to_date too where it is not today, and nothing else.",
            )
        try:
            days = Window(
                date.fromisoformat(self.from_date),
                date.fromisoformat(self.to_date) if self.to_date else clock.today(),
            )
        except ValueError as wrong:
            raise ExpectedFailure(f"A day cannot be read: {wrong}.", "Write it as 2026-01-31.") from None
        return days


def table_key(platform: Platform, entity: str) -> dg.AssetKey:
    return dg.AssetKey(["raw", platform.name, entity])


def table_spec(platform: Platform, table: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=table_key(platform, table),
        deps=[platform_sources.key(platform)],
        group_name="raw",
        description=f"{platform.title}: {table}, minimised, under contract, before any business rule.",
        owners=[platform.owner],
        tags=platform_sources.tags(platform),
        kinds={"dlt", "duckdb"},
        metadata={
            "dagster/table_name": f"{platform.dataset}.{table}",
            "dagster/column_schema": column_schema(platform, table),
            "dagster/code_references": contract_file(platform),
        },
        freshness_policy=within(platform.late_after),
        skippable=True,  # a file holds one table; the other one keeps its date
    )


def contract_file(platform: Platform) -> dg.CodeReferencesMetadataValue:
    """Return where the contract of a platform stands, as Dagster links it."""
    file = Path(sys.modules[platform.connector.__name__].__file__ or "").with_name("contract.py")
    contract = dg.LocalFileCodeReference(file_path=str(file), label="contract")
    return dg.CodeReferencesMetadataValue(code_references=[contract])


def metadata(platform: Platform, report: LoadReport, entity: EntityReport, rows: int) -> dict[str, Any]:
    """Return the metadata of one table from a load; `summary` is of the whole load."""
    outcomes = ("read", "new", "updated", "unchanged", "quarantined", "replaced", "outdated", "reverted")
    counts = tuple(f"rows_{outcome}" for outcome in outcomes)
    return {
        "summary": dg.MetadataValue.text(report.summary()),
        "origin": dg.MetadataValue.text(report.origin.name),
        "sha256": dg.MetadataValue.text(report.origin.sha256 or "–"),
        "generation": dg.MetadataValue.text(entity.generation or "–"),
        "unknown_columns": dg.MetadataValue.json(list(entity.unknown_columns)),
        "dropped_columns": dg.MetadataValue.json(dict(entity.dropped_columns)),
        **{name: dg.MetadataValue.int(getattr(entity, name)) for name in counts},
        **({"cursor": dg.MetadataValue.json(dict(cursor))} if (cursor := report.cursors.get(entity.entity)) else {}),
        "dagster/row_count": rows,
        "dagster/column_lineage": column_lineage(platform, entity.entity),
    }


def month_by_month(
    context: dg.AssetExecutionContext, platform: Platform, asked: Window
) -> Iterator[tuple[Window, LoadReport]]:
    """Load days of a platform again, tell how far it has come, and yield each month once it is in the database.

    Raises:
        dg.Failure: the platform cannot be asked or read, or every record of a month was refused.
    """
    problems: list[str] = []
    with ending_the_step():
        days = allowed(platform, asked)
        if days != asked:
            context.log.info("%s has nothing from before %s: that is where it begins.", platform.name, days.start)
        number = len([*days.months()])
        done = load_window(platform.name, days, progress=Progress(partial(show_progress, platform)))
        for rank, (month, report) in enumerate(done, start=1):
            line = f"{month}, month {rank} of {number}: {report.summary()}"
            context.log.info(line)
            run_progress.advance(line, rank, number)
            problems += report.problems
            yield month, report
    if problems:
        raise dg.Failure(description=" ".join(problems), allow_retries=False)


def written(platform: Platform, report: LoadReport) -> dict[dg.AssetKey, dict[str, Any]]:
    """Return the metadata of each table that a load has written, its log the last."""
    with writer_lock(settings.home().database(platform.database)):
        rows = tables.row_counts(platform)
    found = {
        table_key(platform, entity.entity): metadata(platform, report, entity, rows[entity.entity])
        for entity in report.entities
    }
    return found | {table_key(platform, LOAD_LOG.name): {"summary": report.summary()}}


def materializations(platform: Platform, report: LoadReport) -> Iterator[dg.AssetMaterialization]:
    """Yield what a load has written, as events that need not wait for the end of their step."""
    for key, shown in written(platform, report).items():
        yield dg.AssetMaterialization(key, metadata=shown)


def what_was_sent(
    context: dg.AssetExecutionContext, platform: Platform, progress: Progress
) -> Iterator[dg.AssetMaterialization]:
    """Load what waits in the inbox, and yield what was written; senders ask for the outcome of each delivery."""
    with ending_the_try(context):
        reports = load_waiting(platform.name, progress)
    for report in reports:
        context.log.info(report.summary())
        yield from materializations(platform, report)


def quarantine_checks(platform: Platform) -> Iterator[dg.AssetCheckResult]:
    """Tell, table by table, how many rows wait in quarantine."""
    with writer_lock(settings.home().database(platform.database)):
        waiting = Counter(entry.entity for entry in quarantine.entries(platform.name))
    for entity in platform.entities:
        yield dg.AssetCheckResult(
            asset_key=table_key(platform, entity),
            check_name=QUARANTINE_CHECK,
            passed=waiting[entity] == 0,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"waiting": waiting[entity], "remedy": f"cyberimpact quarantine list {platform.name}"},
        )


def show_progress(platform: Platform, sentence: str) -> None:
    """Show how far a load has come, on the terminal and in the log of the step."""
    line = f"{platform.name}: {sentence}"
    print(line)
    run_progress.advance(line)


def build_load(platform: Platform) -> dg.AssetsDefinition:
    """Return the load of one platform as one step that writes all of its raw tables."""

    @dg.multi_asset(
        name=platform.name,
        specs=[table_spec(platform, table) for table in (*platform.entities, LOAD_LOG.name)],
        check_specs=[
            dg.AssetCheckSpec(
                QUARANTINE_CHECK,
                asset=table_key(platform, entity),
                description="No row waits in quarantine, where rows that break the contract are set aside.",
            )
            for entity in platform.entities
        ],
        pool=platform.database,
    )
    def load_platform(
        context: dg.AssetExecutionContext, config: LoadConfig
    ) -> Iterator[dg.MaterializeResult | dg.AssetMaterialization | dg.AssetCheckResult]:
        with ending_the_step():
            file = drop_folder.found(config.file) if config.file else None
        if file is not None and drop_folder.was_taken(platform, file):
            context.log.info("%s is gone: another run has loaded it.", file.name)
            yield from quarantine_checks(platform)
            return
        with ending_the_step():
            days = config.window()
        if days is not None:
            for _, report in month_by_month(context, platform, days):
                yield from materializations(platform, report)
            yield from quarantine_checks(platform)
            return
        progress = Progress(partial(show_progress, platform))
        if config.inbox:
            yield from what_was_sent(context, platform, progress)
            yield from quarantine_checks(platform)
            return
        with ending_the_try(context):
            if config.full:
                report = load_everything(platform.name, progress=progress)
            else:
                report = load(platform.name, file=file, progress=progress)
        context.log.info(report.summary())
        for key, shown in written(platform, report).items():
            yield dg.MaterializeResult(asset_key=key, metadata=shown)
        yield from quarantine_checks(platform)
        if file is not None:
            drop_folder.remove(platform, file, report.origin.sha256)
        if not report.complete:
            raise dg.Failure(description=" ".join((report.summary(), *report.problems)), allow_retries=False)

    return load_platform


loads = [build_load(platform) for platform in PLATFORMS]
