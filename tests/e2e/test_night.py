"""The story of one night, from a wave of mentions to the figure that an auditor computes again.

Superset's login, the pages' server and the command line are the real ones. The live copy is written by hand: how a wave
becomes a signal is tested in `tests/analytics` and `tests/dbt`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from supersync.access import new_password

from core.clock import PARIS
from operations.alerts.signals import Signal
from tests.e2e.line import Line
from tests.superset import conftest as real
from tests.superset import people
from tests.superset.conftest import Server
from tests.superset.form import log_in
from tests.web import browsing, process
from tests.web.browsing import DESKTOP, PHONE
from tests.web.watching import publish_watch, signal

server, chromium = real.server, browsing.chromium

SECONDS = 60_000  # what Playwright waits at most, in milliseconds
REFRESHED_MS = 31_000
POLLED_MS = 15_000
#: Stands in a page until it is loaded again.
MARK = "window.isTheSame = true"
MARKED = "window.isTheSame === true"


@pytest.fixture(scope="module")
def site(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("pages")
    with server.client() as admin:
        people.grant(server, admin, folder)
    with process.pages(server.home, folder / "pages.log", process.beside(server)) as url:
        yield url


@pytest.fixture
def come_in(site: str, server: Server, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that brings an account in at a page, through Superset's form.

    What the console reports is an error, but for an answer that refuses.
    """
    problems: list[str] = []

    def visitor(name: str, path: str, size: tuple[int, int] = DESKTOP, **options: Any) -> Page:
        with server.client() as admin:
            password = new_password(admin, name)
        width, height = size
        context = chromium.new_context(
            base_url=site,
            viewport={"width": width, "height": height},
            locale="fr-FR",
            timezone_id="Europe/Paris",
            **options,
        )
        context.set_default_timeout(SECONDS)
        page = context.new_page()
        page.goto(path)
        assert page.url.startswith(f"{server.url}/login/")
        log_in(page, name, password)
        page.wait_for_url(f"{site}{path}")
        page.on("pageerror", lambda problem: problems.append(str(problem)))
        page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        return page

    yield visitor
    assert [said for said in problems if "Failed to load resource" not in said] == []


def write(page: Page, note: str, kind: str = "fait") -> None:
    page.get_by_label("Genre").select_option(kind)
    page.get_by_label("Nouvelle ligne").fill(note)
    page.get_by_role("button", name="Écrire au journal").click()
    expect(page.locator("#journal > li").first).to_contain_text(note)


def test_a_night(
    site: str, server: Server, come_in: Callable[..., Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = server.home
    for name, value in server.environment.items():  # a publication tells Superset
        monkeypatch.setenv(name, value)
    wave = signal(1, topic_code="hameconnage", topic_label="Hameçonnage", crisis_kind="cyber")
    publish_watch(home, [], "calm")
    officer = come_in("veille", "/veille", PHONE, color_scheme="dark")
    officer.clock.install()
    officer.reload()
    expect(officer.locator("#etat")).to_contain_text("Rien ne sort de l'ordinaire")

    # A wave arrives, and the phone shows it.
    publish_watch(home, [wave], "wave")
    officer.evaluate(MARK)
    officer.clock.fast_forward(REFRESHED_MS)
    expect(officer.locator("#etat")).to_contain_text("1 alerte, la plus grave : Hameçonnage – Gironde")
    assert officer.evaluate(MARKED)

    crisis = confirm_and_open(officer)
    mate = come_in("veille_aussi", "/crises")
    mate.get_by_role("link", name="Hameçonnage – Gironde").click()
    mate.wait_for_url(f"{site}{crisis}")

    lines = write_in_turn(officer, mate)
    close_while_writing(officer, mate)
    report(officer, lines, wave)
    count(Line(home, home.root / "export.csv", tmp_path), wave, come_in)


def confirm_and_open(officer: Page) -> str:
    """Judge the signal and open the crisis that it announces, by touch; return the address of the crisis."""
    officer.get_by_role("link", name="Hameçonnage – Gironde").click()
    expect(officer.get_by_text("Personne ne s'est encore prononcé.")).to_be_visible()
    officer.get_by_role("button", name="Confirmer").click()
    expect(officer.get_by_role("alert")).to_contain_text("Verdict enregistré : confirmé")
    officer.get_by_role("link", name="Ouvrir une crise").click()
    expect(officer.get_by_label("Titre")).to_have_value("Hameçonnage – Gironde")
    ticked = "boxes => boxes.map(box => box.value)"
    assert officer.locator("input[name=topics]:checked").evaluate_all(ticked) == ["hameconnage"]
    assert officer.locator("input[name=territories]:checked").evaluate_all(ticked) == ["FR-33"]
    officer.get_by_role("button", name="Ouvrir la crise").click()
    expect(officer.get_by_role("heading", level=1)).to_have_text("Hameçonnage – Gironde")
    assert officer.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return httpx.URL(officer.url).path


def write_in_turn(officer: Page, mate: Page) -> list[tuple[str, str]]:
    """Let two people write, each while the other types; return what they wrote, by kind."""
    lines = []
    for number, kind in enumerate(("fait", "dit", "mené"), 1):
        for writer, reader, name in ((officer, mate, "Permanence"), (mate, officer, "Renfort")):
            draft = f"Ligne {number} en cours"
            reader.get_by_label("Nouvelle ligne").fill(draft)
            reader.evaluate(MARK)
            note = f"{name}, appel {number}"
            write(writer, note, kind)
            lines.append((kind, note))
            expect(reader.locator("#journal > li")).to_have_count(len(lines), timeout=POLLED_MS)
            expect(reader.locator("#journal > li").first).to_contain_text(note)
            expect(reader.get_by_label("Nouvelle ligne")).to_have_value(draft)
            assert reader.evaluate(MARKED)
    for page in (officer, mate):
        shown = page.locator("#journal > li p:last-child").all_inner_texts()
        assert shown == [note for _, note in reversed(lines)]
    return lines


def close_while_writing(officer: Page, mate: Page) -> None:
    """Let one person close the crisis while the other one types: what he typed stays, and is not written."""
    mate.get_by_label("Nouvelle ligne").fill("Trop tard")
    officer.get_by_role("link", name="Clore la crise").click()
    expect(officer.get_by_text("6 lignes au journal")).to_be_visible()
    officer.get_by_role("button", name="Clore la crise").click()
    expect(officer.get_by_text("Son journal n'accepte plus de ligne")).to_be_visible()
    expect(mate.get_by_text("Ce que vous avez saisi reste ci-dessus")).to_be_visible(timeout=POLLED_MS)
    expect(mate.get_by_label("Nouvelle ligne")).to_have_value("Trop tard")
    mate.get_by_role("button", name="Écrire au journal").click()
    expect(mate.get_by_role("alert")).to_contain_text("Votre ligne n'a pas été enregistrée")
    expect(mate.get_by_label("Votre ligne")).to_have_value("Trop tard")


def report(officer: Page, lines: list[tuple[str, str]], wave: Signal) -> None:
    """Check the report: every line once, in order, with the signal, the verdict, the opening and the end."""
    officer.get_by_role("link", name="Rapport").click()
    expect(officer.get_by_role("heading", level=1)).to_have_text("Crise : Hameçonnage – Gironde")
    shown = officer.get_by_role("table", name="Chronologie").locator("tbody td:last-child").all_inner_texts()
    assert wave.topic_label in shown[0]
    written = [f"{kind.capitalize()} : {note}" for kind, note in lines]
    assert shown[1:] == ["Verdict (Cellule de veille) : confirmé", "Crise ouverte", *written, "Crise close"]
    expect(officer.get_by_text("Trop tard")).to_have_count(0)


def count(line: Line, wave: Signal, come_in: Callable[..., Page]) -> None:
    """Build and publish, and let the auditor compute the figure of the month again."""
    line.succeed("load", "operations")
    line.succeed("build", "--daily")
    line.succeed("publish", "--daily")
    month = wave.opened_at.astimezone(PARIS)
    auditor = come_in("auditeur", f"/chiffre/signal_precision/{month:%Y-%m}/FR")
    expect(auditor.get_by_role("heading", level=1)).to_have_text("Précision des signaux")
    expect(auditor.locator(".fr-display--sm")).to_have_text("100,0 %")
    auditor.get_by_role("link", name="Recalculer").click()
    expect(auditor.locator("#recalcul").get_by_role("heading")).to_have_text("Recalculé : égal", timeout=SECONDS)
