"""The words by which the complaints of each theme are known."""

import pyarrow as pa

from analytics.text.corpus import Complaint, pain_point_words

COLUMNS = ", ".join(Complaint._fields)


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    texts = dbt.ref("int_irritant_complaint").select(COLUMNS).order("verbatim_id, theme, service_name").fetchall()
    rows = pain_point_words(Complaint(*text) for text in texts)
    types = {
        "theme": pa.string(),
        "service_name": pa.string(),
        "rank": pa.int64(),
        "word": pa.string(),
        "z": pa.decimal128(18, 6),
        "texts": pa.int64(),
    }
    return pa.table({name: pa.array([getattr(row, name) for row in rows], kind) for name, kind in types.items()})
