"""The topics that are watched, as the daily build knows them; the live file has the same at its own hour."""

import pyarrow as pa

from analytics.relations import as_dicts
from analytics.signals import topics


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    watched = topics.watched(as_dicts(dbt.source("decisions", "topics").order("code")))
    return pa.Table.from_pylist(topics.as_rows(watched), pa.schema([(name, pa.string()) for name in topics.COLUMNS]))
