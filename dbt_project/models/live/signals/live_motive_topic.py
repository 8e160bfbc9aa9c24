"""The topics that a motive of the chat belongs to: those whose query finds its words, and all contacts together."""

import pyarrow as pa

from analytics.signals import topics
from analytics.signals.topic_tagging import ALL, OTHER


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    watched = topics.from_rows(dbt.ref("live_topic").select(", ".join(topics.COLUMNS)).fetchall())
    motives = dbt.ref("stg_brigade_numerique__contact").select("motive").distinct().order("motive").fetchall()
    rows = [
        {"motive": motive, "topic_code": code}
        for (motive,) in motives
        if motive
        for code in (ALL, *(topics.codes(watched, motive, "brigade_numerique") or [OTHER]))
    ]
    return pa.Table.from_pylist(rows, pa.schema([("motive", pa.string()), ("topic_code", pa.string())]))
