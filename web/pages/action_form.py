"""The form of a prevention action: drafts, what is sent into the register, and corrections of it."""

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from dsfr.forms import DsfrBaseForm

from analytics.geo import gazetteer
from analytics.impact.targets import mapping
from core.errors import ExpectedFailure
from ingestion.connectors.prevention_actions import line
from ingestion.connectors.prevention_actions.contract import MISSING
from ingestion.connectors.prevention_actions.template import Column
from operations import declared_actions, drafts, places
from operations.acts import UsedFormError
from operations.declared_actions import IDENTIFIER, WITHDRAWN
from operations.models import ActionDraft
from operations.places import NATION
from web import reading
from web.access import PersonRequest, author_of, page
from web.failures import NotFound
from web.identity import Act, Person
from web.pages.actions import DEPARTEMENTS, EFFECTS, SECTION
from web.reading import Reading
from web.refusal import refuse

#: Fields of several lines, of several choices, of days, and of a place.
_LONG, _CODES, _DAYS, _PLACE = "description", "indicateurs_vises", {"date_debut", "date_fin"}, "departement"
#: What the template says of columns that are typed there and chosen here.
_NOTES = {
    _PLACE: "Où l'action a lieu.",
    _CODES: "Ceux que l'action doit faire bouger. Sans choix, ils sont proposés d'après le thème.",
}
_WHOLE_COUNTRY = (NATION, "Tout le pays")
_CHOOSE = ("", "Choisir")
_LONGEST = 4_000
_FOLLOWED = "select kpi_code, label from kpi.kpi_catalogue where list_contains(?, kpi_code) order by label"

Choices = list[tuple[str, str]]


class ActionForm(DsfrBaseForm):
    """What an action is, by the columns and rules of the register's template.

    A draft may hold whatever can be chosen or typed; `is_sendable` asks the contract too.
    """

    form_id = forms.UUIDField(widget=forms.HiddenInput(attrs={"autocomplete": "off"}))

    @property
    def content(self) -> dict[str, Any]:
        """What is typed, field by field; codes stay a list, which no redaction takes for pseudonyms."""
        return {name: value for name, value in self.cleaned_data.items() if name != "form_id"}

    def is_sendable(self) -> bool:
        """Return whether the contract takes it; each field gets what the contract refuses of it."""
        if self.is_valid():
            for name, reason in line.problems(declared_actions.as_line(self.content)).items():
                self.add_error(name, f"Ce champ {reason}." if reason == MISSING else f"Cette valeur {reason}.")
            if not self.content[_PLACE]:
                self.add_error(_PLACE, "Choisissez un département, ou tout le pays.")
            elif elsewhere := _elsewhere(self.content["commune"], self.content[_PLACE]):
                self.add_error("commune", f"Cette commune est ailleurs que le territoire choisi : {elsewhere}.")
        return not self.errors


def _elsewhere(commune: str, chosen: str) -> str:
    """Return where the communes of a name are, if none is in the département that is chosen; empty if one may be.

    A name that the list of communes does not hold is taken as it is.
    """
    known = [entry for entry in gazetteer.bearers(gazetteer.parts_of(commune)) if entry.level == "commune"]
    numbers = {entry.territory_code: number for number, entry in gazetteer.by_number().items()}
    found = sorted({entry.territory_code for entry in known})
    if chosen.lower() in {numbers.get(code) for code in found}:
        return ""
    return ", ".join(places.names().get(code, code) for code in found)


def _form(copy: Reading, person: Person) -> type[ActionForm]:
    """Return the form for somebody: the places are those that the person acts on."""
    choices = {_PLACE: _places(copy, person), _CODES: _followed(copy)}
    fields = {
        field.name: _field(field.name, column, choices.get(field.name, [(value, value) for value in column.values]))
        for field, column in line.fields()
        if field.name not in {IDENTIFIER, WITHDRAWN}
    }
    return type("_ActionForm", (ActionForm,), fields)


def _field(name: str, column: Column, choices: Choices) -> forms.Field:
    # A draft of who acts on the whole country may be without a place.
    is_bound = name == _PLACE and _WHOLE_COUNTRY not in choices
    note = _NOTES.get(name, column.note)
    said: dict[str, Any] = {"label": column.label, "help_text": note, "required": is_bound}
    if name == _CODES:
        return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple, **said)
    if choices or name == _PLACE:
        return forms.ChoiceField(choices=choices if len(choices) == 1 else [_CHOOSE, *choices], **said)
    if name in _DAYS:
        return forms.CharField(max_length=10, widget=forms.TextInput(attrs={"type": "date"}), **said)
    widget = forms.Textarea(attrs={"rows": 4}) if name == _LONG else forms.TextInput
    return forms.CharField(max_length=_LONGEST, widget=widget, **said)


def _places(copy: Reading, person: Person) -> Choices:
    """Return the départements that somebody acts on by their code, the whole country first for who acts on it."""
    found = [
        (row["departement_code"], f"{row['departement_code']} – {row['territory_name']}")
        for row in copy.rows(DEPARTEMENTS)
        if person.may_act_on(row["territory_code"])
    ]
    return [_WHOLE_COUNTRY, *found] if person.places is None else found


def _followed(copy: Reading) -> Choices:
    """Return the KPIs that effects are sought in."""
    return [(row["kpi_code"], row["label"]) for row in copy.rows(_FOLLOWED, [list(mapping()["platforms"])])]


@page(reads=EFFECTS, opens=Act.PREVENT, acts=Act.PREVENT)
def show_new(request: PersonRequest) -> HttpResponse:
    return _answer(request, None)


@page(reads=EFFECTS, opens=Act.PREVENT, acts=Act.PREVENT)
def show_draft(request: PersonRequest, draft_id: str) -> HttpResponse:
    try:
        draft = drafts.find(author_of(request.person), draft_id)
    except ExpectedFailure as absent:
        raise NotFound(absent.what, absent.remedy) from None
    return _answer(request, draft)


def _answer(request: PersonRequest, draft: ActionDraft | None) -> HttpResponse:
    author = author_of(request.person)
    is_sent = draft is not None and IDENTIFIER in draft.content
    if draft and not is_sent and "supprimer" in request.POST:
        drafts.delete(author, draft.draft_id)
        return HttpResponseRedirect(reverse("actions"))
    with reading.opened(request.person.right) as copy:
        kind = _form(copy, request.person)
    offered = {code for code, _ in kind.base_fields[_PLACE].choices} - {""}  # ty: ignore[missing-attribute]
    if not offered or (draft and is_sent and (draft.content[_PLACE] or NATION) not in offered):
        raise ExpectedFailure(
            "Votre rôle n'agit pas sur ce territoire.", "L'administrateur donne le rôle d'un territoire."
        )
    if draft and is_sent and "retirer" in request.POST:
        declared_actions.withdraw(author, draft.draft_id)
        return HttpResponseRedirect(_address(draft, ()))
    if request.method == "POST":
        form = kind(request.POST)
        keep = "enregistrer" in request.POST
        if form.is_valid() if keep else form.is_sendable():
            write = drafts.save if keep else declared_actions.send
            draft_id = draft.draft_id if draft else None
            try:
                kept = write(author, form.content, draft_id=draft_id, form_id=form.cleaned_data["form_id"])
                return HttpResponseRedirect(_address(kept, _redacted(form.content, kept.content)))
            except UsedFormError as used:
                refuse(form, used)
    else:
        form = kind(initial={"form_id": uuid4(), **(draft.content if draft else {})})
    context = {
        "title": _title(draft),
        "section": SECTION,
        "form": form,
        "draft": draft,
        "identifier": draft and draft.content.get(IDENTIFIER),
        "is_withdrawn": draft and WITHDRAWN in draft.content,
        "errors": [(form[name], said) for name, said in form.errors.items() if name in form.fields]
        if form.is_bound
        else [],
        "redacted": _labels(form, request.GET.getlist("masque")),
    }
    return render(request, "web/actions/form.html", context)


def _title(draft: ActionDraft | None) -> str:
    if draft is None:
        return "Nouvelle action de prévention"
    if WITHDRAWN in draft.content:
        return "Action retirée"
    return "Action envoyée" if IDENTIFIER in draft.content else "Brouillon d'une action de prévention"


def _redacted(typed: dict[str, Any], kept: dict[str, Any]) -> list[str]:
    return [name for name, value in typed.items() if kept.get(name) != value]


def _address(draft: ActionDraft, redacted: Iterable[str]) -> str:
    names = "&".join(f"masque={name}" for name in redacted)
    return reverse("action_draft", args=[draft.draft_id]) + (f"?{names}" if names else "")


def _labels(form: ActionForm, names: Iterable[str]) -> list[str]:
    return [str(form[name].label) for name in names if name in form.fields]
