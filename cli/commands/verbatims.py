"""The commands `verbatims`, in French."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import AsJson, Format, print_rows, say
from core import settings

app = typer.Typer(help="Ce qu'écrivent les citoyens : sentiment et thèmes.", no_args_is_help=True)


@app.command()
def train(
    file: Annotated[Path, typer.Option(help="Fichier CSV en UTF-8.")],
    text: Annotated[str, typer.Option(help="Colonne des textes.")],
    label: Annotated[str, typer.Option(help="Colonne des étiquettes : sentiments ou thèmes.")],
    out: Annotated[Path, typer.Option(help="Dossier où le modèle est enregistré.")],
) -> None:
    """Apprend à classer des textes à partir d'exemples étiquetés, et mesure ce qui est appris."""
    from cli import verbatim_files

    say(*verbatim_files.train(file, text, label, out))


@app.command()
def classify(
    model: Annotated[Path, typer.Option(help="Dossier d'un modèle entraîné.")],
    file: Annotated[Path, typer.Option(help="Fichier CSV en UTF-8.")],
    text: Annotated[str, typer.Option(help="Colonne des textes.")],
    out: Annotated[
        Path, typer.Option(help="Fichier CSV à écrire : les colonnes lues, puis feeling, probability, themes.")
    ],
) -> None:
    """Classe les textes d'un fichier : une ligne par ligne lue, dans le même ordre."""
    from cli import verbatim_files

    say(verbatim_files.classify(model, file, text, out))


@app.command()
def themes(*, as_json: AsJson = False) -> None:
    """Propose des thèmes que la taxonomie n'a peut-être pas. Rien n'y est ajouté : une personne décide."""
    from cli import verbatim_search

    proposals = verbatim_search.proposed(settings.home())
    if as_json:
        print_rows(verbatim_search.Proposal._fields, proposals, Format.json)
    else:
        say(*verbatim_search.proposal_report(proposals))


@app.command()
def search(
    words: Annotated[str, typer.Argument(help="Mots cherchés ; accents et terminaisons ne comptent pas.")],
    *,
    platform: Annotated[str | None, typer.Option(help="Plateforme, par exemple partoo.")] = None,
    territory: Annotated[str | None, typer.Option(help="Territoire, par exemple FR-33.")] = None,
    feeling: Annotated[str | None, typer.Option(help="positif, neutre ou négatif.")] = None,
    theme: Annotated[str | None, typer.Option(help="Code d'un thème, par exemple refus_plainte.")] = None,
    limit: Annotated[int, typer.Option(help="Nombre de textes au plus.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """Cherche dans les textes publiés, rendus anonymes ; les plus proches d'abord."""
    from cli import verbatim_search

    filters = verbatim_search.Filters(platform, territory, feeling, theme)
    found = verbatim_search.search(settings.home(), words, filters, limit)
    print_rows(verbatim_search.Found._fields, found, Format.json if as_json else Format.table)
