"""The topics that are watched in this home. What a topic is, and what it finds, is `analytics.signals.topics`."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from analytics.signals import topics as definitions
from analytics.signals.topics import Topic
from core import settings
from core.clock import today
from core.errors import ExpectedFailure
from ingestion.platforms import PLATFORMS
from warehouse import published

COLUMNS = ("topic_code", "topic_label", "crisis_kind", "query", "platforms", "owner", "part_of", "topics_version")

_BUSY_SECONDS = 30.0

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
        for row in operations("topics")
    ]


def operations(table: str) -> list[dict[str, Any]]:
    """Return the rows of a table of this home's operations; none where the file, or the table, was never made.

    Every micro-batch asks: loading them as a platform would cost it seconds of imports.

    Raises:
        ExpectedFailure: the file is no database, or stays locked.
    """
    path = settings.home().operations
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)) as connection:
            connection.row_factory = sqlite3.Row
            if not connection.execute("select 1 from sqlite_master where name = ?", [table]).fetchone():
                return []
            return [dict(row) for row in connection.execute(f'select * from "{table}" order by 1')]  # noqa: S608 - ours
    except sqlite3.Error as problem:
        raise ExpectedFailure(
            f"Le fichier {path.name} ne peut pas être lu ({problem}).",
            "S'il est abîmé, rétablissez-le depuis la dernière sauvegarde.",
        ) from None


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


def former(session: duckdb.DuckDBPyConnection, relation: Any, columns: Sequence[str]) -> duckdb.DuckDBPyRelation:
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
        return session.from_arrow(pa.table({name: pa.array([], pa.string()) for name in columns}))
    return session.table(f'"{relation.schema}"."{relation.identifier}"').select(", ".join(columns))


def add(topic: Topic) -> None:
    """Write a topic down in this home; one of the same code is replaced. The next micro-batch watches it.

    Raises:
        ExpectedFailure: it is part of a topic that does not exist, or the file cannot be written.
    """
    definitions.together(watched(), [topic])
    now = datetime.now(UTC).isoformat(timespec="seconds")
    from ingestion.connectors.operations.store import open_operations

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
    """Return the bins of a table of live series that are not zero, as `analytics.signals.live_detection` reads them.

    Args:
        series: The table, a DuckDB relation.
    """
    wanted = "topic_code, platform, territory_code, bin_start, mentions, total_mentions, negative"
    return series.filter("mentions > 0").select(wanted).fetchall()


@dataclass(frozen=True)
class Preview:
    """What a topic would have found in the mentions that are published now.

    Attributes:
        by_day: Mentions that it finds, by day of Paris, oldest first.
        read: Mentions that were read.
        examples: Redacted texts, the newest first.
    """

    by_day: dict[date, int]
    read: int
    examples: list[str]


def preview(topic: Topic, most: int = 20) -> Preview:
    """Return what a topic finds in the published mentions of the last seven days.

    Args:
        topic: The topic; it need not be watched.
        most: Number of examples.

    Raises:
        ExpectedFailure: no live copy was published.
    """
    with published.connect(settings.home()) as connection:
        try:
            rows = connection.execute(
                f"select published_on, title, text, topics from {published.LIVE.catalog}.visibility.live_mention"  # noqa: S608
                " where published_on > ? and (text is not null or topics is not null) order by published_at desc",
                [today() - timedelta(days=7)],
            ).fetchall()
        except duckdb.CatalogException:
            raise ExpectedFailure(
                "Aucune mention n'est publiée dans ce dossier.",
                "Lancez d'abord `cyberimpact build --live` et `cyberimpact publish --live`.",
            ) from None
    by_day = dict.fromkeys(sorted({row[0] for row in rows}), 0)
    examples: dict[str, None] = {}
    for day, title, text, profiles in rows:
        told = ". ".join(filter(None, (title, text)))
        if topic.compiled.finds(definitions.folded(told), frozenset((profiles or "").split(";"))):
            by_day[day] += 1
            if text and len(examples) < most:
                examples[text] = None
    return Preview(by_day, len(rows), list(examples))
