"""The pages as people of each role see them, without a browser.

Superset is a stub here that says of a cookie what the real one says (`tests/web/test_login.py` asks that one): the
roles that stand in the cookie, with the permissions that `superset/policies/roles.yml` gives them.
"""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

import pytest
import yaml
from django.test import Client

from core import settings
from tests.web.browsing import chromium, officer_page, served  # noqa: F401 - fixtures
from web import identity

ROLES = yaml.safe_load((settings.CHECKOUT / "superset/policies/roles.yml").read_text("utf-8"))
ADMIN_PERMISSIONS = {
    "Admin": [["can_decide", "Veille"], ["can_write", "Prevention"], ["can_verify", "Audit"], ["can_load", "Sources"]]
}


def permissions(role: str) -> list[list[str]]:
    """Return the permissions that a role has in Superset, as pairs of action and object."""
    if role in ADMIN_PERMISSIONS:
        return ADMIN_PERMISSIONS[role]
    declared = ROLES["roles"].get(role) or next(
        (level for level in ROLES["territories"].values() if role.startswith(level["role"].partition("{")[0])),
        {"permissions": []},
    )
    return [entry.split(" on ") for name in declared["permissions"] for entry in ROLES["permissions"][name]]


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        cookies = dict(part.strip().split("=", 1) for part in self.headers.get("Cookie", "").split(";") if "=" in part)
        name, _, roles = unquote(cookies.get("session", "")).partition(":")
        if self.path != "/api/v1/me/roles/" or not name:
            self.send_response(401)
            self.end_headers()
            return
        known = {role: permissions(role) for role in roles.split(",") if role}
        body = json.dumps({"result": {"username": name, "firstName": "", "lastName": name, "roles": known}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _pages(pages: None) -> None:
    """Everything here asks the pages."""


@pytest.fixture(scope="session")
def _superset() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def visit(
    home: settings.Home,  # noqa: ARG001 - the pages read the home of the environment
    _superset: int,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Client]:
    """Return a function that gives the browser of somebody with some roles, `visit("veille", "departement-FR-33")`."""
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_PORT", str(_superset))
    monkeypatch.delenv("CYBERIMPACT_SUPERSET_URL", raising=False)
    identity._superset.cache_clear()

    def visited(*roles: str, name: str = "essai") -> Client:
        client = Client(headers={"Host": "127.0.0.1:8091"})
        client.cookies["session"] = quote(f"{name}:{','.join(roles)}")
        return client

    return visited
