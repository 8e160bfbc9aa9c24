"""The commands `backup` and `restore`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import say
from core import settings


def backup(folder: Annotated[Path, typer.Argument(help="A new folder, outside the home.")]) -> None:
    """Copy what cannot be made again: databases, operations, ledger, evidence, and what readers see."""
    from audit import ledger
    from warehouse import backups

    made = backups.backup(settings.home(), folder, ledger.current_head)
    say(f"{made.files} files, {made.megabytes} MB, in {folder}; head of the ledger: {made.head or 'none'}.")
    say(*made.lines())


def restore(folder: Annotated[Path, typer.Argument(help="A folder that `backup` has made.")]) -> None:
    """Put a backup in the place of what the home holds, which is moved aside; a damaged backup is refused."""
    from audit import ledger
    from warehouse import backups

    say(*backups.restore(settings.home(), folder, ledger.current_head).lines())
