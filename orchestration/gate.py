"""Authenticates the users of a web application through their Superset session and roles.

Who may only read is marked in the connection's scope (`READ_ONLY`), for which the application changes nothing.
A browser sends Superset's cookie to every port of its host, and Superset is asked whose it is. What changes something
is taken from the application's own pages only.
"""

import asyncio
from enum import Enum, auto
from html import escape
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import settings
from web.identity import COOKIE, Act, NoAnswerError, person_of

#: Key of an ASGI scope: whether the user may only read.
READ_ONLY = "cyberimpact.read_only"
HEALTH = "/health"
GRAPHQL = "/graphql"
POLICY_VIOLATION = 1008


class Standing(Enum):
    """The account and rights of the owner of a session cookie."""

    OPERATOR = auto()
    READER = auto()
    WITHOUT_RIGHT = auto()
    UNKNOWN = auto()
    NO_ANSWER = auto()


#: Who is let in.
ALLOWED = {Standing.OPERATOR, Standing.READER}


async def standing_of(cookie: str | None) -> Standing:
    """Return what Superset says of a cookie, or said some seconds ago (`web.identity`)."""
    try:
        person = await asyncio.to_thread(person_of, cookie)
    except NoAnswerError:
        return Standing.NO_ANSWER
    if person is None:
        return Standing.UNKNOWN
    if Act.OPERATE in person.acts:
        return Standing.OPERATOR
    return Standing.READER if Act.INSPECT in person.acts else Standing.WITHOUT_RIGHT


class Gate:
    """An ASGI layer before an application.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._answer(scope, receive, send)
            case "websocket":
                await self._connect(scope, receive, send)
            case _:
                await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        response = _refusal(request)
        if response is None:
            standing = await standing_of(request.cookies.get(COOKIE))
            response = _said_of(standing, request)
            scope[READ_ONLY] = standing is not Standing.OPERATOR
        await (response or self._app)(scope, receive, _unframed(send))

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a connection on, as long as its session lasts."""
        cookie = HTTPConnection(scope).cookies.get(COOKIE)
        closing: Message = {"type": "websocket.close", "code": POLICY_VIOLATION}
        closed = False
        at_first = await standing_of(cookie)
        scope[READ_ONLY] = at_first is not Standing.OPERATOR

        async def is_over() -> bool:
            nonlocal closed
            if not closed and (at_first not in ALLOWED or await standing_of(cookie) is not at_first):
                closed = True
                await send(closing)
            return closed

        async def guarded_receive() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and await is_over():
                return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}
            return message

        async def guarded_send(message: Message) -> None:
            if not await is_over():
                await send(message)

        if not _is_same_origin(Headers(scope=scope)):
            await send(closing)
        elif not await is_over():
            await self._app(scope, guarded_receive, guarded_send)


def _refusal(request: Request) -> Response | None:
    """Return the answer to a request that nobody may make, whoever they are, and to one that is for everybody."""
    if request.scope["path"] == HEALTH:
        return JSONResponse({"status": "ok"})
    allowed = {"POST"} if _is_graphql(request) else {"GET", "HEAD", "POST"}
    if request.method not in allowed:
        return JSONResponse({"error": "method not allowed"}, HTTPStatus.METHOD_NOT_ALLOWED)
    if request.method == "POST" and not _is_same_origin(request.headers):
        return JSONResponse({"error": "not from a page of this server"}, HTTPStatus.FORBIDDEN)
    return None


def _is_graphql(request: Request) -> bool:
    return request.scope["path"].rstrip("/") == GRAPHQL


def _is_same_origin(headers: Headers) -> bool:
    """Return whether a browser says that a page of this server asks: in `Origin`, or else in `Sec-Fetch-Site`."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is None:
        return site == "same-origin"
    return urlsplit(origin).netloc == headers.get("host") and site in {None, "same-origin"}


def _said_of(standing: Standing, request: Request) -> Response | None:
    """Return the refusal of a user without access, None for one with access."""
    if standing is Standing.READER and request.method == "POST" and not _is_graphql(request):
        return JSONResponse({"error": "this account reads only"}, HTTPStatus.FORBIDDEN)
    if standing in ALLOWED:
        return None
    if standing is Standing.UNKNOWN:
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(_login(request), HTTPStatus.SEE_OTHER)
        return JSONResponse({"error": "no session: log in to Superset"}, HTTPStatus.UNAUTHORIZED)
    if standing is Standing.WITHOUT_RIGHT:
        text = "Votre rôle n'ouvre pas Dagster. Demandez à l'administrateur le rôle « ingenieur » ou « auditeur »."
        return _page("Accès refusé", text, HTTPStatus.FORBIDDEN)
    text = "Superset, qui dit qui vous êtes, ne répond pas. L'exploitant le relance avec « make up »."
    return _page("Dagster n'est pas joignable", text, HTTPStatus.SERVICE_UNAVAILABLE)


def _login(request: Request) -> str:
    """Return Superset's page that asks for a login and leads back: on the same host, to which the cookie belongs."""
    here = f"http://{request.url.hostname}:{settings.port('superset')}"
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"{settings.get('CYBERIMPACT_SUPERSET_URL', here).rstrip('/')}/dagster/?to={quote(path, safe='')}"


def _page(title: str, text: str, status: HTTPStatus) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="fr"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<h1>{escape(title)}</h1><p>{escape(text)}</p></html>",
        status,
    )


def _unframed(send: Send) -> Send:
    """Return a sender whose answers no other page shows in a frame, where a click could be stolen."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["X-Frame-Options"] = "DENY"
        await send(message)

    return sending
