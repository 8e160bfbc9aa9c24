"""The commands `kpi`, in French."""

from typing import Annotated

import typer

from cli.output import AsJson, print_json, print_table, say
from core import settings

app = typer.Typer(help="Les indicateurs publiés.", no_args_is_help=True)


@app.command("list")
def list_kpis(as_json: AsJson = False) -> None:
    """Le catalogue des indicateurs, avec leur dernière valeur mensuelle nationale."""
    from cli.kpi_catalogue import catalogue

    kpis = catalogue(settings.home())
    if as_json:
        print_json([kpi.as_json() for kpi in kpis])
        return
    rows = [(kpi.code, kpi.label, kpi.unit, kpi.latest_period or "–", kpi.shown_value()) for kpi in kpis]
    print_table(["Code", "Indicateur", "Unité", "Dernier mois", "France"], rows, unbroken="Code")
    say(*(f"{kpi.code} : {kpi.held_back_note}" for kpi in kpis if kpi.held_back_note))


@app.command()
def show(code: Annotated[str, typer.Argument(help="Code de l'indicateur.")], as_json: AsJson = False) -> None:
    """La définition complète d'un indicateur."""
    from cli.kpi_catalogue import find

    kpi = find(settings.home(), code)
    if as_json:
        print_json(kpi.as_json())
    else:
        say(*(f"{label} : {value}" for label, value in kpi.as_lines()))
