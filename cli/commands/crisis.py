"""The commands `crisis`, in French."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.output import AsJsonInFrench, print_json, print_table, say
from core import settings
from core.files import write_text

app = typer.Typer(help="Les crises : ouvrir, noter, clore, rendre compte.", no_args_is_help=True)

#: What `list --json` says of each.
_SHOWN = ("crisis_id", "title", "kind", "opened_at", "closed_at", "territories", "topics", "owner")

CrisisId = Annotated[str, typer.Argument(help="Identifiant de la crise ; son début suffit.")]
Role = Annotated[str, typer.Option(help="Rôle de qui écrit, jamais son nom.")]


@app.command("open")
def open_crisis(
    *,
    topic: Annotated[list[str], typer.Option(help="Code d'un thème ; à répéter pour plusieurs.")],
    territory: Annotated[list[str] | None, typer.Option(help="Code d'un territoire ; sans lui, la France.")] = None,
    title: Annotated[str | None, typer.Option(help="Ce dont il s'agit, sans nom.")] = None,
    kind: Annotated[str | None, typer.Option(help="Genre de crise ; sans lui, celui du premier thème.")] = None,
    owner: Annotated[str, typer.Option(help="Équipe qui la mène.")] = "team:veille",
    role: Role = "veille",
) -> None:
    """Déclarer une crise : la cadence monte, un journal commence."""
    from operations import crises
    from operations.acts import Author

    made = crises.open_crisis(
        topics=topic,
        territories=territory or [],
        title=title or ", ".join(topic),
        kind=kind,
        owner=owner,
        author=Author(role),
    )
    say(f"Crise {made.crisis_id} ouverte.")


@app.command()
def log(
    crisis_id: CrisisId,
    text: Annotated[str, typer.Argument(metavar="TEXTE", help="Une phrase, sans nom ni donnée personnelle.")],
    kind: Annotated[str, typer.Option(help="fait : s'est passé ; dit : communiqué ; mené : action.")] = "fait",
    role: Role = "veille",
    at: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M"], help="Quand, heure de Paris ; maintenant sinon.")
    ] = None,
) -> None:
    """Noter dans le journal d'une crise ce qui s'est passé, a été dit ou mené."""
    from core.clock import PARIS
    from operations import crises
    from operations.acts import Author

    moment = at.replace(tzinfo=PARIS) if at else None
    crises.note(crisis_id, text, kind=kind, author=Author(role), at=moment)
    say("Noté.")


@app.command()
def close(crisis_id: CrisisId, role: Role = "veille") -> None:
    """Clore une crise, et en garder le rapport."""
    from operations import crises, crisis_report
    from operations.acts import Author
    from web.pages.beside_crisis import curves_in

    home = settings.home()
    closed = crises.close(crisis_id, Author(role))
    file = crisis_report.keep(home, crisis_report.gather(home, closed, curves_in(home, closed)))
    say(f"Crise {closed.crisis_id} close. Son rapport : {file}")


@app.command("list")
def list_crises(as_json: AsJsonInFrench = False) -> None:
    """Les crises, en cours d'abord."""
    from core.french import moment
    from operations import crises

    found = crises.listed()
    if as_json:
        print_json([{name: getattr(crisis, name) for name in _SHOWN} for crisis in found])
        return
    if not found:
        say("Aucune crise.")
        return
    rows = [
        (
            crisis.crisis_id,
            crisis.title,
            crisis.kind,
            ", ".join(crisis.topics),
            ", ".join(crisis.territories) or "France",
            moment(crisis.opened_at),
            moment(crisis.closed_at) if crisis.closed_at else "en cours",
        )
        for crisis in found
    ]
    print_table(["Crise", "Titre", "Genre", "Thèmes", "Territoires", "Début", "Fin"], rows, unbroken="Crise")


@app.command()
def report(
    crisis_id: CrisisId,
    html: Annotated[Path | None, typer.Option(help="Écrit une page HTML dans ce fichier.")] = None,
) -> None:
    """Le rapport d'une crise : chronologie, volumes, territoires, ce qui a été dit et mené. En Markdown, ou --html."""
    from operations import crises, crisis_report
    from web.pages.beside_crisis import curves_in

    home, crisis = settings.home(), crises.find(crisis_id)
    gathered = crisis_report.gather(home, crisis, curves_in(home, crisis))
    if html is None:
        say(crisis_report.as_markdown(gathered))
        return
    write_text(html, crisis_report.as_html(gathered))
    say(f"Écrit dans {html}.")
