"""Sends events to the programs that subscribe: by webhook, or over the message bus.

Each is sent until it is acknowledged, so a program may get one twice, with the same identifier. Events of one subject
leave in their order: while one is not taken, those after it wait, and those of other subjects go on.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from kombu import Producer

from core.errors import ExpectedFailure
from ingestion.engine.sent import EVENT
from operations.alerts import outbox
from operations.alerts.outbox import derived
from operations.alerts.sending import post
from operations.bus import broker
from operations.events import recording
from operations.models import Alert, Event
from operations.subscriptions import Subscription
from privacy import pseudonymise

log = logging.getLogger(__name__)

#: What a program that begins to subscribe, or was away, is sent of the past.
SENT_FOR = timedelta(days=7)
#: What one look sends to one program.
MOST_AT_ONCE = 500


def put(wanted: Sequence[Subscription], concerns: Callable[[Subscription, Event], bool], now: datetime) -> None:
    """Write the events that subscriptions ask for into the outbox."""
    lately = list(Event.objects.filter(created_at__gt=now - SENT_FOR))
    known = set(Alert.objects.filter(event__in=lately).values_list("alert_id", flat=True))
    for subscription in wanted:
        keys = {derived(event.event_id, subscription.key): event for event in lately if concerns(subscription, event)}
        Alert.objects.bulk_create(
            [
                Alert(
                    alert_id=key,
                    channel=subscription.channel,
                    recipient=pseudonymise(subscription.key),
                    subject=event.type,
                    created_at=now,
                    event=event,
                )
                for key, event in keys.items()
                if key not in known
            ],
            ignore_conflicts=True,
        )


def send_due(subscription: Subscription, now: datetime) -> tuple[int, list[str]]:
    """Send what is due to one program, and return how many it has acknowledged, and what failed."""
    unsent = Alert.objects.filter(recipient=pseudonymise(subscription.key), sent_at=None).exclude(event=None)
    held, sent = set(), 0
    for alert in unsent.select_related("event").order_by("event__number")[:MOST_AT_ONCE]:
        if alert.event.subject in held:
            continue
        if alert.due_at > now:
            held.add(alert.event.subject)
            continue
        outbox.begin(alert.alert_id, [alert], now)
        try:
            _CHANNELS[subscription.channel](subscription, recording.document(alert.event))
        except ExpectedFailure as failure:
            outbox.failed(alert.alert_id, str(failure))
            log.warning("event %s to %s: %s", alert.event.event_id, subscription.key, failure)
            return sent, [str(failure)]  # the next look begins with those of other subjects
        outbox.acknowledged(alert.alert_id, now)
        sent += 1
    return sent, []


def _webhook(subscription: Subscription, document: Mapping[str, Any]) -> None:
    post(subscription.destination(), document["id"], document, media_type=EVENT)


def _bus(_: Subscription, document: Mapping[str, Any]) -> None:
    with broker.connected() as connection:
        broker.declare(connection, [])
        Producer(connection.channel(), broker.EVENTS, auto_declare=False).publish(
            json.dumps(document, ensure_ascii=False).encode(),
            routing_key=document["type"],
            content_type=EVENT,
            content_encoding="utf-8",
            message_id=document["id"],
            delivery_mode=2,
            confirm_timeout=broker.CONFIRM_SECONDS,
        )


_CHANNELS: Mapping[str, Callable[[Subscription, Mapping[str, Any]], None]] = {"webhook": _webhook, "bus": _bus}
