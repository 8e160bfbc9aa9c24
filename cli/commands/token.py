"""The `api token` commands."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from core import settings

api_app = typer.Typer(help="The read-only API of the figures.", no_args_is_help=True)
token_app = typer.Typer(help="Tokens of the API: who may ask, and what each sees.", no_args_is_help=True)
api_app.add_typer(token_app, name="token")

Name = Annotated[str, typer.Argument(help="What the token is for, in small letters, digits and dashes; no person.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.add_typer(api_app, name="api")


@token_app.command("add")
def add(
    name: Name,
    role: Annotated[
        str,
        typer.Option(help="As in Superset: national, departement-FR-33, region-FR-NAQ, region-gendarmerie-GN-NAQ."),
    ],
    days: Annotated[int, typer.Option(help="Days for which it is good.")] = 365,
) -> None:
    """Make a token and print it: it is shown this once, and kept as a hash only."""
    from web import tokens

    typer.echo(tokens.add(settings.home(), name, role, days))
    typer.echo("Keep it now: it cannot be shown again.", err=True)


@token_app.command("list")
def list_tokens() -> None:
    """Who has a token, what it sees, and until when it is good."""
    from web import tokens

    table = Table("Name", "Role", "Made on", "Good until")
    for holder in tokens.holders(settings.home()):
        table.add_row(holder.name, holder.role, str(holder.created_on), str(holder.expires_on))
    Console().print(table)


@token_app.command("revoke")
def revoke(name: Name) -> None:
    """Make a token worthless from now on."""
    from web import tokens

    tokens.revoke(settings.home(), name)
    typer.echo(f"The token {name} is revoked.")
