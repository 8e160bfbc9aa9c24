"""Sends spans to a collector of OpenTelemetry, where `CYBERIMPACT_TRACES_URL` names one; else it imports nothing.

A trace is a run of Dagster, under the run's own id. Spans are made of what Dagster and dbt have recorded: nothing is
measured twice. They hold names of ours, times and outcomes, and no message, which could quote data.
"""

import atexit
import hashlib
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from core import settings
from core.errors import ExpectedFailure

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanContext

SETTING = "CYBERIMPACT_TRACES_URL"
_TIMEOUT_SECONDS = 5
_NANOSECONDS = 10**9


def are_wanted() -> bool:
    return settings.get(SETTING) is not None


def add(run_id: str, path: tuple[str, ...], name: str, began: float, ended: float, *, is_ok: bool = True) -> None:
    """Send a span, where spans are wanted; it waits for no answer.

    Args:
        run_id: The run of Dagster to which it belongs.
        path: The names that lead to it in the run: a step, and a node of dbt in it; empty for the run itself.
        name: What is shown.
        began: When it began, in seconds since 1970.
        ended: When it ended, in seconds since 1970.
        is_ok: Whether it succeeded.

    Raises:
        ExpectedFailure: the library is not installed.
    """
    if not are_wanted():
        return
    processor = _processor(settings.require(SETTING).rstrip("/"))
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Status, StatusCode

    span = ReadableSpan(
        name,
        context=_context(run_id, path),
        parent=_context(run_id, path[:-1]) if path else None,
        resource=Resource({"service.name": "cyberimpact"}),
        attributes={"cyberimpact.run_id": run_id},
        status=Status(StatusCode.OK if is_ok else StatusCode.ERROR),
        start_time=int(began * _NANOSECONDS),
        end_time=int(ended * _NANOSECONDS),
    )
    processor.on_end(span)


def _context(run_id: str, path: tuple[str, ...]) -> "SpanContext":
    """Return the ids of a span, which follow from its place: who adds one need not know who adds the one above."""
    from opentelemetry.trace import SpanContext, TraceFlags

    place = hashlib.sha256("/".join((run_id, *path)).encode()).digest()
    span_id = int.from_bytes(place[:8], "big")
    return SpanContext(UUID(run_id).int, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


@cache
def _processor(url: str) -> "BatchSpanProcessor":
    """Return what sends spans in a thread of its own, for as long as the process lives."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ExpectedFailure(
            f"{SETTING} is set, and the library of OpenTelemetry is not installed.", "Run `make install`, or unset it."
        ) from None
    processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{url}/v1/traces", timeout=_TIMEOUT_SECONDS))
    atexit.register(processor.shutdown)  # its thread ends with the process, and what waits would be lost
    return processor
