"""What the streaming detectors know of the series of five minutes, up to the bins that are closed for good."""

import pyarrow as pa

from analytics.signals import stream, watch
from orchestration import topics

COLUMNS = ("series", "learnt_until", "bins", "state")


def model(dbt, session):  # noqa: ANN001, ANN201 - dbt's signature
    dbt.config(materialized="table")
    learnt, history = stream.restore(topics.former(session, dbt.this, COLUMNS).fetchall())
    fives = dbt.ref("live_series_five_minutes")
    [(now,)] = dbt.ref("live_topic_mention").aggregate("max(collected_at)").fetchall()
    if now is not None:
        watch.learn(topics.counted(fives), now, learnt, history)
    types = (pa.string(), pa.timestamp("us"), pa.int64(), pa.string())
    return pa.Table.from_pylist(stream.save(learnt, history), pa.schema(list(zip(COLUMNS, types, strict=True))))
