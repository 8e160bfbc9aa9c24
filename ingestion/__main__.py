"""Loads one platform without an orchestrator: `python -m ingestion PLATFORM [FILE ...]`."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from core import settings
from core.errors import ExpectedFailure
from ingestion.engine.loading import load
from ingestion.engine.progress import Progress
from ingestion.platforms import PLATFORMS


def _show(said: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{said}\x1b[K", end="", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Load a platform and print the outcome of its records.

    Returns:
        0 when the load is complete, 1 when it is not.
    """
    settings.keep_private()
    parser = argparse.ArgumentParser(prog="python -m ingestion", description="Load one platform.")
    parser.add_argument("platform", help="name of the platform", choices=[entry.name for entry in PLATFORMS])
    parser.add_argument("files", nargs="*", type=Path, help="files of the platform, in order, read where they lie")
    parser.add_argument("--file", action="append", type=Path, default=[], help="the same; its API when none is given")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    files: list[Path | None] = [*options.files, *options.file]
    return max([_load(options.platform, file) for file in files or [None]])


def _load(platform_name: str, file: Path | None) -> int:
    """Load a file, or the platform's API, print the outcome, and return 0 when the load is complete, else 1."""
    try:
        report = load(platform_name, file=file, progress=Progress(_show))
    except ExpectedFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(report.summary())
    for problem in report.problems:
        print(problem, file=sys.stderr)
    return 0 if report.complete else 1


if __name__ == "__main__":
    sys.exit(main())
