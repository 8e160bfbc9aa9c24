"""The command `sandbox`."""

import os
import sys

import typer

from core import settings


def sandbox(context: typer.Context) -> None:
    """Serve the stand-in platforms on loopback and drop their files: `cyberimpact sandbox [--seed N] [--now DAY]`."""
    drops, port = str(settings.home().drop), str(settings.port("sandbox"))
    command = [sys.executable, "-m", "sandbox", "--port", port, "--drops", drops, *context.args]
    os.execv(command[0], command)  # noqa: S606
