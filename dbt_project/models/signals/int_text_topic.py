"""The topics that a threat, or what a citizen writes, is on. Mentions and the chat have live tables of their own."""

from functools import partial

import pyarrow as pa

from analytics.relations import map_rows
from analytics.signals import topics

TYPES = dict.fromkeys(("subject_key", "topic_code"), pa.string())


def model(dbt, session):  # noqa: ANN001, ANN201 - dbt's signature
    dbt.config(materialized="table")
    watched = topics.from_rows(dbt.ref("int_topic").select(", ".join(topics.COLUMNS)).fetchall())
    texts = {
        "threat": (dbt.ref("dim_threat").select("threat_code, threat_label"), "cybermalveillance"),
        "verbatim": (
            dbt.ref("fct_verbatim").filter("written_on > current_date - 400").select("verbatim_id, text"),
            "services_publics_plus",
        ),
    }
    threat, verbatim = (
        map_rows(session, relation, partial(topics.codes_of, topics=watched, platform=platform), TYPES).select(
            f"'{kind}' as subject_kind, subject_key, topic_code"
        )
        for kind, (relation, platform) in texts.items()
    )
    return threat.union(verbatim)
