"""Answers the JSON Schema of the events that leave (`operations.events`)."""

from django.http import HttpRequest, HttpResponse

from operations.events import kinds
from web import failures
from web.access import open_to_all


@open_to_all("it describes events and holds none")
def schema(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    return failures.as_json(kinds.schema())
