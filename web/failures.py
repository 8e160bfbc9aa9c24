"""The pages of what was refused or failed, in French: what happened, and what to do."""

import json
import logging
from collections.abc import Iterator
from http import HTTPStatus

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
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


class Answered(ExpectedFailure):
    """A failure that says with which status it is answered."""

    status = HTTPStatus.BAD_REQUEST


class NotFound(Answered):
    """What an address names does not exist, or the reader may not know of it; the remedy lists what exists."""

    status = HTTPStatus.NOT_FOUND


class TooLarge(Answered):
    """What was sent is larger than a page takes."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class Conflict(Answered):
    """Somebody else has decided meanwhile."""

    status = HTTPStatus.CONFLICT


class NotAcceptable(Answered):
    """There is no such form of the answer."""

    status = HTTPStatus.NOT_ACCEPTABLE


class Refused(Answered):
    """The reader may not see what was asked for."""

    status = HTTPStatus.FORBIDDEN


class Unavailable(Answered):
    """What is needed cannot be read for the moment."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


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
        return as_json({"error": what if failure else title, "remedy": remedy or text}, status)
    context = {"title": title, "what": what, "remedy": remedy}
    template = "web/failure_part.html" if getattr(request, "htmx", False) else "web/failure.html"
    return render(request, template, context, status=status)


class Pathless(logging.Filter):
    """Lets log records of unexpected errors through, without the path, which can hold the signature of a link."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = "A request failed.", ()
        return record.exc_info is not None


def as_json(body: object, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    """Return a body of plain values as JSON, compact and in UTF-8, as programs have always been given it."""
    compact = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return HttpResponse(compact, content_type="application/json", status=status)


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


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, DisallowedHost):  # a page names its host in its links
        said = "Cette adresse n'est pas celle des pages. L'administrateur la fixe : réglage CYBERIMPACT_WEB_URL."
        return HttpResponse(said, content_type="text/plain; charset=utf-8", status=HTTPStatus.BAD_REQUEST)
    return shown(request, HTTPStatus.BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 - Django's signature
    return shown(request, HTTPStatus.FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 - Django's signature
    return shown(request, HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    return shown(request, HTTPStatus.INTERNAL_SERVER_ERROR)
