"""The pages of prevention actions: the list, the effect of one, and hours that move."""

from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from dsfr.forms import DsfrBaseForm

from core.clock import today
from core.errors import ExpectedFailure
from operations import drafts
from operations.declared_actions import IDENTIFIER, WITHDRAWN
from web import effects, reading, reallocation
from web.access import PersonRequest, author_of, page
from web.charts import course
from web.identity import Act, Person
from web.reading import Reading

EFFECTS = "impact.fct_action_effect"
SECTION = "actions"
PER_PAGE = 20

PREVENTION = "Action de prévention"
STATES = {"prevue": "Prévue", "en-cours": "En cours", "terminee": "Terminée"}

_STATE = """
    case when started_on > $today then 'prevue' when ended_on < $today then 'terminee' else 'en-cours' end
"""
_ACTIONS = f"""
    select
        action_id,
        any_value(action_kind) as action_kind,
        any_value(action_type) as action_type,
        any_value(items) as items,
        any_value(theme) as theme,
        any_value(audience) as audience,
        any_value(territory_name) as territory_name,
        any_value(is_nationwide) as is_nationwide,
        any_value(started_on) as started_on,
        any_value(ended_on) as ended_on,
        any_value({_STATE}) as state,
        list({{'label': kpi_label, 'certainty': certainty, 'sentence': sentence}} order by kpi_label) as effects
    from {EFFECTS}
    where
        ($state = '' or {_STATE} = $state)
        and ($territory = '' or territory_code = $territory)
        and ($theme = '' or theme = $theme)
        and ($kind = '' or action_kind = $kind)
    group by action_id
    order by started_on desc, action_id
"""  # noqa: S608 - constants of this module; values are bound
_PUBLISHED = f"select distinct action_id from {EFFECTS} where list_contains(?::varchar[], action_id)"  # noqa: S608
_TERRITORIES = f"select distinct territory_code, territory_name from {EFFECTS} where not is_nationwide order by 2"  # noqa: S608
_THEMES = f"select distinct theme from {EFFECTS} where theme is not null order by 1"  # noqa: S608
_KINDS = f"select distinct action_kind from {EFFECTS} order by 1"  # noqa: S608
DEPARTEMENTS = """
    select territory_code, territory_name, departement_code
    from reference.dim_territory
    where territory_level = 'departement'
    order by territory_code
"""


class Filters(DsfrBaseForm):
    """Which actions are listed; what an address holds besides is passed over."""

    etat = forms.ChoiceField(label="État", required=False)
    territoire = forms.ChoiceField(label="Territoire", required=False)
    theme = forms.ChoiceField(label="Thème", required=False)
    nature = forms.ChoiceField(label="Nature", required=False)

    def __init__(self, given: Any, copy: Reading) -> None:
        super().__init__(given or {"nature": PREVENTION})
        choices = {
            "etat": list(STATES.items()),
            "territoire": [(row["territory_code"], row["territory_name"]) for row in copy.rows(_TERRITORIES)],
            "theme": [(row["theme"], row["theme"]) for row in copy.rows(_THEMES)],
            "nature": [(row["action_kind"], row["action_kind"]) for row in copy.rows(_KINDS)],
        }
        for name, offered in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [("", "Toutes" if name == "nature" else "Tous"), *offered]

    def values(self) -> dict[str, str]:
        """Return what is chosen, empty where nothing or nothing that exists is."""
        self.is_valid()
        names = {"state": "etat", "territory": "territoire", "theme": "theme", "kind": "nature"}
        return {name: self.cleaned_data.get(field, "") for name, field in names.items()}


@page(reads=EFFECTS)
def show_list(request: PersonRequest) -> HttpResponse:
    with reading.opened(request.person.right) as copy:
        filters = Filters(request.GET, copy)
        found = copy.rows(_ACTIONS, {"today": today(), **filters.values()})
        kept = _kept(copy, request.person) if Act.PREVENT in request.person.acts else []
    for action in found:
        action |= {"name": effects.named(action), "state": STATES[action["state"]]}
    shown = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": "Actions de prévention",
        "section": SECTION,
        "filters": filters,
        "page_obj": shown,
        "may_write": Act.PREVENT in request.person.acts,
        "drafts": [action for action in kept if not action["identifier"]],
        "sent": [action for action in kept if action["identifier"]],
    }
    return render(request, "web/actions/list.html", context)


def _kept(copy: Reading, person: Person) -> list[dict[str, Any]]:
    """Return what somebody has begun to write or has sent, and whether the copy has it."""
    kept = [
        {
            "draft_id": draft.draft_id,
            "updated_at": draft.updated_at,
            "title": draft.content["titre"],
            "identifier": draft.content.get(IDENTIFIER),
            "is_withdrawn": WITHDRAWN in draft.content,
        }
        for draft in drafts.of_account(author_of(person))
    ]
    published = {row["action_id"] for row in copy.rows(_PUBLISHED, [[action["identifier"] for action in kept]])}
    return [action | {"is_published": action["identifier"] in published} for action in kept]


@page(reads=EFFECTS)
def show_effect(request: PersonRequest, action_id: str) -> HttpResponse:
    with reading.opened(request.person.right) as copy:
        report = effects.report(copy.connection, action_id)
    readings = [
        {"title": reading.title, "lines": report.lines(reading), "certainty": reading.certainty, **_drawn(reading)}
        for reading in report.readings
    ]
    context = {
        "title": f"Action {action_id}",
        "section": SECTION,
        "heading": report.heading(),
        "readings": readings,
        "legend": effects.LEGEND,
    }
    return render(request, "web/actions/effect.html", context)


def _drawn(reading: effects.Reading) -> dict[str, Any]:
    if not reading.periods:
        return {}
    points, title = effects.points(reading), f"Observé et attendu : {reading.title}"
    return {"picture": course(points, title), "points": points, "chart_title": title}


class Move(DsfrBaseForm):
    """Hours that move from one département to another."""

    heures = forms.FloatField(
        label="Heures à déplacer",
        help_text="Heures de travail de tous les gendarmes engagés, par exemple 8 ou 2,5.",
        localize=True,
        min_value=0.1,
        max_value=1_000_000,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        error_messages={"invalid": "Ce n'est pas un nombre d'heures.", "required": "Donnez un nombre d'heures."},
    )
    de = forms.ChoiceField(label="Département qui les donne")
    vers = forms.ChoiceField(label="Département qui les reçoit")

    def __init__(self, given: Any, copy: Reading) -> None:
        super().__init__(given or None)
        offered = [(row["territory_code"], row["territory_name"]) for row in copy.rows(reallocation.PLACES)]
        for name in ("de", "vers"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [("", "Choisir un département"), *offered]
            field.error_messages["required"] = "Choisissez un département."
        self.places = len(offered)

    def clean(self) -> None:
        chosen = self.cleaned_data
        if chosen.get("de") and chosen["de"] == chosen.get("vers"):
            self.add_error("vers", "Le départ et l'arrivée sont les mêmes. Choisissez deux départements.")


@page(reads=EFFECTS)
def move_hours(request: PersonRequest) -> HttpResponse:
    """Show a form, and once it is sent what moving hours would change, or why nothing can be said."""
    context: dict[str, Any] = {"title": "Déplacer des heures", "section": SECTION}
    with reading.opened(request.person.right) as copy:
        form = Move(request.GET, copy)
        if form.is_valid():
            asked = form.cleaned_data
            try:
                found = reallocation.simulate(copy.connection, asked["heures"], asked["de"], asked["vers"])
                context |= {"found": found, "changes": found.described(), "assumed": reallocation.ASSUMED}
            except ExpectedFailure as refusal:
                context["refusal"] = refusal
    return render(request, "web/actions/move.html", context | {"form": form})
