"""The commands `config`."""

import typer

from cli.output import fail, say
from core.errors import ExpectedFailure

app = typer.Typer(
    help="What belongs to the installation: sites, accounts, first days, categories of the chat.", no_args_is_help=True
)


@app.command()
def check() -> None:
    """Read every file of the configuration folder, and say what is wrong with which line."""
    from ingestion import configuration

    failures = []
    for name in configuration.READERS:
        try:
            say(configuration.check(name))
        except ExpectedFailure as failure:
            failures.append(failure)
            fail(failure)
    if failures:
        raise ExpectedFailure(f"{len(failures)} files of the configuration are wrong.", "Correct them as said above.")


@app.command()
def init() -> None:
    """Copy the defaults into the configuration folder, to be edited there; files that are there stay."""
    from ingestion import configuration

    written = [f"{path} written." for path in configuration.copy_defaults()]
    say(*written or ["Every file is there."])
