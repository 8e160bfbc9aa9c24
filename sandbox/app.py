"""The application that all stand-ins share. What each platform answers or drops stands in its own module."""

from collections.abc import Callable, Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.faults import Faults


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


def _modules_with(attribute: str) -> Iterator[ModuleType]:
    """Yield the modules that offer something: `routes` over HTTP, or `drops` of files."""
    for found in sorted(iter_modules([str(Path(__file__).parent)]), key=lambda found: found.name):
        if found.name not in {"__main__", "app"}:
            module = import_module(f"sandbox.{found.name}")
            if hasattr(module, attribute):
                yield module


def addresses(origin: str) -> dict[str, str]:
    """Return the settings that make connectors read the stand-ins instead of the platforms.

    Args:
        origin: Where the sandbox is served, such as `http://127.0.0.1:8090`.
    """
    settings = (module.SETTINGS for module in _modules_with("routes"))
    return {name: origin + path for some in settings for name, path in some.items()}


def dropped_files(seed: int, until: date) -> Iterator[tuple[str, str, bytes]]:
    """Yield platform, name and content of every file that the platforms would have delivered up to a day."""
    for module in _modules_with("drops"):
        for name, content in module.drops(seed, until):
            yield module.__name__.rpartition(".")[2], name, content


def build_app(seed: int, today: Callable[[], date]) -> Starlette:
    """Return the stand-ins of all platforms.

    Args:
        seed: Which invented history they tell.
        today: Returns the day up to which they tell it.
    """
    modules = tuple(_modules_with("routes"))
    routes = [Route("/health", _health), *(route for module in modules for route in module.routes(seed, today))]
    refusals = {module.PREFIX: module.refuse for module in modules if hasattr(module, "refuse")}
    return Starlette(routes=routes, middleware=[Middleware(Faults, refusals=refusals)])
