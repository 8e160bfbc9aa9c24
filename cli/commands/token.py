"""The commands `api token`."""

from typing import Annotated

import typer

from cli.output import print_table, remark, say

app = typer.Typer(help="The API: who may read figures, and who may send records.", no_args_is_help=True)
token_app = typer.Typer(help="Tokens of the API: what each sees, and what it may send.", no_args_is_help=True)
app.add_typer(token_app, name="token")

Name = Annotated[str, typer.Argument(help="What the token is for, in small letters, digits and dashes; no person.")]


@token_app.command()
def add(
    name: Name,
    role: Annotated[
        str,
        typer.Option(help="As in Superset: national, departement-FR-33, region-FR-NAQ, region-gendarmerie-GN-NAQ."),
    ] = "",
    days: Annotated[int, typer.Option(help="Days for which it is good.")] = 365,
    sends: Annotated[
        list[str] | None, typer.Option(help="A platform whose records it may send; may be repeated.")
    ] = None,
) -> None:
    """Make a token and print it: it is shown this once, and kept as a hash only."""
    from operations import tokens

    say(tokens.add(name, role, days, sends=sends or ()))
    remark("Keep it now: it cannot be shown again.")


@token_app.command("list")
def list_tokens() -> None:
    """Who has a token, what it sees, and until when it is good."""
    from operations import tokens

    holders = tokens.holders()
    rows = [
        (holder.name, holder.role, ", ".join(holder.sends), holder.created_on, holder.expires_on) for holder in holders
    ]
    print_table(["Name", "Role", "Sends", "Made on", "Good until"], rows)


@token_app.command()
def secret(name: Name) -> None:
    """Print the secret by which the holder of a token signs what it sends, for who does not send the token itself."""
    from core.errors import ExpectedFailure
    from operations import tokens

    holder = tokens.named(name)
    if holder is None or not holder.sends:
        raise ExpectedFailure(f"No token {name} sends records.", "`cyberimpact api token list` shows those there are.")
    say(tokens.signing_secret(holder))


@token_app.command()
def revoke(name: Name) -> None:
    """Make a token worthless from now on."""
    from operations import tokens

    tokens.revoke(name)
    say(f"The token {name} is revoked.")
