"""The commands `load` and `fetch`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.output import fail, say
from core.errors import ExpectedFailure


def load(
    names: Annotated[
        list[str],
        typer.Argument(metavar="PLATFORM [FILE]…", help="A platform and files of it, or several platforms."),
    ],
    file: Annotated[list[Path] | None, typer.Option(help="A file to load, like those behind the platform.")] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day to load again.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day to load again; today by default.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Load all that the platform has, as a first load.")] = False,
) -> None:
    """Load raw data of platforms: from their addresses and from drop/, or from files, in their order.

    Files are read where they lie and left there. What fails does not stop the others, and makes the exit code 1.
    Days are loaded again month by month: the next load goes on where the last one was, and what a platform no longer
    has stays.
    """
    from cli.loads import asked_again, load_all, wanted

    if first or last or full:
        days = [day.date() if day else None for day in (first, last)]
        loads = asked_again([*names, *map(str, file or [])], *days, full=full)
    else:
        loads = wanted(names, file or [])
    failures = []
    for outcome in load_all(loads):
        if isinstance(outcome, ExpectedFailure):
            failures.append(outcome)
            if len(loads) > 1:
                fail(outcome)
        else:
            say(outcome)
    if failures and len(loads) == 1:
        raise failures[0]
    if failures:
        raise ExpectedFailure(
            f"{len(failures)} of {len(loads)} loads failed, as said above; the others are complete.",
            "Correct what is said and load them again.",
        )


def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[PLATFORM]…", help="By default, all whose files lie elsewhere.")
    ] = None,
) -> None:
    """Fetch files from the folders that CYBERIMPACT_<PLATFORM>_DROP name into drop/, where `load` finds them.

    It looks twice and takes what has not changed in between. While the platform runs, it does so by itself.
    """
    from ingestion.engine import remote_folders
    from ingestion.platforms import platform

    failures = []
    for chosen in [platform(name) for name in names] if names else remote_folders.addressed():
        try:
            for outcome in remote_folders.fetch(chosen):
                if isinstance(outcome, ExpectedFailure):
                    failures.append(outcome)
                else:
                    say(outcome)
        except ExpectedFailure as failure:
            failures.append(failure)
    for failure in failures:
        fail(failure)
    raise typer.Exit(int(bool(failures)))
