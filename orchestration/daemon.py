"""Dagster's daemon: `python -m orchestration.daemon -w WORKSPACE`, with the options of `dagster-daemon run`.

Where several machines share a home, it runs on the active one and waits on the others.
"""

import logging
import sys

from core import logs, settings
from core.errors import ExpectedFailure
from operations.active import Lease
from orchestration import instance, retries
from orchestration.dagster_internals import run_command
from orchestration.run_monitoring import end_all


def become_active(node: str) -> None:
    """Wait for the lease, and have what was interrupted on the machine that was active before done again."""
    former = Lease(node).take()
    if former not in ("", node):
        with instance.get() as home_instance:
            for run in end_all(home_instance, f"The machine {former}, on which this run was, is no longer active."):
                retries.try_now(home_instance, run)


if __name__ == "__main__":
    logs.configure()
    logging.getLogger("dagster").propagate = False  # it has a handler of its own
    try:
        if node := settings.home().node:
            become_active(node)
    except ExpectedFailure as failure:
        sys.exit(str(failure))
    run_command(prog_name="dagster-daemon")
