"""The commands `trace` and `audit`, in French."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import AsJsonInFrench, print_json, remark, say
from core import settings
from core.errors import ExpectedFailure
from core.files import write_text

if TYPE_CHECKING:
    from audit.cells import Cell

app = typer.Typer(help="Le registre de ce qui a été publié : le vérifier, le relire.", no_args_is_help=True)
key_app = typer.Typer(help="La clé qui signe les publications.", no_args_is_help=True)
app.add_typer(key_app, name="key")

Code = Annotated[str, typer.Argument(help="Code de l'indicateur.")]
PeriodOption = Annotated[str, typer.Option("--period", help="2026, 2026-Q4, 2026-10, 2026-W43 ou 2026-10-21.")]
Territory = Annotated[str, typer.Option(help="FR, FR-33, FR-BRE, GN-…, XX (étranger) ou ZZ (inconnu).")]
Breakdown = Annotated[str | None, typer.Option(help="dimension=valeur, par exemple scope=gendarmerie.")]
AsOf = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Tel qu'il était affiché à la fin de ce jour.")
]


def cell_of(code: str, period: str, territory: str, breakdown: str | None) -> "Cell":
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
    as_json: AsJsonInFrench = False,
) -> None:
    """D'où vient un chiffre publié : définition, calcul, chargements, enregistrements, recalcul."""
    from audit import report
    from audit.readers import OPERATOR
    from audit.tracing import trace as traced

    cell = cell_of(code, period, territory, breakdown)
    found = traced(settings.home(), OPERATOR, cell, as_of.date() if as_of else None, page)
    if html:
        write_text(html, report.as_html(found))
        say(f"Écrit dans {html}.")
    elif as_json:
        print_json(report.as_json(found))
    else:
        say(report.as_text(found).lstrip())
    if found.recomputation.is_possible and not found.recomputation.agrees:
        raise ExpectedFailure(
            "Le recalcul depuis les preuves ne donne pas le chiffre publié.", "Lancez `cyberimpact audit verify`."
        )


@app.command()
def verify(
    head: Annotated[
        str | None, typer.Option(help="Tête de chaîne que vous avez notée, 17:3fa9…, ou le fichier d'un courriel.")
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option(help="Clé publique que vous détenez (PEM), ou plusieurs dans un fichier.")
    ] = None,
    as_json: AsJsonInFrench = False,
) -> None:
    """Le registre, les preuves et la copie publiée ont-ils été altérés ?"""
    from audit import report, signing, verifying

    keys = signing.read_public_keys(public_key) if public_key else None
    verdict = verifying.verify(settings.home(), verifying.read_head(head) if head else None, keys)
    if as_json:
        print_json(asdict(verdict))
    else:
        say(*report.verdict_lines(verdict))
    if verdict.problems:
        raise ExpectedFailure(
            verdict.conclusion,
            "Conservez le dossier en l'état et prévenez le responsable de la plateforme.",
        )
    if not as_json:
        say(verdict.conclusion)


@key_app.command("show")
def show_key() -> None:
    """La clé publique, à remettre aux auditeurs, et les clés que le registre nomme."""
    from audit import report

    say(*report.public_key_lines(settings.home()))


@key_app.command("new")
def new_key() -> None:
    """Crée une clé et l'affiche, cette seule fois ; la clé actuelle reste reconnue pour ce qu'elle a signé."""
    from audit import rotation, signing

    key = rotation.new_key(settings.home())
    say(f"{signing.SETTING}={signing.seed_of(key)}")
    remark(
        "Mettez cette ligne dans .env à la place de l'ancienne, hors de CYBERIMPACT_HOME, relancez la plateforme avant "
        f"la prochaine publication, et remettez aux auditeurs la clé publique {signing.fingerprint(key.public_key())} "
        "(`cyberimpact audit key show`)."
    )


@key_app.command("trust")
def trust_key(file: Annotated[Path, typer.Argument(help="Ancienne clé publique (PEM).")]) -> None:
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
        say(f"Clé {signing.fingerprint(former)} : {said}.")


@app.command()
def show(
    code: Code, period: PeriodOption, territory: Territory = "FR", breakdown: Breakdown = None, as_of: AsOf = None
) -> None:
    """Ce qui a été affiché d'un chiffre, publication après publication, et pourquoi il a changé."""
    from audit.history import history
    from audit.readers import OPERATOR
    from audit.report import history_lines

    cell = cell_of(code, period, territory, breakdown)
    say(*history_lines(history(settings.home(), OPERATOR, cell, as_of.date() if as_of else None)))


@app.command()
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
            say(f"{events.send(found, openlineage)} événements envoyés à {openlineage}.")
        else:
            say(f"{events.write(found, Path(openlineage))} événements écrits dans {openlineage}.")
    if html:
        write_text(html, lineage_page.page(published.graph, published.publication_id))
        say(f"Écrit dans {html}.")
    if not (openlineage or html):
        say(*report.lineage_lines(published.graph, code))


@app.command()
def catalogue(folder: Annotated[Path, typer.Argument(help="Dossier des fichiers.")]) -> None:
    """Indicateurs et contrats, pour un catalogue de données : ODCS, et un fichier que DataHub ingère."""
    from audit import catalogue as catalogues

    say(f"{catalogues.write(settings.home(), folder)} documents dans {folder}.")


@app.command()
def diff(
    former: Annotated[
        str | None, typer.Argument(help="Révision de départ ; sans elle, là où le dossier a quitté origin/main.")
    ] = None,
    later: Annotated[str | None, typer.Argument(help="Révision d'arrivée ; sans elle, le dossier.")] = None,
    changelog: Annotated[
        bool, typer.Option("--changelog", help="Exige une ligne du journal quand le sens d'un indicateur change.")
    ] = False,
) -> None:
    """Quels indicateurs changent de définition, de calcul ou de provenance entre deux versions ; où ils se voient."""
    from cli import kpi_changes, revisions

    start = former or revisions.base()
    if start is None:
        say("La version de départ est inconnue ici (pas de branche origin/main) : rien n'est comparé.")
        return
    changes = kpi_changes.compare(start, later)
    for change in changes:
        say(*change.lines())
    if not changes:
        say("Aucun indicateur ne change.")
    if changelog and (missing := [change.code for change in kpi_changes.unwritten(changes, start)]):
        raise ExpectedFailure(
            f"Des lecteurs ne sont pas avertis que ces indicateurs changent de sens : {', '.join(missing)}.",
            f"Ajoutez une ligne à {kpi_changes.CHANGELOG} avec leur code entre accents graves, et dites ce qui change "
            "et pourquoi.",
        )
