"""What each text is before it is read: its language, whether it is a testimony, of which earlier text it is a copy."""

from collections import Counter

import pyarrow as pa

from analytics.text.corpus import copy_groups, text_kind


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    texts = dbt.ref("fct_verbatim").select("verbatim_id", "text", "written_on").order("written_on, verbatim_id")
    rows = [(verbatim_id, text) for verbatim_id, text, _ in texts.fetchall()]
    heads, kinds = copy_groups(rows), [text_kind(text) for _, text in rows]
    sizes = Counter(heads)
    return pa.table(
        {
            "verbatim_id": pa.array([verbatim_id for verbatim_id, _ in rows], pa.string()),
            "language": pa.array([kind.language for kind in kinds], pa.string()),
            "set_aside": pa.array([kind.set_aside for kind in kinds], pa.string()),
            "copy_of": pa.array(heads, pa.string()),
            "copies": pa.array([sizes[head] for head in heads], pa.int64()),
        }
    )
