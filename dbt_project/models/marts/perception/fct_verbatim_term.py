"""Which terms stand in each text, and how often: what a search reads."""

import pyarrow as pa

from analytics.verbatims.corpus import term_frequencies


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    texts = dbt.ref("fct_verbatim").select("verbatim_id", "text").order("verbatim_id").fetchall()
    rows = [(term, verbatim_id, times) for verbatim_id, text in texts for term, times in term_frequencies(text)]
    types = {"term": pa.string(), "verbatim_id": pa.string(), "frequency": pa.int64()}
    return pa.table(
        {name: pa.array([row[place] for row in rows], kind) for place, (name, kind) in enumerate(types.items())}
    )
