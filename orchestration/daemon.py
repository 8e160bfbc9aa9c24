"""Dagster's daemon: `python -m orchestration.daemon -w WORKSPACE`, with the options of `dagster-daemon run`.

Where several machines share a home, it runs on the active one and waits on the others.
"""

import logging
import sys
from datetime import datetime

import dagster as dg

from core import logs, service_manager, settings
from core.clock import now
from core.errors import ExpectedFailure
from operations.active import Lease
from orchestration import instance, monitoring, retries
from orchestration.dagster_internals import run_command
from orchestration.run_monitoring import end_all

log = logging.getLogger("daemon")


def become_active(node: str) -> None:
    """Wait for the lease, and have what was interrupted on the machine that was active before done again."""
    former = Lease(node).take()
    if former not in ("", node):
        with instance.get() as home_instance:
            for run in end_all(home_instance, f"The machine {former}, on which this run was, is no longer active."):
                retries.try_now(home_instance, run)


def goes_on(home_instance: dg.DagsterInstance, since: datetime) -> bool:
    """Return whether every part of the daemon has noted a heartbeat lately."""
    try:
        return not any(monitoring.daemons(home_instance, since))
    except Exception as problem:  # noqa: BLE001 - a database that is away: to start again would not help
        log.warning("whether the daemon goes on is not known: %s", type(problem).__name__)
        return True


def main() -> None:
    """Run until killed."""
    logs.configure()
    logging.getLogger("dagster").propagate = False  # it has a handler of its own
    active_since: datetime | None = None
    try:
        with instance.get() as home_instance:
            service_manager.report(
                lambda: active_since is None or goes_on(home_instance, active_since), "dagster-daemon"
            )
            if node := settings.home().node:
                become_active(node)
            active_since = now()
            run_command(prog_name="dagster-daemon")
    except ExpectedFailure as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
