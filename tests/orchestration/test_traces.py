"""What a collector of OpenTelemetry is sent: a real one over HTTP, which decodes it."""

import atexit
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID, uuid4

import dagster as dg
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from assets.dbt import builds
from assets.serving.copies import key
from core import settings, traces
from core.settings import CHECKOUT, Home
from orchestration import execution, instance, microbatch
from tests.e2e.line import PLATFORM
from tests.ingestion import test_leaks
from warehouse.published import LIVE


class Collector:
    """What was sent, as bytes and decoded."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def spans(self, count: int) -> dict[str, Span]:
        """Return so many spans by name, once they are sent."""
        traces._processor(settings.require(traces.SETTING)).force_flush()
        found = [
            span
            for body in self.bodies
            for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        ]
        assert len(found) == count, [span.name for span in found]
        return {span.name: span for span in found}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    made = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            made.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv(traces.SETTING, f"http://127.0.0.1:{server.server_port}")
    yield made
    processor = traces._processor(settings.require(traces.SETTING))
    atexit.unregister(processor.shutdown)
    processor.shutdown()
    traces._processor.cache_clear()
    server.shutdown()
    server.server_close()


def attributes(span: Span) -> dict[str, str]:
    return {attribute.key: attribute.value.string_value for attribute in span.attributes}


@pytest.mark.long
def test_a_run_is_a_trace_with_its_steps_and_says_nothing_of_what_it_loaded(
    home: Home, collector: Collector, tmp_path: Path
) -> None:
    found = test_leaks.texts()
    file = tmp_path / "export_06_39_98_71_53.csv"
    file.write_text(test_leaks.damaged_export(found), encoding="utf-8")
    done = execution.run_job(f"load_{PLATFORM}", {"ops": {PLATFORM: {"config": {"file": str(file)}}}})
    assert done.failures, "its file is cut: the step fails with a sentence about a line"
    spans = collector.spans(2)
    run, step = spans[f"load_{PLATFORM}"], spans[PLATFORM]
    assert UUID(bytes=run.trace_id) == UUID(bytes=step.trace_id) == UUID(done.run_id)
    assert (run.parent_span_id, step.parent_span_id) == (b"", run.span_id)
    assert run.start_time_unix_nano <= step.start_time_unix_nano < step.end_time_unix_nano <= run.end_time_unix_nano
    assert abs(run.end_time_unix_nano / 1e9 - time.time()) < 60
    for span in (run, step):
        assert span.status.code == Status.StatusCode.STATUS_CODE_ERROR
        assert span.status.message == ""
        assert attributes(span) == {"cyberimpact.run_id": done.run_id}
        assert len(span.events) == 0
    sent = b"".join(collector.bodies).decode("utf-8", "ignore").lower()
    for needle in [*found.needles, "06_39_98_71_53", str(home.root)]:
        assert needle.lower() not in sent


def test_a_node_of_dbt_lies_in_the_step_that_built_it(collector: Collector) -> None:
    run_id = str(uuid4())
    timing = [
        {"name": "compile", "started_at": "2026-11-29T04:00:00.500000Z", "completed_at": "2026-11-29T04:00:00.750000Z"},
        {"name": "execute", "started_at": "2026-11-29T04:00:00.750000Z", "completed_at": "2026-11-29T04:00:02.000000Z"},
    ]
    results = [
        {"unique_id": "model.cyberimpact.live_detection", "status": "success", "timing": timing},
        {"unique_id": "test.cyberimpact.a_check", "status": "fail", "timing": timing[1:]},
        {"unique_id": "model.cyberimpact.live_signal", "status": "skipped", "timing": []},
    ]
    builds.trace(run_id, "live", results)
    name = builds.NAMES["live"]
    traces.add(run_id, (name,), name, 1795924799.0, 1795924803.0)
    spans = collector.spans(3)
    detection, step = spans["live_detection"], spans[name]
    assert detection.parent_span_id == spans["a_check"].parent_span_id == step.span_id
    assert detection.start_time_unix_nano == 1795924800_500000000  # 2026-11-29 04:00 UTC
    assert detection.end_time_unix_nano == 1795924802_000000000
    assert [span.status.code for span in (detection, spans["a_check"])] == [1, 2]


def test_a_dispatch_lies_in_the_run_that_published_what_it_read(home: Home, collector: Collector) -> None:  # noqa: ARG001
    @dg.asset(key=key(LIVE))
    def publication() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"publication_id": "p-2"})

    with instance.get() as home_instance:
        run = dg.materialize([publication], instance=home_instance)
    microbatch.trace_dispatch("p-1", 1.0, 2.0)
    microbatch.trace_dispatch("p-2", 3.0, 4.5)
    (dispatch,) = collector.spans(1).values()
    assert UUID(bytes=dispatch.trace_id) == UUID(run.run_id)
    assert (dispatch.name, dispatch.end_time_unix_nano) == ("dispatch", 4_500_000_000)
    traces.add(run.run_id, (), "run", 1.0, 5.0)
    assert collector.spans(2)["run"].span_id == dispatch.parent_span_id


def test_a_process_that_ends_has_sent_its_spans(collector: Collector) -> None:
    run_id = str(uuid4())
    code = f"from core import traces; traces.add({run_id!r}, (), 'run', 1.0, 2.0)"
    subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=True)
    assert collector.spans(1)["run"].trace_id == UUID(run_id).bytes


def test_without_a_collector_nothing_is_imported() -> None:
    code = (
        "import sys; from core import traces; traces.add('r', (), 'run', 1.0, 2.0);"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
