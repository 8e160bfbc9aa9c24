"""Each kind of role opens each dashboard in a real browser: whole and in French, or refused in French.

Every role on every dashboard takes minutes: `make proof`. Otherwise each role opens what distinguishes it.
"""

from collections.abc import Collection, Iterator

import pytest
import yaml
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from supersync.bundle import Asset, Bundle

from tests.superset import people
from tests.superset import test_browser as looking
from tests.superset.conftest import Server
from tests.superset.form import log_in

#: One of each kind of role.
KINDS = ("nationale", "gironde", "aquitaine", "gendarmerie_aquitaine", "analyste", "auditeur", "administrateur")
#: What distinguishes a role: a page of figures, one of live rows, those that are reserved.
TELLING = ("vue-densemble-telephone", "veille", "verbatims", "audit")

#: Who sees few territories: the first is chosen already.
FEW = ("gironde", "aquitaine", "gendarmerie_aquitaine")
#: What a role leaves empty on a dashboard: visits are known by region, of which neither a département nor a region of
#: gendarmerie is one.
EMPTY = {
    (name, "visibilite"): ["empty: Visites selon la région du visiteur"]
    for name in ("gironde", "gendarmerie_aquitaine")
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=looking.CHROMIUM, args=list(looking.FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def granted(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, dict[str, str]]:
    with server.client() as client:
        bundle, _ = people.grant(server, client, tmp_path_factory.mktemp("browser"))
        return bundle, {name: people.access.new_password(client, name) for name in KINDS}


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
    log_in(page, name, password)
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def opens(name: str, dashboard: Asset) -> bool:
    """Tell whether somebody may open a dashboard, by what the policies say."""
    reserved = yaml.safe_load((people.POLICIES / "roles.yml").read_text(encoding="utf-8"))["reserved"]["dashboards"]
    return bool(set(people.ROLES[name]) & set(reserved.get(dashboard.slug, people.ROLES[name])))


def open_each(page: Page, server: Server, bundle: Bundle, name: str, slugs: Collection[str] | None = None) -> None:
    """Open dashboards as somebody who has come in, and hold each to be whole, or refused."""
    for dashboard in bundle.dashboards:
        if slugs is not None and dashboard.slug not in slugs:
            continue
        if opens(name, dashboard):
            looking.show(page, server, dashboard)
            if dashboard.slug in looking.CHOSEN and name not in FEW:
                looking.choose(page, *looking.CHOSEN[dashboard.slug])
                looking.settle(page)
            assert looking.faults(page, bundle, dashboard) == EMPTY.get((name, dashboard.slug), []), dashboard.slug
            assert looking.untranslated(page) <= set(looking.UNTRANSLATED.read_text(encoding="utf-8").splitlines())
        else:
            refuse(page, server, dashboard)


def refuse(page: Page, server: Server, dashboard: Asset) -> None:
    """Hold that a dashboard is refused in words, shows no chart, and is not offered."""
    answer = page.goto(f"{server.url}/superset/dashboard/{dashboard.slug}/")
    assert answer is not None
    assert answer.status == 404
    assert "votre rôle ne l'ouvre pas" in page.locator("body").inner_text()
    assert looking.ENGLISH.findall(page.locator("body").inner_text()) == []
    page.get_by_role("link", name="Revenir à l'accueil").click()
    expect(page.get_by_text("Tableaux de bord").first).to_be_visible()
    assert page.get_by_text(dashboard.title, exact=True).count() == 0


def test_a_territory_has_no_sql_and_chooses_among_its_own_places(server, browser, granted, violations):
    bundle, passwords = granted
    page = open_as(browser, server, "gironde", passwords["gironde"], violations)
    expect(page.get_by_text("Tableaux de bord").first).to_be_visible()
    assert page.get_by_text("SQL").count() == 0  # in the menu
    looking.show(page, server, looking.named(bundle, "perception"))
    page.get_by_role("combobox", name="NATIVE_FILTER-territory").click(force=True)
    options = page.locator(".ant-select-item-option")
    expect(options.first).to_be_visible()
    assert set(options.all_inner_texts()) == {"France", "Gironde"}
    assert violations == []
    page.context.close()


@pytest.mark.parametrize("name", KINDS)
def test_each_role_opens_what_it_may(server, browser, granted, violations, name):
    bundle, passwords = granted
    page = open_as(browser, server, name, passwords[name], violations)
    open_each(page, server, bundle, name, TELLING)
    assert violations == []
    page.context.close()


@pytest.mark.proof
@pytest.mark.parametrize("name", KINDS)
def test_each_role_opens_each_dashboard_whole(server, browser, granted, violations, name):
    bundle, passwords = granted
    page = open_as(browser, server, name, passwords[name], violations)
    open_each(page, server, bundle, name)
    assert violations == []
    page.context.close()


@pytest.mark.proof
def test_the_pages_that_only_some_roles_have(server, browser, granted, violations):
    _, passwords = granted
    page = open_as(browser, server, "analyste", passwords["analyste"], violations)
    page.goto(f"{server.url}/sqllab/")
    expect(page.get_by_role("tab", name="Ajouter un nouvel onglet")).to_be_visible()
    page.context.close()
    page = open_as(browser, server, "administrateur", passwords["administrateur"], violations)
    page.goto(f"{server.url}/users/")
    expect(page.get_by_text("gironde").first).to_be_visible()
    assert violations == []
    page.context.close()
