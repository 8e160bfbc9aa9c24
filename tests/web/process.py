"""The pages as a process of their own: `python -m web`, with its gunicorn."""

import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from core import settings
from core.settings import Home
from tests.ports import free_port
from tests.superset.conftest import Server, wait_for


@contextmanager
def pages(home: Home, log: Path, variables: Mapping[str, str] = os.environ) -> Generator[str]:
    """Serve the pages over a home while the block lasts, and give their address.

    Args:
        home: The home.
        log: What takes their log.
        variables: Their environment, but for the home; their port is a free one unless it is named here.
    """
    port = variables.get("CYBERIMPACT_WEB_PORT") or str(free_port())
    environment = {**variables, "CYBERIMPACT_HOME": str(home.root), "CYBERIMPACT_WEB_PORT": port}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "web"], env=environment, cwd=settings.CHECKOUT, stdout=stream, stderr=stream
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def beside(server: Server, **variables: str) -> dict[str, str]:
    """Return the environment of pages whose login is that of a Superset."""
    key = os.environ["CYBERIMPACT_PSEUDONYM_KEY"]
    return {
        "DJANGO_SETTINGS_MODULE": "web.settings",
        **server.environment,
        "CYBERIMPACT_PSEUDONYM_KEY": key,
        **variables,
    }
