"""Thèmes: what is watched, what a query would find before it is saved, who changed what."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString
from dsfr.forms import DsfrBaseForm

from analytics.anomaly.thresholds import DISMISSED_IN_A_ROW
from analytics.signals import topics as definitions
from analytics.signals import verdict_budgets
from analytics.signals.topics import KINDS, Topic, folded
from core.errors import ExpectedFailure
from core.french import day
from ingestion.platforms import PLATFORMS
from operations import places, topics, verdicts
from operations.acts import Author
from operations.topics import PLATFORM_NAMES, ChangedMeanwhileError, Known, Preview
from privacy import redact
from warehouse import rights
from warehouse.rights import AccessError
from web import charts, reading
from web.access import PersonRequest, author_of, page
from web.charts import Point
from web.failures import NotFound
from web.identity import Act, Person
from web.refusal import refuse

SECTION = "topics"
SIGNALS = "signals.live_signal"
OWNER = "team:veille"
LONGEST_LABEL, LONGEST_QUERY, LONGEST_CODE = 60, 1_000, 40
#: What stands in the place of a code in the address of the form for another topic.
ADDING = "nouveau"
#: A query that finds at least this share of all mentions tells nothing apart.
NEARLY_ALL = 0.5

TERMS = """
    select terms.signal_id, list(terms.term order by terms.rank) as terms
    from live_serving.signals.live_signal_term as terms
    inner join live_serving.signals.live_signal as signals on terms.signal_id = signals.signal_id
    where signals.topic_code = ?
    group by terms.signal_id
"""
SAID = {
    "ajoute": "Le thème est ajouté : il est surveillé dès le prochain relevé.",
    "modifie": "Le thème est modifié : le prochain relevé applique sa requête à toutes les mentions.",
    "arrete": "Le thème n'est plus surveillé ; ce qu'il a trouvé reste.",
}


class TopicForm(DsfrBaseForm):
    """What a topic is made of."""

    label = forms.CharField(label="Nom", max_length=LONGEST_LABEL)
    query = forms.CharField(
        label="Requête",
        max_length=LONGEST_QUERY,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=(
            "Ce qui suffit à reconnaître le thème, séparé par des espaces : des mots (crue), des débuts de mots "
            '(inond*), des expressions entre guillemets droits ("montée des eaux"), des mots-dièse (#crue) ; '
            "ce qui suit un moins est exclu (-exercice)."
        ),
    )
    kind = forms.ChoiceField(label="Genre de crise", choices=[(kind, kind.capitalize()) for kind in KINDS])
    platforms = forms.MultipleChoiceField(
        label="Plateformes",
        required=False,
        choices=[(platform.name, platform.title) for platform in PLATFORMS],
        widget=forms.CheckboxSelectMultiple,
        help_text="Aucune : toutes.",
    )
    form_id = forms.UUIDField(widget=forms.HiddenInput)
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0, initial=0)
    anyway = forms.BooleanField(label="Enregistrer quand même", required=False)

    def __init__(self, *args: Any, known: Topic | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known = known
        self.topic: Topic | None = None

    def clean(self) -> dict[str, Any]:
        """Check the topic that is made of the fields, and keep it in `topic`."""
        given = super().clean() or self.cleaned_data
        if self.errors:
            return given
        for name in ("label", "query"):
            if redact(given[name]) != given[name]:
                self.add_error(name, "Un thème ne suit pas une personne : retirez le nom ou la donnée personnelle.")
                return given
        code = self._known.code if self._known else _code(given["label"])
        if not self._known and code in {topic.code for topic in definitions.read()}:
            self.add_error("label", "Un thème livré avec le projet porte ce nom : ouvrez-le pour le modifier.")
            return given
        owner = self._known.owner if self._known else OWNER
        declared = {name: given[name] for name in ("label", "query", "kind", "platforms")} | {"owner": owner}
        try:
            self.topic = definitions.topic(code, declared, PLATFORM_NAMES)
        except ExpectedFailure as failure:
            self.add_error("query", f"{failure.what} {failure.remedy}")
        return given


def _code(label: str) -> str:
    """Return the code of a topic by its name: `Crue de l'Iton` is `crue_de_l_iton`."""
    code = re.sub(r"[^a-z0-9]+", "_", folded(label)).strip("_")
    is_free = code[:1].isalpha() and code != ADDING
    return (code if is_free else f"theme_{code}")[:LONGEST_CODE]


@dataclass(frozen=True)
class Trial:
    """What a topic would have found, as a page shows it.

    Attributes:
        found: Mentions that it finds in seven days, None where none is published.
        read: Mentions that were read.
        points: Mentions by day.
        picture: Their course.
        examples: Redacted texts; None for who may not read texts.
    """

    found: int | None
    read: int = 0
    points: Sequence[Point] = ()
    picture: SafeString | str = ""
    examples: Sequence[str] | None = None

    @property
    def share(self) -> float:
        return (self.found or 0) / self.read if self.read else 0.0

    @property
    def warning(self) -> str:
        """Why the topic should perhaps not be saved."""
        if self.found == 0:
            return "Cette requête ne trouve rien dans les sept derniers jours."
        if self.share >= NEARLY_ALL:
            return "Cette requête trouve presque tout : elle ne distingue aucun sujet."
        return ""


def _tried(person: Person, topic: Topic) -> Trial:
    """Return what a topic finds in what a person may read; who may not read texts gets the volume in all of France."""
    texts = rights.current().page_right(person.roles)
    try:
        if not texts:
            return _trial(topics.preview(topic), are_texts_open=False)
        with reading.opened(texts) as copies:
            return _trial(topics.preview_in(copies.connection, topic), are_texts_open=True)
    except (ExpectedFailure, AccessError):
        return Trial(None)


def _trial(preview: Preview, *, are_texts_open: bool) -> Trial:
    points = [Point(date, day(date), count) for date, count in preview.by_day.items()]
    picture = charts.course(points, "Mentions trouvées par jour")
    examples = preview.examples if are_texts_open else None
    return Trial(sum(preview.by_day.values()), preview.read, points, picture, examples)


# ---- the pages


def may_decide(person: Person) -> bool:
    """Return whether a person decides on topics: they are watched everywhere, so whoever acts on all of France does."""
    return Act.WATCH in person.acts and person.may_act_on(places.NATION)


def _decider(request: PersonRequest) -> Author:
    if not may_decide(request.person):
        raise PermissionDenied
    return author_of(request.person)


@page(reads=SIGNALS)
def listed(request: PersonRequest) -> HttpResponse:
    """Show what is watched, then what no longer is."""
    known = topics.listed()
    context = {
        "title": "Thèmes",
        "section": SECTION,
        "watched": [one for one in known if one.is_watched],
        "ended": [one for one in known if not one.is_watched],
        "may_decide": may_decide(request.person),
    }
    return render(request, "web/topics/list.html", context)


@page(reads=SIGNALS, opens=Act.WATCH, acts=Act.WATCH)
def adding(request: PersonRequest) -> HttpResponse:
    """Take a topic that is not watched yet; `apercu` only tries it."""
    author = _decider(request)
    if request.method != "POST":
        form = TopicForm(initial={"form_id": uuid4()})
        return _edited(request, form)
    form = TopicForm(request.POST)
    return _answered(request, form, None, author)


@page(reads=SIGNALS, acts=Act.WATCH)
def show(request: PersonRequest, code: str) -> HttpResponse:
    """Show a topic and its history; take what it shall be, which watches an ended one again; `apercu` only tries it."""
    known = _known(code)
    if request.method == "POST":
        author = _decider(request)
        return _answered(request, TopicForm(request.POST, known=known.topic), known, author)
    initial = {name: getattr(known.topic, name) for name in ("label", "query", "kind", "platforms")}
    form = TopicForm(initial=initial | {"form_id": uuid4(), "seen": len(topics.history(code))}, known=known.topic)
    return _edited(request, form, known)


@dataclass(frozen=True)
class Narrower:
    """A query that would leave out what the last dismissed alerts of a topic share.

    Attributes:
        query: The query; None where these alerts share no word that confirmed ones lack.
        found: Mentions of seven days that the topic finds; None where none is published.
        left_out: How many of them the query would leave out.
    """

    query: str | None
    found: int | None = None
    left_out: int = 0


def _narrower(person: Person, topic: Topic) -> Narrower | None:
    """Return what to change of a topic whose alerts were dismissed one after the other; None where they were not."""
    last = verdicts.last_of_topic(topic.code)
    if not verdict_budgets.are_doubtful([*last.values()]):
        return None
    try:
        with reading.opened(person.right) as copies:
            rows = copies.rows_of("live_serving.signals.live_signal_term", TERMS, [topic.code])
    except ExpectedFailure:
        rows = []  # nothing is published, or nothing that this role reads
    terms = {row["signal_id"]: row["terms"] for row in rows}
    dismissed, confirmed = (
        [terms.get(signal_id, []) for signal_id, verdict in last.items() if verdict in named]
        for named in (verdict_budgets.DISMISSED, verdict_budgets.CONFIRMED)
    )
    narrower = verdict_budgets.narrower(topic, dismissed[-DISMISSED_IN_A_ROW:], confirmed)
    if narrower is None:
        return Narrower(None)
    now, then = (_tried(person, one).found for one in (topic, narrower))
    return Narrower(narrower.query, now, (now or 0) - (then or 0))


def _answered(request: PersonRequest, form: TopicForm, known: Known | None, author: Author) -> HttpResponse:
    """Try the topic of a form or save it; one that finds nothing or nearly everything is saved once that is known."""
    if not form.is_valid() or form.topic is None:
        return _edited(request, form, known, status=HTTPStatus.BAD_REQUEST)
    trial = _tried(request.person, form.topic)
    if "apercu" in request.POST or (trial.warning and not form.cleaned_data["anyway"]):
        return _edited(request, form, known, trial=trial)
    given = form.cleaned_data
    try:
        if known and known.is_watched:
            topics.change(form.topic, author, given["form_id"], seen=given["seen"])
        else:
            topics.add(form.topic, author, given["form_id"])
    except ChangedMeanwhileError as meanwhile:
        form.add_error(None, f"{meanwhile.what} Votre saisie est gardée ; rouvrez le thème pour repartir de son état.")
        return _edited(request, form, known, trial=trial, status=HTTPStatus.CONFLICT)
    except ExpectedFailure as failure:
        refuse(form, failure)
        return _edited(request, form, known, trial=trial, status=HTTPStatus.BAD_REQUEST)
    return _to(form.topic.code, "modifie" if known and known.is_watched else "ajoute")


def _edited(
    request: PersonRequest,
    form: TopicForm,
    known: Known | None = None,
    *,
    trial: Trial | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        "title": known.topic.label if known else "Ajouter un thème",
        "section": SECTION,
        "form": form,
        "known": known,
        "trial": trial,
        "narrower": _narrower(request.person, known.topic) if known and known.is_watched else None,
        "history": topics.history(known.topic.code) if known else [],
        "may_decide": may_decide(request.person),
        "said": SAID.get(request.GET.get("dit", "")),
    }
    return render(request, "web/topics/edit.html", context, status=status)


@page(reads=SIGNALS, opens=Act.WATCH, acts=Act.WATCH)
def end(request: PersonRequest, code: str) -> HttpResponse:
    """Ask whether a topic shall no longer be watched; end it."""
    author, known = _decider(request), _known(code)
    form = EndForm(
        request.POST if request.method == "POST" else None,
        initial={"form_id": uuid4(), "seen": len(topics.history(code))},
    )
    status = HTTPStatus.OK
    if request.method == "POST" and form.is_valid():
        try:
            topics.end(code, author, form.cleaned_data["form_id"], seen=form.cleaned_data["seen"])
            return _to(code, "arrete")
        except ChangedMeanwhileError as meanwhile:
            form.add_error(None, meanwhile.what)
            status = HTTPStatus.CONFLICT
    context = {"title": "Arrêter le thème", "section": SECTION, "form": form, "known": known}
    return render(request, "web/topics/end.html", context, status=status)


class EndForm(forms.Form):
    """The end of a topic."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)


def _known(code: str) -> Known:
    known = {one.topic.code: one for one in topics.listed()}
    if code not in known:
        raise NotFound("Aucun thème ne porte ce code.", f"Thèmes connus : {', '.join(sorted(known))}.")
    return known[code]


def _to(code: str, said: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{reverse('topic', args=[code])}?dit={said}", status=HTTPStatus.SEE_OTHER)
