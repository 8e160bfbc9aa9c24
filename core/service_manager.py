"""Reports to systemd that a process serves, and that it goes on: one that falls silent is killed and started again.

A unit says for how long it may be silent (`WatchdogSec`). Without systemd nothing is sent. A process that has no
address at which it could be asked also touches a file, for the health check of its container.
"""

import http.client
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from core import settings

#: Where systemd listens, and the microseconds for which a process may be silent: sd_notify(3), sd_watchdog_enabled(3).
SOCKET, SILENCE = "NOTIFY_SOCKET", "WATCHDOG_USEC"
#: Seconds between two reports where systemd sets no limit, and until a process that does not answer is asked again.
REPORT_SECONDS, RETRY_SECONDS = 30.0, 1.0


class Steps:
    """The steps of the loops of a process, of which none may last too long.

    Attributes:
        longest_seconds: How long a step may last.
    """

    def __init__(self, longest_seconds: float) -> None:
        self.longest_seconds = longest_seconds
        self._begun: dict[str, float] = {}

    def begin(self, loop: str) -> None:
        """Take note that a loop begins a step."""
        self._begun[loop] = time.monotonic()

    def go_on(self) -> bool:
        """Return whether every loop that has begun goes on."""
        earliest = time.monotonic() - self.longest_seconds
        return all(begun >= earliest for begun in list(self._begun.values()))


def report(is_well: Callable[[], bool], mark: str | None = None) -> None:
    """Report from now on, in a thread, whenever this process is well.

    Args:
        is_well: Returns whether it does its work; nothing is reported while it does not return.
        mark: Name of the process, for the file that is touched in `run/`.
    """
    file = settings.home().run / f"{mark}.alive" if mark else None
    threading.Thread(target=_report, args=(is_well, file), name="service-manager", daemon=True).start()


def report_answers(url: str) -> None:
    """Report whenever a server answers.

    Args:
        url: Where it answers 200, on this machine.
    """
    report(partial(answers, url, report_seconds()))


def answers(url: str, seconds: float) -> bool:
    """Return whether a server of this machine answers 200 in time."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def report_seconds() -> float:
    """Return how often to report: three times in the silence that systemd allows."""
    microseconds = os.environ.get(SILENCE)
    return int(microseconds) / 3e6 if microseconds else REPORT_SECONDS


def notify(state: str) -> None:
    """Send a state to systemd, where it has started this process."""
    if address := os.environ.get(SOCKET):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(state.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)


def _report(is_well: Callable[[], bool], file: Path | None) -> None:
    state = "READY=1"
    while True:
        if is_well():
            with suppress(OSError):  # the next report follows
                notify(state)
                state = "WATCHDOG=1"
            if file:
                with suppress(OSError):  # a full disk, of which others report
                    file.touch()
            time.sleep(report_seconds())
        else:
            time.sleep(RETRY_SECONDS)
