"""The pages of what was refused or failed, in French: what happened, and what to do."""

from collections.abc import Iterator
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from core.errors import ExpectedFailure

_SAID = {
    HTTPStatus.BAD_REQUEST: ("Demande incomprise", "Cette demande ne peut pas être lue. Revenez à l'accueil."),
    HTTPStatus.FORBIDDEN: (
        "Accès réservé",
        "Votre rôle n'ouvre pas cette page ou ne permet pas cet acte. L'administrateur donne les rôles.",
    ),
    HTTPStatus.NOT_FOUND: ("Page introuvable", "Cette adresse ne mène à rien. Revenez à l'accueil ou cherchez."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("Demande refusée", "Cette adresse n'accepte pas cette demande."),
    HTTPStatus.CONFLICT: ("Décidé entre-temps", "Quelqu'un d'autre a décidé entre-temps. Rechargez la page."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("Envoi trop grand", "Ce qui a été envoyé dépasse la taille permise."),
    HTTPStatus.TOO_MANY_REQUESTS: (
        "Trop de demandes",
        "Vous envoyez plus de demandes que permis. Attendez une minute, puis recommencez.",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "Erreur interne",
        "La page n'a pas pu être faite. L'erreur est notée dans le journal de l'application ; rien n'a été enregistré.",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "Connexion impossible",
        "Superset, qui dit qui vous êtes, ne répond pas : personne ne peut entrer. Réessayez dans une minute.",
    ),
}


class NotFound(ExpectedFailure):
    """What an address names does not exist, or the reader may not know of it; the remedy lists what exists."""

    status = HTTPStatus.NOT_FOUND


class TooLarge(ExpectedFailure):
    """What was sent is larger than a page takes."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class Conflict(ExpectedFailure):
    """Somebody else has decided meanwhile."""

    status = HTTPStatus.CONFLICT


def shown(request: HttpRequest, status: HTTPStatus, failure: ExpectedFailure | None = None) -> HttpResponse:
    """Return the page of a refusal, or its JSON for a program.

    Args:
        request: What was asked.
        status: How it is refused.
        failure: What to say; by default what is usual for the status.
    """
    title, text = _SAID.get(status, _SAID[HTTPStatus.INTERNAL_SERVER_ERROR])
    what, remedy = (failure.what, failure.remedy) if failure else (text, "")
    if request.path.startswith("/api/"):
        return JsonResponse({"error": what if failure else title, "remedy": remedy or text}, status=status)
    context = {"title": title, "what": what, "remedy": remedy}
    template = "web/failure_part.html" if getattr(request, "htmx", False) else "web/failure.html"
    return render(request, template, context, status=status)


def expired(request: HttpRequest, login: str) -> HttpResponse:
    """Return a page that holds all that was typed into a form, to be sent again after a login; a file is not kept."""
    is_file = request.content_type == "multipart/form-data"  # which is not read for somebody unknown
    fields = [] if is_file else list(_typed(request))
    context = {"title": "Votre session a expiré", "login": login, "fields": fields, "is_file": is_file}
    return render(request, "web/expired.html", context, status=HTTPStatus.UNAUTHORIZED)


def _typed(request: HttpRequest) -> Iterator[tuple[str, str]]:
    for name, values in request.POST.lists():
        if name != "csrfmiddlewaretoken":
            yield from ((name, value) for value in values)


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Return the page for a form that came from elsewhere, or whose cookie is gone."""
    failure = ExpectedFailure(
        "Ce formulaire ne vient pas d'une page ouverte ici, ou son cookie a disparu ; rien n'a été enregistré.",
        "Rouvrez la page et recommencez.",
    )
    return shown(request, HTTPStatus.FORBIDDEN, failure)


def bad_request(request: HttpRequest, *_: object) -> HttpResponse:
    return shown(request, HTTPStatus.BAD_REQUEST)


def forbidden(request: HttpRequest, *_: object) -> HttpResponse:
    return shown(request, HTTPStatus.FORBIDDEN)


def not_found(request: HttpRequest, *_: object) -> HttpResponse:
    return shown(request, HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    return shown(request, HTTPStatus.INTERNAL_SERVER_ERROR)
