"""Ports of this machine that are free for a test's server."""

import socket

_given: set[int] = set()


def free_port() -> int:
    """Return a port that is free, and that this process has given to nobody: the system gives one again at once."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port
