"""The dashboards in a real browser: every chart is drawn, in French, and nothing is asked of the outside.

`CYBERIMPACT_SCREENSHOTS` names the folder that takes the pictures, among them the README's; the test's own by default.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from supersync import cache
from supersync.apply import apply
from supersync.bundle import PHONE, Asset, Bundle, chart_slugs
from supersync.check import ENGLISH
from supersync.drift import drift

from core import settings
from tests.superset import serving
from tests.superset.conftest import Server
from tests.superset.copies import publish, swap
from tests.superset.form import log_in

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=fr-FR",
)
WIDTH, HEIGHT = 1366, 768
PHONE_WIDTH = 390
WITHOUT_GENDARMERIE = (
    "delete from perception.fct_experience_theme_count where breakdown_value = 'gendarmerie'",
    "delete from perception.fct_experience_structure_count where breakdown_value = 'gendarmerie'",
)
#: Every text that a page shows or gives to a screen reader; letters without a size are not shown.
SAID = """
    body => [
        ...[...body.querySelectorAll('*')].flatMap(node => [...node.childNodes])
            .filter(node => node.nodeType === Node.TEXT_NODE && node.parentElement.offsetParent)
            .filter(node => getComputedStyle(node.parentElement).fontSize !== '0px').map(node => node.data),
        ...[...body.querySelectorAll('[aria-label], [title], [placeholder]')]
            .flatMap(node => [node.getAttribute('aria-label'), node.title, node.getAttribute('placeholder')]),
    ].filter(text => text)
"""
TALL = "grid => Math.ceil(grid.scrollHeight)"
#: What is chosen where a dashboard opens on nothing, or on a place that some KPI does not know in this copy.
CHOSEN = {"territoire": ("territory", "Gironde"), "verbatims": ("words", "plainte")}
#: What a chart without rows says.
NOTHING = "Rien à montrer"
#: What a chart writes of a value that nobody has named.
RAW = re.compile(r"\b(?:true|false|nan|undefined)\b|<NULL>|team:\S+", re.IGNORECASE)
SECONDS = 60_000  # what Playwright waits at most, in milliseconds
#: What a chart is drawn with, where it is not a canvas.
SHAPES = {"big_number": ".header-line", "big_number_total": ".header-line", "country_map": "path", "table": "td"}
#: Rules of axe-core that Superset's own frame breaks on every page: the bundle draws neither the header nor the tabs.
FRAME = {"aria-allowed-role", "aria-prohibited-attr", "nested-interactive", "page-has-heading-one"}
#: Superset's own strings that no translation reaches. They may only become fewer.
UNTRANSLATED = Path(__file__).with_name("untranslated.txt")
#: Words of its catalogue that are the same in French.
FRENCH_TOO = {"Table"}
CATALOGUE = (
    settings.CHECKOUT / ".venv-superset" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    "/site-packages/superset/translations/fr/LC_MESSAGES/messages.json"
)
SCARF = "scarf.sh"  # Superset's own counter of installations: asked for, refused by the policy


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is not installed: `make chromium` installs it")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def outside() -> list[str]:
    """Addresses other than the server's that the page has asked for."""
    return []


@pytest.fixture
def page(server: Server, browser: Browser, client, bundle, outside: list[str]) -> Iterator[Page]:
    """A page on which the administrator is logged in."""
    apply(client, bundle, server.database_uri)
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, locale="fr-FR", timezone_id="Europe/Paris", reduced_motion="reduce"
    )
    opened = context.new_page()
    opened.set_default_timeout(SECONDS)
    expect.set_options(timeout=SECONDS)
    opened.on("request", lambda request: note_outside(request.url, server.url, outside))
    opened.goto(f"{server.url}/login/")
    log_in(opened, "admin", server.password)
    opened.wait_for_url(lambda url: "/login" not in url)
    yield opened
    context.close()


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("CYBERIMPACT_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def note_outside(url: str, server: str, outside: list[str]) -> None:
    if not url.startswith((server, "data:", "blob:")) and SCARF not in url:
        outside.append(url)


def show(page: Page, server: Server, dashboard: Asset) -> None:
    """Open a dashboard, tall enough for every chart to be drawn, and wait until none is loading."""
    width = PHONE_WIDTH if dashboard.slug.endswith(PHONE) else WIDTH
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.goto(f"{server.url}/superset/dashboard/{dashboard.slug}/")
    expect(page.locator(".dashboard-component-chart-holder").first).to_be_visible()
    page.set_viewport_size({"width": width, "height": HEIGHT + page.locator(".grid-container").evaluate(TALL)})
    first, *_ = views(dashboard).values()
    expect(page.locator("[data-test-chart-id]")).to_have_count(len(first))
    settle(page)


def views(dashboard: Asset) -> dict[str, list[str]]:
    """Return the charts that a reader sees at once, by the tab that is open; those above the tabs with the first."""
    rows = dashboard.declared["rows"]
    always = [slug for row in rows for slug in row.get("charts", {})]
    tabs = {title: chart_slugs({"rows": inner}) for row in rows for title, inner in row.get("tabs", {}).items()}
    first = next(iter(tabs), "")
    return {first: [*always, *tabs.get(first, [])], **{title: tabs[title] for title in tabs if title != first}}


def settle(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    expect(page.locator("[data-test='loading-indicator'], .loading")).to_have_count(0)
    expect(page.locator(".slice_container")).not_to_have_count(0)
    expect(page.locator("[data-test-chart-name='Publication'] td").first).to_be_visible()


def open_tab(page: Page, title: str) -> None:
    page.get_by_role("tab").filter(has_text=re.compile(rf"^\s*{re.escape(title)}\s*$")).click()


def choose(page: Page, name: str, value: str) -> None:
    """Choose a value of a filter, as a reader does."""
    field = page.get_by_role("combobox", name=f"NATIVE_FILTER-{name}")
    if page.evaluate("innerWidth") < WIDTH:  # a narrow page keeps its filters in a pane
        page.get_by_role("button", name="Autres filtres").click()
        expect(field).to_be_in_viewport()
    field.click(force=True)  # the chosen value lies over the field
    field.fill(value)
    option = page.locator(f".ant-select-item-option[title='{value}']")
    expect(option).to_be_visible()
    option.dispatch_event("click")  # a list in a pane of filters moves under the mouse
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Appliquer").click()


def named(bundle: Bundle, slug: str) -> Asset:
    return next(dashboard for dashboard in bundle.dashboards if dashboard.slug == slug)


def card(page: Page, title: str) -> Locator:
    return page.locator(f"[data-test-chart-name='{title}'] .header-line")


def picture(page: Page, path: Path) -> None:
    page.wait_for_timeout(2_500)  # lines and bars grow while they are drawn
    page.screenshot(path=path, full_page=True)


def empty_charts(page: Page) -> list[str]:
    """Return the names of the charts that say that they have nothing to show."""
    name = "chart => chart.getAttribute('data-test-chart-name')"
    saying = page.locator("[data-test-chart-name]").filter(has_text=NOTHING)
    return [chart.evaluate(name) for chart in saying.all()]


def untranslated(page: Page) -> set[str]:
    """Return what the page says in the English of Superset's own catalogue of texts."""
    entries = json.loads(CATALOGUE.read_text(encoding="utf-8"))["locale_data"]["superset"].items()
    english = {text for text, translations in entries if text and translations[0] != text}
    said = page.locator("body").evaluate(SAID)
    return {text for text in map(str.strip, said) if text in english - FRENCH_TOO or text == "N/A"}


def errors(page: Page) -> list[str]:
    shown = ".ant-alert-error, [data-test='error-message'], .alert-danger, .toast--danger, .ant-message-error"
    return page.locator(shown).all_inner_texts()


def faults(page: Page, bundle: Bundle, dashboard: Asset) -> list[str]:
    """Return what is wrong with an open dashboard, tab by tab.

    That is a message of an error, a chart without a figure, an English word.
    """
    found = []
    for number, (tab, shown) in enumerate(views(dashboard).items()):
        if number:  # the first is open
            open_tab(page, tab)
            settle(page)
        found += [f"error: {text}" for text in errors(page)]
        for chart in (chart for chart in bundle.charts if chart.slug in shown):
            drawn = page.locator(f'[data-test-chart-name="{chart.title}"]')
            if drawn.count() != 1 or not drawn.locator(SHAPES.get(chart.declared["viz"], "canvas")).count():
                found.append(f"not drawn: {chart.title}")
        said = page.locator(".grid-container").inner_text()
        found += [f"axe: {rule['id']}" for rule in Axe().run(page).response["violations"] if rule["id"] not in FRAME]
        found += [f"English: {word}" for word in (*ENGLISH.findall(said), *RAW.findall(said))]
    return [*found, *(f"empty: {name}" for name in empty_charts(page))]


def test_english_is_told_from_french(browser):
    page = browser.new_context().new_page()
    hidden = "<p style='font-size: 0'>Cancel</p>"
    page.set_content(f"<main><button aria-label='Add filter'>Apply</button><p>Appliquer</p><p>N/A</p>{hidden}</main>")
    assert untranslated(page) == {"Add filter", "Apply", "N/A"}
    page.context.close()


def test_every_chart_is_drawn(page, server, client, bundle, *, outside, screenshots):
    """Each dashboard once, under the same session."""
    english: set[str] = set()
    for dashboard in bundle.dashboards:
        show(page, server, dashboard)
        if chosen := CHOSEN.get(dashboard.slug.removesuffix(PHONE)):
            choose(page, *chosen)
            settle(page)
        picture(page, screenshots / f"{dashboard.slug}.png")
        english |= untranslated(page)
        assert faults(page, bundle, dashboard) == [], dashboard.slug
        english |= untranslated(page)
    assert outside == []
    assert english == set(UNTRANSLATED.read_text(encoding="utf-8").splitlines())
    # Reading is no change, though Superset itself notes the colours of a dashboard when an administrator opens it.
    assert drift(client, bundle, server.database_uri) == []


def test_what_a_reader_sees_of_the_whole(page, server, bundle, screenshots):
    show(page, server, named(bundle, "vue-densemble"))
    open_tab(page, "Sources")
    settle(page)
    # Fifteen of the sixteen platforms, whose figures this copy has by hand only.
    assert page.locator("td", has_text="jamais chargée").count() > 0
    assert page.locator("td", has_text="à jour").count() == 1
    unknown = page.locator("td.dt-is-null").first
    assert unknown.evaluate("cell => getComputedStyle(cell, '::before').content") == '"–"'
    assert unknown.evaluate("cell => getComputedStyle(cell).fontSize") == "0px"
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.screenshot(path=screenshots / "vue-densemble-top.png")


def test_the_filters_reach_the_charts(page, server, bundle, screenshots):
    """The card counts what an independent count over the experiences finds, before and after each choice."""
    show(page, server, named(bundle, "perception"))
    open_tab(page, "Plateformes")
    shown = card(page, "Expériences publiées")
    expect(shown).to_have_text(count(server, "scope = 'gendarmerie'"))
    choose(page, "scope", "total")
    expect(shown).to_have_text(count(server, "true"))
    choose(page, "territory", "Gironde")
    expect(shown).to_have_text(count(server, "territory_code = 'FR-33'"))
    settle(page)
    assert errors(page) == []
    picture(page, screenshots / "perception-gironde.png")


def test_words_find_texts_and_a_click_on_a_theme_opens_them(page, server, bundle, screenshots):
    show(page, server, named(bundle, "verbatims"))
    assert errors(page) == []
    expect(cells(page, "Textes", "attente").first).to_be_visible()  # the latest, until a word is chosen
    choose(page, "words", "plainte")
    expect(cells(page, "Textes", "attente")).to_have_count(0)
    expect(cells(page, "Textes", "Refus de prendre ma plainte").first).to_be_visible()
    settle(page)
    cells(page, "Thèmes", "Dépôt de plainte et refus").click()
    expect(cells(page, "Reproches typiques", "guichet")).to_have_count(0)
    expect(cells(page, "Textes", "Refus de prendre ma plainte").first).to_be_visible()
    assert errors(page) == []
    picture(page, screenshots / "verbatims.png")


def cells(page: Page, chart: str, text: str) -> Locator:
    return page.locator(f"[data-test-chart-name='{chart}'] td", has_text=text)


def count(server: Server, condition: str) -> str:
    """Count the experiences of the last month that is over, under a condition."""
    path = (server.home.published / "daily" / "current" / "serving.duckdb").resolve()
    this_month = f"date '{serving.TODAY.replace(day=1)}'"
    months = (
        "select date_trunc('month', published_on) as month from perception.fct_experience "
        f"where published_on < {this_month} and ({condition})"
    )
    with duckdb.connect(str(path), read_only=True) as connection:
        query = (
            f"with months as ({months}) select count(month) from months where month = (select max(month) from months)"
        )
        return str(connection.execute(query).fetchone()[0])


def test_a_copy_without_the_gendarmerie_says_so(page, server, client, bundle, screenshots):
    """The default filters find nothing: no error, no zero, and an empty place says so."""
    daily = server.home.published / "daily"
    former = (daily / "current").readlink()
    publish(daily, "others", "delete from kpi.rpt_kpi where breakdown_value = 'gendarmerie'", *WITHOUT_GENDARMERIE)
    cache.invalidate(client, bundle)
    try:
        show(page, server, named(bundle, "perception"))
        assert errors(page) == []
        open_tab(page, "Plateformes")
        empty = page.locator("[data-test-chart-name='Expériences publiées']")
        expect(empty.get_by_text(NOTHING)).to_be_visible()
        picture(page, screenshots / "perception-vide.png")
    finally:
        swap(daily, former)
        cache.invalidate(client, bundle)
