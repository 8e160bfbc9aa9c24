"""The auditors' page: is the ledger whole, what was displayed, which definitions changed."""

from collections.abc import Mapping
from datetime import date
from http import HTTPStatus

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from audit import cells, ledger, publications, report, signing, verification_run, verifying
from audit.ledger import Entry
from core import settings
from core.errors import ExpectedFailure
from operations.places import NATION
from web.access import PersonRequest, page
from web.failures import NotFound
from web.identity import Act
from web.numbers import whole
from web.reading import opened

#: Publications of the list on one page.
PAGE = 30

_CODES = "select kpi_code, label from kpi.kpi_catalogue order by label"


@page(opens=Act.VERIFY, acts=Act.VERIFY)
def show(request: PersonRequest) -> HttpResponse:
    """Show what can be verified; by POST, start to verify the ledger."""
    return _started(request) if request.method == "POST" else _shown(request)


def _shown(request: PersonRequest, errors: Mapping[str, str] | None = None) -> HttpResponse:
    """Return the page, with what was typed and what is wrong with it by its field."""
    with opened(request.person.right) as reading:
        codes = reading.rows(_CODES)
    known, damaged = ledger.readable(settings.home())
    last = _page_number(request.GET.get("page", "1"), len(known))
    listed = known[::-1][PAGE * (last - 1) : PAGE * last]
    context = {
        "title": "Vérifier",
        "section": "verification",
        "codes": codes,
        "errors": errors or {},
        "given": {"territoire": NATION, **request.GET.dict(), **request.POST.dict()},
        "publications": listed,
        "damaged": damaged,
        "known": len(known),
        "page": last,
        "next": last + 1 if PAGE * last < len(known) else None,
        "head": known[-1].reference if known else None,
        "key": known[-1].key if known else None,
    }
    return render(request, "web/verification.html", context, status=HTTPStatus.BAD_REQUEST if errors else HTTPStatus.OK)


def _started(request: PersonRequest) -> HttpResponse:
    """Start a verification with the head and the key that the auditor has, and lead to its page.

    Raises:
        ExpectedFailure: too many verifications run.
    """
    given_head, given_key = (request.POST.get(name, "").strip() for name in ("head", "key"))
    head, keys = verifying.head_in(given_head), signing.public_keys_in(given_key.encode())
    errors = {}
    if given_head and not head:
        errors["head"] = (
            "Ce n'est pas une tête de chaîne. Elle s'écrit 17: suivi de 64 chiffres hexadécimaux ; collez-la entière."
        )
    if given_key and not keys:
        errors["key"] = "Ce n'est pas une clé publique Ed25519. Collez le fichier PEM entier, avec BEGIN PUBLIC KEY."
    if errors:
        return _shown(request, errors)
    started = verification_run.start(settings.home(), head, keys)
    return redirect("verification_run", started.id)


@page(opens=Act.VERIFY)
def run(request: PersonRequest, run: str) -> HttpResponse:
    """Show how far a verification is, and in the end what it found; the page asks again by itself."""
    try:
        found = verification_run.read(settings.home(), run)
    except ExpectedFailure as failure:
        raise NotFound(failure.what, failure.remedy) from None
    context = {"title": "Vérification du registre", "section": "verification", "run": found}
    template = "web/verification_state.html" if request.headers.get("HX-Request") else "web/verification_run.html"
    return render(request, template, context)


@page(opens=Act.VERIFY)
def definitions(request: PersonRequest) -> HttpResponse:
    """Show which definitions changed from one publication to another, each given by its number or by a day."""
    home, found, errors = settings.home(), [], {}
    for name in ("de", "a"):
        try:
            found.append(_publication(request.GET.get(name, "").strip()))
        except ExpectedFailure as failure:
            errors[name] = f"{failure.what} {failure.remedy}"
    if errors:
        return _shown(request, errors)
    former, later = found
    context = {
        "title": "Définitions qui ont changé",
        "section": "verification",
        "former": former,
        "later": later,
        "changes": publications.changes_between(home, former, later),
    }
    return render(request, "web/definition_changes.html", context)


def _publication(text: str) -> Entry:
    try:
        if text.isdecimal():
            return publications.by_sequence(settings.home(), int(text))
        return publications.shown_on(settings.home(), date.fromisoformat(text))
    except ValueError:
        raise ExpectedFailure(
            f"« {text} » n'est ni un jour ni le numéro d'une publication.", "Écrivez 2026-11-01, ou 17."
        ) from None


@page(opens=Act.VERIFY)
def displayed(request: PersonRequest) -> HttpResponse:
    """Lead to a figure as it was displayed at the end of a day; what is wrong is told at its field."""
    asked = {name: request.GET.get(name, "").strip() for name in ("code", "periode", "territoire", "le")}
    errors = {name: "Ce champ manque." for name in ("code", "periode", "territoire") if not asked[name]}
    try:
        period = cells.period(asked["periode"])
    except ExpectedFailure as failure:
        errors.setdefault("periode", f"{failure.what} {failure.remedy}")
    if errors:
        return _shown(request, errors)
    try:
        path = reverse("figure", args=[asked["code"], str(period), asked["territoire"]])
    except NoReverseMatch:
        return _shown(request, {"territoire": "Aucun territoire ne porte ce code."})
    return HttpResponseRedirect(f"{path}?{urlencode({'le': asked['le']})}" if asked["le"] else path)


@page(opens=Act.VERIFY)
def public_key(request: PersonRequest) -> HttpResponse:  # noqa: ARG001 - a view
    """Give the public key as a file; what surrounds it says which publications which key has signed."""
    text = "\n".join(report.public_key_lines(settings.home())) + "\n"
    return HttpResponse(
        text,
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="cyberimpact-cle-publique.pem"'},
    )


def _page_number(text: str, count: int) -> int:
    last = max(1, -(-count // PAGE))
    number = whole(text)
    if number is None or not 1 <= number <= last:
        raise NotFound("Il n'y a pas de page de ce numéro.", f"Donnez une page de 1 à {last}.")
    return number
