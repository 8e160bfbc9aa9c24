"""Hour by hour, what the topics counted, what was expected and up to where it would not have surprised: last seven days."""

import pyarrow as pa

from analytics.signals import watch
from analytics.signals.calibration import Threshold
from orchestration import topics

COLUMNS = {
    "topic_code": pa.string(),
    "territory_code": pa.string(),
    "bin_start": pa.timestamp("us"),
    "observed": pa.float64(),
    "expected": pa.float64(),
    "upper": pa.float64(),
}
THRESHOLD = "domain, bin_minutes, alerts_per_series_week, series_weeks, score"


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    wide = dbt.ref("live_series_hour").filter(
        "platform = 'all' and (territory_code = 'FR' or length(territory_code) = 6)"
    )
    [(now,)] = dbt.ref("live_topic_mention").aggregate("max(collected_at)").fetchall()
    thresholds = [Threshold(*row) for row in dbt.ref("live_threshold").select(THRESHOLD).fetchall()]
    rows = watch.band(topics.counted(wide), now, thresholds) if now else []
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    return pa.table({name: pa.array(told, kind) for (name, kind), told in zip(COLUMNS.items(), columns, strict=True)})
