"""A login leads back to the page that asked for it, and nowhere else."""

import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.superset import form, people
from tests.superset import test_browser as looking
from tests.superset.conftest import Server

browser = looking.browser


def pages(server: Server, host: str = "127.0.0.1") -> str:
    return f"http://{host}:{server.environment['CYBERIMPACT_WEB_PORT']}"


def foreign(server: Server) -> list[str]:
    """Return addresses that resemble the pages' own, and are not."""
    port = server.environment["CYBERIMPACT_WEB_PORT"]
    return [
        "https://evil.example/",
        "//evil.example/veille",
        "///evil.example/veille",
        "/\\evil.example/veille",
        "/\t/evil.example/veille",
        "\\\\evil.example/veille",
        "javascript:alert(1)",
        "data:text/html,x",
        f"ftp://127.0.0.1:{port}/",
        f"http://127.0.0.1:{int(port) % 65535 + 1}/veille",
        "http://127.0.0.1/veille",
        f"http://127.0.0.1:{port}.evil.example/",
        f"http://127.0.0.1:{port}@evil.example/veille",
        f"http://evil.example@127.0.0.1:{port}/veille",
        f"http://evil.example\\@127.0.0.1:{port}/veille",
        f"http://127.0.0.1:{port}\\@evil.example/veille",
        f"http://evil.example:{port}/veille",
        f"http://127.0.0.1.evil.example:{port}/veille",
        f"http://[::1]:{port}/veille",
    ]


def stays(server: Server, location: str) -> bool:
    """Return whether a redirect leads to Superset itself, for a browser, which reads a backslash as a slash."""
    return str(httpx.URL(f"{server.url}/login/").join(location.replace("\\", "/"))).startswith(f"{server.url}/")


def log_in(server: Server, wanted: str, password: str | None = None, host: str = "127.0.0.1") -> httpx.Response:
    """Fill in the form that Superset shows to who wants to go somewhere."""
    url = server.url.replace("127.0.0.1", host)
    with httpx.Client(base_url=url, headers={"Referer": url}, timeout=60) as stranger:
        token = re.search(r'csrf_token[^>]*value="([^"]+)', stranger.get("/login/", params={"next": wanted}).text)
        assert token
        fields = {"username": "admin", "password": password or server.password, "csrf_token": token[1]}
        return stranger.post("/login/", params={"next": wanted}, data=fields)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_login_leads_back_to_the_page(server: Server, host: str) -> None:
    wanted = f"{pages(server, host)}/chiffre/answer_rate/2026-10/FR-33?ventilation=service"
    assert log_in(server, wanted, host=host).headers["location"] == wanted


def test_a_wrong_password_does_not_forget_where_to_go(server: Server) -> None:
    again = httpx.URL(log_in(server, f"{pages(server)}/veille", "wrong").headers["location"])
    assert (again.path, again.params["next"]) == ("/login/", f"{pages(server)}/veille")


def test_a_login_leads_nowhere_else(server: Server) -> None:
    for wanted in foreign(server):
        assert stays(server, log_in(server, wanted).headers["location"]), wanted


def test_who_has_come_in_is_led_on_at_once(server: Server) -> None:
    person = people.come_in(server.url, "admin", server.password)
    for wanted in (f"{pages(server)}/veille", f"{pages(server, 'localhost')}/veille", "/superset/dashboard/audit/"):
        assert person.get("/login/", params={"next": wanted}).headers["location"] == wanted
    for wanted in ("", *foreign(server)):
        assert stays(server, person.get("/login/", params={"next": wanted}).headers["location"]), wanted
    assert person.get("/login/").headers["location"] == "/"


def test_the_cookie_is_sent_to_every_path_of_the_host(server: Server) -> None:
    cookie = httpx.get(f"{server.url}/login/").headers["set-cookie"]
    assert {"Path=/", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))


@contextmanager
def listening(port: int) -> Iterator[list[str]]:
    """Stand in for the pages: what they are asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>page</title>")

        def log_message(self, *_: object) -> None: ...

    stub = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    try:
        yield asked
    finally:
        stub.shutdown()
        stub.server_close()


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="fr-FR")
    page = context.new_page()
    page.set_default_timeout(looking.SECONDS)
    yield page
    context.close()


@pytest.mark.parametrize("service", ["WEB", "DAGSTER"])
def test_a_browser_comes_back_from_the_form(server: Server, stranger: Page, service: str) -> None:
    """The policy on forms counts the redirect after one, in Chromium: without the other port in it, nothing happens."""
    port = server.environment[f"CYBERIMPACT_{service}_PORT"]
    there = f"http://127.0.0.1:{port}/veille"
    wanted = there if service == "WEB" else "/dagster/?to=/veille"
    with listening(int(port)):
        stranger.goto(str(httpx.URL(f"{server.url}/login/", params={"next": wanted})))
        form.log_in(stranger, "admin", server.password)
        stranger.wait_for_url(there)
        assert stranger.title() == "page"
        stranger.goto(str(httpx.URL(f"{server.url}/login/", params={"next": f"{there}?again=1"} | {"next": wanted})))
        stranger.wait_for_url(there)


ASSETS = re.compile(r"/static/assets/.+\.(js|css)$")


def test_what_is_lost_on_the_way_is_asked_for_again(server: Server, stranger: Page) -> None:
    """Every script and style sheet of the login page is lost once, those that are asked for later too."""
    lost: set[str] = set()

    def lose_once(route: Route) -> None:
        url = route.request.url
        if url in lost:
            route.continue_()
        else:
            lost.add(url)
            route.abort("connectionreset")

    stranger.route(ASSETS, lose_once)
    stranger.goto(f"{server.url}/login/")
    form.log_in(stranger, "admin", server.password)
    stranger.wait_for_url(lambda url: "/login" not in url)
    assert {url.rpartition(".")[2] for url in lost} == {"css", "js"}


def test_what_the_policy_of_the_page_has_blocked_is_not_asked_for(server: Server, stranger: Page) -> None:
    foreign = "http://127.0.0.2:9/static/assets/a.js"

    def inject(route: Route) -> None:
        answer = route.fetch()
        body = answer.text().replace("</body>", f'<script src="{foreign}"></script></body>')
        route.fulfill(response=answer, body=body)

    failures: list[str | None] = []
    stranger.on("requestfailed", lambda request: failures.append(request.failure) if request.url == foreign else None)
    stranger.route("**/login/", inject)
    with stranger.expect_console_message(lambda message: foreign in message.text):
        stranger.goto(f"{server.url}/login/")
    stranger.wait_for_timeout(2_000)  # what is lost is asked for again after one second
    assert failures == ["csp"]


def test_a_page_that_cannot_be_loaded_says_so(server: Server, stranger: Page) -> None:
    script = "**/spa.*.js"
    shown = "getComputedStyle(document.getElementById('app'), '::before').content"
    asked: list[Route] = []

    def refuse(route: Route) -> None:
        asked.append(route)
        if len(asked) > 1:  # the first waits until what is shown meanwhile has been seen
            route.fulfill(status=429)

    stranger.route(script, refuse)
    stranger.goto(f"{server.url}/login/", wait_until="domcontentloaded")
    assert stranger.evaluate(shown) == '"Chargement…"'
    asked[0].fulfill(status=429)
    expect(stranger.get_by_role("alert")).to_contain_text("La page n'a pas pu être chargée", timeout=looking.SECONDS)
    assert stranger.evaluate(shown) == "none"
    assert len(asked) == 4  # at once, and after 1, 4 and 10 s
    assert f"request: 429 {asked[0].request.url}" in form.evidence(stranger)
    stranger.unroute(script)
    stranger.get_by_role("link", name="Réessayer").click()
    expect(stranger.locator("#username")).to_be_visible(timeout=form.SECONDS * 1_000)
