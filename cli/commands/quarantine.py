"""The commands `quarantine`."""

from dataclasses import asdict
from typing import Annotated

import typer

from cli.output import AsJson, print_json, print_table, say
from core import settings

COLUMNS = ["entity", "origin", "line", "record_key", "field", "reason", "value", "quarantined_at"]

app = typer.Typer(help="Rows set aside because they break a contract.", no_args_is_help=True)

PlatformName = Annotated[str, typer.Argument(help="Name of the platform.")]


@app.command("list")
def list_rows(platform: PlatformName, as_json: AsJson = False) -> None:
    """Rows that broke the contract, with the reason."""
    from core.locks import writer_lock
    from ingestion import platforms
    from ingestion.engine.quarantine import entries

    known = platforms.platform(platform)
    with writer_lock(settings.home().database(known.database)):
        waiting = entries(known.name)
    if as_json:
        print_json([asdict(entry) for entry in waiting])
    else:
        print_table(COLUMNS, [[getattr(entry, column) for column in COLUMNS] for entry in waiting])


@app.command()
def retry(platform: PlatformName) -> None:
    """Hold the rows in quarantine to today's contract, and load those that satisfy it."""
    from ingestion.engine.loading import retry_quarantine

    say(retry_quarantine(platform).summary())
