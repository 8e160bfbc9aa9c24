"""What the client says when the server is not what it should be. Real HTTP on loopback; no Superset."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from supersync.client import Client
from supersync.errors import SupersetFailure

from tests.ports import free_port

Answer = tuple[int, str, bytes]
Serve = Callable[[dict[str, Answer]], str]
LOGIN = {
    "/api/v1/security/login": (200, "application/json", b'{"access_token": "t"}'),
    "/api/v1/security/csrf_token/": (200, "application/json", b'{"result": "c"}'),
}


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that give fixed answers by path; an empty body stands for a server that hangs."""
    running: list[ThreadingHTTPServer] = []
    over = Event()

    def start(answers: dict[str, Answer]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, kind, body = answers.get(self.path.split("?")[0], (404, "text/plain", b"?"))
                if not body:
                    over.wait(10)
                    return
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=web.serve_forever, daemon=True).start()
        running.append(web)
        return f"http://127.0.0.1:{web.server_port}"

    yield start
    over.set()
    for web in running:
        web.shutdown()
        web.server_close()


def failure(url: str, timeout: float = 5) -> SupersetFailure:
    with Client(url, "admin", "s3cret", timeout=timeout) as client, pytest.raises(SupersetFailure) as caught:
        client.get("/api/v1/chart/")
    assert "s3cret" not in str(caught.value)
    return caught.value


def test_no_server():
    url = f"http://127.0.0.1:{free_port()}"
    caught = failure(url)
    assert caught.what == f"Superset does not answer at {url}."
    assert "make up" in caught.remedy


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((500, "text/html", b"<html>Traceback</html>"), "Superset failed inside on GET /api/v1/chart/ (HTTP 500)."),
        ((200, "text/html", b"<html>a portal</html>"), "answered /api/v1/chart/ with something other than JSON."),
        (
            (403, "application/json", b'{"message": "Forbidden"}'),
            "denied the account admin GET /api/v1/chart/ (HTTP 403).",
        ),
        ((404, "application/json", b'{"message": "Not found"}'), "does not know GET /api/v1/chart/ (HTTP 404)."),
        (
            (422, "application/json", b'{"message": {"slug": ["Taken."]}}'),
            "GET /api/v1/chart/ (HTTP 422): slug: Taken..",
        ),
        (
            (400, "application/json", b'{"errors": [{"message": "Bad", "extra": {"issue_codes": []}}]}'),
            "(HTTP 400): Bad.",
        ),
        ((200, "application/json", b""), "took too long to answer GET /api/v1/chart/."),
    ],
)
def test_a_server_that_fails(serve, answer, expected):
    assert expected in failure(serve({**LOGIN, "/api/v1/chart/": answer}), timeout=1).what


def test_a_wrong_password(serve):
    url = serve({"/api/v1/security/login": (401, "application/json", b'{"message": "Not authorized"}')})
    caught = failure(url)
    assert caught.what == f"Superset at {url} refused the account admin."
    assert "SUPERSET_ADMIN_PASSWORD" in caught.remedy


def test_a_token_that_is_always_refused_ends_in_a_message(serve):
    url = serve({**LOGIN, "/api/v1/chart/": (401, "application/json", b'{"msg": "Token has expired"}')})
    assert "Superset refused GET /api/v1/chart/ (HTTP 401)" in failure(url).what
