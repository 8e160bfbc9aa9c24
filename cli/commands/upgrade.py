"""The command `upgrade`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import say


def upgrade(
    folder: Annotated[Path, typer.Argument(help="A new folder for the backup, outside the home; the same each time.")],
    switch: Annotated[bool, typer.Option("--switch", help="Take the home over after the comparison.")] = False,
) -> None:
    """Build what is loaded with this version beside the home, and show which published figures would differ.

    Nothing of the home changes before `--switch`; `cyberimpact restore FOLDER` goes back after it.
    """
    from cli import upgrade as upgrades

    for line in upgrades.upgrade(folder, switch=switch):
        say(line)
