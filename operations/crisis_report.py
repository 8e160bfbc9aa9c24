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
from core.french import day, moment, number
from core.settings import Home
from operations import crises, places, roles, topics, verdicts
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


#: What was not loaded any more when a crisis ended, or is not now: no volume and no signal is known since.
LATE = """
    select platform_label, last_loaded_at
    from live_serving.signals.live_state
    where last_loaded_at is null or last_loaded_at + to_minutes(late_after_minutes) < $until
    order by platform_label
"""
PUBLICATION = "select publication_id from serving.audit.publication order by published_at desc limit 1"


class Curve(NamedTuple):
    """A series that is pinned to the crisis: what it shows, and its picture as SVG."""

    caption: str
    picture: str


class Part(NamedTuple):
    """A table of the report, and what stands in its place where it has no row."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    nothing: str = "Rien."


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
        volumes: Mentions by day, topic and place.
        curves: The series that are pinned to it.
        late: What the live copy does not know up to its end, in French; empty where it knows all.
        publication: Identifier of the publication that the report was made of; empty before there is one.
    """

    crisis: Crisis
    written_at: datetime
    events: Sequence[CrisisEvent]
    signals: Sequence[Signal]
    given: Sequence[Verdict]
    volumes: Sequence[Volume]
    curves: Sequence[Curve]
    late: str
    publication: str


def gather(home: Home, crisis: Crisis, curves: Sequence[Curve] = ()) -> Report:
    """Return all that is known of a crisis in a home."""
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for copy in (published.LIVE, published.DAILY):
            published.attach(connection, home, copy)
        return compose(connection, crisis, territories_around(home), curves)


def compose(
    connection: duckdb.DuckDBPyConnection, crisis: Crisis, around: Around, curves: Sequence[Curve] = ()
) -> Report:
    """Report on a crisis from its journal and from attached copies, such as those of a right."""
    known = [signal for signal in signals.read_from(connection) if _belongs(crisis, signal, around)]
    identifiers = {signal.signal_id for signal in known}
    return Report(
        crisis=crisis,
        written_at=datetime.now(UTC),
        events=crises.events(crisis),
        signals=sorted(known, key=lambda signal: signal.opened_at),
        given=[verdict for verdict in verdicts.given() if verdict.signal_id in identifiers],
        volumes=_volumes(connection, crisis),
        curves=curves,
        late=_late(connection, crisis),
        publication="".join(row[0] for row in _rows(connection, PUBLICATION, {})),
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
        "until": _until(crisis),
        "topics": list(crisis.topics),
        "places": list(crisis.territories) or ["FR"],
    }
    return [Volume(*row) for row in _rows(connection, VOLUMES, values)]


def _late(connection: duckdb.DuckDBPyConnection, crisis: Crisis) -> str:
    return ", ".join(
        f"{label} ({f'dernier chargement le {moment(loaded.replace(tzinfo=UTC))}' if loaded else 'jamais chargé'})"
        for label, loaded in _rows(connection, LATE, {"until": _until(crisis)})
    )


def _until(crisis: Crisis) -> datetime:
    """Return the end of a crisis, or now, as copies keep instants: UTC, without a zone."""
    return (crisis.closed_at or datetime.now(UTC)).replace(tzinfo=None)


def _rows(connection: duckdb.DuckDBPyConnection, query: str, values: dict[str, Any]) -> list[tuple]:
    """Return the rows of a query; none where nothing is published, or was by a version that had no such table."""
    try:
        return connection.execute(query, values).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return []


# ---- the forms


def as_markdown(report: Report) -> str:
    crisis = report.crisis
    lines = [f"# Crise : {_md(crisis.title)}", "", *(f"- {name} : {_md(value)}" for name, value in summary(report)), ""]
    for title, columns, rows, nothing in tables(report):
        lines += [f"## {title}", ""]
        if rows:
            lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
            lines += ["| " + " | ".join(_md(cell) for cell in row) + " |" for row in rows]
        else:
            lines.append(nothing)
        lines.append("")
    return "\n".join(lines)


def as_html(report: Report) -> str:
    """Return the report as one HTML page that needs nothing else."""
    parts = [f"<h1>Crise : {escape(report.crisis.title)}</h1><ul>"]
    parts += [f"<li>{escape(name)} : {escape(value)}</li>" for name, value in summary(report)]
    parts.append("</ul>")
    if report.curves:
        parts.append("<h2>Courbes épinglées</h2>")
    parts += [
        f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>" for caption, picture in report.curves
    ]
    for title, columns, rows, nothing in tables(report):
        parts.append(f"<h2>{escape(title)}</h2>")
        if not rows:
            parts.append(f"<p>{escape(nothing)}</p>")
            continue
        head = "".join(f"<th>{escape(column)}</th>" for column in columns)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    style = (
        "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#1d2329}"
        "table{border-collapse:collapse;width:100%}td,th{border:1px solid #c9ced3;padding:4px 8px;text-align:left;"
        "vertical-align:top}th{background:#f1f3f5}"
        "h2{break-after:avoid}tr,figure{break-inside:avoid}figure{margin:1em 0}"
        ".chart text{font-size:12px;fill:#3a3a3a}.chart .line{stroke:#000091;stroke-width:2}.chart .mark{fill:#000091}"
        ".chart .here{fill:#ce0500}.chart .band{fill:#e8edff}.chart .axis{stroke:#ddd}"
        ".chart .expected{fill:none;stroke:#666;stroke-dasharray:6 4}"
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
    html, footer = as_html(report), _footer(report)  # Playwright's loop forbids to ask the database
    with browser() as chromium:
        page = chromium.new_context(java_script_enabled=False, offline=True).new_page()
        page.set_content(html)
        margin = PdfMargins(top="15mm", right="15mm", bottom="15mm", left="15mm")
        return page.pdf(
            format="A4",
            print_background=True,
            tagged=True,
            margin=margin,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=footer,
        )


def _footer(report: Report) -> str:
    """Return what stands below each page of the PDF, with its number."""
    made = " – ".join(f"{name.lower()} {value}" for name, value in _made(report))
    return (
        '<div style="font:8px sans-serif;width:100%;margin:0 15mm;display:flex;justify-content:space-between">'
        f"<span>{escape(report.crisis.title)} – {escape(made)}</span>"
        '<span><span class="pageNumber"></span> / <span class="totalPages"></span></span></div>'
    )


def _made(report: Report) -> list[tuple[str, str]]:
    """Return when the report was written, and the publication whose figures it shows."""
    made = [("Rapport fait le", moment(report.written_at))]
    return [*made, ("Publication", report.publication)] if report.publication else made


def summary(report: Report) -> list[tuple[str, str]]:
    crisis = report.crisis
    end = moment(crisis.closed_at) if crisis.closed_at else f"en cours au {moment(report.written_at)}"
    late = [("Direct en retard de", f"{report.late} : volumes et signaux inconnus depuis")] if report.late else []
    topic_names, place_names = _topic_names(), places.names()
    return [
        ("Genre", crisis.kind),
        ("Thèmes", ", ".join(topic_names.get(code, code) for code in crisis.topics)),
        ("Territoires", ", ".join(place_names.get(code, code) for code in crisis.territories) or "France entière"),
        ("Début", moment(crisis.opened_at)),
        ("Fin", end),
        ("Équipe", crisis.owner.removeprefix("team:").capitalize()),
        *late,
        *_made(report),
    ]


def _topic_names() -> dict[str, str]:
    return {known.topic.code: known.topic.label for known in topics.listed()}


def tables(report: Report) -> list[Part]:
    topic_names, place_names = _topic_names(), places.names()
    days = [
        [day(on), topic_names.get(topic, topic), place_names.get(place, place), number(mentions)]
        for on, topic, place, mentions in report.volumes
    ]
    found_in: dict[str, list[Signal]] = {}
    for signal in report.signals:
        found_in.setdefault(signal.territory_label, []).append(signal)
    spread = [
        [place, str(len(found)), SEVERITIES[max(signal.severity for signal in found)]]
        for place, found in sorted(found_in.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    nothing = "Inconnu : le flux en direct est en retard." if report.late else "Rien."
    parts = [
        Part("Chronologie", ["Quand", "Quoi"], [[moment(at), what] for at, what in timeline(report)]),
        Part("Volumes", ["Jour", "Thème", "Territoire", "Mentions"], days, nothing),
        Part("Territoires", ["Territoire", "Signaux", "Gravité la plus haute"], spread, nothing),
    ]
    for kind, title in TITLES.items():
        rows = [[moment(e.happened_at), e.note, roles.title(e.author_role)] for e in report.events if e.kind == kind]
        parts.append(Part(title, ["Quand", "Quoi", "Rôle"], rows))
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
