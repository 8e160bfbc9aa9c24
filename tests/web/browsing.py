"""The pages in a real browser, served from this process: fixtures, and what every page keeps to."""

import threading
from collections.abc import Iterator
from socketserver import ThreadingMixIn
from urllib.parse import quote
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application
from playwright.sync_api import Page, sync_playwright

from tests.superset.test_browser import CHROMIUM, FLAGS


class _Threading(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(visit) -> Iterator[str]:
    visit()
    with make_server("127.0.0.1", 0, StaticFilesHandler(get_wsgi_application()), _Threading, _Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(params=[("light", 1280), ("dark", 390)], ids=["desk", "phone"])
def officer_page(request, address) -> Iterator[Page]:
    """A page of somebody who acts on Gironde; what its console reports is an error of the test."""
    scheme, width = request.param
    errors: list[str] = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        context = chromium.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme, locale="fr-FR", base_url=address
        )
        roles = quote("essai:prevention,veille,departement-FR-33")
        context.add_cookies([{"name": "session", "value": roles, "url": address}])
        opened = context.new_page()
        opened.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        opened.on("pageerror", lambda problem: errors.append(str(problem)))
        yield opened
        chromium.close()
    # The browser itself reports a page that is not there, which is an answer.
    assert [said for said in errors if "status of 404" not in said] == []


def is_sound(page: Page) -> None:
    """Check that a page breaks no rule of axe and is no wider than the screen."""
    page.wait_for_load_state("networkidle")
    assert [(found["id"], found["nodes"]) for found in Axe().run(page).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
