"""Takes records from the bus into the inbox.

A message is acknowledged once its records are committed, and not before. What cannot be read is published to the dead
letters, with its reason, before it is acknowledged. Whoever dies at whatever moment, the broker gives again what was
not acknowledged. The same message is then the same delivery, by its identifier; where it has none, the load merges its
records on their key.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from amqp import serialization, spec
from kombu import Connection, Consumer, Message, Producer
from kombu.transport import pyamqp

from core import service_manager
from core.clock import now
from core.errors import ExpectedFailure
from ingestion.engine import sent
from operations import tokens
from operations.bus import broker
from operations.inbox import deliveries
from operations.inbox.deliveries import Sent

log = logging.getLogger("bus")

#: Messages that the broker gives before the first is acknowledged, of each table; half of them are written together.
PREFETCH = 200
BATCH_MESSAGES, BATCH_BYTES, BATCH_SECONDS = 100, 16 << 20, 0.5
#: Seconds between two tries to connect, doubled from the first to the last.
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 30.0
#: Seconds between two tries to write, and for how long: the broker ends a connection that is silent for longer.
FULL_SECONDS, PATIENCE_SECONDS = 5.0, 15.0
#: Seconds after which a step of the consumer, half a second mostly, counts as one that does not end.
LONGEST_STEP_SECONDS = 300.0

SENDER = tokens.BUS
REASON = "x-cyberimpact-reason"
#: Where CloudEvents puts its attributes when the body is the record itself.
_PREFIXES = ("cloudEvents:", "cloudEvents_")

#: Headers of a sender that its dead letter repeats, so that it stays within one frame of the broker.
_MOST_HEADERS, _MOST_HEADER = 30, 500

Target = tuple[str, str]


def consume_for_ever() -> None:
    """Consume until killed; a broker that is away is waited for.

    Raises:
        ExpectedFailure: no broker is set, or its address is wrong.
    """
    steps = service_manager.Steps(LONGEST_STEP_SECONDS)
    service_manager.report(steps.go_on, "bus")

    def goes_on() -> bool:
        steps.begin("consume")
        return True

    wait = FIRST_WAIT_SECONDS
    while goes_on():
        began = time.monotonic()
        try:
            deliveries.refuse_full(SENDER)  # what the broker gives and gets back counts as one of its tries
            with broker.connected() as connection:
                consume(connection, goes_on)
        except ExpectedFailure as failure:
            if broker.url() is None:
                raise
            log.warning("%s", failure)
        wait = (
            FIRST_WAIT_SECONDS
            if time.monotonic() - began > LONGEST_WAIT_SECONDS
            else min(2 * wait, LONGEST_WAIT_SECONDS)
        )
        time.sleep(wait)


def consume(connection: Connection, goes_on: Callable[[], bool]) -> None:
    """Consume every queue while `goes_on` says so; what was taken by then is written.

    Raises:
        ExpectedFailure: an account, a right or a queue of the broker is not as it must be, or nothing can be written
            for some time: the broker keeps what was not acknowledged.
    """
    targets = sorted(deliveries.targets())
    broker.declare(connection, targets)
    batch = Batch(connection)
    channel = _plain_channel(connection)
    for target in targets:
        queues, take = [broker.queue(*target)], partial(batch.take, target)
        consumer = Consumer(channel, queues, on_message=take, auto_declare=False, prefetch_count=PREFETCH)
        consumer.consume()
    while goes_on():
        try:
            connection.drain_events(timeout=BATCH_SECONDS)
        except TimeoutError:
            connection.heartbeat_check()
        batch.write_if_due()
    batch.write()


def _properties(buf: bytes, offset: int) -> tuple[dict[str, Any], int]:
    """Return the properties of a message; none where the client cannot read them, for it would stop at the message."""
    try:
        return serialization.decode_properties_basic(buf, offset)
    except Exception:  # noqa: BLE001 - a text that is not UTF-8, a time after the year 9999, a table in a thousand others
        log.warning("the properties of a message cannot be read: it is taken without them")
        return {}, offset


serialization.PROPERTY_CLASSES[spec.Basic.CLASS_ID] = _properties


class _AsSent(pyamqp.Message):
    """A message whose body stays as it was sent: its client would unpack it, however large, where a header says so."""

    def __init__(self, msg: Any, channel: Any = None, **kwargs: Any) -> None:
        (msg.properties.get("application_headers") or {}).pop("compression", None)
        super().__init__(msg, channel, **kwargs)


def _plain_channel(connection: Connection) -> Any:
    """Return a channel that gives bodies as bytes, neither decoded nor unpacked."""
    channel = connection.channel()
    channel.auto_decode = False
    channel.Message = _AsSent
    return channel


class Batch:
    """Messages that are written together."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dead = Producer(connection.channel(), broker.DEAD, auto_declare=False)
        self._taken: list[tuple[Message, Target]] = []
        self._bytes = 0
        self._began = 0.0

    def take(self, target: Target, message: Message) -> None:
        """Add a message."""
        if not self._taken:
            self._began = time.monotonic()
        self._taken.append((message, target))
        self._bytes += len(as_bytes(message))
        self.write_if_due()

    def write_if_due(self) -> None:
        """Write what was taken, once it is enough or has waited long enough."""
        if not self._taken:
            return
        enough = len(self._taken) >= BATCH_MESSAGES or self._bytes >= BATCH_BYTES
        if enough or time.monotonic() - self._began >= BATCH_SECONDS:
            self.write()

    def write(self) -> None:
        """Commit what was taken, then acknowledge it."""
        taken, self._taken, self._bytes = self._taken, [], 0
        readable: list[tuple[Message, Sent]] = []
        for message, target in taken:
            try:
                readable.append((message, read(message, target)))
            except sent.UnreadableError as problem:
                self._bury(message, target, str(problem))
        try:
            self._patiently(lambda: deliveries.keep([one for _, one in readable]))
        except deliveries.UsedKeyError:
            for message, one in readable:
                self._keep_alone(message, one)
        for message, _ in taken:
            message.ack()

    def _keep_alone(self, message: Message, one: Sent) -> None:
        try:
            self._patiently(lambda: deliveries.keep([one]))
        except deliveries.UsedKeyError as problem:
            self._bury(message, (one.platform, one.entity), str(problem))

    def _bury(self, message: Message, target: Target, reason: str) -> None:
        """Publish a message to the dead letters, and note it, before anybody acknowledges it."""
        original = as_bytes(message)
        self._dead.publish(
            original,
            routing_key=".".join(target),
            content_type=message.content_type or "application/octet-stream",
            content_encoding=message.content_encoding or "binary",
            headers={**_repeated(message.headers or {}), REASON: reason},
            message_id=message.properties.get("message_id") or hashlib.sha256(original).hexdigest(),
            confirm_timeout=broker.CONFIRM_SECONDS,
        )
        self._patiently(lambda: deliveries.note_unreadable(SENDER, target, original, reason, now()))
        log.warning("%s.%s: a message is with the dead letters: %s", *target, reason)

    def _patiently(self, write: Callable[[], object]) -> None:
        """Write, and try again for a while where there is no room or no database: meanwhile the broker gives no more.

        Raises:
            ExpectedFailure: it goes on for longer.
        """
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                deliveries.refuse_full(SENDER)
                write()
            except deliveries.UsedKeyError:
                raise
            except ExpectedFailure as failure:
                if time.monotonic() >= until:
                    raise
                log.warning("%s", failure)
                self._connection.heartbeat_check()
                time.sleep(FULL_SECONDS)
                continue
            return


def read(message: Message, target: Target) -> Sent:
    """Return what a message brings.

    Raises:
        UnreadableError: it holds no records that can be read.
    """
    content = sent.unpacked(as_bytes(message), message.content_encoding, deliveries.MOST_BYTES)
    body = sent.read(content, message.content_type or sent.JSON)
    key = message.properties.get("message_id") or body.event_key or _event_key(message.headers or {})
    # Who may publish for one table only cannot use up the identifiers of another.
    return Sent(SENDER, *target, body, content, f"{'.'.join(target)} {sent.usable_key(str(key))}" if key else None)


def as_bytes(message: Message) -> bytes:
    """Return the body of a message."""
    body: Any = message.body
    return body.encode(errors="surrogatepass") if isinstance(body, str) else bytes(body)


def _repeated(headers: dict[str, Any]) -> dict[str, str]:
    """Return the headers of a sender that a dead letter repeats: short texts, and not too many of them."""
    short = {name: value for name, value in headers.items() if isinstance(value, str) and len(value) <= _MOST_HEADER}
    return dict(list(short.items())[:_MOST_HEADERS])


def _event_key(headers: dict[str, Any]) -> str | None:
    for prefix in _PREFIXES:
        if f"{prefix}id" in headers:
            return f"{headers.get(f'{prefix}source', '')} {headers[f'{prefix}id']}"
    return None
