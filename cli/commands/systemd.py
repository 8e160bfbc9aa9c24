"""The commands `systemd`, and `prepare` and `run`, which its units call."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import remark, say


def systemd(folder: Annotated[Path, typer.Argument(help="Where the units are written; it is there.")]) -> None:
    """Write a unit of systemd for each process, for the account that asks."""
    from cli import systemd as units

    say(*(f"{file} written." for file in units.write(folder)))
    remark(
        "As root: copy them to /etc/systemd/system, then `systemctl daemon-reload` and "
        f"`systemctl enable --now {units.PREFIX}.target`."
    )


def prepare() -> None:
    """Make folders, databases and the workspace ready, before processes start."""
    from cli import systemd as units

    units.prepare()


def run(name: Annotated[str, typer.Argument(help="The process, such as web.")]) -> None:
    """Become one process of the platform."""
    from cli import systemd as units

    units.run(name)
