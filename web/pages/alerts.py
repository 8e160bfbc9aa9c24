"""The pages of the alerts that somebody receives by mail: subscriptions, and a message to try them."""

import logging
from typing import Any
from uuid import uuid4

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from dsfr.forms import DsfrBaseForm

from core.errors import ExpectedFailure
from core.french import clock
from operations import mail_subscriptions, subscriptions
from operations.alerts.writing import SEVERITIES
from operations.mail_subscriptions import Sight, Wish
from operations.models import MailSubscription
from operations.subscriptions import KINDS, WAKING_SEVERITY, Subscription
from web import reading
from web.access import PersonRequest, author_of, personal
from web.failures import NotFound
from web.identity import Act, Person
from web.refusal import refuse

log = logging.getLogger(__name__)

SECTION = "alerts"
_TERRITORIES = """
    select territory_code, territory_name, territory_level
    from reference.dim_territory
    where territory_level in ('departement', 'region', 'gendarmerie_region')
    order by territory_level, territory_code
"""
_WANTS = {
    "signals": "signaux",
    "digest": "lettre hebdomadaire",
    "ledger_head": "preuve du registre",
    "operations": "pannes de la plateforme",
    "events": "événements, pour un programme",
}
_WAKING = SEVERITIES[WAKING_SEVERITY]

#: What the list says after a redirect, by what stands in its address.
SAID = {"enregistre": "L'abonnement est enregistré.", "supprime": "L'abonnement est supprimé."}

Names = dict[str, str]


def _clock() -> forms.TimeInput:
    return forms.TimeInput({"type": "time"}, format="%H:%M")


class SubscriptionForm(DsfrBaseForm):
    """What is sent, where, and when; where to and which territories there are depends on who asks (`_form`)."""

    form_id = forms.UUIDField(widget=forms.HiddenInput(attrs={"autocomplete": "off"}))
    address = forms.CharField()
    territories = forms.MultipleChoiceField()
    kinds = forms.MultipleChoiceField(
        label="Genres de crise",
        help_text="Sans choix : tous.",
        choices=[(kind, kind.capitalize()) for kind in KINDS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    minimum_severity = forms.TypedChoiceField(
        label="Gravité, à partir de",
        choices=[(grade, f"{grade} – {name}") for grade, name in SEVERITIES.items()],
        coerce=int,
        initial=2,
    )
    quiet_from = forms.TimeField(
        label="Heures calmes, de",
        help_text=f"Heures de Paris. Pendant ces heures, seule la gravité «\u00a0{_WAKING}\u00a0» est envoyée\u00a0; "
        "le reste attend et part ensemble à leur fin.",
        required=False,
        widget=_clock(),
    )
    quiet_until = forms.TimeField(label="Heures calmes, à", required=False, widget=_clock())
    cap_per_hour = forms.IntegerField(
        label="Messages par heure, au plus",
        help_text="Au-delà, les signaux attendent et partent ensemble. Vide : sans limite.",
        min_value=1,
        max_value=1_000,
        required=False,
    )

    def clean_address(self) -> str:
        address = self.cleaned_data["address"]
        try:
            mail_subscriptions.check_address(address)
        except ExpectedFailure as refusal:
            raise forms.ValidationError(f"{refusal.what} {refusal.remedy}") from None
        return address

    def clean(self) -> None:
        chosen = self.cleaned_data
        if (chosen.get("quiet_from") is None) != (chosen.get("quiet_until") is None):
            self.add_error("quiet_until", "Donnez les deux heures, ou aucune.")

    @property
    def wish(self) -> Wish:
        chosen = self.cleaned_data
        hours = chosen["quiet_from"], chosen["quiet_until"]
        return Wish(
            address=chosen["address"],
            territories=tuple(chosen["territories"]),
            kinds=tuple(chosen["kinds"]),
            minimum_severity=chosen["minimum_severity"],
            quiet_hours=None if None in hours else hours,
            cap_per_hour=chosen["cap_per_hour"],
        )


def _form(person: Person) -> type[SubscriptionForm]:
    """Return the form for somebody: the territories are those of the role."""
    places, is_bound = list(_places(person).items()), person.places is not None
    domains = ", ".join(mail_subscriptions.domains())
    fields = {
        "address": forms.CharField(
            label="Adresse",
            help_text=f"Une adresse de service, d'un de ces domaines : {domains}.",
            max_length=254,
            widget=forms.EmailInput({"autocomplete": "email"}),
            error_messages={"required": "Donnez une adresse."},
        ),
        "territories": forms.MultipleChoiceField(
            label="Territoires",
            help_text="Ceux de votre rôle." if is_bound else "Sans choix : toute la France.",
            choices=places,
            required=is_bound,
            widget=forms.CheckboxSelectMultiple,
            error_messages={"required": "Choisissez un territoire."},
        ),
    }
    return type("_SubscriptionForm", (SubscriptionForm,), fields)


def _content(kept: MailSubscription | None) -> dict[str, Any]:
    return {name: getattr(kept, name) for name in SubscriptionForm().fields if name != "form_id"} if kept else {}


def _places(person: Person) -> Names:
    """Return the territories that somebody may subscribe to, by code."""
    with reading.opened(person.right) as copy:
        rows = copy.rows(_TERRITORIES)
    return {
        row["territory_code"]: f"{'Région ' * (row['territory_level'] == 'region')}{row['territory_name']}"
        for row in rows
        if person.may_act_on(row["territory_code"])
    }


@personal()
def show_list(request: PersonRequest) -> HttpResponse:
    """Show one's subscriptions, and delete or try one of them."""
    author = author_of(request.person)
    context: dict[str, Any] = {"title": "Mes alertes", "section": SECTION}
    context["said"] = SAID.get(request.GET.get("dit", "")) if request.method == "GET" else None
    if "supprimer" in request.POST:
        context["to_remove"] = _found(request, request.POST["supprimer"])
    if "confirmer" in request.POST:
        mail_subscriptions.remove(request.POST["confirmer"], author)
        return _listed("supprime")
    if "essai" in request.POST:
        kept = _found(request, request.POST["essai"])
        try:
            mail_subscriptions.send_test(kept.subscription_id, author)
        except ExpectedFailure as problem:
            log.warning("A message to try a subscription was not sent: %s", problem)
            context["failed"] = kept
        else:
            context["tried"] = kept
    names = _places(request.person)
    context |= {
        "found": [
            _described(subscriptions.of_page(kept), names) | {"kept": kept}
            for kept in mail_subscriptions.of_account(author)
        ],
        "fixed": [_described(found, names) for found in subscriptions.of_file() if _is_of(found, request.person)],
    }
    return render(request, "web/alerts/list.html", context)


@personal()
def show_new(request: PersonRequest) -> HttpResponse:
    return _answer(request, None)


@personal()
def show_one(request: PersonRequest, subscription_id: str) -> HttpResponse:
    return _answer(request, _found(request, subscription_id))


def _answer(request: PersonRequest, kept: MailSubscription | None) -> HttpResponse:
    form = _form(request.person)(request.POST or None, initial={"form_id": uuid4(), **_content(kept)})
    if form.is_valid():
        person, form_id = request.person, form.cleaned_data["form_id"]
        author, sight = author_of(person), Sight(person.places, may_judge=Act.WATCH in person.acts)
        try:
            if kept:
                mail_subscriptions.change(kept.subscription_id, author, form.wish, sight, form_id)
            else:
                mail_subscriptions.subscribe(author, form.wish, sight, form_id)
            return _listed("enregistre")
        except ExpectedFailure as refusal:
            refuse(form, refusal)
    title = "Modifier un abonnement" if kept else "Nouvel abonnement"
    return render(request, "web/alerts/form.html", {"title": title, "section": SECTION, "form": form})


def _listed(said: str) -> HttpResponseRedirect:
    """Return the way to the list, which says what was done."""
    return HttpResponseRedirect(f"{reverse('alerts')}?dit={said}")


def _found(request: PersonRequest, subscription_id: str) -> MailSubscription:
    try:
        return mail_subscriptions.find(author_of(request.person), subscription_id)
    except ExpectedFailure as absent:
        raise NotFound(absent.what, absent.remedy) from None


def _is_of(subscription: Subscription, person: Person) -> bool:
    """Return whether a subscription of the file is of one of somebody's roles."""
    return subscription.role in person.roles or person.right.is_everything


def _described(subscription: Subscription, names: Names) -> dict[str, Any]:
    """Return a subscription in words; the address of one that is declared elsewhere may be a secret."""
    hours, codes = subscription.quiet_hours, sorted(subscription.territories)
    return {
        "id": subscription.recipient,
        "recipient": subscription.recipient,
        "channel": subscription.channel,
        "address": subscription.address,
        "wants": sorted(_WANTS[want] for want in subscription.wants),
        "territories": ", ".join(names.get(code, code) for code in codes) or "toute la France",
        "kinds": ", ".join(sorted(subscription.kinds)) or "tous",
        "severity": SEVERITIES[subscription.minimum_severity],
        "hours": f"de {clock(hours.begin)} à {clock(hours.end)}" if hours else "aucune",
        "cap": subscription.cap_per_hour,
    }
