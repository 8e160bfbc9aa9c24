"""Writes events, in the transaction of what has happened or from what was published, and forgets old ones."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from core import settings
from core.clock import now
from core.settings import Home
from operations import database
from operations.alerts.outbox import derived
from operations.alerts.signals import Signal
from operations.events import kinds
from operations.events.kinds import Kind
from operations.models import Crisis, CrisisEvent, Event, Trouble, Verdict
from warehouse import published

#: A signal that ended longer ago is history, for who begins to listen.
NEWS = timedelta(days=1)
REMEMBERED = timedelta(days=30)


def record(
    kind: Kind,
    subject: str,
    identity: Sequence[str],
    at: datetime,
    data: Mapping[str, Any],
    *,
    territories: Iterable[str] = (),
    crisis_kind: str | None = None,
    severity: int | None = None,
) -> None:
    """Write an event, once.

    Args:
        kind: What has happened.
        subject: To what; events of one subject are sent in the order in which they were written.
        identity: With the kind, what tells it from any other.
        at: When it happened.
        data: The fields that the kind declares.
        territories: Where; empty where it concerns everybody.
        crisis_kind: The kind of crisis, where it has one.
        severity: From 1 to 4, where it has one.
    """
    facts = {
        "type": kind.type,
        "subject": subject,
        "happened_at": at,
        "territories": tuple(territories),
        "crisis_kind": crisis_kind,
        "severity": severity,
        "data": {name: _plain(data[name]) for name in kind.fields},
    }
    Event.objects.get_or_create(event_id=derived(kind.type, *identity), defaults=facts)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def document(event: Event) -> dict[str, Any]:
    """Return an event as CloudEvents 1.0 has it, in JSON."""
    return {
        "specversion": "1.0",
        "id": event.event_id,
        "source": settings.web_url(),
        "type": event.type,
        "subject": event.subject,
        "time": event.happened_at.isoformat(),
        "datacontenttype": "application/json",
        "dataschema": f"{settings.web_url()}/api/events/schema",
        "sequence": f"{event.number:020}",
        "data": event.data,
    }


def crisis(kind: Kind, changed: Crisis, entry: CrisisEvent | None = None) -> None:
    """Write what has become of a crisis, in the transaction that does it."""
    data: dict[str, Any] = {name: getattr(changed, name) for name in ("crisis_id", "territories", "topics")}
    data |= {"crisis_kind": changed.kind, "opened_at": changed.opened_at, "closed_at": changed.closed_at}
    at, identity = changed.closed_at or changed.opened_at, [changed.crisis_id]
    if entry is not None:
        data |= {"entry": entry.number, "entry_kind": entry.kind, "happened_at": entry.happened_at}
        at, identity = now(), [changed.crisis_id, str(entry.number)]
    places = tuple(changed.territories)
    record(kind, f"crisis/{changed.crisis_id}", identity, at, data, territories=places, crisis_kind=changed.kind)


def verdict(given: Verdict) -> None:
    """Write that a signal was judged, in the transaction that does it."""
    names = ("signal_id", "topic_code", "crisis_kind", "territory_code", "severity", "verdict")
    data = {name: getattr(given, name) for name in names}
    data |= {"opened_at": given.signal_opened_at, "role": given.author_role}
    record(
        kinds.SIGNAL_JUDGED,
        f"signal/{given.signal_id}",
        [given.verdict_id],
        given.decided_at,
        data,
        territories=[given.territory_code] if given.territory_code else (),
        crisis_kind=given.crisis_kind,
        severity=given.severity,
    )


def source(trouble: Trouble, platform: str) -> None:
    """Write that a platform is late, or no longer, in the transaction that notes it."""
    kind = kinds.SOURCE_BACK if trouble.ended_at else kinds.SOURCE_LATE
    data = {"platform": platform, "found_at": trouble.found_at, "ended_at": trouble.ended_at}
    record(kind, f"source/{platform}", [trouble.trouble_id], trouble.ended_at or trouble.found_at, data)


def from_published(home: Home, signals: Sequence[Signal], at: datetime) -> None:
    """Write what the published copies show that is new: a daily build, signals that were found, rose or ended."""
    build = published.current(home, published.DAILY)
    with database.turn("events"):
        if build is not None:
            name = build.parent.name
            record(kinds.PUBLICATION_MADE, "publication/daily", [name], at, {"build": name})
        known = _worst({f"signal/{signal.signal_id}" for signal in signals})
        for signal in signals:
            _signal(signal, known.get((signal.signal_id, signal.opened_at.isoformat())), at)
        Event.objects.filter(created_at__lt=at - REMEMBERED).delete()


def _worst(subjects: set[str]) -> dict[tuple[str, str], int]:
    """Return the highest severity that was reported of each opening of a signal."""
    reported = Event.objects.filter(
        subject__in=subjects, type__in=(kinds.SIGNAL_OPENED.type, kinds.SIGNAL_ESCALATED.type)
    ).values_list("data", "severity")
    worst: dict[tuple[str, str], int] = {}
    for data, severity in reported:
        opening = (data["signal_id"], data["opened_at"])
        worst[opening] = max(severity or 0, worst.get(opening, 0))
    return worst


def _signal(signal: Signal, reported: int | None, at: datetime) -> None:
    opening = [signal.signal_id, signal.opened_at.isoformat()]
    if reported is None and not signal.is_open and (signal.closed_at is None or signal.closed_at < at - NEWS):
        return
    happened = [(kinds.SIGNAL_OPENED, [], signal.opened_at)] if reported is None else []
    if reported is not None and signal.severity > reported:
        happened.append((kinds.SIGNAL_ESCALATED, [str(signal.severity)], signal.updated_at))
    if not signal.is_open:
        happened.append((kinds.SIGNAL_CLOSED, [], signal.closed_at or at))
    for kind, more, when in happened:
        record(
            kind,
            f"signal/{signal.signal_id}",
            [*opening, *more],
            when,
            {name: getattr(signal, name) for name in kind.fields},
            territories=[signal.territory_code],
            crisis_kind=signal.crisis_kind,
            severity=signal.severity,
        )
