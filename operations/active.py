"""Which of the machines that share a home is active: the one whose scheduler holds a lease in the operations database.

The holder increments `beat` six times in `seconds`. Another machine takes the lease once it has seen the same beat for
`seconds`, by its own clock: clocks of two machines are never compared. The kernel ends a process (SIGALRM) that has not
renewed the lease, or seen it renewed, for two thirds of that time. This holds for a process that was stopped meanwhile:
it dies before it does anything more, and before another machine becomes active.
"""

import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import timedelta

from core import settings
from core.clock import now
from core.errors import ExpectedFailure
from operations import models

log = logging.getLogger(__name__)

SECONDS_SETTING = "CYBERIMPACT_LEASE_SECONDS"
#: How long a machine that no longer renews the lease stays its holder.
SECONDS = 60
_NAME = "scheduler"


class Lease:
    """The lease, as one process of a machine sees it.

    Attributes:
        node: The name of this machine.
        seconds: How long it lasts without being renewed; it is renewed six times as often.
    """

    def __init__(self, node: str) -> None:
        self.node = node
        self.seconds = settings.whole_number(SECONDS_SETTING, SECONDS, "seconds")
        self._process = models.new_id()

    def take(self) -> str:
        """Wait until this machine may be active, then renew the lease for as long as this process lives.

        A new process of the machine that is active takes the lease over at once.

        Returns:
            The machine that had it before; empty where none had.
        """
        found, since = read(), time.monotonic()
        if found.node not in ("", self.node):
            log.warning("%s is active: %s is in reserve", found.node, self.node)
        while True:
            began = time.monotonic()
            may = found.node in ("", self.node) or began - since >= self.seconds
            if may and self._renew(found, began):
                break
            time.sleep(self.seconds / 6)
            seen, found = found, read()
            if found.beat != seen.beat:
                since = time.monotonic()
        log.warning("%s is active", self.node)
        threading.Thread(target=self._keep, name="lease", daemon=True).start()
        return found.node

    def follow(self) -> None:
        """Wait until the scheduler of this machine is active; once it is not, this process ends."""
        renewals = self._renewals()
        next(renewals)
        log.warning("%s is active", self.node)
        threading.Thread(target=deque, args=(renewals, 0), name="lease", daemon=True).start()

    def _keep(self) -> None:
        while True:
            time.sleep(self.seconds / 6)
            began = time.monotonic()
            try:
                found = read()
                is_ours = found.process == self._process and self._renew(found, began)
            except ExpectedFailure as failure:  # it may answer again in time
                log.warning("%s", failure)
                continue
            if not is_ours:
                end(found)

    def _renew(self, found: models.Lease, began: float) -> bool:
        """Renew or take the lease, unless somebody has changed it since it was read; return whether it is ours."""
        unchanged = models.Lease.objects.filter(pk=_NAME, process=found.process, beat=found.beat)
        changed = unchanged.update(node=self.node, process=self._process, beat=found.beat + 1, renewed_at=now())
        if changed:
            self._live_on(began)
        return bool(changed)

    def _renewals(self) -> Iterator[None]:
        """Yield each time that the scheduler of this machine was seen to renew the lease."""
        seen, before, was_active = read(), time.monotonic(), False
        while True:
            time.sleep(self.seconds / 6)
            began = time.monotonic()
            try:
                found = read()
            except ExpectedFailure as failure:
                log.warning("%s", failure)
                continue
            if found.node == seen.node == self.node and found.beat != seen.beat:
                self._live_on(before)  # it was renewed after that, no longer ago
                was_active = True
                yield
            elif found.node != self.node and was_active:
                end(found)
            seen, before = found, began

    def _live_on(self, since: float) -> None:
        left = since + self.seconds * 2 / 3 - time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, max(left, 1e-6))  # zero would switch it off


def read() -> models.Lease:
    """Return the lease, which nobody has held before the first machine started."""
    return models.Lease.objects.get_or_create(pk=_NAME)[0]


def is_renewed(found: models.Lease) -> bool:
    """Return whether a lease seems to be renewed still; clocks may differ, so nobody takes a lease because of it."""
    late = timedelta(seconds=2 * settings.whole_number(SECONDS_SETTING, SECONDS, "seconds"))
    return found.renewed_at > now() - late


def end(found: models.Lease) -> None:
    """End this process at once: another one is active."""
    log.error("the lease was taken by %s: this process ends", found.node)
    os.kill(os.getpid(), signal.SIGKILL)


def refuse_in_reserve(node: str) -> None:
    """Refuse what only the active machine may do.

    Args:
        node: The name of this machine.

    Raises:
        ExpectedFailure: another machine is active.
    """
    found = read()
    if found.node not in ("", node) and is_renewed(found):
        raise ExpectedFailure(f"The machine {found.node} is active, {node} is in reserve.", f"Do this on {found.node}.")
