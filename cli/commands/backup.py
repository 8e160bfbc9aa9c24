"""The commands `backup`, `restore` and `offsite`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.output import AsJson, print_json, print_table, remark, say
from core import settings

app = typer.Typer(help="Backups that lie elsewhere, encrypted for a public key.", no_args_is_help=True)


def backup(folder: Annotated[Path, typer.Argument(help="A new folder, outside the home.")]) -> None:
    """Copy what cannot be made again: databases, operations, ledger, evidence, and what readers see."""
    from audit import ledger
    from warehouse import backups

    made = backups.backup(settings.home(), folder, ledger.current_head)
    say(f"{made.files} files, {made.megabytes} MB, in {folder}; head of the ledger: {made.head or 'none'}.")


def restore(folder: Annotated[Path, typer.Argument(help="A folder that `backup` has made.")]) -> None:
    """Put a backup in the place of what the home holds, which is moved aside; a damaged backup is refused."""
    from audit import ledger
    from warehouse import backups

    say(*backups.restore(settings.named_home(), folder, ledger.current_head).lines())


@app.command()
def key() -> None:
    """Print a new pair of keys: the public one to be set here, the private one to be kept elsewhere."""
    from warehouse import offsite

    public, private = offsite.new_key()
    say(f"{offsite.RECIPIENT}={public}", f"{offsite.IDENTITY}={private}")
    remark(
        "Keep the second one twice, away from the backups, one of them on paper: who has it reads every backup, and "
        "without it no backup can be read by anybody."
    )


@app.command()
def send() -> None:
    """Make a backup, send it elsewhere, and remove there what is too old."""
    from audit import ledger
    from warehouse import offsite

    stored, removed = offsite.send(settings.home(), datetime.now(UTC), ledger.current_head)
    say(f"{stored.name} sent, {stored.megabytes} MB; head of the ledger: {stored.head or 'none'}.")
    say(*(f"{name} removed." for name in removed))


@app.command("list")
def list_stored(as_json: AsJson = False) -> None:
    """The backups that lie elsewhere, the oldest first."""
    from warehouse import offsite

    rows = [
        (found.name, found.made_at.isoformat(), found.megabytes, found.head) for found in offsite.Store().complete()
    ]
    columns = ["name", "made_at", "megabytes", "head"]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, rows)


@app.command()
def fetch(
    folder: Annotated[Path, typer.Argument(help="A new folder, for `restore`.")],
    name: Annotated[str | None, typer.Option(help="Its name; the last one by default.")] = None,
) -> None:
    """Bring a backup back and decrypt it; the last one with what was decided and published since."""
    from warehouse import offsite

    stored = offsite.fetch(folder, name)
    say(
        f"All up to {stored.name}, of {stored.made_at:%Y-%m-%d %H:%M} UTC, lies in {folder}: "
        f"`cyberimpact restore {folder}`."
    )


@app.command()
def drill() -> None:
    """Restore the last backup beside the home, verify it whole, and throw it away."""
    from audit import restore_drill

    say(restore_drill.run(settings.home(), datetime.now(UTC)).line())
