"""The login of the real Superset is that of the pages, and so is its end."""

import re
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect
from supersync.access import new_password
from supersync.client import Client

from core.settings import Home
from operations import mail_subscriptions
from operations.acts import Author
from operations.mail_subscriptions import Sight, Wish
from operations.models import MailSubscription
from privacy import pseudonymise_account
from tests.superset import conftest as real
from tests.superset import people
from tests.superset import test_browser as looking
from tests.superset.conftest import Server
from tests.superset.form import log_in
from tests.superset.people import Person
from tests.superset.test_sessions import number, role
from tests.web import process
from web import accounts
from web.identity import KNOWN_SECONDS

server, browser = real.server, looking.browser

#: How long an answer of Superset may hold for reading, and what this machine takes to answer.
SOON_SECONDS = KNOWN_SECONDS + 3
TYPED = "Une ligne, « deux » & <trois>\nUne autre"


@pytest.fixture(scope="module")
def site(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the real pages beside the real Superset, with everybody's roles."""
    folder = tmp_path_factory.mktemp("pages")
    with server.client() as admin:
        people.grant(server, admin, folder)
    form = process.beside(server, DJANGO_SETTINGS_MODULE="tests.web.with_form.settings")
    with process.pages(server.home, folder / "pages.log", form) as url:
        yield url


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="fr-FR")
    context.set_default_timeout(looking.SECONDS)
    yield context
    context.close()


@pytest.fixture
def admin(server: Server) -> Iterator[Client]:
    with server.client() as session:
        yield session


def come_in(site: str, server: Server, admin: Client, name: str) -> tuple[Person, httpx.Client]:
    """Bring somebody in; return him in Superset, and on the pages, whose form he may send."""
    person = people.come_in(server.url, name, new_password(admin, name))
    pages = httpx.Client(base_url=site, cookies={"session": person.http.cookies["session"]}, timeout=60)
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', pages.get("/formulaire").text)
    assert token
    pages.headers["X-CSRFToken"] = token[1]
    return person, pages


def soon(answers: Callable[[], bool]) -> float:
    """Return after how many seconds something holds, which must be soon."""
    began = time.monotonic()
    while not answers():
        assert time.monotonic() - began < SOON_SECONDS
        time.sleep(0.2)
    return time.monotonic() - began


def test_a_browser_is_led_to_the_login_and_back(site: str, server: Server, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{site}/?depuis=hier")
    assert page.url.startswith(f"{server.url}/login/")
    log_in(page, "admin", server.password)
    page.wait_for_url(f"{site}/?depuis=hier")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Bonjour")
    names = {cookie["name"] for cookie in context.cookies()}
    assert "session" in names
    page.goto(f"{server.url}/logout/")
    soon(lambda: page.goto(site) is not None and page.url.startswith(f"{server.url}/login/"))


def test_a_logout_ends_acts_at_once_and_reading_soon(site: str, server: Server, admin: Client) -> None:
    person, pages = come_in(site, server, admin, "veille")
    assert pages.post("/formulaire", data={"note": "Vu"}).status_code == HTTPStatus.OK
    person.get("/logout/")
    refused = pages.post("/formulaire", data={"note": TYPED})
    assert refused.status_code == HTTPStatus.UNAUTHORIZED
    assert "« deux » &amp; &lt;trois&gt;" in refused.text
    soon(lambda: pages.get("/").status_code == HTTPStatus.FOUND)


def test_an_account_that_is_closed_is_out(site: str, server: Server, admin: Client) -> None:
    _, pages = come_in(site, server, admin, "veille")
    path = f"/api/v1/security/users/{number(admin, 'veille')}"
    admin.put(path, json={"active": False})
    try:
        assert pages.post("/formulaire", data={"note": "Vu"}).status_code == HTTPStatus.UNAUTHORIZED
        soon(lambda: pages.get("/").status_code == HTTPStatus.FOUND)
    finally:
        admin.put(path, json={"active": True})


def test_a_role_that_is_taken_away_gives_nothing_any_more(site: str, server: Server, admin: Client) -> None:
    _, pages = come_in(site, server, admin, "veille")
    path = f"/api/v1/security/users/{number(admin, 'veille')}"
    admin.put(path, json={"roles": [role(admin, "national")]})
    try:
        assert pages.post("/formulaire", data={"note": "Vu"}).status_code == HTTPStatus.UNAUTHORIZED
        soon(lambda: pages.get("/").status_code == HTTPStatus.FOUND)
        _, pages = come_in(site, server, admin, "veille")
        assert pages.get("/").status_code == HTTPStatus.OK
        assert pages.post("/formulaire", data={"note": "Vu"}).status_code == HTTPStatus.FORBIDDEN
    finally:
        admin.put(path, json={"roles": [role(admin, "veille")]})


def test_a_subscription_follows_its_account(
    site: str,  # noqa: ARG001 - with everybody's roles
    home: Home,  # noqa: ARG001 - of the subscriptions
    server: Server,
    admin: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # a browser of another test may have left its loop here
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_URL", server.url)
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", server.password)
    for name in ("veille", "veille_aussi", "gironde", "deux_places"):
        author = Author("veille", pseudonymise_account(name))
        wish = Wish("moi@interieur.gouv.fr", ("FR-33", "FR-69"))
        mail_subscriptions.subscribe(author, wish, Sight(may_judge=True))

    def kept() -> dict[str, tuple]:
        accounts.hold()
        rows = {row.account: row for row in MailSubscription.objects.all()}
        return {
            name: (row.role, row.territories, row.may_judge)
            for name in people.ROLES
            if (row := rows.get(pseudonymise_account(name)))
        }

    everywhere = ("veille", ("FR-33", "FR-69"), True)
    places = {
        "gironde": ("departement-FR-33", ("FR-33",), False),
        "deux_places": ("departement-FR-33", ("FR-33", "FR-69"), False),
    }
    assert kept() == {"veille": everywhere, "veille_aussi": everywhere, **places}
    account, path = "/api/v1/security/users/", "/api/v1/security/groups/"
    group = {"name": "essai", "users": [number(admin, "veille")], "roles": [role(admin, "veille")]}
    made = admin.post(path, json={"label": "", "description": "", **group})["id"]
    admin.put(f"{account}{number(admin, 'veille')}", json={"roles": [role(admin, "national")]})
    admin.put(f"{account}{number(admin, 'veille_aussi')}", json={"active": False})
    try:
        assert kept() == {"veille": ("national", *everywhere[1:]), **places}, "a group gives a role too"
        admin.delete(f"{path}{made}")
        assert kept() == {"veille": ("national", everywhere[1], False), **places}
    finally:
        admin.put(f"{account}{number(admin, 'veille')}", json={"roles": [role(admin, "veille")]})
        admin.put(f"{account}{number(admin, 'veille_aussi')}", json={"active": True})


def test_what_was_typed_into_a_form_outlives_the_session(site: str, context: BrowserContext, admin: Client) -> None:
    password = new_password(admin, "veille")
    page = context.new_page()
    page.goto(f"{site}/formulaire")
    log_in(page, "veille", password)
    page.wait_for_url(f"{site}/formulaire")
    page.fill("#note", TYPED)
    context.clear_cookies(name="session")
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Votre session a expiré")
    with context.expect_page() as opened:
        page.get_by_role("link", name="Se connecter").click()
    log_in(opened.value, "veille", password)
    opened.value.wait_for_url(f"{site}/connecte")
    page.get_by_role("button", name="Envoyer ce que j'avais saisi").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Reçu")
    assert page.locator("#note").inner_text().strip() == TYPED


@pytest.mark.parametrize("width", [390, 1280])
def test_pages_break_no_rule_of_accessibility(site: str, server: Server, browser: Browser, width: int) -> None:
    context = browser.new_context(locale="fr-FR", color_scheme="dark", viewport={"width": width, "height": 844})
    page, problems = context.new_page(), []
    page.on("console", lambda said: problems.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda problem: problems.append(str(problem)))
    page.goto(site)
    log_in(page, "admin", server.password)
    page.wait_for_url(f"{site}/")
    problems.clear()  # those of Superset's page
    for path in ("/", "/chercher", "/chercher?q=exp%C3%A9rience", "/chercher?q=licorne", "/connecte", "/api/docs"):
        page.goto(f"{site}{path}")
        is_sound(page)
    assert problems == []
    for path in ("/verdict/x", "/rien"):  # which the browser calls an error
        page.goto(f"{site}{path}")
        is_sound(page)
    page.goto(f"{site}/")
    if width == 390:
        page.locator("#recherche-bouton").press("Enter")
    page.get_by_role("searchbox").fill("expérience")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Chercher")
    expect(page.get_by_role("main").get_by_role("link").first).to_be_visible()
    context.close()


def is_sound(page: Page) -> None:
    """Check that a page breaks no rule of axe and is no wider than the screen."""
    assert [(rule["id"], rule["nodes"]) for rule in Axe().run(page).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_superset_that_has_died_lets_nobody_in(site: str, server: Server, admin: Client) -> None:
    """The last one: nothing asks this Superset afterwards."""
    _, pages = come_in(site, server, admin, "veille")
    server.process.kill()
    server.process.wait(30)
    soon(lambda: pages.get("/").status_code == HTTPStatus.SERVICE_UNAVAILABLE)
    refused = pages.post("/formulaire", data={"note": "Vu"})
    assert refused.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "Superset, qui dit qui vous êtes, ne répond pas" in refused.text
    assert pages.get("/healthz").status_code == HTTPStatus.OK
