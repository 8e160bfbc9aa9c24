"""The `signal` commands, in French."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from core import settings

signal_app = typer.Typer(help="Les signaux faibles : les lire, dire ce qu'il en est.", no_args_is_help=True)

SignalId = Annotated[str, typer.Argument(help="Identifiant du signal ; son début suffit.")]
AsJson = Annotated[bool, typer.Option("--json", help="Écrit du JSON.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.add_typer(signal_app, name="signal")


@signal_app.command("list")
def list_signals(
    every: Annotated[bool, typer.Option("--all", help="Aussi les signaux clos.")] = False,
    as_json: AsJson = False,
) -> None:
    """Les signaux ouverts, du plus grave au moins grave."""
    from operations import verdicts
    from operations.alerts.signals import read
    from operations.alerts.writing import SEVERITIES, clock, percent

    found = [signal for signal in read(settings.home()) if every or signal.is_open]
    last = {verdict.signal_id: verdict.verdict for verdict in verdicts.given(settings.home())}
    if as_json:
        typer.echo(_json([{**_described(signal), "verdict": last.get(signal.signal_id)} for signal in found]))
        return
    if not found:
        typer.echo("Aucun signal ouvert." if not every else "Aucun signal publié.")
        return
    table = Table("Signal", "Gravité", "Thème", "Où", "Quoi", "Depuis", "Sûreté", "Verdict")
    table.columns[0].no_wrap = True
    for signal in found:
        table.add_row(
            signal.signal_id[:8],
            SEVERITIES[signal.severity],
            signal.topic_label,
            signal.territory_label,
            signal.kind_label,
            clock(signal.opened_at),
            percent(signal.probability),
            last.get(signal.signal_id, "–"),
        )
    Console().print(table)


@signal_app.command("show")
def show(signal_id: SignalId, as_json: AsJson = False) -> None:
    """Tout ce qui est connu d'un signal : preuves, mots nouveaux, exemples caviardés, sources, verdicts."""
    from operations import verdicts
    from operations.alerts.signals import find
    from operations.alerts.writing import clock, measured, number, percent, reasons, subject_of

    signal = find(settings.home(), signal_id)
    given = verdicts.given(settings.home(), signal.signal_id)
    if as_json:
        typer.echo(_json({**_described(signal), "verdicts": [asdict(verdict) for verdict in given]}))
        return
    lines = [
        subject_of(signal),
        signal.explanation,
        "",
        f"Identifiant : {signal.signal_id}",
        f"État : {'ouvert' if signal.is_open else 'clos'}",
        f"Ouvert : {clock(signal.opened_at)}, dernière alarme : {clock(signal.updated_at)}",
        f"Sûreté : {percent(signal.probability)} : {measured(signal)}",
        f"Gravité : {signal.severity} sur 4, {reasons(signal)}",
        f"Mots nouveaux : {', '.join(signal.terms) or '–'}",
    ]
    lines += ["", "Exemples (caviardés) :", *(f"- « {e['text']} » ({e['platform']})" for e in signal.examples)]
    lines += ["", "Sources :", *(f"- {s['source']} : {s['mentions']} mentions" for s in signal.sources)]
    lines += ["", "Preuves :"]
    lines += [
        f"- {e['series']}, {clock(e['bin_start'])} : {number(e['observed'])} pour {number(e['expected'])} attendus"
        for e in signal.evidence
    ]
    lines += ["", "Verdicts :"]
    lines += [f"- {clock(v.decided_at)}, {v.author_role} : {v.verdict}. {v.note or ''}".rstrip() for v in given] or [
        "–"
    ]
    typer.echo("\n".join(lines))


@signal_app.command("verdict")
def verdict(
    signal_id: SignalId,
    said: Annotated[str, typer.Argument(metavar="VERDICT", help="vu, confirmé ou écarté.")],
    note: Annotated[str | None, typer.Option(help="Motif ; obligatoire pour écarter. Jamais de nom.")] = None,
    role: Annotated[str, typer.Option(help="Rôle de qui le dit, jamais son nom.")] = "veille",
) -> None:
    """Dire d'un signal qu'il est vu, confirmé ou écarté."""
    from operations import verdicts
    from operations.alerts.signals import find

    signal = find(settings.home(), signal_id)
    verdicts.record(settings.home(), signal, said, role, note)
    typer.echo(f"Signal {signal.signal_id[:8]} : {said}.")


def _described(signal: Any) -> dict[str, Any]:
    return asdict(signal)


def _json(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False, indent=2)
