"""Which terms stand in each text, how they are written, and how often each stands there."""

import pyarrow as pa

from analytics.text.corpus import index


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    rows = index(dbt.ref("fct_verbatim").select("verbatim_id", "text").order("verbatim_id").fetchall())
    types = {"term": pa.string(), "words": pa.string(), "verbatim_id": pa.string(), "frequency": pa.int64()}
    return pa.table({name: pa.array([getattr(row, name) for row in rows], kind) for name, kind in types.items()})
