"""The pages in a real browser: served by a thread of the test, in a Chromium that has one person's session."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.core.wsgi import get_wsgi_application
from django.test import Client
from django.test.testcases import QuietWSGIRequestHandler
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--lang=fr-FR"]
DESKTOP, PHONE = (1366, 768), (390, 844)


@pytest.fixture(scope="module")
def chromium() -> Generator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is not installed: `make chromium` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def served(visit: Callable[..., Client]) -> Generator[str]:  # noqa: ARG001 - the pages ask its Superset
    """The address of the pages."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietWSGIRequestHandler)
    server.set_app(StaticFilesHandler(get_wsgi_application()))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@contextmanager
def looking(
    chromium: Browser, address: str, *roles: str, size: tuple[int, int] = DESKTOP, is_dark: bool = False
) -> Generator[Page]:
    """Give the page of a browser of somebody with some roles; an error on it fails the test."""
    width, height = size
    context = chromium.new_context(
        base_url=address,
        viewport={"width": width, "height": height},
        locale="fr-FR",
        timezone_id="Europe/Paris",
        color_scheme="dark" if is_dark else "light",
    )
    context.add_cookies([{"name": "session", "value": quote(f"essai:{','.join(roles)}"), "url": address}])
    errors: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    # The browser itself reports a page that does not exist, which is an answer.
    assert [said for said in errors if "status of 404" not in said] == []


def is_accessible(page: Page) -> None:
    """Check a page as it is now with axe-core, and that it is not wider than the screen."""
    found = Axe().run(page)
    assert not found.violations_count, found.generate_report()
    page.wait_for_load_state("networkidle")  # the design system has made its menus then
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.fixture(params=[(DESKTOP, False), (PHONE, True)], ids=["desktop", "dark-phone"])
def officer_page(request: pytest.FixtureRequest, chromium: Browser, served: str) -> Generator[Page]:
    """A page of somebody who acts on Gironde."""
    size, is_dark = request.param
    roles = ("prevention", "veille", "departement-FR-33")
    with looking(chromium, served, *roles, size=size, is_dark=is_dark) as page:
        yield page
