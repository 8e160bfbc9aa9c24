"""The screen on the wall of an operations room: one crisis, large, without controls, refreshed by itself."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core.clock import now
from operations import crises, places
from operations.models import Crisis
from warehouse import rights
from warehouse.rights import Right
from web.access import open_to_all
from web.pages import beside_crisis

#: What fits on a screen that is read from five metres.
MOST_LINES, MOST_SIGNALS, MOST_SERIES = 7, 3, 2


@open_to_all("a token in the address decides")
def show(request: HttpRequest, token: str) -> HttpResponse:
    """Show the crisis of a token while it lasts, then when it was closed; for a token of nothing, that it is none."""
    access = crises.wall_of(token)
    crisis = access.crisis if access else None
    context = _shown(crisis) if crisis and crisis.is_open else {"crisis": crisis}
    response = render(request, "web/wall.html", context, status=HTTPStatus.OK if access else HTTPStatus.NOT_FOUND)
    response.headers["Referrer-Policy"] = "no-referrer"  # the address is the access
    return response


def _shown(crisis: Crisis) -> dict[str, Any]:
    lines = sorted(crises.events(crisis), key=lambda line: line.number, reverse=True)
    beside = beside_crisis.read(_right(crisis), crisis)
    return {
        "crisis": crisis,
        "lines": lines[:MOST_LINES],
        "signals": [signal for signal in beside.signals if signal["status"] == "open"][:MOST_SIGNALS],
        "series": beside.series[:MOST_SERIES],
        "late": beside.late,
        "trouble": beside.trouble,
        "places": places.names(),
        "topic_labels": beside_crisis.topic_labels(),
        "now": now(),
    }


def _right(crisis: Crisis) -> Right:
    """Return what the screen may read: what the roles of the crisis's territories may, of the nation for the nation."""
    policies = rights.current()
    codes = set(crisis.territories) - {places.NATION}
    own = {reader.code: name for name, reader in policies.roles.items() if reader.code}
    return policies.right({own[code] for code in codes & own.keys()} if codes else {"national"})
