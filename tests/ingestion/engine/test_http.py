"""What a client makes of a server that sends it away: when it comes back, and what it says when it does not."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import ClassVar

import pytest

from core import clock
from core.errors import ExpectedFailure
from ingestion.engine.http import Api


class Refusals(BaseHTTPRequestHandler):
    """Gives the answers that a test has prepared, in turn; then an empty object."""

    prepared: ClassVar[list[tuple[int, dict[str, str], bytes]]] = []
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, headers, body = self.prepared.pop(0) if self.prepared else (200, {}, b"{}")
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a client would have waited, one by one."""
    seconds: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=seconds.append))
    return seconds


@pytest.fixture
def api() -> Iterator[Api]:
    Refusals.prepared.clear()
    Refusals.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusals)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Api("essai", f"http://127.0.0.1:{server.server_port}", "CYBERIMPACT_ESSAI_API_KEY")
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("minutes", [60, -60])
def test_a_clock_that_is_an_hour_wrong_is_named_once(api, monkeypatch, caplog, minutes):
    api.get("x")
    assert caplog.messages == []
    here = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr(clock, "now", lambda: here)
    api.get("x")
    api.get("x")
    (said,) = caplog.messages
    assert f"{here:%H:%M} UTC here. If it is the clock of this machine that is wrong, correct it" in said
    assert said.endswith("`cyberimpact quarantine retry essai`.")


def later(seconds: int) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


#: How a platform says when to come back, and a body that says nothing of it.
SAID = {
    "seconds": (429, lambda s: {"Retry-After": f"{s}"}, b""),
    "date": (429, lambda s: {"Retry-After": format_datetime(later(s), usegmt=True)}, b""),
    "reset, no body": (429, lambda s: {"X-RateLimit-Reset": f"{later(s).timestamp():.0f}"}, b""),
    "reset, other header": (429, lambda s: {"X-Rate-Limit-Reset": f"{later(s).timestamp():.0f}"}, b"{}"),
    "reset, web page": (429, lambda s: {"X-RateLimit-Reset": f"{later(s).timestamp():.0f}"}, b"<html></html>"),
    "reset, list": (429, lambda s: {"X-RateLimit-Reset": f"{later(s).timestamp():.0f}"}, b"[1]"),
    "overloaded": (503, lambda s: {"Retry-After": f"{s}"}, b""),
    "overloaded, date": (502, lambda s: {"Retry-After": format_datetime(later(s), usegmt=True)}, b"<html></html>"),
}


@pytest.mark.parametrize(("status", "headers", "body"), SAID.values(), ids=SAID)
def test_a_time_to_come_back_is_kept(api, waits, status, headers, body):
    Refusals.prepared[:] = [(status, headers(60), body)]
    assert api.get("x") == {}
    (waited,) = waits
    assert 58 < waited < 62


@pytest.mark.parametrize(("status", "headers", "body"), SAID.values(), ids=SAID)
def test_a_time_too_far_away_is_told_at_once(api, waits, status, headers, body):
    Refusals.prepared[:] = [(status, headers(7200), body)]
    with pytest.raises(ExpectedFailure, match=rf"\(status {status}\)\. .*load again after 20"):
        api.get("x")
    assert (len(Refusals.asked), waits) == (1, [])


def test_clients_that_were_sent_away_together_do_not_come_back_together(api, waits):
    Refusals.prepared[:] = [(429, {"Retry-After": "0"}, b"")] * 4
    api.get("x")
    assert len({round(waited, 6) for waited in waits}) == 4


@pytest.mark.parametrize("headers", [{}, {"X-RateLimit-Reset": "4102444800"}, {"Retry-After": "soon"}])
def test_a_server_that_fails_without_a_time_is_asked_again(api, waits, headers):
    Refusals.prepared[:] = [(500, headers, b"")] * 5
    with pytest.raises(ExpectedFailure, match=r"the platform failed \(status 500\), 5 times in a row"):
        api.get("x")
    assert (len(Refusals.asked), len(waits)) == (5, 4)


@pytest.mark.parametrize("status", [419, 420, 430, 499])
def test_a_status_that_no_standard_names_is_told(api, waits, status):
    Refusals.prepared[:] = [(status, {}, b"")]
    with pytest.raises(ExpectedFailure, match=rf"refused with status {status}\. The platform may have changed"):
        api.get("x")
    assert (len(Refusals.asked), waits) == (1, [])
