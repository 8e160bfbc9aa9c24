"""What the platform tells a publication of itself: definitions, lineage, runs, accesses. Writing it is `audit`'s."""

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from assets.bi import accesses
from assets.bi.lineage import shown
from assets.serving.lineage import way
from assets.warehouse.lineage import load_compiled
from audit import annex
from audit.annex import Annex
from audit.definitions import definitions
from audit.recording import Recorder
from ingestion import settings
from orchestration import bi

#: The last runs are shown: micro-batches make hundreds a day, and Dagster takes a millisecond for each.
RUN_DAYS, RUN_LIMIT = 31, 5_000


def recorder(context: dg.AssetExecutionContext) -> Recorder:
    """Return everything that is recorded with a publication of the current code.

    Raises:
        ExpectedFailure: dbt cannot compile the project.
    """
    manifest, lineage = load_compiled()
    bundle = bi.bundle()
    edges, places = way(manifest, lineage, bundle), shown(bundle)
    now = datetime.now(UTC)
    given = {
        "lineage_column": annex.lineage_rows(edges),
        "kpi_shown": places,
        "dagster_run": runs(context.instance, now - timedelta(days=RUN_DAYS)),
        "access_day": told_accesses(context, now),
    }
    known = definitions(manifest, lineage, edges, places)
    return Recorder(known, context.run_id, Annex(annex.declared(manifest), given))


def told_accesses(context: dg.AssetExecutionContext, now: datetime) -> list[dict[str, Any]]:
    """Return the accesses that Superset's log tells of; a log that cannot be read keeps no figure from its readers."""
    try:
        return accesses.by_day(settings.home(), now)
    except sqlite3.Error as problem:
        context.log.warning("Superset's log cannot be read (%s): this publication tells of no access.", problem)
        return []


def runs(instance: dg.DagsterInstance, since: datetime) -> list[dict[str, Any]]:
    """Return the runs of the instance since a moment, the latest first."""
    records = instance.get_run_records(dg.RunsFilter(created_after=since), limit=RUN_LIMIT)
    return [
        {
            "run_id": record.dagster_run.run_id,
            "job": record.dagster_run.job_name,
            "status": record.dagster_run.status.value,
            "started_at": moment(record.start_time),
            "ended_at": moment(record.end_time),
        }
        for record in records
    ]


def moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
