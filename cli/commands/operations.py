"""The command `operations`: where what people record is kept."""

import typer

from cli.output import print_table, say
from core import settings

app = typer.Typer(help="The operations database.", no_args_is_help=True)


@app.command()
def move() -> None:
    """Move the SQLite file of the home to the PostgreSQL database that CYBERIMPACT_OPERATIONS_DATABASE names.

    Stop the platform first, and start it with the setting afterwards.
    """
    from operations import moving

    home = settings.home()
    moved = moving.move(home)
    print_table(["Table", "Rows"], [(table, rows) for table, rows in moved.items() if rows])
    say(f"The operations are in PostgreSQL. {home.operations}.moved is read no more: remove it, nothing purges it.")
