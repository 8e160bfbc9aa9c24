"""Sends events to the programs that subscribe: by webhook, or over the message bus.

Each is sent until it is acknowledged, so a program may get one twice, with the same identifier. Events of one subject
leave in their order: while one is not taken, those after it wait, and those of other subjects go on. Who does not
answer at all is left alone until the next look.
"""

import json
import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any

from kombu import Producer

from core.errors import ExpectedFailure, TransientFailure
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
#: What one look sends to one program, and how much of it that program may refuse.
MOST_AT_ONCE, MOST_REFUSED = 500, 10


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
    held: set[str] = set()
    failures: list[str] = []
    sent, send = 0, None
    with ExitStack() as connections:
        for alert in unsent.select_related("event").order_by("event__number")[:MOST_AT_ONCE]:
            subject = alert.event.subject
            if subject in held or alert.due_at > now:
                held.add(subject)
                continue
            outbox.begin(alert.alert_id, [alert], now)
            try:
                send = send or connections.enter_context(_CHANNELS[subscription.channel](subscription))
                send(recording.document(alert.event))
            except ExpectedFailure as failure:
                outbox.failed(alert.alert_id, str(failure))
                log.warning("event %s to %s: %s", alert.event.event_id, subscription.key, failure)
                held.add(subject)
                failures.append(str(failure))
                if isinstance(failure, TransientFailure) or len(failures) == MOST_REFUSED:
                    break
                continue
            outbox.acknowledged(alert.alert_id, now)
            sent += 1
    return sent, failures


Send = Callable[[Mapping[str, Any]], None]


@contextmanager
def _webhook(subscription: Subscription) -> Generator[Send]:
    yield lambda document: post(subscription, document["id"], document, media_type=EVENT)


@contextmanager
def _bus(_: Subscription) -> Generator[Send]:
    with broker.connected() as connection:
        broker.declare(connection, [])
        producer = Producer(connection.channel(), broker.EVENTS, auto_declare=False)

        def send(document: Mapping[str, Any]) -> None:
            with broker.explained(connection):
                producer.publish(
                    json.dumps(document, ensure_ascii=False).encode(),
                    routing_key=document["type"],
                    content_type=EVENT,
                    content_encoding="utf-8",
                    message_id=document["id"],
                    delivery_mode=2,
                    confirm_timeout=broker.CONFIRM_SECONDS,
                )

        yield send


_CHANNELS: Mapping[str, Callable[[Subscription], AbstractContextManager[Send]]] = {"webhook": _webhook, "bus": _bus}
