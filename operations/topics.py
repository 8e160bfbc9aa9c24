"""The watched topics: those of the project and those of operators."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import duckdb
from django.db.models import Count, Max

from analytics.signals import topics as definitions
from analytics.signals.topics import Topic
from core import settings
from core.clock import now, today
from core.errors import ExpectedFailure
from core.french import moment
from ingestion.platforms import PLATFORMS
from operations import acts, models, roles
from operations.acts import Author
from operations.models import Act
from warehouse import published

PLATFORM_NAMES = frozenset(platform.name for platform in PLATFORMS)

#: What the history calls the fields of a topic.
_FIELDS = {"label": "nom", "query": "requête", "kind": "genre", "platforms": "plateformes", "owner": "responsable"}


@dataclass(frozen=True)
class Known:
    """A topic that is or was watched.

    Attributes:
        topic: The topic.
        is_watched: Whether it is watched now.
        is_operators: Whether operators wrote it down or stopped it; the others are the project's.
        updated_at: When they did last; None for the project's.
    """

    topic: Topic
    is_watched: bool
    is_operators: bool
    updated_at: datetime | None


def operators_rows() -> list[dict[str, Any]]:
    """Return the topics that operators wrote down, as rows of the operations database.

    Raises:
        ExpectedFailure: the database cannot be used.
    """
    return [{**row, "platforms": ",".join(row["platforms"])} for row in models.Topic.objects.values()]


def watched() -> list[Topic]:
    """Return the topics that are watched now, the project's and operators'."""
    return definitions.watched(operators_rows())


def listed() -> list[Known]:
    """Return all topics, those that are watched first; an operator's takes the place of the project's of its code."""
    rows = {row["code"]: row for row in operators_rows()}
    of_project = {topic.code: topic for topic in definitions.read() if topic.code not in rows}
    known = [Known(topic, is_watched=True, is_operators=False, updated_at=None) for topic in of_project.values()]
    known += [
        Known(definitions.of_operator(row), is_watched=row["active"], is_operators=True, updated_at=row["updated_at"])
        for row in rows.values()
    ]
    return sorted(known, key=lambda one: (not one.is_watched, one.topic.label))


def add(topic: Topic, author: Author, form_id: UUID | None = None) -> None:
    """Write a topic down. The next micro-batch watches it.

    Raises:
        ExpectedFailure: operators watch one of this code, it is part of a topic that does not exist, or the database
            cannot be written.
    """
    act = "thème ajouté"
    with acts.once(author, act, form_id, _turn(topic.code), target=topic.code, content=topic) as done:
        if done:
            return
        former = models.Topic.objects.filter(code=topic.code).first()
        if former and former.active:
            raise ExpectedFailure(f"Le thème « {topic.code} » existe déjà.", "Le modifier, ou choisir un autre code.")
        _write(topic)
        acts.record(author, act, ("thème", topic.code), f"{topic.label} : {topic.query}", form_id=form_id)


class ChangedMeanwhileError(ExpectedFailure):
    """Somebody else has decided on the topic since the person looked at it.

    Attributes:
        last: What was done last.
    """

    def __init__(self, last: Act) -> None:
        self.last = last
        detail = f" ({last.detail})" if last.detail else ""
        super().__init__(
            f"Entre-temps, le rôle « {roles.title(last.role)} » a décidé : {last.kind}{detail},"
            f" le {moment(last.done_at)}.",
            "Rien n'a été enregistré : prenez-en connaissance, puis recommencez.",
        )


def change(topic: Topic, author: Author, form_id: UUID | None = None, *, seen: int | None = None) -> None:
    """Write a topic that is watched down anew, the project's too; what has changed goes into its history.

    Args:
        topic: The topic as it shall be.
        author: Who changes it.
        form_id: A second submit of the same form changes nothing more.
        seen: Length of the history that the author has seen; None for who has seen none.

    Raises:
        ChangedMeanwhileError: its history is longer; nothing is written.
        ExpectedFailure: no topic of this code is watched, it is part of one that does not exist, or the database cannot
            be written.
    """
    act = "thème modifié"
    with acts.once(author, act, form_id, _turn(topic.code), target=topic.code, content=topic) as done:
        if done:
            return
        _refuse_changed(topic.code, seen)
        former = find(topic.code)
        _write(topic)
        acts.record(author, act, ("thème", topic.code), _difference(former, topic), form_id=form_id)


def end(code: str, author: Author, form_id: UUID | None = None, *, seen: int | None = None) -> None:
    """Stop to watch a topic; what it found stays. Arguments are as in `change`.

    Raises:
        ChangedMeanwhileError: somebody else has decided on it meanwhile.
        ExpectedFailure: no topic of this code is watched.
    """
    act = "thème arrêté"
    with acts.once(author, act, form_id, _turn(code), target=code) as done:
        if done:
            return
        _refuse_changed(code, seen)
        _write(find(code), active=False)
        acts.record(author, act, ("thème", code), form_id=form_id)


def history(code: str) -> list[Act]:
    """Return who has added, changed and ended a topic, when and how, the oldest first."""
    return acts.on("thème", code)


def state() -> tuple:
    """Return what is another once operators have decided on topics: first how many they have."""
    return tuple(models.Topic.objects.aggregate(topics=Count("code"), last=Max("updated_at")).values())


def _refuse_changed(code: str, seen: int | None) -> None:
    """Check that nobody has decided on a topic since somebody has seen its history."""
    done = history(code)
    if seen is not None and len(done) > seen:
        raise ChangedMeanwhileError(done[-1])


def _write(topic: Topic, *, active: bool = True) -> None:
    if active:
        definitions.together(watched(), [topic])
    fields = {name: getattr(topic, name) for name in _FIELDS}
    models.Topic.objects.update_or_create(code=topic.code, defaults={**fields, "active": active, "updated_at": now()})


def _difference(former: Topic, topic: Topic) -> str:
    """Return what has changed: `requête : « crue » → « crues »`."""
    pairs = {name: (getattr(former, name), getattr(topic, name)) for name in _FIELDS}
    changed = (
        f"{_FIELDS[name]} : « {_said(before)} » → « {_said(after)} »"
        for name, (before, after) in pairs.items()
        if before != after
    )
    return " ; ".join(changed) or "rien n'a changé"


def _said(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ", ".join(value) or "toutes"


def _turn(code: str) -> str:
    return f"topic {code}"


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
        return preview_in(connection, topic, most)


def preview_in(connection: duckdb.DuckDBPyConnection, topic: Topic, most: int = 20) -> Preview:
    """Return what a topic finds in a live copy that is attached, such as that of a right; see `preview`."""
    try:
        rows = connection.execute(
            f"select published_on, title, text, topics from {published.LIVE.catalog}.visibility.live_mention"  # noqa: S608
            " where published_on > ? and (text is not null or topics is not null) order by published_at desc",
            [today() - timedelta(days=7)],
        ).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
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
