"""The broker: its address, a connection to it, and the exchanges and queues that the platform has there."""

import ssl
from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import urlsplit

from kombu import Connection, Exchange, Queue

from core import certificates, settings
from core.errors import ExpectedFailure, TransientFailure

SETTING, AUTHORITY_SETTING = "CYBERIMPACT_BUS_URL", "CYBERIMPACT_BUS_CA_FILE"
CONNECT_SECONDS, HEARTBEAT_SECONDS, CONFIRM_SECONDS = 10, 20, 30

#: Senders publish records here, with the routing key `<platform>.<table>`.
RECORDS = Exchange("cyberimpact.in", "topic", durable=True)
#: What could not be read, with its reason.
DEAD = Exchange("cyberimpact.dead", "topic", durable=True)
#: What happens here, with its type as routing key; who wants it binds a queue of their own.
EVENTS = Exchange("cyberimpact.events", "topic", durable=True)

#: Replicated where the broker has several nodes, and written before a publisher has its confirm. One consumer at a time
#: keeps the order; a second one takes over when the first dies. What consumers have let fall many times goes to the
#: dead letters, and a queue that is full refuses: neither loses anything.
_SAFE = {
    "x-queue-type": "quorum",
    "x-single-active-consumer": True,
    "x-delivery-limit": 1000,
    "x-dead-letter-exchange": DEAD.name,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
    "x-max-length-bytes": 4 << 30,
}

DEAD_LETTERS = Queue("cyberimpact.dead", DEAD, "#", durable=True, queue_arguments={"x-queue-type": "quorum"})


def queue(platform: str, entity: str) -> Queue:
    """Return the queue of the records of a table."""
    key = f"{platform}.{entity}"
    return Queue(f"{RECORDS.name}.{key}", RECORDS, key, durable=True, queue_arguments=_SAFE)


def url() -> str | None:
    """Return the address of the broker, None where there is none. It may hold a password: it is shown nowhere.

    Raises:
        ExpectedFailure: it is no address of a broker, or leads over the network without TLS.
    """
    found = settings.get(SETTING)
    if found is None:
        return None
    parts = urlsplit(found)
    if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
        raise ExpectedFailure(
            f"{SETTING} is no address of a broker.", "Set it to amqps://user:password@host:5671/virtual-host."
        )
    if parts.scheme == "amqp" and parts.hostname not in settings.LOOPBACK:
        raise ExpectedFailure(
            f"{SETTING} leads to another machine without TLS.", "Set it to amqps://, with the port of TLS."
        )
    return found


@contextmanager
def connected() -> Generator[Connection]:
    """Connect to the broker; what is published is confirmed by it.

    Raises:
        ExpectedFailure: no broker is set, or it cannot be reached or spoken to.
    """
    address = url()
    if address is None:
        raise ExpectedFailure("No message bus is set.", f"Name it in {SETTING} (docs/integration.md).")
    parts = urlsplit(address)
    authority = settings.get(AUTHORITY_SETTING)
    secure = {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": authority, "server_hostname": parts.hostname}
    connection = Connection(
        address,
        ssl=secure if parts.scheme == "amqps" else False,
        connect_timeout=CONNECT_SECONDS,
        heartbeat=HEARTBEAT_SECONDS,
        transport_options={"confirm_publish": True},
    )
    try:
        with explained(connection):
            connection.connect()
            yield connection
    finally:
        connection.release()


@contextmanager
def explained(connection: Connection) -> Generator[None]:
    """Word what goes wrong with a connection.

    Raises:
        TransientFailure: it was lost, the broker refuses what is done, or its certificate is not accepted.
    """
    try:
        yield
    except (*connection.connection_errors, *connection.channel_errors) as problem:
        if refused := certificates.explain(problem, f"The message bus {connection.hostname}"):
            raise TransientFailure(
                refused.what, f"{refused.remedy} {AUTHORITY_SETTING} is for the bus alone."
            ) from problem
        said = str(problem).partition("\n")[0][:200] if isinstance(problem, connection.channel_errors) else ""
        raise TransientFailure(
            f"The message bus {connection.hostname} cannot be used ({type(problem).__name__}{said and ': '}{said}).",
            "It is tried again. If it stays so, check the broker, the account and its rights.",
        ) from problem


def declare(connection: Connection, targets: list[tuple[str, str]]) -> None:
    """Make the exchanges and queues of some tables; those that are there stay."""
    channel = connection.channel()
    try:
        EVENTS(channel).declare()
        DEAD_LETTERS(channel).declare()
        for target in targets:
            queue(*target)(channel).declare()
    finally:
        channel.close()


def dead_letters(connection: Connection) -> int:
    """Return how many messages wait among the dead letters."""
    return DEAD_LETTERS(connection.channel()).queue_declare().message_count
