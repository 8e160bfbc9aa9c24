"""Limits how many queries run at once on this machine, with lock files that the kernel frees.

An account may run as many queries as places are free, so one that takes all it can leaves half of them to the others,
and two leave a quarter. Any process of the server stops a query by writing into the file of its place.
"""

import fcntl
import json
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Seconds between two checks whether a place is free.
_INTERVAL = 0.05


class Busy(Exception):
    """No place became free in time, or the account has too many queries waiting."""


class Slot:
    """A place that one query holds. Its `token` identifies the query for a stop request."""

    def __init__(self, path: Path, descriptor: int, account: str) -> None:
        self._path, self._descriptor = path, descriptor
        self.account = account
        self.token = secrets.token_hex(16)
        _write(descriptor, {"account": account, "token": self.token, "stopped": False})

    def is_stopped(self) -> bool:
        return _read(self._path).get("stopped", False)

    def release(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


class Slots:
    """The places in a folder, shared by all processes that name the same folder.

    Args:
        folder: Where the files are; made if absent, for this user only.
        count: How many queries run at once.
        pending: How many queries an account may have in this process, waiting ones included.
    """

    def __init__(self, folder: Path, count: int, pending: int) -> None:
        self._folder, self._pending = folder, pending
        self._paths = [folder / f"{number}.slot" for number in range(count)]
        self._asked: Counter[str] = Counter()
        self._mutex = threading.Lock()

    def acquire(self, account: str, deadline: float) -> Slot:
        """Wait for a place until `deadline`, a value of `time.monotonic`; give it back with `release`.

        Raises:
            Busy: there is none.
        """
        with self._mutex:
            if self._asked[account] >= self._pending:
                raise Busy
            self._asked[account] += 1
        slot = None
        try:
            while (slot := self._take(account)) is None and time.monotonic() < deadline:
                time.sleep(_INTERVAL)
        finally:
            if slot is None:
                self._forget(account)
        if slot is None:
            raise Busy
        return slot

    def release(self, slot: Slot) -> None:
        """Give a place back."""
        slot.release()
        self._forget(slot.account)

    def stop(self, token: str) -> bool:
        """Ask for a query to be stopped; return False if it does not run."""
        with self._locked():
            for path in self._paths:
                held = _read(path)
                if secrets.compare_digest(str(held.get("token", "")), token):
                    descriptor = os.open(path, os.O_WRONLY)
                    try:
                        _write(descriptor, {**held, "stopped": True})
                    finally:
                        os.close(descriptor)
                    return True
        return False

    def _forget(self, account: str) -> None:
        with self._mutex:
            self._asked[account] -= 1

    def _take(self, account: str) -> Slot | None:
        with self._locked():
            free: list[tuple[Path, int]] = []
            running = 0
            for path in self._paths:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    free.append((path, descriptor))
                except BlockingIOError:
                    os.close(descriptor)
                    running += _read(path).get("account") == account
            taken = free.pop() if running < len(free) else None
            for _, descriptor in free:
                os.close(descriptor)
            return Slot(*taken, account) if taken else None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_bytes() or b"{}")
    except (OSError, ValueError):
        return {}


def _write(descriptor: int, content: dict[str, Any]) -> None:
    data = json.dumps(content).encode()
    os.pwrite(descriptor, data, 0)
    os.ftruncate(descriptor, len(data))
