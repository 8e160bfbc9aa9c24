"""The `crisis` commands, in French."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from core import settings
from core.errors import ExpectedFailure

crisis_app = typer.Typer(help="Les crises : ouvrir, noter, clore, rendre compte.", no_args_is_help=True)

CrisisId = Annotated[str, typer.Argument(help="Identifiant de la crise ; son début suffit.")]
AsJson = Annotated[bool, typer.Option("--json", help="Écrit du JSON.")]
Role = Annotated[str, typer.Option(help="Rôle de qui écrit, jamais son nom.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.add_typer(crisis_app, name="crisis")


@crisis_app.command("open")
def open_crisis(
    topic: Annotated[list[str], typer.Option(help="Code d'un thème ; à répéter pour plusieurs.")],
    territory: Annotated[list[str] | None, typer.Option(help="Code d'un territoire ; sans lui, la France.")] = None,
    title: Annotated[str | None, typer.Option(help="Ce dont il s'agit, sans nom.")] = None,
    kind: Annotated[str | None, typer.Option(help="Genre de crise ; sans lui, celui du premier thème.")] = None,
    owner: Annotated[str, typer.Option(help="Équipe qui la mène.")] = "team:veille",
) -> None:
    """Déclarer une crise : la cadence monte, un journal commence."""
    from operations import crises

    made = crises.open_crisis(
        settings.home(),
        topics=topic,
        territories=territory or [],
        title=title or ", ".join(topic),
        kind=kind,
        owner=owner,
    )
    typer.echo(f"Crise {made.crisis_id} ouverte.")


@crisis_app.command("log")
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

    moment = at.replace(tzinfo=PARIS) if at else None
    crises.note(settings.home(), crisis_id, text, kind=kind, role=role, at=moment)
    typer.echo("Noté.")


@crisis_app.command("close")
def close(crisis_id: CrisisId) -> None:
    """Clore une crise, et en garder le rapport."""
    from operations import crises, crisis_report

    closed = crises.close(settings.home(), crisis_id)
    file = crisis_report.keep(settings.home(), crisis_report.gather(settings.home(), closed))
    typer.echo(f"Crise {closed.crisis_id} close. Son rapport : {file}")


@crisis_app.command("list")
def list_crises(as_json: AsJson = False) -> None:
    """Les crises, en cours d'abord."""
    from operations import crises
    from operations.alerts.writing import clock

    found = crises.listed(settings.home())
    if as_json:
        typer.echo(json.dumps([asdict(crisis) for crisis in found], default=str, ensure_ascii=False, indent=2))
        return
    if not found:
        typer.echo("Aucune crise.")
        return
    table = Table("Crise", "Titre", "Genre", "Thèmes", "Territoires", "Début", "Fin")
    table.columns[0].no_wrap = True
    for crisis in found:
        end = clock(crisis.closed_at) if crisis.closed_at else "en cours"
        places = ", ".join(crisis.territories) or "France"
        table.add_row(
            crisis.crisis_id, crisis.title, crisis.kind, ", ".join(crisis.topics), places, clock(crisis.opened_at), end
        )
    Console().print(table)


@crisis_app.command("report")
def report(
    crisis_id: CrisisId,
    html: Annotated[Path | None, typer.Option(help="Écrit une page HTML dans ce fichier.")] = None,
) -> None:
    """Le rapport d'une crise : chronologie, volumes, territoires, ce qui a été dit et mené. En Markdown, ou --html."""
    from operations import crises, crisis_report

    gathered = crisis_report.gather(settings.home(), crises.find(settings.home(), crisis_id))
    if html is None:
        typer.echo(crisis_report.as_markdown(gathered))
        return
    try:
        html.write_text(crisis_report.as_html(gathered), encoding="utf-8")
    except OSError as problem:
        raise ExpectedFailure(f"{html} ne peut être écrit : {problem.strerror}.", "Donner un autre fichier.") from None
    typer.echo(f"Écrit dans {html}.")
