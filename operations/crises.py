"""Opens, annotates and closes crises."""

import csv
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from analytics.signals.lifecycle import FRANCE
from core.errors import ExpectedFailure
from core.settings import Home
from operations import topics as watched
from operations.subscriptions import KINDS
from privacy import redact
from warehouse import dbt_project
from warehouse.operations_database import open_operations

EVENT_KINDS = ("fait", "dit", "mené")

_COLUMNS = "crisis_id, title, kind, status, opened_at, closed_at, territories, topics, owner"


@dataclass(frozen=True)
class Crisis:
    """A crisis that was declared; `closed_at` is None while it lasts."""

    crisis_id: str
    title: str
    kind: str
    opened_at: datetime
    closed_at: datetime | None
    territories: tuple[str, ...]
    topics: tuple[str, ...]
    owner: str

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


@dataclass(frozen=True)
class Event:
    """An entry of the log of a crisis: what happened (`fait`), was said (`dit`) or was done (`mené`)."""

    kind: str
    note: str
    author_role: str
    happened_at: datetime


def open_crisis(
    home: Home, *, topics: Sequence[str], territories: Sequence[str], title: str, kind: str | None, owner: str
) -> Crisis:
    """Declare a crisis.

    Raises:
        ExpectedFailure: it has no topic, one that is not watched, a territory without series, an unknown kind, or it is
            open already.
    """
    if not topics:
        raise ExpectedFailure("Une crise porte sur au moins un thème.", "Le donner par --topic.")
    known = [watched.find(code) for code in topics]
    kind = kind or known[0].kind
    for code in sorted(set(territories) - known_territories()):
        raise ExpectedFailure(
            f"Aucune série n'est tenue pour le territoire {code!r}.",
            "Donner FR, une région (FR-NAQ) ou un département (FR-33).",
        )
    if kind not in KINDS:
        raise ExpectedFailure(f"{kind!r} n'est pas un genre de crise.", f"Choisir parmi : {', '.join(KINDS)}.")
    for other in listed(home):
        if other.is_open and set(other.topics) == set(topics) and set(other.territories) == set(territories):
            raise ExpectedFailure(
                f"La crise {other.crisis_id} porte déjà sur ces thèmes et territoires.",
                f"Y noter ce qui se passe : `cyberimpact crisis log {other.crisis_id} …`.",
            )
    made = Crisis(
        crisis_id=uuid4().hex[:8],
        title=redact(title),
        kind=kind,
        opened_at=datetime.now(UTC),
        closed_at=None,
        territories=tuple(sorted(set(territories))),
        topics=tuple(sorted(set(topics))),
        owner=owner,
    )
    with closing(open_operations(home.operations)) as connection, connection:
        connection.execute(
            f"insert into crises ({_COLUMNS}) values (?, ?, ?, 'ouverte', ?, null, ?, ?, ?)",  # noqa: S608
            [
                made.crisis_id, made.title, made.kind, made.opened_at.isoformat(),
                ",".join(made.territories), ",".join(made.topics), made.owner,
            ],
        )  # fmt: skip
    return made


def known_territories() -> set[str]:
    """Return the codes of the territories that have series: the nation, regions and départements."""
    known = {FRANCE}
    for name, column in (("regions", "region_code"), ("territories", "territory_code")):
        with (dbt_project.PROJECT_DIR / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as seed:
            known |= {row[column] for row in csv.DictReader(seed)}
    return known


def note(home: Home, crisis_id: str, text: str, *, kind: str, role: str, at: datetime | None = None) -> None:
    """Add an entry to the log of an open crisis.

    Raises:
        ExpectedFailure: there is no such crisis, it is closed, or the entry is empty or of no known kind.
    """
    crisis = find(home, crisis_id)
    if not crisis.is_open:
        raise ExpectedFailure(f"La crise {crisis.crisis_id} est close.", "En ouvrir une autre.")
    if kind not in EVENT_KINDS:
        raise ExpectedFailure(f"{kind!r} n'est pas un genre d'entrée.", f"Choisir parmi : {', '.join(EVENT_KINDS)}.")
    if not text.strip():
        raise ExpectedFailure("L'entrée est vide.", "Dire en une phrase ce qui s'est passé.")
    row = [uuid4().hex, crisis.crisis_id, kind, redact(text.strip()), role, (at or datetime.now(UTC)).isoformat()]
    with closing(open_operations(home.operations)) as connection, connection:
        connection.execute(
            "insert into crisis_events (event_id, crisis_id, kind, note, author_role, happened_at)"
            " values (?, ?, ?, ?, ?, ?)",
            row,
        )


def close(home: Home, crisis_id: str) -> Crisis:
    """Declare a crisis ended.

    Raises:
        ExpectedFailure: there is no such crisis, or it was closed before.
    """
    crisis = find(home, crisis_id)
    if not crisis.is_open:
        raise ExpectedFailure(
            f"La crise {crisis.crisis_id} est déjà close.", "Son rapport : `cyberimpact crisis report`."
        )
    with closing(open_operations(home.operations)) as connection, connection:
        connection.execute(
            "update crises set status = 'close', closed_at = ? where crisis_id = ?",
            [datetime.now(UTC).isoformat(), crisis.crisis_id],
        )
    return find(home, crisis.crisis_id)


def listed(home: Home) -> list[Crisis]:
    """Return the crises of a home, those that last first, then the latest."""
    if not home.operations.exists():
        return []
    with closing(open_operations(home.operations)) as connection:
        rows = connection.execute(
            f"select {_COLUMNS} from crises order by closed_at is not null, opened_at desc, crisis_id"  # noqa: S608
        ).fetchall()
    return [
        Crisis(
            crisis_id, title, kind, datetime.fromisoformat(opened), datetime.fromisoformat(closed) if closed else None,
            _words(territories), _words(topics), owner,
        )
        for crisis_id, title, kind, _, opened, closed, territories, topics, owner in rows
    ]  # fmt: skip


def find(home: Home, crisis_id: str) -> Crisis:
    """Return one crisis; the beginning of its identifier is enough.

    Raises:
        ExpectedFailure: none, or more than one, has an identifier that begins so.
    """
    found = [crisis for crisis in listed(home) if crisis.crisis_id.startswith(crisis_id)] if crisis_id else []
    if len(found) != 1:
        raise ExpectedFailure(f"Aucune crise ne s'appelle {crisis_id!r}.", "Voir `cyberimpact crisis list`.")
    return found[0]


def events(home: Home, crisis: Crisis) -> list[Event]:
    """Return the log of a crisis in order."""
    with closing(open_operations(home.operations)) as connection:
        rows = connection.execute(
            "select kind, note, author_role, happened_at from crisis_events where crisis_id = ?"
            " order by datetime(happened_at), event_id",
            [crisis.crisis_id],
        ).fetchall()
    return [Event(kind, text, role, datetime.fromisoformat(at)) for kind, text, role, at in rows]


def any_open(home: Home) -> bool:
    """Return whether a crisis lasts."""
    return any(crisis.is_open for crisis in listed(home))


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (text or "").split(",")))
