"""The commands `signal`, in French."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import AsJsonInFrench, print_json, print_table, say
from core import settings

if TYPE_CHECKING:
    from operations.alerts.signals import Signal
    from operations.models import Verdict

app = typer.Typer(help="Les signaux faibles : les lire, dire ce qu'il en est.", no_args_is_help=True)

#: What `show --json` says of each verdict.
_SAID = ("signal_id", "verdict", "author_role", "note", "decided_at")

SignalId = Annotated[str, typer.Argument(help="Identifiant du signal ; son début suffit.")]


@app.command("list")
def list_signals(
    every: Annotated[bool, typer.Option("--all", help="Aussi les signaux calmés.")] = False,
    as_json: AsJsonInFrench = False,
) -> None:
    """Les alertes et ce qui est à surveiller, du plus grave au moins grave."""
    from core.french import moment
    from operations import verdicts
    from operations.alerts.signals import read
    from operations.alerts.writing import SEVERITIES, STATES, percent

    signals = [signal for signal in read(settings.home()) if every or signal.closed_at is None]
    last = {verdict.signal_id: verdict.verdict for verdict in verdicts.given()}
    if as_json:
        print_json([{**asdict(signal), "verdict": last.get(signal.signal_id)} for signal in signals])
        return
    if not signals:
        say("Aucun signal publié." if every else "Aucune alerte, rien à surveiller.")
        return
    rows = [
        (
            signal.signal_id[:8],
            SEVERITIES[signal.severity],
            signal.topic_label,
            signal.territory_label,
            signal.kind_label,
            STATES[signal.status],
            moment(signal.opened_at),
            percent(signal.probability),
            last.get(signal.signal_id, "–"),
        )
        for signal in signals
    ]
    print_table(
        ["Signal", "Gravité", "Thème", "Où", "Quoi", "État", "Depuis", "Pas un hasard", "Verdict"],
        rows,
        unbroken="Signal",
    )


@app.command()
def show(signal_id: SignalId, as_json: AsJsonInFrench = False) -> None:
    """Tout ce qui est connu d'un signal : preuves, mots nouveaux, exemples caviardés, sources, verdicts."""
    from operations import verdicts
    from operations.alerts.signals import find

    signal = find(settings.home(), signal_id)
    given = verdicts.given(signal.signal_id)
    if as_json:
        print_json(
            {**asdict(signal), "verdicts": [{name: getattr(verdict, name) for name in _SAID} for verdict in given]}
        )
    else:
        say(*_description(signal, given))


def _description(signal: "Signal", given: "Sequence[Verdict]") -> Iterator[str]:
    """Yield the lines on a signal and the verdicts on it."""
    from core.french import moment, number
    from operations import roles
    from operations.alerts.writing import SEVERITIES, STATES, measured, percent, reasons, subject_of

    yield subject_of(signal)
    yield signal.explanation
    yield ""
    yield f"Identifiant : {signal.signal_id}"
    yield f"État : {STATES[signal.status]}"
    yield f"Ouvert : {moment(signal.opened_at)}, dernière alarme : {moment(signal.updated_at)}"
    yield f"Pas un hasard : {percent(signal.probability)} : {measured(signal)}"
    yield f"Gravité : {SEVERITIES[signal.severity]}, {reasons(signal)}"
    yield f"Mots nouveaux : {', '.join(signal.terms) or '–'}"
    yield from ("", "Exemples (caviardés) :")
    yield from (f"- « {example['text']} » ({example['platform']})" for example in signal.examples)
    yield from ("", "Sources :")
    yield from (f"- {source['source']} : {source['mentions']} mentions" for source in signal.sources)
    yield from ("", "Preuves :")
    for proof in signal.evidence:
        counted = f"{number(proof['observed'])} pour {number(proof['expected'])} attendus"
        yield f"- {proof['series']}, {moment(proof['bin_start'])} : {counted}"
    yield from ("", "Verdicts :")
    for verdict in given:
        role = roles.title(verdict.author_role)
        line = f"- {moment(verdict.decided_at)}, {role} : {verdict.verdict}. {verdict.note or ''}"
        yield line.rstrip()
    if not given:
        yield "–"


@app.command()
def verdict(
    signal_id: SignalId,
    said: Annotated[str, typer.Argument(metavar="VERDICT", help="vu, confirmé ou écarté.")],
    note: Annotated[str | None, typer.Option(help="Motif ; obligatoire pour écarter. Jamais de nom.")] = None,
    role: Annotated[str, typer.Option(help="Rôle de qui le dit, jamais son nom.")] = "veille",
) -> None:
    """Dire d'un signal qu'il est vu, confirmé ou écarté."""
    from operations import verdicts
    from operations.acts import Author
    from operations.alerts.signals import find

    signal = find(settings.home(), signal_id)
    last = verdicts.last(signal.signal_id)
    verdicts.record(signal, said, Author(role), note, after=last.verdict_id if last else None)
    say(f"Signal {signal.signal_id[:8]} : {said}.")
