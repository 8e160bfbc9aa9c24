"""Reports on a crisis in French: timeline, volumes, territories, messages and actions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from playwright.sync_api import PdfMargins

from core import settings
from core.errors import ExpectedFailure
from core.french import moment, number
from core.settings import Home
from operations import crises, roles, verdicts
from operations.alerts import signals
from operations.alerts.dispatch import Around, concerns, territories_around
from operations.alerts.signals import Signal
from operations.alerts.writing import SEVERITIES, subject_of
from operations.digest import browser
from operations.models import Crisis, CrisisEvent, Verdict
from warehouse import published

#: Signals of shortly before explain why a crisis was declared.
BEFORE = timedelta(hours=24)

TITLES = {"fait": "Ce qui s'est passé", "dit": "Ce qui a été dit", "mené": "Ce qui a été mené"}


#: Mentions by day of Paris, topic and place. The series of a département are published while a crisis of it is open.
VOLUMES = """
    with series as (
        select topic_code, territory_code, bin_start, observed from live_serving.signals.live_mention_band
        union
        select topic_code, territory_code, bin_start, observed from live_serving.signals.live_crisis_band
    )
    select cast(timezone('Europe/Paris', timezone('UTC', bin_start)) as date) as day, topic_code, territory_code,
        cast(sum(observed) as bigint) as mentions
    from series
    where bin_start between $since and $until
        and list_contains($topics, topic_code) and list_contains($places, territory_code)
    group by all having sum(observed) > 0 order by all
"""


class Volume(NamedTuple):
    """Mentions of a topic in a place on a day."""

    day: date
    topic: str
    territory: str
    mentions: int


@dataclass(frozen=True)
class Report:
    """All that is known of a crisis.

    Attributes:
        crisis: The crisis.
        written_at: When the report was written.
        events: Its log, in order.
        signals: Signals of its topics and places, the earliest first.
        given: Verdicts on them.
        volumes: Mentions by day, topic and network.
    """

    crisis: Crisis
    written_at: datetime
    events: Sequence[CrisisEvent]
    signals: Sequence[Signal]
    given: Sequence[Verdict]
    volumes: Sequence[Volume]


def gather(home: Home, crisis: Crisis) -> Report:
    """Return all that is known of a crisis in a home."""
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        published.attach(connection, home, published.LIVE)
        return compose(connection, crisis, territories_around(home))


def compose(connection: duckdb.DuckDBPyConnection, crisis: Crisis, around: Around) -> Report:
    """Report on a crisis from its journal and from an attached live copy, such as that of a right."""
    known = [signal for signal in signals.read_from(connection) if _belongs(crisis, signal, around)]
    identifiers = {signal.signal_id for signal in known}
    return Report(
        crisis=crisis,
        written_at=datetime.now(UTC),
        events=crises.events(crisis),
        signals=sorted(known, key=lambda signal: signal.opened_at),
        given=[verdict for verdict in verdicts.given() if verdict.signal_id in identifiers],
        volumes=_volumes(connection, crisis),
    )


def keep(home: Home, report: Report) -> Path:
    """Write a report into the home, since its data are not published for ever, and return its file.

    Raises:
        ExpectedFailure: it cannot be written there.
    """
    settings.make_folder(home.crises)
    file = home.crises / f"{report.crisis.crisis_id}.html"
    try:
        file.write_text(as_html(report), encoding="utf-8")
    except OSError as problem:
        raise ExpectedFailure(
            f"La crise est close, mais {file} ne peut être écrit : {problem.strerror}.",
            f"Ailleurs : `cyberimpact crisis report {report.crisis.crisis_id} --html FICHIER`.",
        ) from None
    return file


def _belongs(crisis: Crisis, signal: Signal, around: Around) -> bool:
    """Return whether a signal is on a crisis's topics, in its time, and in, around or within its places."""
    in_time = signal.updated_at >= crisis.opened_at - BEFORE and signal.opened_at <= (
        crisis.closed_at or signal.opened_at
    )
    in_place = concerns(signal.territory_code, crisis.territories, around)
    return in_time and in_place and signal.topic_code in crisis.topics


def _volumes(connection: duckdb.DuckDBPyConnection, crisis: Crisis) -> list[Volume]:
    """Return the mentions of the crisis's topics and places by day, as far as the published series reach."""
    values = {
        "since": (crisis.opened_at - BEFORE).replace(tzinfo=None),
        "until": (crisis.closed_at or datetime.now(UTC)).replace(tzinfo=None),
        "topics": list(crisis.topics),
        "places": list(crisis.territories) or ["FR"],
    }
    try:
        rows = connection.execute(VOLUMES, values).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return []  # nothing is published, or it was before there were series
    return [Volume(*row) for row in rows]


# ---- the forms


def as_markdown(report: Report) -> str:
    crisis = report.crisis
    lines = [f"# Crise : {_md(crisis.title)}", "", *(f"- {name} : {_md(value)}" for name, value in summary(report)), ""]
    for title, columns, rows in tables(report):
        lines += [f"## {title}", ""]
        if rows:
            lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
            lines += ["| " + " | ".join(_md(cell) for cell in row) + " |" for row in rows]
        else:
            lines.append("Rien.")
        lines.append("")
    return "\n".join(lines)


def as_html(report: Report) -> str:
    """Return the report as one HTML page that needs nothing else."""
    parts = [f"<h1>Crise : {escape(report.crisis.title)}</h1><ul>"]
    parts += [f"<li>{escape(name)} : {escape(value)}</li>" for name, value in summary(report)]
    parts.append("</ul>")
    for title, columns, rows in tables(report):
        parts.append(f"<h2>{escape(title)}</h2>")
        if not rows:
            parts.append("<p>Rien.</p>")
            continue
        head = "".join(f"<th>{escape(column)}</th>" for column in columns)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    style = (
        "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#1d2329}"
        "table{border-collapse:collapse;width:100%}td,th{border:1px solid #c9ced3;padding:4px 8px;text-align:left;"
        "vertical-align:top}th{background:#f1f3f5}"
    )
    return (
        '<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>Crise : {escape(report.crisis.title)}</title>'
        f"<style>{style}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def as_pdf(report: Report) -> bytes:
    """Return the report as PDF.

    Raises:
        ExpectedFailure: this machine has no Chromium, or it does not start.
    """
    with browser() as chromium:
        page = chromium.new_context(java_script_enabled=False, offline=True).new_page()
        page.set_content(as_html(report))
        margin = PdfMargins(top="15mm", right="15mm", bottom="15mm", left="15mm")
        return page.pdf(format="A4", print_background=True, tagged=True, margin=margin)


def summary(report: Report) -> list[tuple[str, str]]:
    crisis = report.crisis
    end = moment(crisis.closed_at) if crisis.closed_at else f"en cours au {moment(report.written_at)}"
    return [
        ("Genre", crisis.kind),
        ("Thèmes", ", ".join(crisis.topics)),
        ("Territoires", ", ".join(crisis.territories) or "France entière"),
        ("Début", moment(crisis.opened_at)),
        ("Fin", end),
        ("Équipe", crisis.owner),
    ]


def tables(report: Report) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return title, columns and rows of each part."""
    days = [[f"{day:%d/%m/%Y}", topic, place, number(mentions)] for day, topic, place, mentions in report.volumes]
    places: dict[str, list[Signal]] = {}
    for signal in report.signals:
        places.setdefault(signal.territory_label, []).append(signal)
    spread = [
        [place, str(len(found)), SEVERITIES[max(signal.severity for signal in found)]]
        for place, found in sorted(places.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    parts: list[tuple[str, list[str], list[list[str]]]] = [
        ("Chronologie", ["Quand", "Quoi"], [[moment(at), what] for at, what in timeline(report)]),
        ("Volumes", ["Jour", "Thème", "Territoire", "Mentions"], days),
        ("Territoires", ["Territoire", "Signaux", "Gravité la plus haute"], spread),
    ]
    for kind, title in TITLES.items():
        rows = [[moment(e.happened_at), e.note, roles.title(e.author_role)] for e in report.events if e.kind == kind]
        parts.append((title, ["Quand", "Quoi", "Rôle"], rows))
    return parts


def timeline(report: Report) -> list[tuple[datetime, str]]:
    """Return what happened, from all sources, in order."""
    crisis = report.crisis
    entries: list[tuple[datetime, str]] = [(crisis.opened_at, "Crise ouverte")]
    if crisis.closed_at:
        entries.append((crisis.closed_at, "Crise close"))
    entries += [(signal.opened_at, f"Signal : {subject_of(signal)}") for signal in report.signals]
    entries += [
        (given.decided_at, f"Verdict ({roles.title(given.author_role)}) : {given.verdict}") for given in report.given
    ]
    entries += [(event.happened_at, f"{event.kind.capitalize()} : {event.note}") for event in report.events]
    return sorted(entries, key=lambda entry: entry[0])


def _md(value: Any) -> str:
    """Return a text that Markdown shows as it is, in one cell."""
    text = " ".join(str(value).split())
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, f"\\{sign}")
    return text
