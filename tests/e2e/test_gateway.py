"""A person comes in from the issuer through the gateway of a deployment, and leaves everywhere at once.

The gateway is Debian's nginx with `deploy/nginx.conf` and the site that it includes; ports and paths alone are others.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from core import settings
from tests import tls
from tests.ports import free_port
from tests.superset import conftest as real
from tests.superset import issuer as issuers
from tests.superset import people
from tests.superset.conftest import PYTHON, SERVER, Server, wait_for
from tests.superset.issuer import CLIENT_ID, CLIENT_SECRET, PERSON, Issuer
from tests.web import process
from tests.web.browsing import CHROMIUM, FLAGS
from web.identity import KNOWN_SECONDS

pytestmark = pytest.mark.proof

server = real.server

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
HOST = "cyberimpact.test"
#: Of the deployment: what a person reaches, and what stands behind it.
OUTSIDE = {"web": 443, "superset": 8444, "dagster": 8445}
INSIDE = {"web": 8091, "superset": 8088, "dagster": 3000}
#: How long an answer of Superset may hold for reading, and what this machine takes to answer.
SOON_SECONDS = KNOWN_SECONDS + 5


@dataclass(frozen=True)
class Site:
    """The platform behind its gateway.

    Attributes:
        issuer: Who says who somebody is.
        ports: Of the gateway, by service.
    """

    issuer: Issuer
    ports: dict[str, int]

    def url(self, service: str) -> str:
        return f"https://{HOST}:{self.ports[service]}"


@contextmanager
def gateway(folder: Path, inside: dict[str, int], outside: dict[str, int]) -> Generator[None]:
    """Run nginx as a deployment does."""
    shown, kept = tls.certificate(folder, HOST)
    deploy = settings.CHECKOUT / "deploy"
    text = (deploy / "nginx.conf").read_text(encoding="utf-8")
    site = (deploy / "nginx-site.conf").read_text(encoding="utf-8")
    others = {" /tmp/": f" {folder}/", "include /etc/nginx/conf.d/cyberimpact.conf;": site}
    others |= {f"listen {OUTSIDE[name]} ssl;": f"listen 127.0.0.1:{port} ssl;" for name, port in outside.items()}
    others |= {f"http://127.0.0.1:{INSIDE[name]};": f"http://127.0.0.1:{port};" for name, port in inside.items()}
    others |= {"/etc/nginx/tls/tls.crt": str(shown), "/etc/nginx/tls/tls.key": str(kept)}
    for former, other in others.items():
        assert former in text
        text = text.replace(former, other)
    configuration = folder / "nginx.conf"
    configuration.write_text(text, encoding="utf-8")
    with subprocess.Popen([NGINX or "nginx", "-p", folder, "-c", configuration]) as nginx:
        try:
            deadline = time.monotonic() + 30
            while connect(outside["web"]):
                assert nginx.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield
        finally:
            nginx.terminate()
            nginx.wait(30)


def connect(port: int) -> int:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port))


@contextmanager
def running(command: list[str | Path], url: str, environment: dict[str, str], log: Path) -> Generator[None]:
    """Run a service, which must come to answer."""
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, cwd=settings.CHECKOUT, stdout=stream, stderr=stream)
    try:
        wait_for(url, process, log)
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def site(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if NGINX is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    folder = tmp_path_factory.mktemp("gateway")
    with server.client() as admin:
        people.grant(server, admin, folder)
    inside, outside = ({name: free_port() for name in OUTSIDE} for _ in range(2))
    issuer = Issuer()
    made = Site(issuer, outside)
    workspace = folder / "workspace.yaml"
    workspace.write_text("load_from: []\n")
    with ExitStack() as stack:
        stack.enter_context(issuers.serving(issuer))
        environment = process.beside(server) | {
            "CYBERIMPACT_HOME": str(server.home.root),
            "CYBERIMPACT_SUPERSET_HTTPS": "1",
            "CYBERIMPACT_OIDC_ISSUER": issuer.url,
            "CYBERIMPACT_OIDC_CLIENT_ID": CLIENT_ID,
            "CYBERIMPACT_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        }
        for name, port in inside.items():
            environment |= {f"CYBERIMPACT_{name.upper()}_PORT": str(port)}
            environment |= {f"CYBERIMPACT_{name.upper()}_URL": made.url(name)}
        here = {name: f"http://127.0.0.1:{port}" for name, port in inside.items()}
        superset: list[str | Path] = [PYTHON, SERVER, "serve"]
        dagster: list[str | Path] = [sys.executable, "-m", "orchestration.webserver", workspace]
        stack.enter_context(running(superset, here["superset"], environment, folder / "superset.log"))
        stack.enter_context(running(dagster, here["dagster"], environment, folder / "dagster.log"))
        stack.enter_context(process.pages(server.home, folder / "pages.log", environment))
        stack.enter_context(gateway(folder, inside, outside))
        yield made


@pytest.fixture
def context(site: Site) -> Iterator[BrowserContext]:  # noqa: ARG001 - which is skipped without nginx
    with sync_playwright() as playwright:
        flags = [*FLAGS, f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        context = browser.new_context(locale="fr-FR", ignore_https_errors=True)
        context.set_default_timeout(60_000)
        yield context
        browser.close()


def come_in(page: Page, site: Site, path: str) -> None:
    """Ask for a page of ours, and follow the way by the issuer back to it."""
    page.goto(f"{site.url('web')}{path}")
    assert page.url.startswith(f"{site.url('superset')}/login/")
    page.get_by_role("link", name=re.compile("proconnect", re.IGNORECASE)).click()
    page.wait_for_url(f"{site.url('web')}{path}")


def soon(is_so: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < SOON_SECONDS
        time.sleep(0.2)


def test_a_login_leads_through_all_three_and_a_logout_ends_it_in_all_and_at_the_issuer(
    site: Site, context: BrowserContext
) -> None:
    site.issuer.person = {**PERSON, "email": "auditeur@example.org"}
    page = context.new_page()
    come_in(page, site, "/verifier")
    expect(page.get_by_role("link", name="Se déconnecter")).to_be_visible()
    page.goto(f"{site.url('superset')}/api/v1/me/roles/")
    assert '"auditeur"' in page.content()
    page.goto(site.url("dagster"))
    expect(page.get_by_role("link", name="Runs")).to_be_visible()
    (session,) = [cookie for cookie in context.cookies() if cookie["name"] == "session"]
    assert (session["secure"], session["httpOnly"], session["domain"]) == (True, True, HOST)
    # Another browser has copied the cookie; what Superset has said of it holds for some seconds.
    thief = httpx.Client(verify=False, cookies={"session": session["value"]})
    assert [status(thief, site, service) for service in ("web", "dagster")] == [HTTPStatus.OK] * 2

    page.goto(f"{site.url('web')}/verifier")
    page.get_by_role("link", name="Se déconnecter").click()
    page.wait_for_url(f"{site.url('superset')}/login/**")
    assert site.issuer.ended == [PERSON["sub"]]
    for service in ("web", "dagster"):
        page.goto(site.url(service))
        assert page.url.startswith(f"{site.url('superset')}/login/")
    answer = page.goto(f"{site.url('superset')}/api/v1/me/")
    assert answer is not None
    assert answer.status == HTTPStatus.UNAUTHORIZED
    assert status(thief, site, "superset", "/api/v1/me/") == HTTPStatus.UNAUTHORIZED
    for service, out in (("web", HTTPStatus.FOUND), ("dagster", HTTPStatus.UNAUTHORIZED)):
        soon(lambda service=service, out=out: status(thief, site, service) == out)
    thief.close()


def status(http: httpx.Client, site: Site, service: str, path: str = "/") -> int:
    """Return how a service answers a browser that has a name server of its own."""
    port = site.ports[service]
    return http.get(f"https://127.0.0.1:{port}{path}", headers={"Host": f"{HOST}:{port}"}).status_code


def test_a_unit_without_a_right_to_dagster_is_let_into_the_pages_only(site: Site, context: BrowserContext) -> None:
    site.issuer.person = {**PERSON}
    page = context.new_page()
    come_in(page, site, "/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Bonjour")
    page.goto(site.url("dagster"))
    expect(page.get_by_role("heading", name="Accès refusé")).to_be_visible()
