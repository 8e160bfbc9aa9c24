"""The outbox of alerts in `operations.sqlite`.

A row is written before anything is sent. Its key derives from the opening of the signal and the recipient, and the
identifier of a message from the keys of its alerts: whatever dies at whatever moment, a repeat carries the same
identifier as what it repeats.
"""

import hashlib
import sqlite3
from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from core.settings import Home
from operations.alerts.signals import Signal
from operations.subscriptions import WAKING_SEVERITY, Subscription
from privacy import pseudonymise, redact
from warehouse.operations_database import open_operations

FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=15)

_COLUMNS = (
    "alert_id, channel, subject, created_at, attempts, signal_id, topic_code, crisis_kind, territory_code, severity, "
    "signal_opened_at, message_id, attempted_at"
)
_TIMES = ("created_at", "signal_opened_at", "attempted_at")


@dataclass(frozen=True)
class Alert:
    """A row of the outbox that no server has acknowledged yet.

    Attributes:
        alert_id: Derives from the signal's opening and the recipient.
        message_id: Message in which it leaves; None before the first attempt.
        attempted_at: When it was last tried.
        (the others): As the contract of `ingestion.connectors.operations` describes them.
    """

    alert_id: str
    channel: str
    subject: str
    created_at: datetime
    attempts: int
    signal_id: str
    topic_code: str
    crisis_kind: str
    territory_code: str
    severity: int
    signal_opened_at: datetime
    message_id: str | None
    attempted_at: datetime | None

    @property
    def due_at(self) -> datetime:
        """When it may be tried: at once at first, then ever later."""
        if self.attempted_at is None:
            return self.created_at
        return self.attempted_at + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self.attempts - 1, 10))


def derived(*parts: str) -> str:
    """Return an identifier that is the same for the same parts."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def alert_id(signal: Signal, subscription: Subscription) -> str:
    return derived(signal.signal_id, signal.opened_at.astimezone(UTC).isoformat(), subscription.key)


def message_id(alerts: Iterable[Alert]) -> str:
    return derived(*sorted(alert.alert_id for alert in alerts))


class Outbox:
    """The outbox of one home. Each method is one transaction.

    Args:
        connection: An open `operations.sqlite`.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def put(self, signal: Signal, subscription: Subscription, subject: str, now: datetime) -> bool:
        """Write the alert of a signal for a recipient, and return whether it is new.

        An alert that still waits takes the new severity of its signal; one that was sent below the waking severity is
        sent once more when its signal reaches it.
        """
        key = alert_id(signal, subscription)
        known = self.facts(key)
        if known is not None:
            if signal.severity <= known.severity:
                return False
            if known.message_id is None:
                with self._connection:
                    self._connection.execute(
                        "update outbox set severity = ?, subject = ? where alert_id = ? and message_id is null",
                        [signal.severity, redact(subject), key],
                    )
                return False
            if signal.severity < WAKING_SEVERITY:
                return False
            key = derived(key, "gravest")
        return self._insert(key, signal, subscription, subject, now)

    def _insert(self, key: str, signal: Signal, subscription: Subscription, subject: str, now: datetime) -> bool:
        with self._connection:
            written = self._connection.execute(
                "insert or ignore into outbox (alert_id, channel, recipient, subject, created_at, signal_id,"
                " topic_code, crisis_kind, territory_code, severity, signal_opened_at)"
                " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    key,
                    subscription.channel,
                    pseudonymise(subscription.key),
                    redact(subject),
                    _text(now),
                    signal.signal_id,
                    signal.topic_code,
                    signal.crisis_kind,
                    signal.territory_code,
                    signal.severity,
                    _text(signal.opened_at),
                ],
            )
        return written.rowcount > 0

    def waiting(self, subscription: Subscription) -> list[Alert]:
        """Return what no server has acknowledged for a recipient, the oldest first."""
        rows = self._connection.execute(
            f"select {_COLUMNS} from outbox where recipient = ? and sent_at is null and signal_id is not null"  # noqa: S608
            " order by created_at, alert_id",
            [pseudonymise(subscription.key)],
        )
        return [_alert(row) for row in rows]

    def begin(self, message: str, alerts: Iterable[Alert], now: datetime) -> None:
        """Write that alerts are about to be sent in one message, before they are."""
        with self._connection:
            self._connection.executemany(
                "update outbox set message_id = ?, attempts = attempts + 1, attempted_at = ?"
                " where alert_id = ? and sent_at is null",
                [(message, _text(now), alert.alert_id) for alert in alerts],
            )

    def acknowledged(self, message: str, now: datetime) -> None:
        """Write that a server has taken charge of a message."""
        with self._connection:
            self._connection.execute(
                "update outbox set sent_at = ?, last_error = null where message_id = ?", [_text(now), message]
            )

    def failed(self, message: str, why: str) -> None:
        """Write why a message was not taken; it is tried again."""
        with self._connection:
            self._connection.execute(
                "update outbox set last_error = ? where message_id = ? and sent_at is null", [redact(why), message]
            )

    def messages_since(self, subscription: Subscription, since: datetime) -> int:
        """Return how many messages a recipient was sent since an instant."""
        [(count,)] = self._connection.execute(
            "select count(distinct message_id) from outbox where recipient = ? and sent_at > ?",
            [pseudonymise(subscription.key), _text(since)],
        )
        return count

    def facts(self, alert: str) -> Alert | None:
        """Return an alert of the outbox, sent or not; None where there is no such one."""
        row = self._connection.execute(f"select {_COLUMNS} from outbox where alert_id = ?", [alert]).fetchone()  # noqa: S608
        return _alert(row) if row else None

    def undelivered(self, before: datetime) -> list[tuple[str, int, str | None]]:
        """Return channel, attempts and last error of each message that waits since before an instant."""
        return self._connection.execute(
            "select channel, max(attempts), max(last_error) from outbox where sent_at is null and attempts > 0"
            " and created_at < ? group by channel, message_id order by min(created_at)",
            [_text(before)],
        ).fetchall()


@contextmanager
def opened(home: Home) -> Generator[Outbox]:
    """Give the outbox of a home.

    Raises:
        ExpectedFailure: its file cannot be used.
    """
    with closing(open_operations(home.operations)) as connection:
        yield Outbox(connection)


def _text(moment: datetime) -> str:
    """Return an instant as the file keeps it; texts of one form sort as the instants do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _alert(row: tuple) -> Alert:
    values: dict[str, Any] = dict(zip(_COLUMNS.split(", "), row, strict=True))
    for name in _TIMES:
        values[name] = datetime.fromisoformat(values[name]) if values[name] else None
    return Alert(**values)
