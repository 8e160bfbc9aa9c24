"""Measures the way in: messages of a real RabbitMQ into the inbox, and from there into the raw table.

Beside a broker of its own, which the tests' module starts. Processor time of the consumer and of the load each, so that
other work on the machine counts little.
"""

import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator

from kombu import Producer

from core.errors import ExpectedFailure
from operations.bus import broker, consumer
from operations.inbox import deliveries, loading
from operations.models import Delivery
from tests import rabbitmq
from tests.mentions import mention

TARGET = ("listening", "mentions")
_TEXT = "J'ai contacté la brigade par internet et j'ai obtenu une réponse rapide, merci pour votre travail ({})."


def messages(records: int, together: int, *, texts: bool) -> Iterator[bytes]:
    """Yield messages of some records each, all different."""
    for first in range(0, records, together):
        numbers = range(first, min(first + together, records))
        found = [mention(f"{n}", text=_TEXT.format(n) if texts else None, likes=n % 100) for n in numbers]
        yield json.dumps(found if together > 1 else found[0], ensure_ascii=False).encode()


def publish(bodies: Iterator[bytes]) -> int:
    """Publish messages without waiting for each confirm, and return their number."""
    number = 0
    with broker.connected() as connection:
        channel = connection.channel()
        producer = Producer(channel, broker.RECORDS, auto_declare=False)
        for number, body in enumerate(bodies, start=1):
            properties = {"content_type": "application/json", "content_encoding": "binary", "message_id": f"m{number}"}
            producer.publish(body, routing_key=".".join(TARGET), delivery_mode=2, **properties)
    return number


def measure(title: str, records: int, together: int, *, texts: bool) -> None:
    """Print what one run takes."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CYBERIMPACT_HOME"] = folder
        with broker.connected() as connection:
            broker.declare(connection, [TARGET])
        sent = publish(messages(records, together, texts=texts))
        elapsed, processor = time.perf_counter(), time.process_time()
        with broker.connected() as connection:
            consumer.consume(connection, lambda: Delivery.objects.count() < sent)
        taken = (time.perf_counter() - elapsed, time.process_time() - processor)
        elapsed, processor = time.perf_counter(), time.process_time()
        while deliveries.waiting():
            loading.load_waiting(TARGET[0])
        loaded = (time.perf_counter() - elapsed, time.process_time() - processor)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    for what, (took, cpu) in (("into the inbox", taken), ("load", loaded)):
        print(f"{title}, {what}: {records / took:,.0f} records/s elapsed, {records / cpu:,.0f} a processor second")
    print(f"peak {peak} MiB", flush=True)


def main() -> None:
    """Measure messages of 100 records and single ones, without and with texts.

    Raises:
        ExpectedFailure: RabbitMQ is not installed.
    """
    os.environ.setdefault("CYBERIMPACT_PSEUDONYM_KEY", "a key for the measure")
    if not rabbitmq.PROGRAM.exists():
        raise ExpectedFailure("RabbitMQ is not installed.", "sudo apt-get install rabbitmq-server")
    with rabbitmq.serving() as running:
        os.environ[broker.SETTING] = running.url
        print(f"load {os.getloadavg()[0]:.1f}")
        measure("100 records a message, no text", 100_000, 100, texts=False)
        measure("100 records a message, texts", 50_000, 100, texts=True)
        measure("single records, no text", 3_000, 1, texts=False)


if __name__ == "__main__":
    main()
