"""Manages the worker processes that execute readers' queries.

Each connection that executes something has a process (`query_worker.py`) to itself. So a deadline, a memory limit and a
stop by hand are kept by the operating system, whatever DuckDB does. A process keeps its file open for the next reader
of the same file, since opening costs more than most queries; it never opens a second one, so who reads another copy has
another process.
"""

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import query_worker
from query_slots import Slots

#: How many processes wait for a next query, for so long, if each takes no more than so much.
_IDLE, _IDLE_SECONDS, _IDLE_BYTES = 4, query_worker.IDLE_SECONDS / 2, 256 << 20
#: Values of an answer, or of a table that is made of it: each takes some 170 bytes in the server.
CELLS = 1_000_000
#: How long the kernel may take to remove a process that was killed.
_END_MILLISECONDS = 2_000


class Limits(NamedTuple):
    """What one query may take.

    Attributes:
        memory_bytes: Address space of its process; DuckDB itself is given half of it.
        result_bytes: Size of its answer, as it is sent.
        cells: Values in its answer, each of which becomes an object.
    """

    memory_bytes: int
    result_bytes: int
    cells: int = CELLS


class Template:
    """The process that is forked for each connection. It ends with this one, and its forks with it."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", query_worker.__file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ") if name in os.environ},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def fork(self, memory_bytes: int) -> tuple[int, socket.socket]:
        """Return a worker's process id, and the socket to it.

        Raises:
            OSError: the template has ended.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [str(memory_bytes).encode()], [theirs.fileno()])
            answer = self._control.recv(8)
        if not answer:
            ours.close()
            raise ConnectionResetError
        return struct.unpack("!Q", answer)[0], ours

    def close(self) -> None:
        self._control.close()
        self._process.wait()


class Worker:
    """A process that has one file open.

    Attributes:
        tables: Schema and name of the tables in the file.
    """

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.tables: frozenset[tuple[str, str]] = frozenset()
        self._pid, self._channel = pid, channel
        try:
            self._process = os.pidfd_open(pid)
        except ProcessLookupError:
            channel.close()
            raise EOFError from None

    def ask(self, request: Mapping[str, Any], wait: Callable[[int], None]) -> Iterator[tuple[dict[str, Any], int]]:
        """Send a request and yield the answers with their size.

        Raises:
            EOFError, OSError: the process has ended.
        """
        query_worker.send(self._channel, request)
        while True:
            yield query_worker.receive(self._channel, lambda: wait(self._channel.fileno()))

    def memory_bytes(self) -> int:
        """Return the memory that the process takes; 0 if it has ended."""
        try:
            pages = Path(f"/proc/{self._pid}/statm").read_text(encoding="ascii").split()[1]
        except OSError:
            return 0
        return int(pages) * os.sysconf("SC_PAGESIZE")

    def has_ended(self, milliseconds: int = 0) -> bool:
        """Return whether the process has ended, or ends within a time."""
        ended = select.poll()
        ended.register(self._process, select.POLLIN)
        return bool(ended.poll(milliseconds))

    def kill(self) -> None:
        """End the process, and return when its memory is free."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process, signal.SIGKILL)
        self.has_ended(_END_MILLISECONDS)
        os.close(self._process)
        self._channel.close()


class Idle(NamedTuple):
    """A worker that waits for the next query of its file."""

    file: "File"
    worker: Worker
    since: float


class File(NamedTuple):
    """A DuckDB file as it is on the disk now, and the settings that it is opened with."""

    path: str
    inode: int
    changed: int
    config: str


class Workers:
    """The workers of this process; the places for queries are shared with the others on the machine.

    Args:
        slots: The places.
        limits: What one query may take.
    """

    def __init__(self, slots: Slots, limits: Limits) -> None:
        self.slots, self.limits = slots, limits
        self._mutex = threading.Lock()
        self._template: Template | None = None
        self._pid = 0
        self._idle: list[Idle] = []

    def take(self, file: File) -> Worker | None:
        """Return a worker that has a file open; None if there is none."""
        with self._mutex:
            worker = next(
                (idle.worker for idle in self._idle if idle.file == file and not idle.worker.has_ended()), None
            )
            self._keep([idle for idle in self._idle if idle.worker is not worker])
        return worker

    def give_back(self, file: File, worker: Worker) -> None:
        """Let a worker wait for the next query of its file, or end it."""
        if not 0 < worker.memory_bytes() <= _IDLE_BYTES:
            worker.kill()
            return
        with self._mutex:
            self._keep([*self._idle, Idle(file, worker, time.monotonic())])

    def _keep(self, idle: list[Idle]) -> None:
        """Keep the newest of the workers that wait, and end the others."""
        oldest = time.monotonic() - _IDLE_SECONDS
        self._idle = [waiting for waiting in idle[-_IDLE:] if waiting.since > oldest]
        for waiting in idle:
            if waiting not in self._idle:
                waiting.worker.kill()

    def start(self) -> Worker:
        with self._mutex:
            for last in (False, True):
                if self._template is None or self._pid != os.getpid():
                    self._template, self._pid = Template(), os.getpid()
                try:
                    return Worker(*self._template.fork(self.limits.memory_bytes))
                except OSError:
                    self._template.close()
                    self._template = None
                    if last:
                        raise
        raise AssertionError

    def close(self) -> None:
        with self._mutex:
            for idle in self._idle:
                idle.worker.kill()
            self._idle = []
            if self._template is not None:
                self._template.close()
                self._template = None
