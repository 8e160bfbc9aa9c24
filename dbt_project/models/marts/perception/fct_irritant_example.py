"""The texts that stand for the complaints of each theme, chosen for being typical."""

import pyarrow as pa

from analytics.text.corpus import Complaint, pain_point_examples

COLUMNS = ", ".join(Complaint._fields)


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    latest_first = "written_on desc, verbatim_id, theme, service_name"
    texts = dbt.ref("int_irritant_complaint").order(latest_first).select(COLUMNS).fetchall()
    rows = pain_point_examples(Complaint(*text) for text in texts)
    types = {
        "theme": pa.string(),
        "service_name": pa.string(),
        "rank": pa.int64(),
        "verbatim_id": pa.string(),
        "typicality": pa.decimal128(18, 6),
    }
    return pa.table({name: pa.array([getattr(row, name) for row in rows], kind) for name, kind in types.items()})
