"""The outbox of alerts, in the operations database.

A row is written before anything is sent. Its key derives from its subject and the recipient, and the identifier of a
message from the keys of its alerts: whatever dies at whatever moment, a repeat carries the same identifier as what it
repeats.
"""

import hashlib
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from django.db.models import Count, F, Max, Min

from operations.alerts.signals import Signal
from operations.models import Alert, Trouble
from operations.subscriptions import WAKING_SEVERITY, Subscription
from privacy import pseudonymise, redact


def derived(*parts: str) -> str:
    """Return an identifier that is the same for the same parts."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def alert_id(signal: Signal, subscription: Subscription) -> str:
    return derived(signal.signal_id, signal.opened_at.astimezone(UTC).isoformat(), subscription.key)


def message_id(alerts: Iterable[Alert]) -> str:
    return derived(*sorted(alert.alert_id for alert in alerts))


def put(signal: Signal, subscription: Subscription, subject: str, now: datetime) -> bool:
    """Write the alert of a signal for a recipient, and return whether it is new.

    An alert that still waits takes the new severity of its signal; one that was sent below the waking severity is
    sent once more when its signal reaches it.
    """
    key = alert_id(signal, subscription)
    known = find(key)
    if known is not None:
        if signal.severity <= (known.severity or 0):
            return False
        if known.message_id is None:
            waiting = Alert.objects.filter(alert_id=key, message_id=None)
            waiting.update(severity=signal.severity, subject=redact(subject))
            return False
        if signal.severity < WAKING_SEVERITY:
            return False
        key = derived(key, "gravest")
    _, is_new = Alert.objects.get_or_create(
        alert_id=key,
        defaults={
            "channel": subscription.channel,
            "recipient": pseudonymise(subscription.key),
            "subject": redact(subject),
            "created_at": now,
            "signal_id": signal.signal_id,
            "topic_code": signal.topic_code,
            "crisis_kind": signal.crisis_kind,
            "territory_code": signal.territory_code,
            "severity": signal.severity,
            "signal_opened_at": signal.opened_at,
        },
    )
    return is_new


def put_troubles(troubles: Collection[Trouble], subscription: Subscription, now: datetime) -> None:
    """Write the reports of troubles for a recipient: that one was found, and that a reported one is over."""
    known = set(Alert.objects.filter(trouble__in=troubles).values_list("alert_id", flat=True))
    new = []
    for trouble in troubles:
        found, over = (derived(trouble.trouble_id, what, subscription.key) for what in ("found", "over"))
        if trouble.ended_at is None:
            new += [(found, trouble, f"[PANNE] {trouble.subject}")]
        elif found in known:
            new += [(over, trouble, f"[RÉTABLI] {trouble.subject}")]
    Alert.objects.bulk_create(
        [
            Alert(
                alert_id=key,
                channel=subscription.channel,
                recipient=pseudonymise(subscription.key),
                subject=subject,
                created_at=now,
                trouble=trouble,
            )
            for key, trouble, subject in new
            if key not in known
        ],
        ignore_conflicts=True,
    )


def waiting(subscription: Subscription) -> list[Alert]:
    """Return what no server has acknowledged for a recipient, the oldest first."""
    unsent = Alert.objects.filter(recipient=pseudonymise(subscription.key), sent_at=None)
    return list(unsent.exclude(signal_id=None, trouble=None).select_related("trouble"))


def begin(message: str, alerts: Iterable[Alert], now: datetime) -> None:
    """Write that alerts are about to be sent in one message, before they are."""
    chosen = Alert.objects.filter(alert_id__in=[alert.alert_id for alert in alerts], sent_at=None)
    chosen.update(message_id=message, attempts=F("attempts") + 1, attempted_at=now)


def acknowledged(message: str, now: datetime) -> None:
    """Write that a server has taken charge of a message."""
    Alert.objects.filter(message_id=message).update(sent_at=now, last_error=None)


def failed(message: str, why: str) -> None:
    """Write why a message was not taken; it is tried again."""
    Alert.objects.filter(message_id=message, sent_at=None).update(last_error=redact(why))


def withdraw(subscription: Subscription, but: Collection[str] = ()) -> None:
    """Take back what was not sent to a recipient, except what is of some territories."""
    unsent = Alert.objects.filter(recipient=pseudonymise(subscription.key), sent_at=None)
    unsent.exclude(territory_code__in=but).delete()


def messages_since(subscription: Subscription, since: datetime) -> int:
    """Return how many messages a recipient was sent since an instant."""
    sent = Alert.objects.filter(recipient=pseudonymise(subscription.key), sent_at__gt=since)
    return sent.aggregate(messages=Count("message_id", distinct=True))["messages"]


def find(alert: str) -> Alert | None:
    """Return an alert of the outbox, sent or not; None where there is no such one."""
    return Alert.objects.filter(alert_id=alert).first()


def undelivered(before: datetime) -> list[tuple[str, int, str | None]]:
    """Return channel, attempts and last error of each message that waits since before an instant."""
    tried = Alert.objects.filter(sent_at=None, attempts__gt=0, created_at__lt=before)
    messages = tried.order_by().values("channel", "message_id")
    listed = messages.annotate(tries=Max("attempts"), why=Max("last_error"), first=Min("created_at")).order_by("first")
    return list(listed.values_list("channel", "tries", "why"))
