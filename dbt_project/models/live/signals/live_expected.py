"""Hour by hour of the last seven days: what topics counted, what was expected, and up to where it does not surprise."""

import pyarrow as pa
import pyarrow.compute as pc

from analytics.anomaly.calibration import Threshold
from analytics.relations import as_table
from analytics.signals import live_detection
from analytics.signals.live_tables import nonzero_bins

COLUMNS = {
    "topic_code": pa.string(),
    "territory_code": pa.string(),
    "bin_start": pa.timestamp("us"),
    "observed": pa.float64(),
    "expected": pa.float64(),
    "upper": pa.float64(),
}
THRESHOLD = "domain, bin_minutes, alerts_per_series_week, series_weeks, score, watch_score"


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    crises = dbt.ref("live_open_crisis").select("topic_code, territory_code").distinct().fetchall()
    signals = dbt.ref("live_signal").filter("status <> 'closed'").select("topic_code, territory_code").fetchall()
    regions = dbt.ref("regions").select("region_code").fetchall()
    shown = {"FR", *(code for (code,) in regions), *(territory for _, territory in (*crises, *signals))}
    [(now,)] = dbt.ref("live_topic_mention").aggregate("max(collected_at)").fetchall()
    thresholds = [Threshold(*row) for row in dbt.ref("live_threshold").select(THRESHOLD).fetchall()]
    hours = nonzero_bins(dbt.ref("live_series_hour").filter("platform = 'all'"))
    wide = hours.filter(pc.field("territory_code").isin([*shown]))
    budgets = dbt.ref("live_budget").select("domain, topic_code, times").fetchall()
    times = {(domain, topic): moved for domain, topic, moved in budgets}
    rows = live_detection.band(wide, now, thresholds, crises, times) if now else []
    return as_table(rows, COLUMNS)
