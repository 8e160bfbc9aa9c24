"""The commands `opendata`, in French: the list and what comes of it concern those who answer for publications."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import remark, say
from core import settings

app = typer.Typer(
    help="Les données ouvertes : la liste signée, les fichiers, l'envoi au catalogue.", no_args_is_help=True
)

Folder = Annotated[Path, typer.Argument(help="Dossier des fichiers.")]


@app.command()
def sign(
    key: Annotated[Path, typer.Option(help="Fichier de votre clé privée (PEM), hors du dossier de données.")],
    name: Annotated[str, typer.Option(help="Votre fonction, sans nom de personne.")],
) -> None:
    """Signe la liste des données ouvertes telle qu'elle est."""
    from core import clock
    from opendata import declaration

    home = settings.home()
    written = declaration.sign(home, declaration.read_key(key), name, clock.now())
    say(f"{declaration.list_file(home)} : signée par {name} ({written}).")


@app.command()
def build(folder: Folder) -> None:
    """Écrit les jeux de données de la liste signée : CSV, Parquet, métadonnées, sommes, signature."""
    from opendata import package

    slugs = package.build(settings.home(), folder)
    say(*(str(folder / slug) for slug in slugs))
    remark(f"{len(slugs)} jeux de données dans {folder}.")


@app.command()
def verify(
    folder: Folder,
    public_key: Annotated[Path | None, typer.Option(help="Clé publique que vous détenez (PEM).")] = None,
) -> None:
    """Les fichiers sont-ils tels qu'ils ont été écrits, et signés ?"""
    from audit import signing
    from opendata import package

    content = package.check(folder, signing.read_public_keys(public_key) if public_key else None)
    how = "signé par la clé donnée" if public_key else "signature non vérifiée (--public-key)"
    say(f"{folder} : intact, publication {content['publication_id']}, {how}.")


@app.command()
def plan(folder: Folder) -> None:
    """Dit ce que l'envoi changerait dans le catalogue, sans rien changer."""
    from opendata import udata

    with udata.client() as http:
        found = udata.plan(settings.home(), folder, udata.catalogue(http))
    say(*(step.text for step in found))
    if not found:
        say("Le catalogue est à jour.")


@app.command()
def push(folder: Folder) -> None:
    """Envoie au catalogue udata ce qui lui manque ; ce qui y est déjà n'est pas envoyé de nouveau."""
    from core.errors import ExpectedFailure
    from opendata import udata

    with udata.client() as http:
        refused = udata.push(settings.home(), folder, udata.catalogue(http), lambda step: say(step.text))
    if refused:
        raise ExpectedFailure(
            f"Refusé par le catalogue : {' ; '.join(f'{one.slug} ({one.reason})' for one in refused)}.",
            "Le reste est envoyé. Corrigez, puis recommencez : seul ce qui manque est envoyé.",
        )
    say("Le catalogue est à jour.")
