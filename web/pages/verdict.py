"""The page behind the links of an alert: it asks for confirmation, and records the answer.

A mail scanner follows every link: asking records nothing, only the answer to the page does.
"""

from http import HTTPStatus

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core.errors import ExpectedFailure
from operations import verdicts
from operations.alerts import links
from operations.alerts.links import RefusedLinkError
from web.access import READING, open_to_all

#: What an answer may take in bytes: its note, with room for the encoding.
LONGEST_BODY = 12 * verdicts.LONGEST_NOTE

_SAID = {
    "vu": ("Signal vu", "Vous dites avoir vu ce signal ; d'autres sauront qu'il est suivi."),
    "confirmé": ("Signal confirmé", "Vous confirmez qu'il se passe quelque chose."),
    "écarté": ("Signal écarté", "Vous écartez ce signal : ce n'est rien, ou c'est autre chose."),
}


@open_to_all("the signature of the link decides", READING | {"POST"})
def show(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a link would record, and ask; record what is sent."""
    try:
        link = links.opened(token)
        title, sense = _SAID[link.verdict]
        context = {"title": title, "sense": sense, "needs_reason": link.verdict == "écarté"}
        if request.method == "POST":
            return _answered(request, link, context)
        verdicts.refuse_used(link)
    except RefusedLinkError as refusal:
        return _page(request, {"title": "Lien refusé", "refusal": str(refusal)}, HTTPStatus.GONE)
    return _page(request, context)


def _answered(request: HttpRequest, link: links.Link, context: dict[str, object]) -> HttpResponse:
    if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST_BODY:
        raise RequestDataTooBig
    try:
        verdicts.answer(link, request.POST.get("note"))
    except ExpectedFailure as failure:
        return _page(request, context | {"failure": failure}, HTTPStatus.BAD_REQUEST)
    return _page(request, context | {"is_recorded": True})


def _page(request: HttpRequest, context: dict[str, object], status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    response = render(request, "web/verdict.html", context | {"longest": verdicts.LONGEST_NOTE}, status=status)
    response.headers["Referrer-Policy"] = "no-referrer"  # its address is what decides
    return response
