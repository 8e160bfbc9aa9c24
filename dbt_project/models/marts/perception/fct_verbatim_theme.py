"""The themes that each text speaks of, by the rules of the taxonomy."""

import pyarrow as pa

from analytics.relations import map_rows
from analytics.text.corpus import themes_of


def model(dbt, session):  # noqa: ANN001, ANN201 - dbt's signature
    dbt.config(materialized="table")
    texts = dbt.ref("fct_verbatim").select("verbatim_id", "text").order("verbatim_id")
    return map_rows(session, texts, themes_of, dict.fromkeys(("verbatim_id", "theme", "theme_label"), pa.string()))
