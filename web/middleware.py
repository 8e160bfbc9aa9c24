"""What holds for every request: headers, limits, and failures in words."""

import hashlib
import logging
import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from http import HTTPStatus

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from core.errors import ExpectedFailure
from operations.database import UnusableDatabaseError
from warehouse.reader_copies import NothingPublishedError
from warehouse.rights import AccessError
from web import failures, identity, senders
from web.access import READING
from web.failures import Answered

log = logging.getLogger(__name__)

Answer = Callable[[HttpRequest], HttpResponse]
#: A sender or an address, and whether acts are counted.
_Counted = tuple[str, bool]

#: Where programs send records: a program sends more often than a person submits forms.
RECEIVING = "/api/in/"

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}


class SecurityHeaders:
    """Middleware: adds `HEADERS` to each answer that does not say otherwise, as static files do of their caching."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


class Limits:
    """Middleware: at most so many requests a minute of one token or session, and of all others from one address.

    Whose token or session is not known counts with its address: who guesses gets no requests of its own by guessing.
    """

    SECONDS = 60
    READINGS, ACTS = 600, 60
    MOST_KNOWN = 10_000

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response
        self._lock = threading.Lock()
        self._seen: defaultdict[_Counted, deque[float]] = defaultdict(deque)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_act = request.method not in READING and not request.path.startswith(RECEIVING)
        limit = self.ACTS if is_act else self.READINGS
        address = _address(request), is_act
        own = _mark(request) or address[0], is_act
        counted = own if own in self._seen else address
        left, seconds = self._room(counted, limit)
        if left < 0:
            response = failures.shown(request, HTTPStatus.TOO_MANY_REQUESTS)
            response.headers["Retry-After"] = seconds
        else:
            response = self._get_response(request)
            if counted != own and senders.is_recognised(request):
                self._move(address, own)
        if request.path.startswith("/api/"):
            response.headers["RateLimit-Limit"] = limit
            response.headers["RateLimit-Remaining"] = max(left, 0)
            response.headers["RateLimit-Reset"] = seconds
        return response

    def _move(self, address: _Counted, own: _Counted) -> None:
        """Count a request of an address for the sender that was recognised."""
        with self._lock:
            if times := self._seen[address]:
                self._seen[own].append(times.pop())

    def _room(self, counted: _Counted, limit: int) -> tuple[int, int]:
        """Return how many requests are left after this one, negative where it is one too many, and seconds to wait."""
        now = time.monotonic()
        with self._lock:
            if len(self._seen) > self.MOST_KNOWN:
                self._seen.clear()
            times = self._seen[counted]
            while times and now - times[0] > self.SECONDS:
                times.popleft()
            has_room = len(times) < limit
            if has_room:
                times.append(now)
            return limit - len(times) if has_room else -1, math.ceil(times[0] + self.SECONDS - now)


def _address(request: HttpRequest) -> str:
    """Return where a request comes from: in a deployment, what the proxy has added to those before it."""
    forwarded = request.headers.get("X-Forwarded-For", "") if request.is_secure() else ""
    return forwarded.rpartition(",")[2].strip() or str(request.META.get("REMOTE_ADDR"))


def _mark(request: HttpRequest) -> str | None:
    """Return what identifies a sender, if it is known. What is not checked afterwards must not identify anybody."""
    if not request.path.startswith("/api/"):
        mark = request.COOKIES.get(identity.COOKIE) or request.headers.get("Authorization", "")
    elif request.path.startswith(RECEIVING) and "Webhook-Sender" in request.headers:
        mark = ""
    else:
        mark = request.headers.get("Authorization", "")
    return hashlib.sha256(mark.encode()).hexdigest() if mark else None


class Failures:
    """Middleware: an expected failure of a view becomes a page that says it."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        status, said = _expected(problem)
        if status is None:
            return None  # Django writes it into the log
        return failures.shown(request, status, said)


def _expected(problem: Exception) -> tuple[HTTPStatus | None, ExpectedFailure | None]:
    """Return how an exception is answered, and in which words; nothing for one that nobody expects."""
    match problem:
        case NothingPublishedError():
            said = ExpectedFailure("Rien n'est encore publié.", "Réessayez après la première publication.")
            return HTTPStatus.SERVICE_UNAVAILABLE, said
        case AccessError() | UnusableDatabaseError():
            log.warning("%s", problem)  # which may name a server and its account
            what = "Les chiffres de ce rôle" if isinstance(problem, AccessError) else "Les registres des opérations"
            said = ExpectedFailure(
                f"{what} ne peuvent pas être lus pour le moment.", "Réessayez dans quelques minutes."
            )
            return HTTPStatus.SERVICE_UNAVAILABLE, said
        case RequestDataTooBig():
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, None
        case Answered():
            return problem.status, problem
        case ExpectedFailure():
            return HTTPStatus.BAD_REQUEST, problem
    return None, None
