"""The home page, and two addresses that every web application has."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from web.access import PersonRequest, open_to_all, page


@page()
def show(request: PersonRequest) -> HttpResponse:
    return render(request, "web/home.html", {"title": "Accueil"})


@page()
def logged_in(request: PersonRequest) -> HttpResponse:
    """Show the end of a login that was made in another tab, while a form waits."""
    return render(request, "web/logged_in.html", {"title": "Vous êtes connecté"})


@open_to_all("says that the process serves, and nothing else")
def health(_: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})
