"""The ASGI application: its routes and the headers of all answers."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from core import settings
from web import kpi, openapi, verdicts
from web.headers import Guarded


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


def build_app() -> Starlette:
    """Return the application of the current home."""
    routes = [Route("/health", _health), *verdicts.routes, *kpi.routes, *openapi.routes]
    hosts = settings.trusted_hosts(settings.web_url())
    return Starlette(
        routes=routes, middleware=[Middleware(Guarded), Middleware(TrustedHostMiddleware, allowed_hosts=hosts)]
    )
