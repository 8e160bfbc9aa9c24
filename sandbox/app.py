"""The application that all stand-ins share."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox import mailbox, staging
from sandbox.clock import history_end, local
from sandbox.faults import Fault, Faults


class DroppedFile(NamedTuple):
    """A file that a platform delivers."""

    platform: str
    name: str
    content: bytes


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


def dropped_files(seed: int, until: date) -> Iterator[DroppedFile]:
    """Yield every file that the platforms would have delivered up to the end of a day."""
    yield from daily_files(seed, until)
    yield from running_files(seed, local(history_end(until)))


def daily_files(seed: int, until: date) -> Iterator[DroppedFile]:
    """Yield the files of complete days, up to one."""
    for module in _modules_with("drops"):
        if not hasattr(module, "running_drops"):
            yield from _of(module, module.drops(seed, until))


def running_files(seed: int, moment: datetime) -> Iterator[DroppedFile]:
    """Yield the files that are rewritten all day long, up to a moment in Paris, without a zone."""
    for module in _modules_with("running_drops"):
        yield from _of(module, module.running_drops(seed, moment))


def _of(module: ModuleType, files: Iterable[tuple[str, bytes]]) -> Iterator[DroppedFile]:
    for name, content in files:
        yield DroppedFile(module.__name__.rpartition(".")[2], name, content)


def build_app(
    seed: int, today: Callable[[], date], state: Path | None = None, faults: Iterable[Fault] = ()
) -> Starlette:
    """Return the stand-ins of all platforms.

    Args:
        seed: Seed of their invented history.
        today: Returns the day up to which they serve it.
        state: Folder of the staged waves and of the mails that were caught; without it, waves end with the process.
        faults: Those that strike from the start.
    """
    modules = tuple(_modules_with("routes"))
    routes = [Route("/health", _health), *(route for module in modules for route in module.routes(seed, today))]
    routes += [*staging.ROUTES, *(mailbox.pages(state / mailbox.FOLDER) if state else ())]
    refusals = {module.PREFIX: module.refuse for module in modules if hasattr(module, "refuse")}
    app = Starlette(routes=routes, middleware=[Middleware(Faults, refusals=refusals, waiting=faults)])
    app.state.stage = staging.Stage(state)
    return app
