"""Makes the weekly digest: dashboards printed to PDF by headless Chromium, and mailed."""

import os
import shutil
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from playwright.sync_api import Error as BrowserError

from core import settings, superset
from core.clock import PARIS
from core.errors import ExpectedFailure
from core.settings import Home
from operations import mail, mailed_pages, subscriptions
from operations.subscriptions import Subscription
from warehouse import published

#: Whose eyes the pages are drawn with; its role is in `superset/policies/roles.yml`.
ACCOUNT = "courrier"

NATION = "FR"

WIDTH, HEIGHT = 1366, 768
WAIT_MS = 90_000
DRAWN_MS = 2_500  # lines and bars grow while they are drawn

_FLAGS = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync")
_CHART = "[data-test-chart-id]"
_LOADING = "[data-test='loading-indicator'], .loading"
_BROKEN = ".ant-alert-error, [data-test='error-message'], .alert-danger"
_TALL = "grid => Math.ceil(grid.scrollHeight)"
_PUBLICATION = "select publication_id, data_as_of from audit.publication"
_NAMES = """
    select territory_code, territory_name from reference.dim_territory
    where territory_level in ('departement', 'region', 'gendarmerie_region')
"""


@dataclass(frozen=True)
class Leaf:
    """A page of the digest.

    Attributes:
        slug: The dashboard.
        territory: Name of the territory that it shows, None for what it opens with.
    """

    slug: str
    territory: str | None = None

    @property
    def file_name(self) -> str:
        return f"{self.slug}{f'-{self.territory}' if self.territory else ''}.pdf"

    @property
    def path(self) -> str:
        """Return its path on the server, its filter included."""
        return superset.dashboard_path(self.slug, self.territory)


@dataclass(frozen=True)
class Edition:
    """The metadata of a digest.

    Attributes:
        week: As the command line names it, `2026-W48`.
        publication_id: The publication that the pages show.
        data_as_of: Last day that its data cover.
        names: Names of the territories that have a page, by code.
    """

    week: str
    publication_id: str
    data_as_of: str
    names: dict[str, str]


def edition(home: Home, now: datetime) -> Edition:
    """Return the edition of a week.

    Args:
        home: The home whose published copy is mailed.
        now: Any instant of the week.

    Raises:
        ExpectedFailure: nothing was published yet.
    """
    with published.connect(home) as connection:
        [(publication_id, as_of)] = connection.execute(_PUBLICATION).fetchall()
        names = dict(connection.execute(_NAMES).fetchall())
    day = f"{as_of:%d/%m/%Y}" if as_of else "une date inconnue"
    return Edition(f"{now.astimezone(PARIS):%G-W%V}", publication_id, day, names)


def leaves(subscription: Subscription, current: Edition) -> list[Leaf]:
    """Return the pages of a recipient: those that it names, or the usual ones; each for each of its territories.

    A page that cannot be set on a territory is sent once, as it opens; so is one for the nation.
    """
    codes = subscription.territories
    usual = mailed_pages.OF_A_TERRITORY if codes else mailed_pages.NATIONAL
    names = [current.names[code] for code in sorted(codes & current.names.keys())]
    found = []
    for slug in subscription.dashboards or usual:
        page = mailed_pages.mailable()[slug]
        if page.has_nation and (not codes or NATION in codes or not page.has_territories):
            found.append(Leaf(slug))
        if page.has_territories:
            found += [Leaf(slug, name) for name in names]
    return list(dict.fromkeys(found))  # a region and a département may have one name, and so one page


def send(home: Home, now: datetime) -> list[str]:
    """Send this week's digest to everybody who wants it by mail, each page drawn once.

    Returns:
        A line for each recipient.

    Raises:
        ExpectedFailure: nothing is published, Superset or Chromium is missing, a page does not come out whole, or the
            mail server refuses. What was sent before stays sent; a repeat has the same Message-ID.
    """
    wanted = [subscription for subscription in subscriptions.declared("digest") if subscription.channel == "mail"]
    if not wanted:
        return []
    mail.server()  # said before minutes are spent on drawing
    current = edition(home, now)
    by_recipient = {subscription.key: leaves(subscription, current) for subscription in wanted}
    drawn = draw(dict.fromkeys(leaf for pages in by_recipient.values() for leaf in pages))
    lines = []
    for subscription in wanted:
        pages = by_recipient[subscription.key]
        if not pages:
            lines.append(f"{subscription.recipient}: no page for its territories, nothing was sent.")
            continue
        mail.send(message(subscription, current, {leaf: drawn[leaf] for leaf in pages}))
        lines.append(f"{subscription.recipient}: {len(pages)} page(s) sent.")
    return lines


def message(subscription: Subscription, current: Edition, pages: dict[Leaf, bytes]) -> EmailMessage:
    """Return the mail of one recipient."""
    year, week = current.week.split("-W")
    mailed = EmailMessage()
    mailed["To"] = subscription.destination()
    mailed["Subject"] = f"cyberimpact : les tableaux de bord de la semaine {int(week)} de {year}"
    mailed["Message-ID"] = f"<digest.{current.week}.{subscription.recipient}@cyberimpact.invalid>"
    links = "\n".join(f"- {settings.superset_url()}{leaf.path}" for leaf in pages)
    mailed.set_content(
        f"Ci-joint, en PDF, les tableaux de bord tels qu'ils étaient publiés.\n\n"
        f"Données au {current.data_as_of}. Publication {current.publication_id}.\n"
        "Une case vide n'est pas un zéro : rien ne répond, ou le chiffre est sous secret statistique.\n\n"
        f"En ligne, avec les filtres et les définitions :\n{links}\n"
    )
    for leaf, pdf in pages.items():
        mailed.add_attachment(pdf, maintype="application", subtype="pdf", filename=leaf.file_name)
    return mailed


def draw(wanted: Iterable[Leaf]) -> dict[Leaf, bytes]:
    """Return each page as a PDF of one sheet, as high as the dashboard is.

    Raises:
        ExpectedFailure: Superset does not answer or lacks the account, or a chart of a page shows an error.
    """
    with browser() as chromium:
        context = chromium.new_context(
            viewport={"width": WIDTH, "height": HEIGHT},
            locale="fr-FR",
            timezone_id="Europe/Paris",
            reduced_motion="reduce",
        )
        context.set_default_timeout(WAIT_MS)
        log_in(context)
        return {leaf: _pdf(context.new_page(), leaf) for leaf in wanted}


@contextmanager
def browser() -> Generator[Browser]:
    """Give a headless Chromium, the one of this machine: none is downloaded.

    Raises:
        ExpectedFailure: there is none, or it does not start.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise ExpectedFailure("Chromium is not installed, so no digest can be drawn.", "Install it: `make chromium`.")
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=path, args=list(_flags()))
        except BrowserError as problem:
            raise ExpectedFailure(
                f"Chromium does not start: {str(problem).splitlines()[0]}", "Run `chromium --version` to see why."
            ) from None
        try:
            yield chromium
        finally:
            chromium.close()


def _flags() -> Sequence[str]:
    """Return how Chromium is started; its sandbox cannot be had by root, as in a container."""
    return (*_FLAGS, "--no-sandbox") if os.geteuid() == 0 else _FLAGS


def log_in(context: BrowserContext) -> None:
    """Give a browser a session of the account of the digest, which may open dashboards and nothing else.

    Raises:
        ExpectedFailure: Superset does not answer, or there is no such account.
    """
    url = settings.superset_url()
    try:
        httpx.get(f"{url}/health", timeout=10).raise_for_status()
    except httpx.HTTPError:
        raise ExpectedFailure(f"Superset does not answer at {url}.", "Start it with `make up`.") from None
    context.add_cookies(
        [{"name": name, "value": value, "url": url} for name, value in superset.session(ACCOUNT).items()]
    )


def show(page: Page, leaf: Leaf) -> int:
    """Open a page of the digest, wait until every chart is drawn, and return its height in pixels.

    Raises:
        ExpectedFailure: it does not come up, or a chart shows an error.
    """
    page.goto(settings.superset_url() + leaf.path)
    try:
        page.locator(_CHART).first.wait_for()
        # Charts are drawn when they come into view: a window as high as the page shows them all.
        tall = HEIGHT + page.locator(".grid-container").evaluate(_TALL)
        page.set_viewport_size({"width": WIDTH, "height": tall})
        page.wait_for_load_state("networkidle")
        expect(page.locator(_LOADING)).to_have_count(0, timeout=WAIT_MS)
        page.wait_for_timeout(DRAWN_MS)
    except (BrowserError, AssertionError) as problem:
        raise ExpectedFailure(
            f"The dashboard {leaf.slug} does not come up: {str(problem).strip().splitlines()[0]}",
            "Open it in Superset; if it is not there, `cyberimpact superset apply`.",
        ) from None
    broken = page.locator(_BROKEN).all_inner_texts()
    if broken:
        raise ExpectedFailure(
            f"The dashboard {leaf.slug} shows an error: {broken[0].strip()[:200]}",
            "Correct it, then run the job again.",
        )
    return tall


def _pdf(page: Page, leaf: Leaf) -> bytes:
    tall = show(page, leaf)
    page.emulate_media(media="screen")
    pdf = page.pdf(width=f"{WIDTH}px", height=f"{tall}px", print_background=True, page_ranges="1")
    page.close()
    return pdf
