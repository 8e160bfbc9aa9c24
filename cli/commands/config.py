"""The commands `config`, and `init`, which makes an installation."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cli.output import fail, remark, say
from core.errors import ExpectedFailure
from core.installation import SETTING

app = typer.Typer(
    help="What belongs to the installation: sites, accounts, first days, categories of the chat.", no_args_is_help=True
)


@app.command()
def check() -> None:
    """Read cyberimpact.toml, the secrets and every file of the configuration folder, and name wrong lines."""
    from cli import installation

    failures = 0
    for found in installation.check():
        if isinstance(found, ExpectedFailure):
            failures += 1
            fail(found)
        else:
            say(found)
    if failures:
        raise ExpectedFailure(f"{failures} things of the configuration are wrong.", "Correct them as said above.")


@app.command()
def schema() -> None:
    """Print the JSON Schema of cyberimpact.toml, for editors."""
    from cli import installation

    say(installation.schema().rstrip())


@app.command("init")
def copy_defaults() -> None:
    """Copy the defaults into the configuration folder, to be edited there; files that are there stay."""
    from core import settings
    from ingestion import configuration

    written = [f"{path} written." for path in configuration.copy_defaults(settings.home().config)]
    say(*written or ["Every file is there."])


def init(folder: Annotated[Path, typer.Argument(help="Where it gets its folders config, secrets and data.")]) -> None:
    """Make an installation: its configuration, new secrets, and a folder for the data; what is there stays."""
    os.environ.pop(SETTING, None)  # it may name the file that is to be made
    from cli import installation

    written = [f"{path} written." for path in installation.make(folder)]
    say(*written or ["Every file is there."])
    remark(
        f"Next: edit {folder / 'config' / installation.FILE}, then\n"
        f"  export CYBERIMPACT_CONFIG={(folder / 'config' / installation.FILE).resolve()}\n"
        "  cyberimpact config check"
    )
