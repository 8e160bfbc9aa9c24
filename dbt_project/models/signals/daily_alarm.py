"""What stands out in the daily series of all platforms; the next micro-batch makes signals of it."""

from dataclasses import astuple
from datetime import timedelta

import pyarrow as pa

from analytics.signals import calibration, days
from analytics.signals.scan import DAY_MINUTES, Key

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
SERIES_DAY = "topic_code, metric, platform, territory_code, day"
DAY = f"{SERIES_DAY}, observed, c1_upper, c2_upper, c3_upper, total_observed - observed"
WEEK = "topic_code, metric, platform, territory_code, week_start, observed"


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    thresholds = calibration.scores([], DAY_MINUTES)
    told = [
        days.Day(Key(*row[:4]), *row[4:])
        for row in dbt.ref("series_day_ears")
        .join(dbt.ref("series_day").select(f"{SERIES_DAY}, total_observed"), SERIES_DAY)
        .select(DAY)
        .order(SERIES_DAY)
        .fetchall()
    ]
    found = []
    for platform in sorted({one.key.platform for one in told}):
        own = [one for one in told if one.key.platform == platform]
        last = max(one.day for one in own)
        found += days.judge(own, last, thresholds)
        found += days.silences(own, last)
    weeks = dbt.ref("int_signal_week").select(WEEK).order("topic_code, metric, platform, territory_code, week_start")
    found += days.seasons([(Key(*row[:4]), row[4], row[5]) for row in weeks.fetchall()], thresholds)
    since = max((one.day for one in told), default=None)
    rows = [
        (*one.key, *astuple(one)[1:])
        for one in found
        if since is not None
        and one.at >= days.midnight(since - timedelta(days=14))
        and not (one.key.metric == "victims" and 0 < one.observed < FEWEST_VICTIMS)
    ]
    return pa.table(
        {name: pa.array([row[place] for row in rows], kind) for place, (name, kind) in enumerate(COLUMNS.items())}
    )
