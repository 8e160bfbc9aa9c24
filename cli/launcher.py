"""Runs a server that reports nothing to systemd, and reports whether it answers: `python -m cli.launcher URL COMMAND…`.

Its imports are few, since it stays in memory beside the server. Signals go on to the server, and it ends as that ends.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from core import service_manager

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
AWAITED = (*PASSED_ON, signal.SIGCHLD)


def launch(url: str, command: Sequence[str]) -> int:
    """Run a command until it ends.

    Args:
        url: Where the server answers 200, on this machine.
        command: What is run.

    Returns:
        Its exit code, or the signal that has ended it, as a negative number.
    """
    # gunicorn would report that it is ready as soon as it listens; systemd hears the main process of a unit only.
    environment = {name: value for name, value in os.environ.items() if name != service_manager.SOCKET}
    # A handler may miss a signal that comes just before the wait for the server; what is blocked is kept.
    signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    server = subprocess.Popen(command, env=environment, preexec_fn=_by_default)  # noqa: PLW1509 - there is one thread yet
    service_manager.report_answers(url)
    while server.poll() is None:
        if (number := signal.sigwait(AWAITED)) != signal.SIGCHLD:
            server.send_signal(number)
    _by_default()
    return server.returncode


def _by_default() -> None:
    """Have every signal do what it does by default, though who has started this process ignores or blocks it."""
    for number in AWAITED:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, AWAITED)


if __name__ == "__main__":
    code = launch(sys.argv[1], sys.argv[2:])
    if code < 0:  # systemd counts an end by SIGTERM as clean, and an exit code that means the same as a failure
        os.kill(os.getpid(), -code)
    sys.exit(code)
