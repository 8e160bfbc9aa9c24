"""How the verdicts of operators move the budget of false alerts of each topic; the next run detects by it."""

import pyarrow as pa

from analytics.anomaly.thresholds import BUDGETS
from analytics.relations import as_dicts, as_table
from analytics.signals import signal_table
from analytics.signals.verdict_budgets import last_verdicts, learnt

COLUMNS = {
    "domain": pa.string(),
    "topic_code": pa.string(),
    "topic_label": pa.string(),
    "confirmed": pa.int64(),
    "dismissed": pa.int64(),
    "times": pa.float64(),
    "alerts_per_series_week": pa.float64(),
}


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    [(now,)] = dbt.ref("live_topic_mention").aggregate("max(collected_at)").fetchall()
    evidence = dbt.ref("live_detection").filter("part = 'evidence'").select("signal_id, part, rank, series")
    last = last_verdicts(as_dicts(dbt.source("decisions", "verdicts")))
    found = learnt(last, signal_table.strongest(as_dicts(evidence)), now) if now else {}
    labels = dict(dbt.ref("live_topic").select("topic_code, topic_label").fetchall()) | signal_table.PSEUDO_LABELS
    rows = [
        (
            *name,
            labels.get(name[1], name[1]),
            said.confirmed,
            said.dismissed,
            said.times,
            BUDGETS[name[0]] * said.times,
        )
        for name, said in found.items()
    ]
    return as_table(rows, COLUMNS)
