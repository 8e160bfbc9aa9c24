"""`python -m ingestion.<platform>`: a load without an orchestrator. The project's command line is elsewhere."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from ingestion import settings
from ingestion.errors import ExpectedFailure
from ingestion.loading import load
from ingestion.pace import Pace
from ingestion.platforms import platform


def _show(said: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{said}\x1b[K", end="", file=sys.stderr, flush=True)


def main(platform_name: str, arguments: Sequence[str] | None = None) -> int:
    """Load a platform and print what became of its records.

    Returns:
        0 when the load is complete, 1 when it is not.
    """
    settings.keep_private()
    chosen = platform(platform_name)
    parser = argparse.ArgumentParser(prog=f"python -m ingestion.{chosen.name}", description=f"Load {chosen.title}.")
    parser.add_argument("--file", type=Path, help="a file of the platform, read where it lies; its API when not given")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        report = load(chosen.name, file=options.file, progress=Pace(_show))
    except ExpectedFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(report.summary())
    for problem in report.problems:
        print(problem, file=sys.stderr)
    return 0 if report.complete else 1
