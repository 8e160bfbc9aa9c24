"""Veille: the open signals, one signal with what explains it, and the verdicts that people give on it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse

from core.errors import ExpectedFailure
from operations import verdicts
from operations.alerts import signals, writing
from operations.alerts.signals import Signal
from operations.models import Verdict
from operations.places import NATION
from operations.verdicts import DecidedMeanwhile
from warehouse.published import LIVE
from web import charts, failures, reading
from web.access import PersonRequest, author_of, page
from web.charts import Point
from web.failures import NotFound
from web.health import live_states
from web.identity import Act, Person
from web.reading import Reading, Row

CLOSED_LATELY = timedelta(days=7)
MOST_CLOSED = 10
#: The series of all mentions, whatever their topic.
ALL_TOPICS = "ensemble"
BADGES = {1: "", 2: "fr-badge--info", 3: "fr-badge--warning", 4: "fr-badge--error"}
SOURCES = {"meteo_france": "Météo-France", "vigicrues": "Vigicrues", "sante_publique_france": "Santé publique France"}

BAND = """
    select territory_code, territory_label, bin_start, observed, upper
    from live_serving.signals.live_mention_band
    where topic_code = ? and list_contains(?, territory_code)
    order by bin_start
"""
#: A statement is issued again and again: its last issue stands for all.
OFFICIAL = """
    select
        source,
        phenomenon,
        territory_name,
        coalesce(vigilance_level, 'niveau ' || source_level) as level,
        min(valid_from) as valid_from,
        max(valid_until) as valid_until,
        max_by(title, issued_at) as title
    from signals.fct_official_alert
    where
        coalesce(level_rank, 9) > 1
        and list_contains($places, territory_code)
        and coalesce(valid_from, issued_at) <= $until
        and coalesce(valid_until, issued_at) >= $since
    group by source, phenomenon, territory_name, level, level_rank
    order by level_rank desc nulls last, valid_from, territory_name
    limit 20
"""
PLACES = """
    select territory_code, territory_name, territory_level, region_code
    from reference.dim_territory
"""


@dataclass(frozen=True)
class Shown:
    """A signal as the pages show it, with the last verdict on it, None before there is one."""

    signal: Signal
    verdict: Verdict | None

    @property
    def grave(self) -> str:
        return writing.SEVERITIES[self.signal.severity]

    @property
    def state(self) -> str:
        return writing.STATES[self.signal.status]

    @property
    def badge(self) -> str:
        return BADGES[self.signal.severity]


@page(reads="signals.live_signal")
def listed(request: PersonRequest) -> HttpResponse:
    """Show the open signals; to a page that asks again, those of now if anything has changed."""
    asks_again = request.htmx  # ty: ignore[missing-attribute]
    with reading.opened(request.person.right) as copies:
        found = _overview(copies)
        course = None if asks_again else _volume(copies, request.person)
    part = render_to_string("web/signals/part.html", found, request)
    seen = hashlib.sha256(part.encode()).hexdigest()
    if asks_again and request.GET.get("vu") == seen:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    context = {"title": "Veille", "section": "signals", "course": course}
    context |= {"part": part, "seen": seen, "sentence": _sentence(found)}
    return render(request, f"web/signals/{'changed' if asks_again else 'list'}.html", context)


def _overview(copies: Reading) -> dict[str, Any]:
    """Return what is open, what was closed lately, and how fresh that is."""
    if LIVE not in copies.copies:
        return {"is_live": False}
    now = datetime.now(UTC)
    last = {given.signal_id: given for given in verdicts.given()}
    shown = [Shown(signal, last.get(signal.signal_id)) for signal in signals.read_from(copies.connection)]
    closed = [one for one in shown if one.signal.closed_at and one.signal.closed_at > now - CLOSED_LATELY]
    states = live_states(copies)
    return {
        "is_live": True,
        "open": [one for one in shown if one.signal.is_open],
        "watched": [one for one in shown if one.signal.is_watched],
        "closed": sorted(closed, key=lambda one: one.signal.closed_at or now, reverse=True)[:MOST_CLOSED],
        "states": states,
        "late": [state["platform_label"] for state in states if state["is_late"]],
    }


def _sentence(found: dict[str, Any]) -> str:
    """Say what is open, as a screen reader announces it when it changes."""
    if not found["is_live"]:
        return "Le flux en direct n'a encore rien publié."
    if found["open"]:
        gravest, number = found["open"][0], len(found["open"])
        count = f"{number} alertes" if number > 1 else "1 alerte"
        place = f"{gravest.signal.topic_label} – {gravest.signal.territory_label}"
        return f"{count}, la plus grave\u00a0: {place}, gravité {gravest.grave}."
    if found["late"]:
        return "Aucune alerte, mais le flux en direct est en retard."
    if found["watched"]:
        return f"Aucune alerte\u00a0; à surveiller\u00a0: {len(found['watched'])}."
    return "Rien ne sort de l'ordinaire\u00a0: aucune alerte."


def _volume(copies: Reading, person: Person) -> dict[str, Any] | None:
    """Return the chart of all mentions of the last days, of a person's own territory, its region, or France."""
    own = next(
        (row for row in copies.rows_of("reference.dim_territory", PLACES) if row["territory_code"] == person.own[0]), {}
    )
    place, points = _band(copies, ALL_TOPICS, (person.own[0], str(own.get("region_code")), NATION))
    return _chart(points, f"Mentions heure par heure, sept derniers jours\u00a0: {place}", "volume")


def _band(
    copies: Reading, topic: str, places: Sequence[str], during: tuple[datetime, datetime] | None = None
) -> tuple[str, list[Point]]:
    """Return the hours of a topic in the first of some territories for which they are known, and its name.

    Args:
        copies: What is read.
        topic: Code of the topic.
        places: Codes of territories, the one that is wanted first.
        during: From when to when hours are marked.
    """
    rows = copies.rows_of("live_serving.signals.live_mention_band", BAND, [topic, list(places)])
    place = next((code for code in places if any(row["territory_code"] == code for row in rows)), None)
    hours = [row for row in rows if row["territory_code"] == place]
    points = [
        charts.hour(
            hour["bin_start"],
            hour["observed"],
            hour["upper"],
            is_marked=during is not None and during[0] <= hour["bin_start"] < during[1],
        )
        for hour in hours
    ]
    return (hours[0]["territory_label"] if hours else ""), points


def _chart(points: Sequence[Point], title: str, chart_id: str) -> dict[str, Any] | None:
    """Return what `web/chart.html` shows, None without points."""
    if not points:
        return None
    return {"picture": charts.course(points, title), "points": points, "title": title, "chart_id": chart_id}


@page(reads="signals.live_signal", acts=Act.WATCH)
def one(request: PersonRequest, signal_id: str) -> HttpResponse:
    """Show a signal; record a verdict on it."""
    with reading.opened(request.person.right) as copies:
        signal = _found(copies, signal_id)
        around = _around(copies, signal, request.person)
    if request.method == "POST":
        return _judge(request, signal, around)
    return _shown(request, signal, around)


def _found(copies: Reading, signal_id: str) -> Signal:
    is_live = LIVE in copies.copies
    if is_live and (found := signals.read_from(copies.connection, signal_id)):
        return found[0]
    known = signals.read_from(copies.connection) if is_live else []
    named = [f"{signal.topic_label} – {signal.territory_label}" for signal in known if signal.is_open]
    raise NotFound(
        "Aucun signal de cette adresse n'est publié, ou votre rôle ne le montre pas.",
        f"Alertes : {', '.join(named) or 'aucune'}. La page Veille les liste.",
    )


def _around(copies: Reading, signal: Signal, person: Person) -> dict[str, Any]:
    """Return what stands around a signal: its course, the territories concerned, official alerts."""
    places = {row["territory_code"]: row for row in copies.rows(PLACES)}
    name, points = _band(copies, signal.topic_code, [signal.territory_code], (signal.opened_at, signal.updated_at))
    inside = [code for code, row in places.items() if row["region_code"] == signal.territory_code]
    official = {"places": [signal.territory_code, *inside], "since": signal.opened_at, "until": signal.updated_at}
    title = f"«\u00a0{signal.topic_label}\u00a0», mentions heure par heure, sept derniers jours\u00a0: {name}"
    return {
        "course": _chart(points, title, "cours"),
        "regions": _by_region(signal, places, person),
        "official": [
            row | {"source": SOURCES.get(row["source"], row["source"])} for row in copies.rows(OFFICIAL, official)
        ],
    }


def _by_region(signal: Signal, places: dict[str, Row], person: Person) -> list[tuple[str, list[str]]]:
    """Return, by region, the territory of a signal and those that a person acts on in which something surprised."""
    labels = {str(row["territory_code"]): str(row["place_label"]) for row in signal.evidence}
    touched = {code: label for code, label in labels.items() if person.may_act_on(code)}
    regions: dict[str, set[str]] = {}
    for code, name in {signal.territory_code: signal.territory_label, **touched}.items():
        place = places.get(code, {})
        region = places.get(str(place.get("region_code")), {}).get("territory_name")
        if region and place.get("territory_level") == "departement":
            regions.setdefault(region, set()).add(name)
        else:
            regions.setdefault(name, set())
    return [(region, sorted(names)) for region, names in sorted(regions.items())]


def _judge(request: PersonRequest, signal: Signal, around: dict[str, Any]) -> HttpResponse:
    person, typed = request.person, request.POST
    if not person.may_act_on(signal.territory_code):
        refusal = ExpectedFailure("Votre rôle ne juge pas les signaux de ce territoire.", "Rien n'a été enregistré.")
        return failures.shown(request, HTTPStatus.FORBIDDEN, refusal)
    try:
        given = verdicts.record(
            signal,
            typed.get("verdict", ""),
            author_of(person),
            typed.get("note"),
            after=typed.get("after") or None,
            form_id=_form_id(typed.get("form_id")),
        )
    except ExpectedFailure as refusal:
        status = HTTPStatus.CONFLICT if isinstance(refusal, DecidedMeanwhile) else HTTPStatus.BAD_REQUEST
        typed_again = {"refusal": refusal, "note": typed.get("note", "")}
        return _shown(request, signal, around | typed_again, status)
    redacted = "&caviarde=1" if given.was_redacted else ""
    address = reverse("signal", args=[signal.signal_id])
    return HttpResponseRedirect(f"{address}?verdict={given.verdict_id}{redacted}#fait")


def _form_id(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _shown(
    request: PersonRequest, signal: Signal, around: dict[str, Any], status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    given = verdicts.given(signal.signal_id)
    last = given[-1] if given else None
    context = {
        "title": f"{signal.topic_label} – {signal.territory_label}",
        "section": "signals",
        "one": Shown(signal, last),
        "facts": writing.facts_of(signal),
        "verdicts": given,
        "done": next((one for one in given if one.verdict_id == request.GET.get("verdict")), None),
        "may_judge": Act.WATCH in request.person.acts and request.person.may_act_on(signal.territory_code),
        "form_id": uuid4(),
    }
    return render(request, "web/signals/one.html", context | around, status=status)
