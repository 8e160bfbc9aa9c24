"""The crises that last in this home, by topic and territory: one that is opened is here at the next micro-batch."""

import pyarrow as pa

from analytics.relations import as_dicts
from analytics.signals import open_crises

COLUMNS = {
    "crisis_id": pa.string(),
    "title": pa.string(),
    "crisis_kind": pa.string(),
    "opened_at": pa.timestamp("us"),
    "owner": pa.string(),
    "topic_code": pa.string(),
    "territory_code": pa.string(),
    "log_entries": pa.int64(),
    "last_entry_at": pa.timestamp("us"),
    "last_entry": pa.string(),
}


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    crises = as_dicts(dbt.source("decisions", "crises").order("crisis_id"))
    events = as_dicts(dbt.source("decisions", "crisis_events").order("event_id"))
    return pa.Table.from_pylist(list(open_crises.rows(crises, events)), pa.schema(list(COLUMNS.items())))
