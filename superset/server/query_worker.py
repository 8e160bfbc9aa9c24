"""Runs one reader's queries on one DuckDB file, in a process of its own.

The process that this file is run as imports DuckDB once and waits. For each connection it is sent one end of a socket
pair, and forks: the child opens the file, answers on the socket, and ends when the socket closes. Nothing of Superset
is imported here, and no secret is in the environment.

A message is its length in eight bytes, and MessagePack: data that cannot make its reader run code.
"""

import contextlib
import ctypes
import datetime as dt
import decimal
import os
import resource
import select
import signal
import socket
import struct
import sys
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import msgpack

#: Rows that are sent at once.
BATCH = 2_000
#: How long a worker waits for the next query of its file.
IDLE_SECONDS = 60
#: Bytes of one message that either side accepts.
MAX_MESSAGE = 64 << 20
_LENGTH = struct.Struct("!Q")
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_OPEN_FILES = 64

#: Values that MessagePack does not know: the code of each, how it is written, how it is read.
_CODES: dict[type, tuple[int, Callable[[Any], Any], Callable[[Any], Any]]] = {
    int: (1, str, int),  # beyond 64 bits
    decimal.Decimal: (2, str, decimal.Decimal),
    dt.datetime: (3, dt.datetime.isoformat, dt.datetime.fromisoformat),
    dt.date: (4, dt.date.isoformat, dt.date.fromisoformat),
    dt.time: (5, dt.time.isoformat, dt.time.fromisoformat),
    dt.timedelta: (
        6,
        lambda span: [span.days, span.seconds, span.microseconds],
        lambda parts: dt.timedelta(*parts),
    ),
    uuid.UUID: (7, lambda value: value.hex, uuid.UUID),
}
_READERS = {code: read for code, _, read in _CODES.values()}


class MessageTooLong(Exception):
    """A message has more bytes than are accepted."""


def _write(value: Any) -> msgpack.ExtType:
    code, write, _ = _CODES.get(type(value), (0, str, None))
    return msgpack.ExtType(code, msgpack.packb(write(value)))


def _read(code: int, data: bytes) -> Any:
    value = msgpack.unpackb(data)
    return _READERS[code](value) if code in _READERS else str(value)


def send(channel: socket.socket, message: Any) -> None:
    """Send a message.

    Raises:
        MessageTooLong: the other side would not accept it.
    """
    data = msgpack.packb(message, default=_write)
    if len(data) > MAX_MESSAGE:
        raise MessageTooLong
    channel.sendall(_LENGTH.pack(len(data)) + data)


def receive(channel: socket.socket, wait: Callable[[], None] = lambda: None) -> tuple[Any, int]:
    """Return the next message and its size in bytes; `wait` is called before each read.

    Raises:
        EOFError: the other side has closed the socket, or ended.
        MessageTooLong: it is more than `MAX_MESSAGE`.
        ValueError: it is no MessagePack.
    """
    (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size, wait))
    if length > MAX_MESSAGE:
        raise MessageTooLong
    return msgpack.unpackb(_exactly(channel, length, wait), ext_hook=_read, strict_map_key=False), length


def _exactly(channel: socket.socket, size: int, wait: Callable[[], None]) -> bytes:
    received = bytearray(size)
    view = memoryview(received)
    while view:
        wait()
        count = channel.recv_into(view)
        if not count:
            raise EOFError
        view = view[count:]
    return bytes(received)


# -- The process that waits and forks


def template(control: socket.socket) -> None:
    """Fork a worker for each socket received, and answer with its process id, until the control socket closes."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel then removes ended children
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 64, 1)
        if not data:
            return
        channel = socket.socket(fileno=descriptors[0])
        pid = os.fork()
        if pid == 0:
            control.close()
            _end_with(os.getppid())
            _limit(int(data))
            with contextlib.suppress(EOFError, OSError):
                work(channel)
            os._exit(0)
        channel.close()
        control.sendall(_LENGTH.pack(pid))


def _end_with(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel was asked
        os._exit(0)


def _limit(memory_bytes: int) -> None:
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        resource.setrlimit(limit, (value, value))


# -- The worker


def work(channel: socket.socket) -> None:
    """Open the file that the first message names, then answer requests until the socket closes or none comes."""
    import duckdb

    connection = None
    while select.select([channel], [], [], IDLE_SECONDS)[0]:
        request, _ = receive(channel)
        try:
            if connection is None:
                connection = duckdb.connect(request["path"], read_only=True, config=request["config"])
                send(channel, {"tables": _tables(connection)})
            elif "parse" in request:
                # As a literal: a parameter would import pandas, which takes longer than most queries.
                text = request["parse"].replace("'", "''")
                (tree,) = connection.execute(f"select json_serialize_sql('{text}')").fetchone()
                send(channel, {"tree": tree})
            else:
                for message in _results(connection, request["sql"], request["parameters"]):
                    send(channel, message)
        except (MemoryError, MessageTooLong) as error:
            send(channel, {"error": type(error).__name__, "message": ""})
        except duckdb.Error as error:
            send(channel, {"error": type(error).__name__, "message": str(error)})
        except (ValueError, OverflowError, RecursionError) as error:  # a value that Python or the protocol lacks
            send(channel, {"error": "ConversionException", "message": str(error)})


def _tables(connection: Any) -> list[tuple[str, str]]:
    return connection.execute("select schema_name, table_name from duckdb_tables() where not internal").fetchall()


def _results(connection: Any, sql: str, parameters: list[Any]) -> Iterator[dict[str, Any]]:
    cursor = connection.execute(sql, parameters)
    columns = [(column[0], str(column[1])) for column in cursor.description or ()]
    yield {"columns": columns}
    while rows := cursor.fetchmany(BATCH) if columns else []:
        yield {"rows": rows}
    yield {"done": True}


if __name__ == "__main__":
    # The forks then have them; DuckDB makes timestamps with pytz.
    import duckdb  # noqa: F401
    import pytz  # noqa: F401

    template(socket.socket(fileno=int(sys.argv[1])))
