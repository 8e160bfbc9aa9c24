"""The feeling of each text: what its writer told, or what a model says that has learnt from those who told."""

import pyarrow as pa

from analytics.text import service
from analytics.text.corpus import feelings
from core import settings


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    texts = dbt.ref("fct_verbatim").select("verbatim_id", "text", "told_feeling").order("verbatim_id").fetchall()
    rows = feelings(texts, service.in_service(settings.home().feeling_models))
    types = {
        "verbatim_id": pa.string(),
        "feeling": pa.string(),
        "feeling_source": pa.string(),
        "model_version": pa.string(),
        "probability": pa.decimal128(18, 6),
        "is_undecided": pa.bool_(),
        "is_mixed": pa.bool_(),
    }
    return pa.table({name: pa.array([getattr(row, name) for row in rows], kind) for name, kind in types.items()})
