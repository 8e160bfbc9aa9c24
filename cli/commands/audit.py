"""The `trace` and `audit` commands, in French."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from core import settings
from core.errors import ExpectedFailure

audit_app = typer.Typer(help="Le registre de ce qui a été publié : le vérifier, le relire.", no_args_is_help=True)
key_app = typer.Typer(help="La clé qui signe les publications.", no_args_is_help=True)
audit_app.add_typer(key_app, name="key")

Code = Annotated[str, typer.Argument(help="Code de l'indicateur.")]
PeriodOption = Annotated[str, typer.Option("--period", help="2026, 2026-Q4, 2026-10, 2026-W43 ou 2026-10-21.")]
Territory = Annotated[str, typer.Option(help="FR, FR-33, FR-BRE, GN-…, XX (étranger) ou ZZ (inconnu).")]
Breakdown = Annotated[str | None, typer.Option(help="dimension=valeur, par exemple scope=gendarmerie.")]
AsOf = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Tel qu'il était affiché à la fin de ce jour.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Écrit du JSON.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.command()(trace)
    app.add_typer(audit_app, name="audit")


def cell_of(code: str, period: str, territory: str, breakdown: str | None) -> Any:
    from audit.cells import Cell
    from audit.cells import period as read
    from audit.tracing import breakdown_of

    return Cell(code, read(period), territory, *breakdown_of(breakdown))


def trace(  # noqa: PLR0917 - a command line's options
    code: Code,
    period: PeriodOption,
    territory: Territory = "FR",
    breakdown: Breakdown = None,
    as_of: AsOf = None,
    page: Annotated[int, typer.Option(help="Page des clés d'enregistrements, 1 pour la première.")] = 1,
    html: Annotated[Path | None, typer.Option(help="Écrit une page HTML dans ce fichier.")] = None,
    as_json: AsJson = False,
) -> None:
    """D'où vient un chiffre publié : définition, calcul, chargements, enregistrements, recalcul."""
    from audit import report
    from audit.tracing import trace as follow

    cell = cell_of(code, period, territory, breakdown)
    found = follow(settings.home(), cell, as_of.date() if as_of else None, page)
    if html:
        report.write(html, report.as_html(found))
        typer.echo(f"Écrit dans {html}.")
    elif as_json:
        typer.echo(json.dumps(report.as_json(found), default=str, ensure_ascii=False, indent=2))
    else:
        typer.echo(report.as_text(found).lstrip())
    if not (found.agrees or found.removed or found.is_archived):
        raise ExpectedFailure(
            "Le recalcul depuis les preuves ne donne pas le chiffre publié.", "Lancez `cyberimpact audit verify`."
        )


@audit_app.command("verify")
def verify(
    head: Annotated[
        str | None, typer.Option(help="Tête de chaîne que vous avez notée, 17:3fa9…, ou le fichier d'un courriel.")
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option(help="Clé publique que vous détenez (PEM), ou plusieurs dans un fichier.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Le registre, les preuves et la copie publiée ont-ils été altérés ?"""
    from dataclasses import asdict

    from audit import signing, verifying

    keys = signing.read_public_keys(public_key) if public_key else None
    verdict = verifying.verify(settings.home(), verifying.read_head(head) if head else None, keys)
    if as_json:
        typer.echo(json.dumps(asdict(verdict), ensure_ascii=False, indent=2))
    else:
        typer.echo(f"{verdict.publications} publication(s) ; tête de chaîne : {verdict.head}")
        typer.echo(f"Clé de signature : {verdict.key or 'aucune, la dernière publication est non scellée'}")
        for text in (*verdict.remarks, *verdict.problems):
            typer.echo(text)
    if verdict.problems:
        raise ExpectedFailure(
            f"{len(verdict.problems)} altération(s) trouvée(s).",
            "Conservez le dossier en l'état et prévenez le responsable de la plateforme.",
        )
    if not as_json:
        typer.echo("Rien n'a été altéré.")


@key_app.command("show")
def key_show() -> None:
    """La clé publique, à remettre aux auditeurs, et les clés que le registre nomme."""
    from audit import keyring, ledger, report, signing

    own = signing.private_key()
    if own:
        typer.echo(f"Clé de signature actuelle, empreinte {signing.fingerprint(own.public_key())} :")
        typer.echo(signing.pem(own.public_key()))
    else:
        typer.echo("Aucune clé de signature sur cette machine : les publications seraient non scellées.")
    for line in report.key_lines(ledger.entries(settings.home()), keyring.retired_keys(settings.home())):
        typer.echo(line)


@key_app.command("new")
def key_new() -> None:
    """Crée une clé et l'affiche, cette seule fois ; la clé actuelle reste reconnue pour ce qu'elle a signé."""
    from audit import rotation, signing

    key = rotation.new_key(settings.home())
    typer.echo(f"{signing.SETTING}={signing.seed_of(key)}")
    typer.echo(
        "Mettez cette ligne dans .env à la place de l'ancienne, hors de CYBERIMPACT_HOME, relancez la plateforme avant "
        f"la prochaine publication, et remettez aux auditeurs la clé publique {signing.fingerprint(key.public_key())} "
        "(`cyberimpact audit key show`).",
        err=True,
    )


@key_app.command("trust")
def key_trust(file: Annotated[Path, typer.Argument(help="Ancienne clé publique (PEM).")]) -> None:
    """Reconnaît une ancienne clé, dont la clé privée est perdue, pour ce qu'elle a signé jusqu'ici."""
    from audit import rotation, signing

    key = signing.private_key()
    if key is None:
        raise ExpectedFailure(
            f"{signing.SETTING} est absente.", "Lancez la commande sur la machine qui signe les publications."
        )
    for former in signing.read_public_keys(file):
        retired = rotation.confirm(settings.home(), former, key)
        said = f"reconnue jusqu'à la publication {retired.last}" if retired else "n'a rien signé ici"
        typer.echo(f"Clé {signing.fingerprint(former)} : {said}.")


@audit_app.command("show")
def show(
    code: Code, period: PeriodOption, territory: Territory = "FR", breakdown: Breakdown = None, as_of: AsOf = None
) -> None:
    """Ce qui a été affiché d'un chiffre, publication après publication, et pourquoi il a changé."""
    from audit.report import history_lines
    from audit.tracing import history

    cell = cell_of(code, period, territory, breakdown)
    for line in history_lines(history(settings.home(), cell, as_of.date() if as_of else None)):
        typer.echo(line)


@audit_app.command("lineage")
def lineage(
    code: Annotated[str | None, typer.Argument(help="Code d'un indicateur ; sans lui, un résumé.")] = None,
    openlineage: Annotated[
        str | None,
        typer.Option(help="Événements OpenLineage : fichier à écrire, ou adresse http(s)."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Écrit une page HTML dans ce fichier.")] = None,
) -> None:
    """Le chemin des colonnes, du champ de la plateforme au tableau de bord, tel que la copie publiée le dit."""
    from audit import lineage as lineages
    from audit import lineage_page, report
    from audit import openlineage as events

    published = lineages.read(settings.home())
    if openlineage:
        found = events.events(published.graph, published.described, published.published_at)
        if openlineage.startswith(("http://", "https://")):
            typer.echo(f"{events.send(found, openlineage)} événements envoyés à {openlineage}.")
        else:
            typer.echo(f"{events.write(found, Path(openlineage))} événements écrits dans {openlineage}.")
    if html:
        report.write(html, lineage_page.page(published.graph, published.publication_id))
        typer.echo(f"Écrit dans {html}.")
    if not (openlineage or html):
        for line in report.lineage_lines(published.graph, code):
            typer.echo(line)
