"""What the streaming detectors know of the series of five minutes, up to the bins that are closed for good."""

import pyarrow as pa

from analytics.anomaly import streaming
from analytics.relations import former
from analytics.signals import live_detection
from analytics.signals.live_tables import nonzero_bins

COLUMNS = ("series", "learnt_until", "bins", "state")


def model(dbt, session):  # noqa: ANN001, ANN201 - dbt's signature
    dbt.config(materialized="table")
    learnt, history = streaming.restore(former(session, dbt.this, COLUMNS).fetchall())
    five_minute_bins = dbt.ref("live_series_five_minutes")
    [(now,)] = dbt.ref("live_topic_mention").aggregate("max(collected_at)").fetchall()
    if now is not None:
        live_detection.learn(nonzero_bins(five_minute_bins), now, learnt, history)
    types = (pa.string(), pa.timestamp("us"), pa.int64(), pa.string())
    return pa.Table.from_pylist(streaming.save(learnt, history), pa.schema(list(zip(COLUMNS, types, strict=True))))
