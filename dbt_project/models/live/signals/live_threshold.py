"""The score from which a bin alarms, by domain: the operators' budget, and what quiet history says of it; daily."""

from datetime import UTC, datetime

import pyarrow as pa

from analytics.signals import live_detection, signal_table
from operations import topics
from orchestration import signals

COLUMNS = ("domain", "bin_minutes", "alerts_per_series_week", "series_weeks", "score", "calibrated_on")


def model(dbt, session):  # noqa: ANN001, ANN201 - dbt's signature
    dbt.config(materialized="table")
    today = datetime.now(UTC).date()
    hours = dbt.ref("live_series_hour")
    rows = [row for row in topics.former(session, dbt.this, COLUMNS).fetchall() if row[-1] == today]
    if not rows:
        [(now,)] = dbt.ref("live_topic_mention").aggregate("max(collected_at)").fetchall()
        places = signals.territories(dbt.ref("territories"), dbt.ref("regions"))
        parents = signal_table.territory_parents(places.values())
        found = live_detection.calibrate(topics.counted(hours), now, parents) if now else []
        rows = [
            (one.domain, one.minutes, one.alerts_per_series_week, one.series_weeks, one.score, today) for one in found
        ]
    types = (pa.string(), pa.int32(), pa.float64(), pa.float64(), pa.float64(), pa.date32())
    return pa.table(
        {
            name: pa.array([row[place] for row in rows], kind)
            for place, (name, kind) in enumerate(zip(COLUMNS, types, strict=True))
        }
    )
