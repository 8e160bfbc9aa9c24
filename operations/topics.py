"""The watched topics: those of the project and those of operators."""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb

from analytics.signals import topics as definitions
from analytics.signals.topics import Topic
from core import settings
from core.clock import today
from core.errors import ExpectedFailure
from ingestion.platforms import PLATFORMS
from warehouse import operations_database, published

PLATFORM_NAMES = frozenset(platform.name for platform in PLATFORMS)


def operators_rows() -> list[dict[str, Any]]:
    """Return the topics that operators wrote down in this home, as rows of its operations database.

    Raises:
        ExpectedFailure: the file is no database, or stays locked.
    """
    return operations_database.rows(settings.home().operations, "topics")


def watched() -> list[Topic]:
    """Return the topics that are watched now, the project's and operators'."""
    return definitions.watched(operators_rows())


def add(topic: Topic) -> None:
    """Write a topic down in this home; one of the same code is replaced. The next micro-batch watches it.

    Raises:
        ExpectedFailure: it is part of a topic that does not exist, or the file cannot be written.
    """
    definitions.together(watched(), [topic])
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with closing(operations_database.open_operations(settings.home().operations)) as connection, connection:
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
        content = ". ".join(filter(None, (title, text)))
        if topic.compiled.finds(definitions.folded(content), frozenset((profiles or "").split(";"))):
            by_day[day] += 1
            if text and len(examples) < most:
                examples[text] = None
    return Preview(by_day, len(rows), list(examples))
