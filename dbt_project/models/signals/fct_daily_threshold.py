"""The score from which a day of a daily series alarms, by domain: from the budget and days without an event."""

from dataclasses import astuple

import pyarrow as pa

from analytics.anomaly import calibration, daily
from analytics.anomaly.baseline import DAY_MINUTES
from analytics.relations import as_table
from analytics.signals import signal_table
from analytics.signals.live_tables import daily_series, territories

COLUMNS = {
    "domain": pa.string(),
    "bin_minutes": pa.int32(),
    "alerts_per_series_week": pa.float64(),
    "series_weeks": pa.float64(),
    "score": pa.float64(),
    "watch_score": pa.float64(),
}


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    places = territories(dbt.ref("territories"), dbt.ref("regions"))
    parents = signal_table.territory_parents(places.values())
    scores_by_domain: dict[str, list] = {}
    for days in daily_series(dbt.ref("int_daily_series"), dbt.ref("int_daily_ears")).values():
        scored = daily.scored(days, max(day.day for day in days))
        for domain, series in (calibration.baseline_days(scored, parents) if scored else {}).items():
            scores_by_domain.setdefault(domain, []).extend(series)
    rows = [astuple(threshold) for threshold in calibration.thresholds(scores_by_domain, DAY_MINUTES)]
    return as_table(rows, COLUMNS)
