"""Dagster's code server: `python -m orchestration.code_server SOCKET`.

It has the options of `dagster code-server start`.
"""

import sys

from dagster import DagsterError

from core import service_manager
from orchestration.dagster_internals import DagsterGrpcClient, start_command


def answers(socket: str) -> bool:
    """Return whether the code server answers, and behind it the process that has loaded the graph."""
    try:
        DagsterGrpcClient(socket=socket).ping("")
    except DagsterError:
        return False
    return True


if __name__ == "__main__":
    path = sys.argv[1]
    service_manager.report(lambda: answers(path), "dagster-code")
    start_command(["--socket", path, *sys.argv[2:]], prog_name="dagster code-server start")
