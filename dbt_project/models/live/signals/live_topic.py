"""The topics that are watched now: those of the project, and those that operators have added in this home."""

import pyarrow as pa

from analytics.relations import as_dicts
from analytics.signals import topics


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    watched = topics.watched(as_dicts(dbt.source("decisions", "topics").order("code")))
    return pa.Table.from_pylist(topics.as_rows(watched), pa.schema([(name, pa.string()) for name in topics.COLUMNS]))
