"""Writes the text of an alert in French, to be read on a phone in ten seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from analytics.signals.severity import CRITERIA, severity
from core import settings
from core.french import moment, number
from operations.alerts import links
from operations.alerts.signals import Signal
from operations.models import Alert
from operations.subscriptions import Subscription

SEVERITIES = {1: "faible", 2: "modérée", 3: "élevée", 4: "critique"}
COLOURS = {1: "#5b6770", 2: "#a05a00", 3: "#b3261e", 4: "#7a0010"}
VERDICTS = {"vu": "Vu", "confirmé": "Confirmer", "écarté": "Écarter"}
DASHBOARD = "veille"
SHOWN_EXAMPLES = 3
SHOWN_TERMS = 5
SCHEMA = "cyberimpact.alert/1"


@dataclass(frozen=True)
class Notice:
    """An alert with its signal, None where the published copy has forgotten it, and its links by verdict."""

    alert: Alert
    signal: Signal | None
    links: dict[str, str]


@dataclass(frozen=True)
class Message:
    """One message of any number of alerts.

    Attributes:
        message_id: What a repeat is recognised by.
        subject: Its first line.
        plain: The whole as text.
        html: The whole as HTML.
        data: The whole as JSON.
    """

    message_id: str
    subject: str
    plain: str
    html: str
    data: dict[str, Any]


def subject_of(signal: Signal) -> str:
    """Return the first line on a signal: how grave, what, where."""
    grave = SEVERITIES[signal.severity].upper()
    return f"[{grave}] {signal.topic_label} – {signal.territory_label} : {signal.kind_label.lower()}"


def notice_of(alert: Alert, signal: Signal | None, recipient: Subscription) -> Notice:
    """Return an alert with the links that answer it, where they can be signed and the recipient may judge."""
    given = VERDICTS if recipient.may_judge and links.are_possible() else ()
    signed = {v: links.address(alert.alert_id, v, recipient.role, alert.created_at) for v in given}
    return Notice(alert, signal, signed)


def message(message_id: str, alerts: Sequence[Notice]) -> Message:
    """Write one message: the gravest first."""
    ordered = sorted(
        alerts, key=lambda notice: (-notice.alert.severity, notice.alert.created_at, notice.alert.alert_id)
    )
    first = ordered[0].alert.subject
    subject = first if len(ordered) == 1 else f"{len(ordered)} signaux, dont {first}"
    foot = f"Tableau de bord : {dashboard()}\nRepère du message : {message_id}"
    plain = "\n\n".join([*(_plain(notice) for notice in ordered), foot]) + "\n"
    return Message(
        message_id=message_id,
        subject=subject,
        plain=plain,
        html=_page("".join(_html(notice) for notice in ordered), message_id),
        data={"schema": SCHEMA, "id": message_id, "subject": subject, "signals": [_data(notice) for notice in ordered]},
    )


def dashboard() -> str:
    return f"{settings.superset_url()}/superset/dashboard/{DASHBOARD}/"


def page_of(alert: Alert) -> str:
    """Return the address of the page on which the signal of an alert is looked at and judged."""
    return f"{settings.web_url()}/veille/{alert.signal_id}"


# ---- how facts are said

#: In French, by the status of a signal.
STATES = {"watch": "à surveiller", "open": "alerte", "closed": "calmé"}


def percent(share: float) -> str:
    """Return a share in percent; what is not certain is never shown as 100 %."""
    return f"{min(99, max(1, round(share * 100)))}\u202f%"


def measured(signal: Signal) -> str:
    """Return what was counted beside what was expected."""
    return (
        f"{number(signal.observed)} observés pour {number(signal.expected)} attendus (seuil {number(signal.upper)} ;"
        f" référence : {signal.baseline_window})"
    )


def reasons(signal: Signal) -> str:
    """Return what the severity follows from: its points, and criterion by criterion those that each has brought."""
    grave = severity({name: getattr(signal, name) for name in CRITERIA})
    places = "territoires ou réseaux" if signal.spread > 1 else "territoire ou réseau"
    said = {
        "ratio": f"{number(signal.ratio)} fois l'attendu",
        "velocity": f"rythme horaire × {number(signal.velocity or 0)}",
        "reach": f"portée {number(signal.reach or 0)}",
        "spread": f"{signal.spread} {places} de plus",
        "novelty": f"nouveauté {number(signal.novelty or 0)}",
        "negative_share": f"{percent(signal.negative_share or 0)} de ton négatif",
    }
    brought = [f"{said[name]} ({points:.0f})" for name, points in grave.by_criterion.items() if round(points)]
    return f"{grave.points:.0f} points sur 100 : {', '.join(brought) or 'aucun critère atteint'}"


def facts(notice: Notice) -> list[tuple[str, str]]:
    """Return the lines of an alert: label and value, the most urgent first."""
    if notice.signal is None:
        since = moment(notice.alert.signal_opened_at)
        return [("Depuis", since), ("Détail", "le signal n'est plus dans la copie publiée")]
    return facts_of(notice.signal)


def facts_of(signal: Signal) -> list[tuple[str, str]]:
    """Return what there is to know of a signal: label and value, the most urgent first."""
    lines = [
        ("État", STATES[signal.status]),
        ("Quoi", f"{signal.topic_label} ({signal.crisis_kind}), {signal.kind_label.lower()}"),
        ("Où", f"{signal.territory_label} ({signal.territory_code})"),
        ("Depuis", f"{moment(signal.opened_at)}, dernière alarme {moment(signal.updated_at)}"),
        ("Pas un hasard", f"{percent(signal.probability)} : {measured(signal)}"),
        ("Gravité", f"{SEVERITIES[signal.severity]}, {reasons(signal)}"),
    ]
    if signal.closed_at is not None:
        lines.insert(4, ("Fin", f"calmé le {moment(signal.closed_at)}"))
    if signal.terms:
        lines.append(("Mots nouveaux", ", ".join(signal.terms[:SHOWN_TERMS])))
    if signal.sources:
        lines.append(("Sources", ", ".join(str(source["source"]) for source in signal.sources[:SHOWN_EXAMPLES])))
    return lines


# ---- the forms


def _plain(notice: Notice) -> str:
    lines = [notice.alert.subject, *([notice.signal.explanation] if notice.signal else []), ""]
    lines += [f"{name} : {value}" for name, value in facts(notice)]
    if notice.signal and notice.signal.examples:
        lines += ["", "Exemples (caviardés) :"]
        lines += [f"- « {e['text']} » ({e['platform']})" for e in notice.signal.examples[:SHOWN_EXAMPLES]]
    lines += ["", f"Page du signal : {page_of(notice.alert)}"]
    if notice.links:
        lines += ["", "Votre verdict :", *(f"{VERDICTS[v]} : {link}" for v, link in notice.links.items())]
    return "\n".join(lines)


def _html(notice: Notice) -> str:
    colour = COLOURS[notice.alert.severity]
    rows = "".join(
        f'<tr><td style="padding:2px 10px 2px 0;color:#5b6770;vertical-align:top">{escape(name)}</td>'
        f'<td style="padding:2px 0">{escape(value)}</td></tr>'
        for name, value in facts(notice)
    )
    quotes = "".join(
        f'<blockquote style="margin:6px 0;padding:2px 10px;border-left:3px solid #c9ced3">{escape(str(e["text"]))}'
        f' <span style="color:#5b6770">({escape(str(e["platform"]))})</span></blockquote>'
        for e in (notice.signal.examples[:SHOWN_EXAMPLES] if notice.signal else ())
    )
    buttons = "".join(
        f'<a href="{escape(link)}" style="display:inline-block;margin:8px 8px 0 0;padding:10px 14px;'
        f'border:1px solid #1b3a6b;border-radius:4px;color:#1b3a6b;text-decoration:none">{VERDICTS[verdict]}</a>'
        for verdict, link in notice.links.items()
    )
    said = f"<p>{escape(notice.signal.explanation)}</p>" if notice.signal else ""
    return (
        f'<section style="margin:0 0 24px"><h1 style="font-size:18px;margin:0 0 6px;color:{colour}">'
        f"{escape(notice.alert.subject)}</h1>{said}"
        f'<table style="border-collapse:collapse">{rows}</table>{quotes}'
        f'<p><a href="{escape(page_of(notice.alert))}">Ouvrir la page du signal</a></p>'
        f'<p style="margin:0">{buttons}</p></section>'
    )


def _page(body: str, message_id: str) -> str:
    return (
        '<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width, initial-scale=1"></head>'
        '<body style="font:16px/1.4 sans-serif;max-width:640px;margin:0 auto;padding:12px;color:#1d2329">'
        f'{body}<p><a href="{escape(dashboard())}">Ouvrir le tableau de bord</a></p>'
        f'<p style="color:#5b6770;font-size:12px">Repère du message : {escape(message_id)}</p></body></html>'
    )


def _data(notice: Notice) -> dict[str, Any]:
    alert, signal = notice.alert, notice.signal
    known = {
        "alert_id": alert.alert_id,
        "signal_id": alert.signal_id,
        "subject": alert.subject,
        "topic_code": alert.topic_code,
        "crisis_kind": alert.crisis_kind,
        "territory_code": alert.territory_code,
        "severity": alert.severity,
        "opened_at": alert.signal_opened_at.isoformat(),
        "page": page_of(alert),
        "dashboard": dashboard(),
        "verdict_links": notice.links,
    }
    if signal is None:
        return known
    measures = ("probability", "observed", "expected", "upper", "ratio", "velocity", "reach", "spread", "novelty")
    return known | {
        "topic_label": signal.topic_label,
        "territory_label": signal.territory_label,
        "kind": signal.kind,
        "kind_label": signal.kind_label,
        "updated_at": signal.updated_at.isoformat(),
        "baseline_window": signal.baseline_window,
        **{name: getattr(signal, name) for name in (*measures, "negative_share")},
        "explanation": signal.explanation,
        "terms": list(signal.terms),
        "examples": [
            {"text": e["text"], "platform": e["platform"], "published_at": e["published_at"].isoformat()}
            for e in signal.examples
        ],
        "sources": [dict(source) for source in signal.sources],
    }
