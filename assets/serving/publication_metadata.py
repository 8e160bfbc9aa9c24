"""Gathers what a publication records about the platform: definitions, lineage, runs, checks, access log."""

import sqlite3
from collections.abc import Iterable, Mapping, Set
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from assets.bi import access_log, datasets, server
from assets.bi.lineage import shown
from assets.dbt.check_labels import check_labels
from assets.dbt.lineage import load_compiled
from assets.dbt.translator import RULES
from assets.graph import graph
from assets.serving.lineage import lineage_graph
from audit import publication_metadata
from audit.definitions import definitions
from audit.publication_metadata import PublicationMetadata
from audit.recording import Recorder
from core import settings

#: How far back runs and evaluations of checks are recorded.
DAYS = 31
#: Micro-batches make hundreds of runs a day, and Dagster takes a millisecond for each, and for each evaluation.
RUN_LIMIT, EVALUATIONS_OF_A_CHECK = 5_000, 100


def recorder(context: dg.AssetExecutionContext) -> Recorder:
    """Return everything that is recorded with a publication of the current code.

    Raises:
        ExpectedFailure: dbt cannot compile the project.
    """
    manifest, lineage = load_compiled()
    bundle = server.bundle()
    edges, places = lineage_graph(manifest, lineage, bundle), shown(bundle)
    now = datetime.now(UTC)
    since = now - timedelta(days=DAYS)
    known = definitions(manifest, lineage, edges, places)
    labels = {code: definition.kpi["label"] for code, definition in known.items()} | check_labels(manifest)
    given = {
        "lineage_column": publication_metadata.lineage_rows(edges, known.values()),
        "kpi_shown": [{**place, "kpi_label": labels[place["kpi_code"]]} for place in places],
        "dagster_run": runs(context.instance, since),
        "check_evaluation": [
            {**row, "check_label": labels.get(row["check_name"], row["check_name"])}
            for row in evaluations(context.instance, checks(), since)
        ],
        "access_day": access_rows(context, now),
        publication_metadata.DATASET_METRIC: datasets.metrics(bundle, server.policies(bundle)),
    }
    tables = publication_metadata.declared(manifest)
    return Recorder(known, context.run_id, PublicationMetadata(tables, given, labels, datasets.times(bundle)))


def access_rows(context: dg.AssetExecutionContext, now: datetime) -> list[dict[str, Any]]:
    """Return the accesses of Superset's log; an unreadable log does not stop the publication."""
    try:
        return access_log.by_day(settings.home(), now)
    except sqlite3.Error as problem:
        context.log.warning("Superset's log cannot be read (%s): this publication has no access log.", problem)
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


def checks() -> Set[dg.AssetCheckKey]:
    """Return every check of the graph, dbt's and Dagster's own."""
    definitions = [*(graph().assets or ()), *(graph().asset_checks or ())]
    return {key for found in definitions if isinstance(found, dg.AssetsDefinition) for key in found.check_keys}


def evaluations(
    instance: dg.DagsterInstance, keys: Iterable[dg.AssetCheckKey], since: datetime
) -> list[dict[str, Any]]:
    """Return how checks ended since a moment, whether their run ended well or not; check by check, the latest first.

    A check that stands for several rules has a row for each.
    """
    storage = instance.event_log_storage
    return [
        {
            "asset": key.asset_key.to_user_string(),
            "check_name": name,
            "status": status,
            "evaluated_at": moment(event.timestamp),
            "run_id": record.run_id,
        }
        for key in sorted(keys)
        for record in storage.get_asset_check_execution_history(key, limit=EVALUATIONS_OF_A_CHECK)
        if (event := record.event)
        and isinstance(record.evaluation, dg.AssetCheckEvaluation)
        and event.timestamp >= since.timestamp()
        for name, status in rules(key, record.evaluation)
    ]


def rules(key: dg.AssetCheckKey, evaluation: dg.AssetCheckEvaluation) -> Iterable[tuple[str, str]]:
    """Return name and end of each rule of a check, or its own where it stands for none."""
    ended = evaluation.metadata.get(RULES)
    if not isinstance(ended, dg.JsonMetadataValue) or not isinstance(ended.data, Mapping):
        return [(key.name, check_status(evaluation))]
    return [(str(name), "fail" if status == "error" else str(status)) for name, status in ended.data.items()]


def check_status(evaluation: dg.AssetCheckEvaluation) -> str:
    """Return the end of a check in dbt's words."""
    if evaluation.passed:
        return "pass"
    return "warn" if evaluation.severity is dg.AssetCheckSeverity.WARN else "fail"


def moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
