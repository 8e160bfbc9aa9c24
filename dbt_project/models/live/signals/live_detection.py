"""What stands out in the live series, and the signals that it makes: all that the tables of signals show."""

import pyarrow as pa

from analytics.signals import signal_table
from analytics.signals.live_tables import Live

TYPES = {"timestamp": pa.timestamp("us")}


def model(dbt, session):  # noqa: ANN001, ANN201 - dbt's signature
    dbt.config(materialized="table")
    live = Live(
        session,
        this=dbt.this,
        hours=dbt.ref("live_series_hour"),
        five_minute_bins=dbt.ref("live_series_five_minutes"),
        days=dbt.ref("live_ears"),
        totals=dbt.ref("live_series_day"),
        mentions=dbt.ref("live_topic_mention"),
        texts=dbt.ref("stg_listening__mention"),
        loads=dbt.ref("stg_listening__load"),
        detectors=dbt.ref("live_detector"),
        thresholds=dbt.ref("live_threshold"),
        daily_anomalies=dbt.source("daily_copy", "fct_daily_anomaly"),
        official_alerts=dbt.source("daily_copy", "fct_official_alert"),
        verdicts=dbt.source("decisions", "verdicts"),
        topics=dbt.ref("live_topic"),
        territories=dbt.ref("territories"),
        regions=dbt.ref("regions"),
    )
    rows = live.detect()
    schema = pa.schema(
        [(name, TYPES.get(kind) or pa.type_for_alias(kind)) for name, kind in signal_table.COLUMNS.items()]
    )
    return pa.Table.from_pylist(rows, schema)
