"""Records over a real RabbitMQ: acknowledged once they are in the inbox; nothing lost, nothing doubled."""

import gzip
import json
import multiprocessing
import os
import signal
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import amqp
import pytest
from kombu import Producer, Queue

from core.errors import ExpectedFailure
from ingestion.engine.sent import records_of
from operations.alerts.dispatch import dispatch
from operations.bus import broker, consumer
from operations.inbox import deliveries, sealing
from operations.models import FIRST_WAIT, Delivery
from tests import rabbitmq
from tests.analytics.signalling import ENTRY, other, subscribe
from tests.analytics.signalling import publish as publish_signals
from tests.mentions import mention
from tests.rabbitmq import Broker

pytestmark = [pytest.mark.usefixtures("home", "rabbit"), pytest.mark.long]

TARGET = ("listening", "mentions")
AT = datetime(2026, 11, 24, 19, tzinfo=UTC)


@pytest.fixture(scope="module")
def _rabbitmq() -> Iterator[Broker]:
    with rabbitmq.serving() as running:
        yield running


@pytest.fixture
def rabbit(_rabbitmq: Broker, monkeypatch: pytest.MonkeyPatch) -> Broker:
    """A broker with the queues, all of them empty."""
    monkeypatch.setenv(broker.SETTING, _rabbitmq.url)
    with broker.connected() as connection:
        broker.declare(connection, [TARGET])
        for each in (broker.queue(*TARGET), broker.DEAD_LETTERS):
            each(connection.channel()).purge()
    return _rabbitmq


def publish(*bodies: bytes | dict | list, key: str = ".".join(TARGET), **properties) -> None:
    """Publish messages, each confirmed by the broker."""
    with broker.connected() as connection:
        producer = Producer(connection.channel(), broker.RECORDS, auto_declare=False)
        for body in bodies:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            given = {"content_type": "application/json", "content_encoding": "binary", **properties}
            producer.publish(content, routing_key=key, delivery_mode=2, **given)


def consume(until: int, seconds: float = 30) -> None:
    """Consume in this process until the inbox has so many deliveries."""
    deadline = time.monotonic() + seconds
    with broker.connected() as connection:
        consumer.consume(connection, lambda: Delivery.objects.count() < until and time.monotonic() < deadline)
    assert Delivery.objects.count() == until


def left(queue=None) -> int:
    with broker.connected() as connection:
        channel = connection.channel()
        return (queue or broker.queue(*TARGET))(channel).queue_declare(passive=True).message_count


def dead() -> list:
    """Take the dead letters."""
    found = []
    with broker.connected() as connection:
        waiting = broker.DEAD_LETTERS(connection.channel())
        while (message := waiting.get(no_ack=True)) is not None:
            found.append(message)
    return found


def keys() -> list[str]:
    """Return the keys of all records in the inbox, in their order."""
    sealed = Delivery.objects.exclude(body=None).values_list("body", "delivery_id")
    return [record["mention_id"] for body, of in sealed for record in records_of(sealing.opened(bytes(body), of))]


def test_records_lists_and_events_come_into_the_inbox_in_order():
    event = {"specversion": "1.0", "id": "7", "source": "/esb", "type": "mention", "data": mention("d")}
    publish(mention("a"), [mention("b"), mention("c")], event)
    publish(mention("e"), headers={"cloudEvents:id": "8", "cloudEvents:source": "/esb"})
    publish(event)  # sent again: the same delivery
    consume(until=4)
    assert keys() == ["a", "b", "c", "d", "e"]
    found = Delivery.objects.values_list("idempotency_key", "sender", "platform", "entity")
    assert {key for key, *_ in found} == {None, "listening.mentions /esb 7", "listening.mentions /esb 8"}
    assert {tuple(rest) for _, *rest in found} == {("bus", *TARGET)}
    assert left() == 0


def test_what_cannot_be_read_is_a_dead_letter_with_its_reason_and_stops_nobody():
    publish(b'{"a": 1', b"\xff", mention("a"))
    publish(mention("b"), message_id="m-1")
    publish(mention("c"), message_id="m-1")  # another record under the same identifier
    publish(b"<xml/>", content_type="application/xml")
    consume(until=6)
    assert keys() == ["a", "b"]
    letters = dead()
    assert {bytes(letter.body) for letter in letters} == {
        b'{"a": 1', b"\xff", json.dumps(mention("c")).encode(), b"<xml/>",
    }  # fmt: skip
    assert all(letter.headers[consumer.REASON] for letter in letters)
    assert {letter.delivery_info["routing_key"] for letter in letters} == {"listening.mentions"}
    [counted] = deliveries.counts()
    with broker.connected() as connection:
        assert broker.dead_letters(connection) == 0  # they were taken above
    assert (counted["waiting"], counted["unreadable"]) == (2, 4)
    assert left() == 0
    publish(b'{"a": 1')  # the same once more: noted once
    time.sleep(0.1)
    consume(until=6)


def test_dead_letters_are_counted_with_one_declaration(monkeypatch):
    declared = []
    declare = amqp.Channel.queue_declare
    publish(b"{", b"[")
    consume(until=2)
    monkeypatch.setattr(amqp.Channel, "queue_declare", lambda *a, **k: declared.append(k) or declare(*a, **k))
    with broker.connected() as connection:
        assert broker.dead_letters(connection) == 2
    assert len(declared) == 1


def test_events_of_one_look_leave_over_one_connection(home, monkeypatch):
    entry = ENTRY | {"channel": "bus", "address": broker.EVENTS.name, "wants": ["events"]}
    subscribe(monkeypatch, home, entry)
    publish_signals(home, [other(1), other(2), other(3)])
    connected, opened = broker.connected, []
    with connected() as connection:
        channel = connection.channel()
        mine = Queue("mine", broker.EVENTS, "cyberimpact.signal.#", exclusive=True)(channel)
        mine.declare()
        monkeypatch.setattr(broker, "connected", lambda: opened.append(1) or connected())
        with monkeypatch.context() as patch:
            patch.setenv(broker.SETTING, "amqp://essai:faux@127.0.0.1:1//")
            assert len(dispatch(home, AT).failures) == 1, "who does not answer is asked once"
        sent = dispatch(home, AT + FIRST_WAIT)
        assert (sent.failures, len(opened)) == ((), 2)
        got = [mine.get(no_ack=True) for _ in range(4)]
    assert [json.loads(each.body)["subject"] for each in got if each] == [
        f"signal/{number:016d}" for number in (1, 2, 3)
    ]


def test_a_message_that_is_too_large_is_a_dead_letter(monkeypatch):
    monkeypatch.setattr(deliveries, "MOST_BYTES", 1000)
    publish(mention("a", text="x" * 2000), mention("b"))
    consume(until=2)
    assert keys() == ["b"]
    [letter] = dead()
    assert "larger than" in letter.headers[consumer.REASON]


def test_no_message_stops_the_consumer():
    """Whatever the headers and the body of a message are, those after it are taken."""
    half = b'{"text": "\\ud800"}'
    event = {"specversion": "1.0", "id": "7", "source": "/esb", "type": "mention", "data": mention("x")}
    publish(half, event | {"id": "\x00"}, event | {"id": "k" * 3000})
    publish(mention("a"), headers={"compression": "unheard of"})
    publish(mention("b"), headers={"compression": "gzip"})
    publish(b"\\ud800", content_encoding="unicode_escape")
    publish(mention("x"), message_id=b"\xff")
    publish(mention("x"), message_id="\ud800")
    publish(mention("c"), headers={"nested": [[{"n": None}]], b"\xff": b"\xff"})
    publish(b"")
    publish(half, headers={f"n{n}": "x" * 1000 for n in range(125)})  # nearly a whole frame
    publish(mention("d"))
    consume(until=11)  # what cannot be read is noted once
    assert set(keys()) >= {"a", "b", "c", "d"}
    assert left() == 0
    assert all(letter.headers[consumer.REASON] for letter in dead())


def test_a_small_message_stays_small():
    content = b" " * (deliveries.MOST_BYTES + 1)
    bombs = [gzip.compress(content), zlib.compress(content)]  # under one name, the client unpacks the other form
    publish(bombs[0], content_encoding="gzip")
    publish(bombs[1], headers={"compression": "gzip"})
    publish(mention("a"))
    consume(until=3)
    assert keys() == ["a"]
    letters = dead()
    assert [bytes(letter.body) for letter in letters] == bombs
    assert not any("compression" in letter.headers for letter in letters)


def test_the_identifiers_of_a_table_are_its_own():
    publish(mention("a"), key="listening.volumes", message_id="m-1")
    publish(mention("b"), message_id="m-1")
    consume(until=2)
    assert sorted(keys()) == ["a", "b"]


def test_nothing_is_acknowledged_while_there_is_no_room(monkeypatch):
    monkeypatch.setattr(consumer, "FULL_SECONDS", 0.1)
    publish(*(mention(f"{n}") for n in range(500)))
    refused = []
    full = deliveries.refuse_full

    def refuse(sender: str) -> None:
        if len(refused) < 5:
            refused.append(left())  # what the broker has not given yet, beside what it waits to be told of
            raise deliveries.FullError("No room.", "Wait.")
        full(sender)

    monkeypatch.setattr(deliveries, "refuse_full", refuse)
    consume(until=500)
    assert refused == [500 - consumer.PREFETCH] * 5
    assert keys() == [f"{n}" for n in range(500)]
    assert left() == 0


def test_what_finds_no_room_for_long_stays_with_the_broker(monkeypatch):
    def refuse(_: str) -> None:
        raise deliveries.FullError("No room.", "Wait.")

    monkeypatch.setattr(consumer, "PATIENCE_SECONDS", 0)
    publish(*(mention(f"{n}") for n in range(3)))
    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "refuse_full", refuse)
        with pytest.raises(deliveries.FullError), broker.connected() as connection:
            consumer.consume(connection, lambda: True)
    assert Delivery.objects.count() == 0
    consume(until=3)
    assert keys() == ["0", "1", "2"]


def test_a_broker_that_is_away_is_said_and_waited_for(rabbit, monkeypatch):
    monkeypatch.setenv(broker.SETTING, "amqp://essai:faux@127.0.0.1:1//")
    with pytest.raises(ExpectedFailure, match="cannot be used"), broker.connected():
        pass
    monkeypatch.setenv(broker.SETTING, rabbit.url.replace(rabbit.password, "faux"))
    with pytest.raises(ExpectedFailure, match="cannot be used") as refused, broker.connected():
        pass
    assert "faux" not in str(refused.value)


def test_over_tls_with_a_virtual_host_and_the_least_rights(rabbit, monkeypatch):
    monkeypatch.setenv(broker.SETTING, rabbit.secure_url(virtual_host="cyberimpact"))
    monkeypatch.delenv(broker.AUTHORITY_SETTING, raising=False)
    with pytest.raises(ExpectedFailure, match="certificate of the server is not accepted"), broker.connected():
        pass  # nobody vouches for its certificate
    monkeypatch.setenv(broker.AUTHORITY_SETTING, str(rabbit.authority))
    with broker.connected() as connection:
        broker.declare(connection, [TARGET, ("jdma", "reviews")])
    monkeypatch.setenv(broker.SETTING, rabbit.secure_url("esb", "cyberimpact"))
    publish(mention("a"))
    for forbidden in ("jdma.reviews", "listening.volumes"):
        with pytest.raises(ExpectedFailure, match="cannot be used"):
            publish(mention("b"), key=forbidden)
    with pytest.raises(ExpectedFailure, match="cannot be used"), broker.connected() as connection:
        broker.queue(*TARGET)(connection.channel()).get(no_ack=True)  # who sends reads nothing
    monkeypatch.setenv(broker.SETTING, rabbit.secure_url(virtual_host="cyberimpact"))
    consume(until=1)
    assert keys() == ["a"]


# ---- kills


@contextmanager
def consuming() -> Iterator[multiprocessing.Process]:
    """A process that consumes for ever."""
    process = multiprocessing.get_context("spawn").Process(target=consumer.consume_for_ever, daemon=True)
    process.start()
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.kill(process.pid or 0, signal.SIGKILL)
        process.join()


def kill_consumers(kills: int) -> None:
    """Kill consumers while messages come, then let one finish."""
    expected = []
    for round_ in range(kills):
        with consuming() as process:
            before = Delivery.objects.count()
            for number in range(300):
                expected.append(f"{round_}-{number}")
                publish_one(expected[-1])
                if number >= 100 and Delivery.objects.count() > before:
                    os.kill(process.pid or 0, signal.SIGKILL)
                    break
    with consuming():
        settle(expected)


def publish_one(key: str) -> None:
    """Publish a record until the broker has confirmed it."""
    while True:
        with suppress(ExpectedFailure):
            publish(mention(key), message_id=key)
            return
        time.sleep(0.2)


def settle(expected: list[str]) -> None:
    """Wait until every record is in the inbox, and see that none is there twice."""
    deadline = time.monotonic() + 60
    while len(set(keys())) < len(expected) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert sorted(keys()) == sorted(expected)


def kill_brokers(rabbit: Broker, kills: int) -> None:
    """Kill the broker while it is written to and read from."""
    expected = []
    with consuming():
        for round_ in range(kills):
            for number in range(40):
                expected.append(f"{round_}-{number}")
                publish_one(expected[-1])
                if number == 20:
                    rabbit.kill()
                    rabbit.start()
        settle(expected)


def test_killed_consumers_lose_and_double_nothing():
    kill_consumers(2)


def test_a_killed_broker_loses_and_doubles_nothing(rabbit):
    kill_brokers(rabbit, 2)


@pytest.mark.proof
def test_twenty_killed_consumers():
    kill_consumers(20)


@pytest.mark.proof
def test_twenty_killed_brokers(rabbit):
    kill_brokers(rabbit, 20)
