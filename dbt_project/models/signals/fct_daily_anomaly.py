"""What stands out in the daily series of all platforms; the next micro-batch makes signals of it."""

from dataclasses import astuple
from datetime import timedelta

import pyarrow as pa

from analytics.anomaly import calibration, daily
from analytics.anomaly.baseline import DAY_MINUTES, Key
from analytics.relations import as_table
from analytics.signals.live_tables import daily_series

FEWEST_VICTIMS = 5
COLUMNS = {
    "topic_code": pa.string(),
    "metric": pa.string(),
    "platform": pa.string(),
    "territory_code": pa.string(),
    "bin_start": pa.timestamp("us"),
    "bin_minutes": pa.int32(),
    "observed": pa.float64(),
    "expected": pa.float64(),
    "upper": pa.float64(),
    "p_value": pa.float64(),
    "method": pa.string(),
    "baseline_window": pa.string(),
    "tests": pa.int64(),
}
THRESHOLD = "domain, bin_minutes, alerts_per_series_week, series_weeks, score, watch_score"
WEEK = "topic_code, metric, platform, territory_code, week_start, observed"


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    calibrated = dbt.ref("fct_daily_threshold").select(THRESHOLD).fetchall()
    thresholds = calibration.scores([calibration.Threshold(*row) for row in calibrated], DAY_MINUTES)
    days_by_platform = daily_series(dbt.ref("int_daily_series"), dbt.ref("int_daily_ears"))
    lasts = {platform: max(day.day for day in days) for platform, days in days_by_platform.items()}
    found = []
    for platform, days in sorted(days_by_platform.items()):
        found += daily.detect(days, lasts[platform], thresholds)
        found += daily.outages(days, lasts[platform])
    weeks = dbt.ref("int_signal_week").select(WEEK).order("topic_code, metric, platform, territory_code, week_start")
    found += daily.seasons(
        [(Key(*row[:4]), row[4], row[5]) for row in weeks.fetchall()], calibration.scores([], DAY_MINUTES)
    )
    since = max(lasts.values(), default=None)
    rows = [
        (*anomaly.key, *astuple(anomaly)[1:-1])  # days are always sure
        for anomaly in found
        if since is not None
        and anomaly.at >= daily.midnight(since - timedelta(days=14))
        and not (anomaly.key.metric == "victims" and 0 < anomaly.observed < FEWEST_VICTIMS)
    ]
    return as_table(rows, COLUMNS)
