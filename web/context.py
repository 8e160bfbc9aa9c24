"""What every page shows around its content."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, resolve, reverse

from web.access import superset_url
from web.identity import Person


@dataclass(frozen=True)
class Entry:
    """An entry of the menu.

    Attributes:
        name: Name of its route.
        title: What the reader sees.
    """

    name: str
    title: str


#: The menu. A route's own rule decides who opens it; an entry is left out where that would refuse.
MENU = (
    Entry("home", "Accueil"),
    Entry("signals", "Veille"),
    Entry("crises", "Crises"),
    Entry("topics", "Thèmes"),
    Entry("actions", "Actions de prévention"),
    Entry("verbatims", "Textes"),
    Entry("sources", "Sources"),
    Entry("verification", "Vérifier"),
    Entry("alerts", "Mes alertes"),
)


_THEMES = (("light", "Clair"), ("dark", "Sombre"), ("system", "Celui de l'appareil"))


def page(request: HttpRequest) -> dict[str, Any]:
    """Return what the frame of every page needs."""
    person: Person | None = getattr(request, "person", None)
    return {
        "person": person,
        "themes": _THEMES,
        "menu": [entry for entry in MENU if person and _is_open_to(entry, person)],
        "superset": superset_url(request),
    }


def _is_open_to(entry: Entry, person: Person) -> bool:
    try:
        view = resolve(reverse(entry.name)).func
    except NoReverseMatch:
        return False
    return view.rule.admits(person, "GET")
