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
THRESHOLD = "domain, bin_minutes, alerts_per_series_week, series_weeks, score"
WEEK = "topic_code, metric, platform, territory_code, week_start, observed"


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    calibrated = dbt.ref("daily_threshold").select(THRESHOLD).fetchall()
    thresholds = calibration.scores([calibration.Threshold(*row) for row in calibrated], DAY_MINUTES)
    told = daily_series(dbt.ref("series_day"), dbt.ref("series_day_ears"))
    lasts = {platform: max(one.day for one in own) for platform, own in told.items()}
    found = []
    for platform, own in sorted(told.items()):
        found += daily.judge(own, lasts[platform], thresholds)
        found += daily.silences(own, lasts[platform])
    weeks = dbt.ref("int_signal_week").select(WEEK).order("topic_code, metric, platform, territory_code, week_start")
    found += daily.seasons(
        [(Key(*row[:4]), row[4], row[5]) for row in weeks.fetchall()], calibration.scores([], DAY_MINUTES)
    )
    since = max(lasts.values(), default=None)
    rows = [
        (*one.key, *astuple(one)[1:])
        for one in found
        if since is not None
        and one.at >= daily.midnight(since - timedelta(days=14))
        and not (one.key.metric == "victims" and 0 < one.observed < FEWEST_VICTIMS)
    ]
    return as_table(rows, COLUMNS)
