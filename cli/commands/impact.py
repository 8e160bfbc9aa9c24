"""The commands `impact`, in French."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli.output import AsJson, print_json, say
from core import settings
from core.files import write_text


class ActionOrVerb(TyperGroup):
    """`impact simulate …` is a verb; anything else names an action."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["action", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    help="L'effet des actions : `impact IDENTIFIANT`, ou `impact simulate`.",
    no_args_is_help=True,
    cls=ActionOrVerb,
)


@app.command()
def action(
    action_id: Annotated[
        str, typer.Argument(help="Identifiant de l'action : du registre, ou du tableau Impact et moyens.")
    ],
    html: Annotated[Path | None, typer.Option(help="Écrire le rapport, avec son graphique, dans ce fichier.")] = None,
    as_json: AsJson = False,
) -> None:
    """Dit l'effet d'une action, avec son incertitude, ou pourquoi on ne peut pas conclure."""
    from cli.impact_page import page
    from warehouse import published
    from web.effects import report

    with published.connect(settings.home()) as connection:
        found = report(connection, action_id)
    if html is not None:
        write_text(html, page(found))
    if as_json:
        print_json(found.as_json())
    else:
        say(found.as_text())


@app.command()
def simulate(
    hours: Annotated[float, typer.Option(help="Heures de prévention à déplacer.")],
    origin: Annotated[str, typer.Option("--from", help="Département qui les donne, par exemple FR-33.")],
    destination: Annotated[str, typer.Option("--to", help="Département qui les reçoit, par exemple FR-75C.")],
    as_json: AsJson = False,
) -> None:
    """Dit ce que changerait un déplacement d'heures, d'après les seuls effets mesurés ; refuse s'il n'y en a pas."""
    from warehouse import published
    from web.reallocation import simulate as simulated

    with published.connect(settings.home()) as connection:
        found = simulated(connection, hours, origin, destination)
    if as_json:
        print_json(found.as_json())
    else:
        say(found.as_text())
