"""What each mention is about: one row for each of its topics, and one for all mentions together, with its place."""

import pyarrow as pa

from analytics.signals import subjects
from orchestration import topics

COLUMNS = ("mention_id", "source_load_id", "topics_version", "topic_code", "told_territory_code")


def model(dbt, session):  # noqa: ANN001, ANN201 - dbt's signature
    dbt.config(materialized="table")
    watched = topics.from_rows(dbt.ref("live_topic").select(", ".join(topics.COLUMNS)).fetchall())
    former = topics.former(session, dbt.this, COLUMNS)
    mentions = dbt.ref("stg_listening__mention").select("mention_id, source_load_id, title, text, topics").fetchall()
    rows = subjects.read(mentions, watched, former)
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    return pa.table({name: pa.array(told, pa.string()) for name, told in zip(COLUMNS, columns, strict=True)})
