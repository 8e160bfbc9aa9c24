"""Records the verdicts that operators give on signals."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from sqlite3 import Connection
from typing import Any
from unicodedata import normalize
from uuid import uuid4

from core.clock import PARIS
from core.errors import ExpectedFailure
from core.settings import Home
from operations.alerts.links import Link, RefusedLinkError
from operations.alerts.outbox import Outbox, derived
from operations.alerts.signals import Signal
from privacy import redact
from warehouse.operations_database import open_operations

VERDICTS = ("vu", "confirmé", "écarté")
LONGEST_NOTE = 1000
#: Letters of Hangul that are shown as a space.
_BLANK = "\u115f\u1160"
_FACTS = ("topic_code", "crisis_kind", "territory_code", "severity")


@dataclass(frozen=True)
class Verdict:
    """The verdict of an operator on a signal, in a role."""

    signal_id: str
    verdict: str
    author_role: str
    note: str | None
    decided_at: datetime


def record(home: Home, signal: Signal, verdict: str, role: str, note: str | None = None) -> None:
    """Record the verdict of an operator on a signal.

    Raises:
        ExpectedFailure: the verdict is unknown, or a signal is put aside without a reason.
    """
    said = Verdict(signal.signal_id, verdict, role, _checked(verdict, note), datetime.now(UTC))
    with closing(open_operations(home.operations)) as connection, connection:
        _write(connection, said, {name: getattr(signal, name) for name in _FACTS}, signal.opened_at)


def answer(home: Home, link: Link, note: str | None = None) -> None:
    """Write the verdict that a link gives; the links of an alert give one verdict together.

    Raises:
        RefusedLinkError: the alert has its verdict, or was never written.
        ExpectedFailure: a signal is put aside without a reason.
    """
    with closing(open_operations(home.operations)) as connection:
        _refuse_used(connection, link)
        checked = _checked(link.verdict, note)
        alert = Outbox(connection).facts(link.alert_id)
        if alert is None:
            raise RefusedLinkError("L'alerte de ce lien n'existe plus.")
        with connection:  # the use of the link and what it does stand or fall together
            connection.execute("begin immediate")  # the links of an alert wait for each other
            _refuse_used(connection, link)
            connection.execute("insert into used_links values (?, ?)", [link.link_id, datetime.now(UTC).isoformat()])
            said = Verdict(alert.signal_id, link.verdict, link.role, checked, datetime.now(UTC))
            _write(connection, said, {name: getattr(alert, name) for name in _FACTS}, alert.signal_opened_at)


def refuse_used(home: Home, link: Link) -> None:
    """Check that no link of an alert has given its verdict yet.

    Raises:
        RefusedLinkError: one has.
    """
    with closing(open_operations(home.operations)) as connection:
        _refuse_used(connection, link)


def _refuse_used(connection: Connection, link: Link) -> None:
    links = {derived(link.alert_id, verdict): verdict for verdict in VERDICTS}
    used = connection.execute(
        f"select link_id, used_at from used_links where link_id in ({', '.join('?' * len(links))})",  # noqa: S608
        list(links),
    ).fetchone()
    if used:
        at = datetime.fromisoformat(used[1]).astimezone(PARIS)
        raise RefusedLinkError(f"Cette alerte a déjà reçu un verdict : « {links[used[0]]} », le {at:%d/%m/%Y à %H:%M}.")


def given(home: Home, signal_id: str | None = None) -> list[Verdict]:
    """Return the verdicts that were given, the oldest first: of one signal, or of all."""
    if not home.operations.exists():
        return []
    with closing(open_operations(home.operations)) as connection:
        rows = connection.execute(
            "select signal_id, verdict, author_role, note, decided_at from verdicts"
            " where ?1 is null or signal_id = ?1 order by decided_at, verdict_id",
            [signal_id],
        ).fetchall()
    return [Verdict(*row[:4], datetime.fromisoformat(row[4])) for row in rows]


def _checked(verdict: str, note: str | None) -> str | None:
    """Return the note redacted, None where it is empty."""
    if verdict not in VERDICTS:
        raise ExpectedFailure(f"{verdict!r} n'est pas un verdict.", f"Choisir parmi : {', '.join(VERDICTS)}.")
    kept = (note or "").strip()
    if not any(mark.isalnum() and mark not in _BLANK for mark in normalize("NFKC", kept)):
        kept = ""  # nothing that anybody could read
    if verdict == "écarté" and not kept:
        raise ExpectedFailure("Un signal écarté demande un motif.", "Dire en une phrase pourquoi il est écarté.")
    if len(kept) > LONGEST_NOTE:
        raise ExpectedFailure(f"Le motif dépasse {LONGEST_NOTE} caractères.", "Le raccourcir.")
    return redact(kept) if kept else None


def _write(connection: Connection, said: Verdict, facts: Mapping[str, Any], opened_at: datetime) -> None:
    row = {
        "verdict_id": uuid4().hex,
        **asdict(said),
        "decided_at": said.decided_at.isoformat(),
        "signal_opened_at": opened_at.astimezone(UTC).isoformat(),
        **facts,
    }
    connection.execute(
        f"insert into verdicts ({', '.join(row)}) values ({', '.join('?' * len(row))})",  # noqa: S608 - our names
        list(row.values()),
    )
