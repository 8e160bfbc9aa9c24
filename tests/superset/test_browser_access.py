"""Each kind of role in a real browser: dashboards open whole, nothing breaks the policy, nobody else's rows show."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from supersync.bundle import Bundle
from supersync.policies import Policies

from tests.superset import people
from tests.superset import test_browser as looking
from tests.superset.conftest import Server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=looking.CHROMIUM, args=list(looking.FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def granted(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Policies, dict[str, str]]:
    """The bundle on the server, who may do what there, and a password for each name."""
    with server.client() as client:
        bundle, declared = people.grant(server, client, tmp_path_factory.mktemp("browser"))
        names = ("gironde", "nationale", "analyste", "auditeur", "administrateur")
        return bundle, declared, {name: people.access.new_password(client, name) for name in names}


@pytest.fixture
def violations() -> list[str]:
    """What the browser's console says of the policy, but for Superset's counter of installations."""
    return []


def note(message: ConsoleMessage, violations: list[str]) -> None:
    if "Content Security Policy" in message.text and looking.SCARF not in message.text:
        violations.append(message.text)


def open_as(browser: Browser, server: Server, name: str, password: str, violations: list[str]) -> Page:
    context = browser.new_context(
        viewport={"width": looking.WIDTH, "height": looking.HEIGHT}, locale="fr-FR", timezone_id="Europe/Paris"
    )
    page = context.new_page()
    page.set_default_timeout(looking.SECONDS)
    expect.set_options(timeout=looking.SECONDS)
    page.on("console", lambda message: note(message, violations))
    page.goto(f"{server.url}/login/")
    page.fill("#username", name)
    page.fill("#password", password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def open_each(page: Page, server: Server, bundle: Bundle, declared: Policies, name: str) -> None:
    """Open each dashboard that is not reserved to others."""
    for dashboard in bundle.dashboards:
        openers = declared.reserved["dashboards"].get(dashboard.slug)
        if openers and not set(openers) & set(people.ROLES[name]):
            continue
        looking.show(page, server, dashboard)
        assert looking.errors(page) == [], dashboard.slug
        assert page.locator(".toast--danger, .ant-message-error").all_inner_texts() == [], dashboard.slug


def test_a_territory_opens_each_dashboard_whole(server, browser, granted, violations):
    bundle, declared, passwords = granted
    page = open_as(browser, server, "gironde", passwords["gironde"], violations)
    expect(page.get_by_text("Tableaux de bord").first).to_be_visible()
    assert page.get_by_text("SQL").count() == 0  # in the menu
    open_each(page, server, bundle, declared, "gironde")
    looking.show(page, server, looking.named(bundle, "perception"))
    page.get_by_role("combobox", name="NATIVE_FILTER-territory").click(force=True)
    options = page.locator(".ant-select-item-option")
    expect(options.first).to_be_visible()
    assert set(options.all_inner_texts()) == {"France", "Gironde"}
    assert violations == []
    page.context.close()


@pytest.mark.proof
@pytest.mark.parametrize("name", ["nationale", "analyste", "auditeur", "administrateur"])
def test_the_others_open_each_dashboard_whole(server, browser, granted, violations, name):
    bundle, declared, passwords = granted
    page = open_as(browser, server, name, passwords[name], violations)
    open_each(page, server, bundle, declared, name)
    assert violations == []
    page.context.close()


@pytest.mark.proof
def test_the_pages_that_only_some_roles_have(server, browser, granted, violations):
    *_, passwords = granted
    page = open_as(browser, server, "analyste", passwords["analyste"], violations)
    page.goto(f"{server.url}/sqllab/")
    expect(page.get_by_role("tab", name="Ajouter un nouvel onglet")).to_be_visible()
    page.context.close()
    page = open_as(browser, server, "administrateur", passwords["administrateur"], violations)
    page.goto(f"{server.url}/users/")
    expect(page.get_by_text("gironde").first).to_be_visible()
    assert violations == []
    page.context.close()
