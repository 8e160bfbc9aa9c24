"""Fills the alert outbox from published signals and from troubles of the platform, and sends what waits in it.

An alert is sent until a server has acknowledged it. Alerts of one recipient that wait at the same moment leave in
one message; in quiet hours, and beyond the cap of an hour, they wait and then leave together. The gravest waits for
neither.
"""

import fcntl
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import duckdb

from core import settings
from core.errors import ExpectedFailure
from core.settings import Home
from operations import subscriptions, troubles
from operations.alerts import outbox, sending, trouble_writing, writing
from operations.alerts.signals import Signal, read
from operations.events import recording
from operations.events import sending as events
from operations.models import Alert, Event
from operations.subscriptions import WAKING_SEVERITY, Subscription
from warehouse import published

log = logging.getLogger(__name__)

CAPPED_TIME = timedelta(hours=1)

#: Territory -> those around it: region and region of gendarmerie.
Around = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Sent:
    """What a dispatch did: messages that were acknowledged, and failures in words."""

    messages: int
    failures: Sequence[str]


def dispatch(home: Home, now: datetime | None = None) -> Sent:
    """Send all alerts that are due; where another process does so already, leave it to that one.

    Raises:
        ExpectedFailure: the subscriptions or the outbox cannot be read.
    """
    declared = subscriptions.declared()
    of_signals, of_troubles, of_events = (
        [s for s in declared if want in s.wants] for want in ("signals", "operations", "events")
    )
    wanted = [subscription for subscription in declared if subscription.wants & {"signals", "operations", "events"}]
    if not wanted:
        return Sent(0, ())
    settings.make_folder(home.locks)
    with (home.locks / "alerts.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return Sent(0, ())
        found = read(home) if of_signals or of_events else []
        around = territories_around(home) if found or of_events else {}
        at = now or datetime.now(UTC)
        if of_signals:
            put(found, of_signals, around, at)
        if of_troubles:
            put_troubles(of_troubles, at)
        if of_events:
            recording.from_published(home, found, at)
            events.put(of_events, partial(wants_event, around), at)
        return empty(found, wanted, now)


def put(signals: Sequence[Signal], wanted: Sequence[Subscription], around: Around, now: datetime) -> int:
    """Write the alerts of all open signals into the outbox, and return how many are new."""
    return sum(
        outbox.put(signal, subscription, writing.subject_of(signal), now)
        for signal in signals
        if signal.is_open
        for subscription in wanted
        if concerned(subscription, signal, around)
    )


def put_troubles(wanted: Sequence[Subscription], now: datetime) -> None:
    """Write the reports of troubles into the outbox."""
    found = troubles.to_report(now)
    for subscription in wanted if found else ():
        outbox.put_troubles(found, subscription, now)


def concerned(subscription: Subscription, signal: Signal, around: Around) -> bool:
    """Return whether a signal is one that a subscription asks for."""
    if signal.severity < subscription.minimum_severity:
        return False
    if subscription.kinds and signal.crisis_kind not in subscription.kinds:
        return False
    return concerns(signal.territory_code, subscription.territories, around)


def wants_event(around: Around, subscription: Subscription, event: Event) -> bool:
    """Return whether an event is one that a subscription asks for; what lies nowhere concerns everybody."""
    if event.severity is not None and event.severity < subscription.minimum_severity:
        return False
    if event.crisis_kind and subscription.kinds and event.crisis_kind not in subscription.kinds:
        return False
    places = event.territories or ("FR",)
    return any(concerns(place, subscription.territories, around) for place in places)


def concerns(place: str, territories: Collection[str], around: Around) -> bool:
    """Return whether what happens in a place is of some territories; of all, where none is named.

    What is of the nation concerns everybody, of a region its départements, of a département its regions.
    """
    if not territories or place == "FR":
        return True
    inside = {code for code, outer in around.items() if place in outer}
    return not inside.union({place}, around.get(place, ())).isdisjoint(territories)


def territories_around(home: Home) -> Around:
    """Return the region and the region of gendarmerie of each département, as published; none before that."""
    if published.current(home, published.DAILY) is None:
        return {}
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        published.attach(connection, home, published.DAILY)
        return around_in(connection)


def around_in(connection: duckdb.DuckDBPyConnection) -> Around:
    """Return what `territories_around` does from a daily copy that is attached, such as that of a right."""
    rows = connection.execute(
        "select territory_code, region_code, gendarmerie_region_code from serving.reference.dim_territory"
    )
    return {
        code: frozenset(territory for territory in outer if territory and territory != code)
        for code, *outer in rows.fetchall()
    }


def empty(signals: Sequence[Signal], wanted: Sequence[Subscription], now: datetime | None = None) -> Sent:
    """Send what may leave now; what a server does not take waits for its next attempt."""
    by_id = {signal.signal_id: signal for signal in signals}
    sent, failures = 0, []
    for subscription in wanted:
        for message_id, alerts in due(subscription, now or datetime.now(UTC)).items():
            if alerts[0].trouble is not None:
                written = trouble_writing.message(message_id, alerts)
            else:
                notices = [writing.notice_of(alert, by_id.get(alert.signal_id), subscription) for alert in alerts]
                written = writing.message(message_id, notices)
            outbox.begin(message_id, alerts, now or datetime.now(UTC))
            try:
                sending.send(subscription, written)
            except ExpectedFailure as failure:
                outbox.failed(message_id, str(failure))
                failures.append(str(failure))
                log.warning("alert %s to %s: %s", message_id, subscription.key, failure)
                continue
            outbox.acknowledged(message_id, now or datetime.now(UTC))
            sent += 1
        if "events" in subscription.wants:
            taken, failed = events.send_due(subscription, now or datetime.now(UTC))
            sent += taken
            failures += failed
    return Sent(sent, tuple(failures))


def due(subscription: Subscription, now: datetime) -> dict[str, list[Alert]]:
    """Return the messages that may leave for a recipient, by identifier, with their alerts."""
    waiting = outbox.waiting(subscription)
    messages: dict[str, list[Alert]] = {}
    for alert in waiting:
        if alert.message_id is not None and alert.due_at <= now:  # it was tried before: the same again
            messages.setdefault(alert.message_id, []).append(alert)
    fresh = [alert for alert in waiting if alert.message_id is None]
    if is_held(subscription, now):
        fresh = [alert for alert in fresh if (alert.severity or 0) >= WAKING_SEVERITY]
    for kind in ([a for a in fresh if a.trouble is None], [a for a in fresh if a.trouble is not None]):
        if kind:
            messages[outbox.message_id(kind)] = kind
    return messages


def is_held(subscription: Subscription, now: datetime) -> bool:
    """Return whether only the gravest may leave: in quiet hours, or once the cap of the hour is reached."""
    hours, cap = subscription.quiet_hours, subscription.cap_per_hour
    if hours is not None and hours.hold(now):
        return True
    return cap is not None and outbox.messages_since(subscription, now - CAPPED_TIME) >= cap
