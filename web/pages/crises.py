"""Crises: those that last and those that are over, one with its journal, its end, its report, its screens."""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import duckdb
from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from dsfr.forms import DsfrBaseForm

from core import settings
from core.errors import ExpectedFailure
from operations import acts, crises, crisis_report, places, topics
from operations.alerts.dispatch import around_in
from operations.crises import EVENT_KINDS, ClosedCrisisError
from operations.models import Crisis
from operations.subscriptions import KINDS
from warehouse.reader_copies import NothingPublishedError
from warehouse.rights import AccessError
from web import reading
from web.access import PersonRequest, act, author_of, page, refusal
from web.failures import NotFound, Unavailable
from web.identity import Act, Person
from web.numbers import whole
from web.pages import beside_crisis
from web.refusal import refuse

SECTION = "crises"
SIGNALS = "signals.live_signal"
OWNER = "team:veille"
CLOSED_ON_A_PAGE = 20
LONGEST_TITLE, LONGEST_NOTE, LONGEST_LABEL = 120, 2_000, 60

#: A PDF takes a browser of its own and some seconds: so many at once, and how long another one waits for its turn.
PRINTING, PRINTING_SECONDS = 2, 30
_printing = threading.BoundedSemaphore(PRINTING)

log = logging.getLogger(__name__)

_REDACTED = "Un nom ou une donnée personnelle a été caviardé avant l'enregistrement : relisez ce qui est écrit."
#: What a page says after a redirect, by what stands in its address: in which part, and in which words.
SAID = {
    "titre": ("", _REDACTED),
    "ligne": ("journal", _REDACTED),
    "epingle": ("courbes", "La courbe est épinglée."),
    "retire": ("courbes", "La courbe est retirée."),
    "close": ("courbes", "La crise est close : ses courbes ne changent plus."),
    "revoque": ("ecrans", "L'accès de l'écran est révoqué : il n'affiche plus rien."),
}
_SIGNAL = """
    select topic_code, topic_label, territory_code, territory_label, crisis_kind
    from live_serving.signals.live_signal
    where signal_id = ?
"""


class OpeningForm(DsfrBaseForm):
    """What a crisis is opened with."""

    title = forms.CharField(
        label="Titre",
        max_length=LONGEST_TITLE,
        help_text="De quoi il s'agit, sans nom de personne. Exemple : « Crue de l'Iton ».",
    )
    topics = forms.MultipleChoiceField(
        label="Thèmes",
        help_text="Un au moins.",
        widget=forms.CheckboxSelectMultiple,
    )
    territories = forms.MultipleChoiceField(
        label="Territoires",
        help_text="Un au moins, de ceux sur lesquels vous agissez.",
        widget=forms.CheckboxSelectMultiple,
    )
    kind = forms.ChoiceField(
        label="Genre",
        required=False,
        choices=[("", "Celui du premier thème"), *((kind, kind.capitalize()) for kind in KINDS)],
    )
    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, person: Person, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["topics"].choices = sorted(((t.code, t.label) for t in topics.watched()), key=lambda pair: pair[1])
        self.fields["territories"].choices = [
            (code, name) for code, name in places.names().items() if person.may_act_on(code)
        ]


class LineForm(DsfrBaseForm):
    """A line of the journal."""

    kind = forms.ChoiceField(label="Genre", choices=[(kind, kind.capitalize()) for kind in EVENT_KINDS])
    note = forms.CharField(
        label="Nouvelle ligne",
        max_length=LONGEST_NOTE,
        help_text="Ce qui s'est passé (fait), a été dit ou a été mené, sans nom de personne.",
        # The back button would bring a line that is written already into a new form.
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )
    at = forms.DateTimeField(
        label="Quand",
        required=False,
        help_text="Heure de Paris. Vide : maintenant.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    form_id = forms.UUIDField(widget=forms.HiddenInput)

    def clean_at(self) -> datetime | None:
        at = self.cleaned_data["at"]
        if at and at > timezone.now():
            raise forms.ValidationError("Cette heure est à venir : le journal dit ce qui a eu lieu.")
        return at


class FormId(forms.Form):
    """A form that only confirms."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)


class WallForm(FormId):
    """A screen that an access is made for."""

    label = forms.CharField(max_length=LONGEST_LABEL)


# ---- who may see a crisis, and who may act on it


def may_see(person: Person, crisis: Crisis) -> bool:
    """Return whether a crisis is of the nation, or of a territory that a person reads."""
    return person.places is None or not _codes(crisis).isdisjoint({places.NATION, *person.places})


def may_act(person: Person, crisis: Crisis) -> bool:
    """Return whether a person decides on crises, and acts on each territory of this one."""
    return Act.WATCH in person.acts and all(map(person.may_act_on, _codes(crisis)))


def _codes(crisis: Crisis) -> set[str]:
    return set(crisis.territories or (places.NATION,))


def _seen(request: PersonRequest, crisis_id: str) -> Crisis:
    """Return a crisis that the reader may see; another one is as if it did not exist."""
    crisis = Crisis.objects.filter(crisis_id=crisis_id).first()
    if crisis is None or not may_see(request.person, crisis):
        raise NotFound(
            "Aucune crise de vos territoires ne porte ce numéro.",
            "La page « Crises » liste celles que vous pouvez lire.",
        )
    return crisis


def _acted_on(request: PersonRequest, crisis_id: str) -> Crisis:
    """Return a crisis that the sender of a form may act on."""
    crisis = _seen(request, crisis_id)
    if not may_act(request.person, crisis):
        known = places.names()
        raise refusal(Act.WATCH, ", ".join(known.get(code, code) for code in sorted(_codes(crisis))))
    return crisis


# ---- the list


@page(reads=SIGNALS)
def listed(request: PersonRequest) -> HttpResponse:
    """Show the crises that last, then those that are over."""
    seen = [crisis for crisis in crises.listed() if may_see(request.person, crisis)]
    closed = Paginator([crisis for crisis in seen if not crisis.is_open], CLOSED_ON_A_PAGE)
    context = {
        "title": "Crises",
        "section": SECTION,
        "open": [(crisis, crisis.events.last()) for crisis in seen if crisis.is_open],
        "closed": closed.get_page(request.GET.get("page")),
        "may_open": Act.WATCH in request.person.acts,
        **_names(),
    }
    return render(request, "web/crises/list.html", context)


def _names() -> dict[str, Any]:
    return {"places": places.names(), "topic_labels": beside_crisis.topic_labels()}


# ---- opening


@page(reads=SIGNALS, opens=Act.WATCH, acts=Act.WATCH)
def opening(request: PersonRequest) -> HttpResponse:
    """Take what a crisis is opened with."""
    if request.method != "POST":
        return _opening(request, OpeningForm(request.person, initial=_of_signal(request)))
    form = OpeningForm(request.person, request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            made = crises.open_crisis(
                topics=given["topics"],
                territories=[code for code in given["territories"] if code != places.NATION],
                title=given["title"],
                kind=given["kind"] or None,
                owner=OWNER,
                author=author_of(request.person),
                form_id=given["form_id"],
            )
            return _to(made, "titre" if made.was_redacted else "")
        except ExpectedFailure as failure:
            refuse(form, failure)
    return _opening(request, form, HTTPStatus.BAD_REQUEST)


def _opening(request: PersonRequest, form: OpeningForm, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    context = {"title": "Ouvrir une crise", "section": SECTION, "form": form}
    return render(request, "web/crises/opening.html", context, status=status)


def _of_signal(request: PersonRequest) -> dict[str, Any]:
    """Return what a signal that the reader may see says of the crisis that it announces."""
    initial: dict[str, Any] = {"form_id": uuid4()}
    if signal_id := request.GET.get("signal"):
        with reading.opened(request.person.right) as copies:
            row = copies.row(_SIGNAL, [signal_id]) if copies.has(f"live_serving.{SIGNALS}") else None
        if row:
            initial |= {
                "title": f"{row['topic_label']} – {row['territory_label']}",
                "topics": [row["topic_code"]],
                "territories": [row["territory_code"]],
                "kind": row["crisis_kind"],
            }
    return initial


# ---- one crisis, and its journal


@page(reads=SIGNALS, acts=Act.WATCH)
def show(request: PersonRequest, crisis_id: str) -> HttpResponse:
    """Show a crisis; take a line of its journal."""
    if request.method != "POST":
        return _shown(request, _seen(request, crisis_id), LineForm(initial={"form_id": uuid4()}))
    crisis = _acted_on(request, crisis_id)
    form = LineForm(request.POST)
    if not form.is_valid():
        return _shown(request, crisis, form, HTTPStatus.BAD_REQUEST)
    given = form.cleaned_data
    try:
        written = crises.note(
            crisis_id,
            given["note"],
            kind=given["kind"],
            author=author_of(request.person),
            at=given["at"],
            form_id=given["form_id"],
        )
    except ClosedCrisisError as closed:
        return _shown(request, closed.crisis, form, HTTPStatus.CONFLICT)
    except acts.UsedFormError as used:
        refuse(form, used)
        return _shown(request, crisis, form, HTTPStatus.BAD_REQUEST)
    return _to(crisis, "ligne" if written.was_redacted else "", "#journal")


def _shown(
    request: PersonRequest, crisis: Crisis, form: LineForm, status: HTTPStatus = HTTPStatus.OK, token: str = ""
) -> HttpResponse:
    is_mine, names = may_act(request.person, crisis), _names()
    part, said = SAID.get(request.GET.get("dit", ""), ("", ""))
    context = {
        "title": crisis.title,
        "section": SECTION,
        "crisis": crisis,
        "form": form,
        "form_id": uuid4(),
        "may_act": is_mine,
        "may_change": is_mine and crisis.is_open,
        "part": part,
        "said": said,
        "beside": beside_crisis.read(request.person.right, crisis),
        "walls": crises.walls(crisis) if is_mine else [],
        "wall": token and request.build_absolute_uri(reverse("wall", args=[token])),
        "pinnable": [code for code in (*crisis.territories, places.NATION) if code in places.names()],
        **_journal(crisis),
        **names,
    }
    return render(request, "web/crises/show.html", context, status=status)


def _journal(crisis: Crisis, since: int = 0) -> dict[str, Any]:
    """Return the lines of a journal, the latest written first, and who has opened and closed the crisis."""
    lines = sorted(crises.events(crisis, since=since), key=lambda line: line.number, reverse=True)
    decided = {done.kind: done for done in acts.on("crise", crisis.crisis_id)}
    return {
        "lines": lines,
        "last": lines[0].number if lines else since,
        "opened": decided.get("crise ouverte"),
        "closed": decided.get("crise close"),
    }


@page(reads=SIGNALS)
def journal(request: PersonRequest, crisis_id: str) -> HttpResponse:
    """Return the lines that were written since the last one that a page shows, and whether the crisis is over."""
    crisis = _seen(request, crisis_id)
    context = {"crisis": crisis, **_journal(crisis, whole(request.GET.get("depuis", "")) or 0)}
    if crisis.is_open and not context["lines"]:
        return HttpResponse()
    return render(request, "web/crises/news.html", context)


def _to(crisis: Crisis, said: str = "", anchor: str = "") -> HttpResponseRedirect:
    """Return the way to the page of a crisis: to what it says of what was done, beside the form, or to a part."""
    address = reverse("crisis", args=[crisis.crisis_id]) + (f"?dit={said}#dit" if said else anchor)
    return HttpResponseRedirect(address, status=HTTPStatus.SEE_OTHER)


@page(reads=SIGNALS, opens=Act.WATCH, acts=Act.WATCH)
def close(request: PersonRequest, crisis_id: str) -> HttpResponse:
    """Ask whether a crisis is over; close it."""
    crisis = _acted_on(request, crisis_id)
    form = FormId(request.POST if request.method == "POST" else None, initial={"form_id": uuid4()})
    if request.method == "POST" and form.is_valid():
        try:
            crisis = crises.close(crisis_id, author_of(request.person), form.cleaned_data["form_id"])
            home = settings.home()
            crisis_report.keep(home, crisis_report.gather(home, crisis, beside_crisis.curves_in(home, crisis)))
            return _to(crisis)
        except ClosedCrisisError as closed:
            crisis = closed.crisis
    context = {"title": "Clore la crise", "section": SECTION, "crisis": crisis, "form": form, **_journal(crisis)}
    status = HTTPStatus.OK if crisis.is_open else HTTPStatus.CONFLICT
    return render(request, "web/crises/close.html", context, status=status)


# ---- the report


@page(reads=SIGNALS)
def report(request: PersonRequest, crisis_id: str) -> HttpResponse:
    """Show the report on a crisis, made of what the reader may see."""
    crisis = _seen(request, crisis_id)
    written, series = _report(request.person, crisis)
    context = {
        "title": "Rapport",
        "section": SECTION,
        "crisis": crisis,
        "series": series,
        "summary": crisis_report.summary(written),
        "tables": crisis_report.tables(written),
    }
    return render(request, "web/crises/report.html", context)


@page(reads=SIGNALS)
def report_pdf(request: PersonRequest, crisis_id: str) -> HttpResponse:
    """Return the report as PDF, printed by the Chromium of this machine."""
    crisis = _seen(request, crisis_id)
    written, _ = _report(request.person, crisis)
    if not _printing.acquire(timeout=PRINTING_SECONDS):
        raise Unavailable("D'autres PDF sont en cours.", "Réessayez dans une minute.")
    try:
        pdf = crisis_report.as_pdf(written)
    except ExpectedFailure as failure:
        log.warning("%s", failure)
        raise Unavailable(
            "Le serveur ne peut pas faire de PDF.", "Imprimez le rapport avec votre navigateur."
        ) from None
    finally:
        _printing.release()
    name = f"crise-{crisis.crisis_id}.pdf"
    return HttpResponse(pdf, "application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _report(person: Person, crisis: Crisis) -> tuple[crisis_report.Report, Sequence[beside_crisis.Series]]:
    """Return the report of what somebody may see, and its pinned series."""
    try:
        with reading.opened(person.right) as copies:
            series = [one for one in beside_crisis.pinned(copies, crisis) if one.points]
            curves = beside_crisis.curves(series)
            return crisis_report.compose(copies.connection, crisis, around_in(copies.connection), curves), series
    except NothingPublishedError:
        with duckdb.connect(":memory:") as nothing:
            return crisis_report.compose(nothing, crisis, {}), ()


# ---- what is pinned, and screens


@act(Act.WATCH, reads=SIGNALS)
def pin(request: PersonRequest, crisis_id: str) -> HttpResponse:
    """Pin a series to a crisis: `serie` is its kind and code, `territoire` its place."""
    crisis = _acted_on(request, crisis_id)
    kind, _, code = request.POST.get("serie", "").partition(":")
    place = request.POST.get("territoire", "")
    known = {"thème": beside_crisis.topic_labels(), "indicateur": _kpis(request.person)}.get(kind, {})
    if code not in known or place not in {*crisis.territories, places.NATION}:
        raise ExpectedFailure("Cette courbe n'existe pas.", "Choisissez-la dans la liste de la page de la crise.")
    try:
        crises.pin(crisis, kind, code, place, author_of(request.person))
    except ClosedCrisisError:
        return _to(crisis, "close")
    return _to(crisis, "epingle")


def _kpis(person: Person) -> dict[str, str]:
    try:
        with reading.opened(person.right) as copies:
            return beside_crisis.kpis(copies)
    except AccessError:
        return {}


@act(Act.WATCH, reads=SIGNALS)
def unpin(request: PersonRequest, crisis_id: str, pin_id: int) -> HttpResponse:
    crisis = _acted_on(request, crisis_id)
    try:
        crises.unpin(crisis, pin_id, author_of(request.person))
    except ClosedCrisisError:
        return _to(crisis, "close")
    return _to(crisis, "retire")


@act(Act.WATCH, reads=SIGNALS)
def admit_wall(request: PersonRequest, crisis_id: str) -> HttpResponse:
    """Make the access of a screen, and show its address this once."""
    crisis = _acted_on(request, crisis_id)
    form = WallForm(request.POST)
    if not form.is_valid():
        raise ExpectedFailure(
            "Cet écran n'a pas de nom, ou son nom est trop long.", "Dites où il est, en quelques mots."
        )
    given = form.cleaned_data
    _, token = crises.admit_wall(crisis, given["label"], author_of(request.person), given["form_id"])
    return _shown(request, crisis, LineForm(initial={"form_id": uuid4()}), token=token)


@act(Act.WATCH, reads=SIGNALS)
def revoke_wall(request: PersonRequest, crisis_id: str, access_id: str) -> HttpResponse:
    crisis = _acted_on(request, crisis_id)
    if not crisis.walls.filter(access_id=access_id).exists():
        raise NotFound("Cet écran n'existe pas.", "La page de la crise liste ses écrans.")
    crises.revoke_wall(access_id, author_of(request.person))
    return _to(crisis, "revoque")
