"""The topics that a threat, or what a citizen writes, is on. Mentions and the chat have live tables of their own."""

import pyarrow as pa

from analytics.signals import topics

QUERIES = {
    "threat": ("dim_threat", "threat_code, threat_label", None),
    "verbatim": ("fct_verbatim", "verbatim_id, text", "written_on > current_date - 400"),
}


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    watched = topics.from_rows(dbt.ref("int_topic").select(", ".join(topics.COLUMNS)).fetchall())
    tables = {"dim_threat": dbt.ref("dim_threat"), "fct_verbatim": dbt.ref("fct_verbatim")}
    platforms = {"threat": "cybermalveillance", "verbatim": "services_publics_plus"}
    rows = []
    for kind, (table, columns, recent) in QUERIES.items():
        relation = tables[table].filter(recent) if recent else tables[table]
        rows += [
            {"subject_kind": kind, "subject_key": key, "topic_code": code}
            for key, text in relation.select(columns).order(columns.split(",")[0]).fetchall()
            for code in topics.codes(watched, text, platforms[kind])
        ]
    names = ("subject_kind", "subject_key", "topic_code")
    return pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in names]))
