"""The themes that each text speaks of, by the rules of the taxonomy."""

import pyarrow as pa

from analytics.text import themes
from analytics.text.corpus import theme_codes


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    labels = themes.labels()
    texts = dbt.ref("fct_verbatim").select("verbatim_id", "text").order("verbatim_id").fetchall()
    rows = [(verbatim_id, code, labels[code]) for verbatim_id, text in texts for code in theme_codes(text)]
    return pa.table(
        {
            name: pa.array([row[place] for row in rows], pa.string())
            for place, name in enumerate(("verbatim_id", "theme", "theme_label"))
        }
    )
