"""Which token a request has, read in one place, and that its sender is known, for which requests are counted."""

from django.http import HttpRequest

from operations import tokens
from operations.models import ApiToken

_RECOGNISED = "cyberimpact.recognised"


def holder_of(request: HttpRequest) -> ApiToken | None:
    """Return whose token a request has; None where it has none, or one that is unknown, revoked or too old."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    holder = tokens.holder_of(token.strip()) if scheme.lower() == "bearer" else None
    if holder is not None:
        recognise(request)
    return holder


def recognise(request: HttpRequest) -> None:
    """Note that it is known who sends a request."""
    request.META[_RECOGNISED] = True


def is_recognised(request: HttpRequest) -> bool:
    return _RECOGNISED in request.META
