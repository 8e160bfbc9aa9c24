"""Faults on demand, for every stand-in: what servers, proxies and providers do on bad days.

Asked by `POST /_control/faults` with `{"fault": "server_error", "times": 2}`, or for one request by the header
`X-Sandbox-Fault: server_error`. Faults that change data are left in the scope, for the platform's module to apply.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Refuse = Callable[[str], Response | None]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

#: Applied here, to any answer.
TRANSPORT_FAULTS = frozenset(
    {
        "unauthorized",
        "forbidden",
        "quota",
        "quota_reset",
        "server_error",
        "hang",
        "slow",
        "truncated",
        "broken",
        "html",
        "redirect",
    }
)
#: Applied by the platform's module, to its records: what a page repeats or leaves out, what the schema becomes, what
#: was corrected since, and a route that is closed.
DATA_FAULTS = frozenset(
    {
        "duplicated_page",
        "shifted_page",
        "unknown_column",
        "renamed_column",
        "type_flip",
        "nested_value",
        "late_edit",
        "closed_route",
    }
)

_PAGE = "<!DOCTYPE html><html lang='fr'><body><h1>Service momentanément indisponible</h1></body></html>"


@dataclass
class Fault:
    """A fault that waits for its requests.

    Attributes:
        fault: One of `TRANSPORT_FAULTS` or `DATA_FAULTS`.
        times: Number of requests that it strikes; -1 for all.
        path: Only requests whose path contains this.
        seconds: Of `hang` and `slow`, how long; of `quota_reset`, until when.
        ends_at: When it passes by itself, in seconds since 1970; None for one that stays.
    """

    fault: str
    times: int = -1
    path: str = ""
    seconds: float = 3600
    ends_at: float | None = None

    @property
    def is_over(self) -> bool:
        return self.ends_at is not None and time.time() >= self.ends_at


class Faults:
    """An ASGI layer that lets the waiting faults strike.

    Args:
        app: The application behind it.
        refusals: Path prefix of a platform to a function that gives its own answer to a refusing fault, if it has one.
        waiting: Faults that wait from the start.
    """

    def __init__(self, app: App, refusals: Mapping[str, Refuse], waiting: Iterable[Fault] = ()) -> None:
        self._app = app
        self._refusals = refusals
        self._waiting = list(waiting)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/health":
            await self._app(scope, receive, send)
        elif scope["path"] == "/_control/faults":
            response = await self._control(Request(scope, receive))
            await response(scope, receive, send)
        else:
            await self._strike(scope, receive, send)

    async def _control(self, request: Request) -> Response:
        if request.method == "POST":
            asked = await request.json()
            if asked.get("fault") not in TRANSPORT_FAULTS | DATA_FAULTS:
                known = sorted(TRANSPORT_FAULTS | DATA_FAULTS)
                return JSONResponse({"error": "unknown fault", "known": known}, status_code=400)
            self._waiting.append(Fault(**asked))
        elif request.method == "DELETE":
            self._waiting.clear()
        return JSONResponse([vars(fault) for fault in self._waiting])

    def _take(self, scope: MutableMapping[str, Any]) -> Fault | None:
        header = dict(scope["headers"]).get(b"x-sandbox-fault")
        if header:
            return Fault(header.decode())
        for fault in self._waiting:
            if fault.path in scope["path"] and not fault.is_over:
                fault.times -= 1
                if fault.times == 0:
                    self._waiting.remove(fault)
                return fault
        return None

    async def _strike(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        fault = self._take(scope)
        name = fault.fault if fault else ""
        if fault and name in {"hang", "slow"}:
            await anyio.sleep(fault.seconds)
        if name in {"truncated", "broken"}:
            await self._cut(scope, receive, send, breaks=name == "broken")
            return
        response = self._refusal(fault, scope["path"]) if fault else None
        if response is not None:
            await response(scope, receive, send)
            return
        scope["sandbox_fault"] = name
        await self._app(scope, receive, send)

    def _refusal(self, fault: Fault, path: str) -> Response | None:
        """Return the answer that a fault puts in the place of the real one, in the platform's own words if it has."""
        for prefix, refuse in self._refusals.items():
            if path.startswith(prefix):
                return refuse(fault.fault) or _refusal(fault)
        return _refusal(fault)

    async def _cut(self, scope: MutableMapping[str, Any], receive: Receive, send: Send, *, breaks: bool) -> None:
        """Send half of an answer: as if it were whole, or breaking the connection."""
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, collect)
        start, body = messages[0], b"".join(message.get("body", b"") for message in messages[1:])
        half = body[: len(body) // 2]
        length = len(body) if breaks else len(half)
        headers = [pair for pair in start["headers"] if pair[0] not in {b"content-length", b"transfer-encoding"}]
        await send({**start, "headers": [*headers, (b"content-length", str(length).encode())]})
        await send({"type": "http.response.body", "body": half, "more_body": breaks})


def _refusal(fault: Fault) -> Response | None:
    """Return the answer that a fault puts in the place of the real one, if it does."""
    refusals = {
        "unauthorized": (401, {"error_code": "InvalidApikey", "message": "This apikey is not valid."}),
        "forbidden": (403, {"error_code": "Forbidden", "message": "You do not have access to this dataset."}),
        "quota": (429, {"errorcode": 10002, "error": "Too many requests on the domain."}),
        "quota_reset": (429, _quota_body(fault.seconds)),
        "server_error": (500, {"error_code": "InternalServerError", "message": "Unexpected error."}),
    }
    if fault.fault in refusals:
        status, body = refusals[fault.fault]
        return JSONResponse(body, status)
    if fault.fault == "html":
        return Response(_PAGE, 200, media_type="text/html; charset=utf-8")
    if fault.fault == "redirect":
        return Response(status_code=302, headers={"location": "http://localhost.invalid/elsewhere"})
    return None


def _quota_body(seconds: float) -> dict[str, object]:
    reset = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
    return {
        "errorcode": 10002,
        "reset_time": reset.replace("+00:00", "Z"),
        "limit_time_unit": "day",
        "call_limit": 10000,
        "error": "Too many requests on the domain. Please contact the domain administrator.",
    }
