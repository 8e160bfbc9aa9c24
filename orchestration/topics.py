"""The topics that are watched in this home. What a topic is, and what it finds, belongs in `analytics.signals.topics`."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from analytics.signals import topics as definitions
from analytics.signals.topics import Topic
from ingestion import settings
from ingestion.errors import ExpectedFailure
from ingestion.operations.store import open_operations, pages
from ingestion.platforms import PLATFORMS

COLUMNS = ("topic_code", "topic_label", "crisis_kind", "query", "platforms", "owner", "part_of", "topics_version")

PLATFORM_NAMES = frozenset(platform.name for platform in PLATFORMS)


def project_topics() -> list[Topic]:
    """Return the topics that the project declares."""
    return definitions.read(platforms=PLATFORM_NAMES)


def operators_topics() -> list[tuple[Topic, bool]]:
    """Return the topics that operators wrote down in this home, each with whether it is watched."""
    return [
        (
            Topic(
                code=row["code"],
                label=row["label"],
                query=row["query"],
                kind=row["kind"],
                owner=row["owner"],
                platforms=tuple(filter(None, row["platforms"].split(","))),
            ),
            bool(row["active"]),
        )
        for page in pages(settings.home().operations, "topics")
        for row in page
    ]


def watched() -> list[Topic]:
    """Return the topics that are watched now; an operator's takes the place of the project's of the same code."""
    theirs = operators_topics()
    stopped = {topic.code for topic, active in theirs if not active}
    known = definitions.together(project_topics(), (topic for topic, _ in theirs))
    kept = [topic for topic in known if topic.code not in stopped]
    return [topic if topic.part_of not in stopped else _alone(topic) for topic in kept]


def _alone(topic: Topic) -> Topic:
    return Topic(topic.code, topic.label, topic.query, topic.kind, topic.owner, topic.platforms)


def rows() -> list[dict[str, str | None]]:
    """Return the watched topics as rows of `COLUMNS`."""
    found = watched()
    version = definitions.version(found)
    return [
        {
            "topic_code": topic.code,
            "topic_label": topic.label,
            "crisis_kind": topic.kind,
            "query": topic.query,
            "platforms": ",".join(topic.platforms),
            "owner": topic.owner,
            "part_of": topic.part_of,
            "topics_version": version,
        }
        for topic in found
    ]


def from_rows(told: Iterable[Sequence[Any]]) -> list[Topic]:
    """Return the topics that rows of `COLUMNS` tell."""
    return [
        Topic(code, label, query, kind, owner, tuple(filter(None, platforms.split(","))), part_of)
        for code, label, kind, query, platforms, owner, part_of, _ in told
    ]


def codes(watched_topics: Iterable[Topic], text: str, platform: str) -> list[str]:
    """Return the codes of the topics that a text of a platform is on."""
    folded = definitions.folded(text)
    return [one.code for one in watched_topics if one.watches(platform) and one.compiled.finds(folded)]


def former(session: Any, relation: Any, columns: Sequence[str]) -> list[tuple]:
    """Return what a model of the live file held before this build; nothing where it has never been built.

    Args:
        session: DuckDB connection of dbt.
        relation: The model itself, `dbt.this`.
        columns: Columns wanted; a table that lacks one is taken for absent.
    """
    known = session.execute(
        "select column_name from information_schema.columns where table_schema = ? and table_name = ?"
        " and table_catalog = current_database()",
        [relation.schema, relation.identifier],
    ).fetchall()
    if not set(columns) <= {name for (name,) in known}:
        return []
    names = ", ".join(columns)
    return session.execute(f'select {names} from "{relation.schema}"."{relation.identifier}"').fetchall()  # noqa: S608


def add(topic: Topic) -> None:
    """Write a topic down in this home; one of the same code is replaced. The next micro-batch watches it.

    Raises:
        ExpectedFailure: it is part of a topic that does not exist, or the file cannot be written.
    """
    definitions.together(watched(), [topic])
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with closing(open_operations(settings.home().operations)) as connection, connection:
        connection.execute(
            "insert into topics (code, label, query, kind, platforms, owner, active, created_at, updated_at)"
            " values (?, ?, ?, ?, ?, ?, 1, ?, ?) on conflict (code) do update set label = excluded.label,"
            " query = excluded.query, kind = excluded.kind, platforms = excluded.platforms, owner = excluded.owner,"
            " active = 1, updated_at = excluded.updated_at",
            [topic.code, topic.label, topic.query, topic.kind, ",".join(topic.platforms), topic.owner, now, now],
        )


def find(code: str) -> Topic:
    """Return a topic that is watched.

    Raises:
        ExpectedFailure: none has this code.
    """
    for topic in watched():
        if topic.code == code:
            return topic
    raise ExpectedFailure(f"Aucun thème ne s'appelle « {code} ».", "`cyberimpact topic list` les nomme.")


def counted(series: Any) -> list[tuple]:
    """Return the bins of a table of live series that are not zero, as `analytics.signals.watch` reads them.

    Args:
        series: The table, a DuckDB relation.
    """
    wanted = "topic_code, platform, territory_code, bin_start, mentions, total_mentions, negative"
    return series.filter("mentions > 0").select(wanted).fetchall()
