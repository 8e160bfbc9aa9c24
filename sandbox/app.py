"""The application that all stand-ins share. What each platform answers stands in its own module."""

from collections.abc import Callable
from datetime import date

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.faults import Faults
from sandbox.services_publics_plus import Portal


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


def build_app(seed: int, today: Callable[[], date]) -> Starlette:
    """Return the stand-ins of all platforms.

    Args:
        seed: Which invented history they tell.
        today: Returns the day up to which they tell it.
    """
    routes = [Route("/health", _health), *Portal(seed, today).routes()]
    return Starlette(routes=routes, middleware=[Middleware(Faults)])
