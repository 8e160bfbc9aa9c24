"""Log records of our processes on stderr, as lines of text or of JSON."""

import json
import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from core import settings
from core.errors import ExpectedFailure

SETTING = "CYBERIMPACT_LOG_FORMAT"
TEXT, JSON = "text", "json"

_run_id: ContextVar[str | None] = ContextVar("run_id", default=None)


class JsonLines(logging.Formatter):
    """One object a line: instant in UTC, level, logger, process, message, and the run of Dagster under way."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "run_id": _run_id.get(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def form() -> str:
    """Return how lines are written, `text` or `json`.

    Raises:
        ExpectedFailure: the setting says neither.
    """
    chosen = settings.get(SETTING, TEXT)
    if chosen not in (TEXT, JSON):
        raise ExpectedFailure(f"{SETTING} is {chosen!r}.", f"Set it to {TEXT} or {JSON}.")
    return chosen


def formatter() -> logging.Formatter:
    """Return what writes a record as a line."""
    return JsonLines() if form() == JSON else logging.Formatter("%(asctime)s %(message)s")


def configure() -> None:
    """Send warnings and errors of this process to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


@contextmanager
def of_run(run_id: str) -> Generator[None]:
    """Write into each line that it belongs to a run of Dagster."""
    token = _run_id.set(run_id)
    try:
        yield
    finally:
        _run_id.reset(token)
