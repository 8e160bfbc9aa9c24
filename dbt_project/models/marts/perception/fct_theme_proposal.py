"""Themes that the taxonomy may lack, proposed to a person: what the texts that it calls `autre` speak of."""

import pyarrow as pa

from analytics.text.corpus import proposed_themes


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    others = dbt.ref("fct_verbatim_theme").filter("theme = 'autre'").set_alias("others")
    counted = dbt.ref("int_irritant_text").select("verbatim_id, written_on").set_alias("counted")
    texts = dbt.ref("fct_verbatim").select("verbatim_id, text").set_alias("texts")
    found = others.join(counted, "verbatim_id").join(texts, "verbatim_id")
    rows = proposed_themes(found.order("written_on desc, verbatim_id").select("verbatim_id, text").fetchall())
    types = {
        "rank": pa.int64(),
        "words": pa.string(),
        "texts": pa.int64(),
        "share": pa.decimal128(18, 6),
        "coherence": pa.decimal128(18, 6),
        "example_verbatim_id": pa.string(),
    }
    return pa.table({name: pa.array([getattr(row, name) for row in rows], kind) for name, kind in types.items()})
