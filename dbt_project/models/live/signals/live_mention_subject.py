"""What each mention is about: one row for each of its topics, and one for all mentions together, with its place."""

from functools import partial

import duckdb
import pyarrow as pa

from analytics.relations import former, map_rows
from analytics.signals import topic_tagging, topics

COLUMNS = ("mention_id", "source_load_id", "topics_version", "topic_code", "told_territory_code")
READING = ("mention_id", "source_load_id")


def model(dbt, session):  # noqa: ANN001, ANN201 - dbt's signature
    dbt.config(materialized="table")
    watched = topics.from_rows(dbt.ref("live_topic").select(", ".join(topics.COLUMNS)).fetchall())
    mentions = dbt.ref("stg_listening__mention").select("mention_id, source_load_id, title, text, topics")
    # What was read of a load stays while topics do: a batch reads a handful of hundreds of thousands.
    current = duckdb.ColumnExpression("topics_version") == duckdb.ConstantExpression(topic_tagging.version(watched))
    kept = former(session, dbt.this, COLUMNS).filter(current)
    known = ", ".join(READING)
    unread = mentions.join(kept, known, how="anti")
    read = partial(topic_tagging.read, watched=watched)
    new = map_rows(session, unread, read, dict.fromkeys(COLUMNS, pa.string()))
    return kept.join(mentions.select(known), known, how="semi").union(new)
