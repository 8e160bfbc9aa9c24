"""The score from which a bin alarms, by domain: from the operators' budget and days without an event; daily."""

from dataclasses import astuple
from datetime import UTC, datetime

import pyarrow as pa

from analytics.relations import as_table, former
from analytics.signals import live_detection, signal_table
from analytics.signals.live_tables import nonzero_bins, territories

COLUMNS = {
    "domain": pa.string(),
    "bin_minutes": pa.int32(),
    "alerts_per_series_week": pa.float64(),
    "series_weeks": pa.float64(),
    "score": pa.float64(),
    "watch_score": pa.float64(),
    "calibrated_on": pa.date32(),
}


def model(dbt, session):  # noqa: ANN001, ANN201 - dbt's signature
    dbt.config(materialized="table")
    today = datetime.now(UTC).date()
    hours = dbt.ref("live_series_hour")
    rows = [row for row in former(session, dbt.this, tuple(COLUMNS)).fetchall() if row[-1] == today]
    if not rows:
        [(now,)] = dbt.ref("live_topic_mention").aggregate("max(collected_at)").fetchall()
        places = territories(dbt.ref("territories"), dbt.ref("regions"))
        parents = signal_table.territory_parents(places.values())
        found = live_detection.calibrate(nonzero_bins(hours), now, parents) if now else []
        rows = [(*astuple(threshold), today) for threshold in found]
    return as_table(rows, COLUMNS)
