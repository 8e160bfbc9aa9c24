"""Dashboards lead to the pages: each figure of a table to its own, at the address of this deployment."""

import os
import subprocess
from pathlib import Path

import httpx
from playwright.sync_api import Page

from tests.superset import test_browser as looking
from tests.superset.conftest import PYTHON, SERVER, Server
from tests.superset.test_login import listening, pages

browser, page, outside = looking.browser, looking.page, looking.outside


def test_the_way_to_a_page_stays_on_the_pages(server: Server) -> None:
    figure = "chiffre/answer_rate/2026-10/FR-33?ventilation=service%3Dl%27aide"
    for path in ("", "veille", figure, "%40evil.example", "%5C%5Cevil.example", "http%3A/evil.example/"):
        location = httpx.get(f"{server.url}/pages/{path}").headers["location"]
        assert location == f"{pages(server)}/{path}"
    for path in ("//evil.example/", "%2F%2Fevil.example/"):  # one slash is left, and this server is asked again
        assert httpx.get(f"{server.url}/pages/{path}").headers["location"] == f"{server.url}/pages/evil.example/"


def test_a_click_on_a_row_opens_the_page_of_its_figure(server: Server, page: Page, bundle) -> None:
    with listening(int(server.environment["CYBERIMPACT_WEB_PORT"])) as asked:
        looking.show(page, server, looking.named(bundle, "acteurs"))
        looking.open_tab(page, "Tous les indicateurs")
        table = page.locator("[data-test-chart-name='Tous les indicateurs des acteurs']")
        row = table.get_by_role("row").filter(has_text="Actions de prévention").first
        row.get_by_role("link", name="Retracer", exact=True).click()
        page.wait_for_url(f"{pages(server)}/chiffre/**")
        path = "/chiffre/prevention_actions/2025-09/FR?ventilation=scope%3Dl%27aide"
        assert (page.url, page.title()) == (f"{pages(server)}{path}", "page")
        assert path in asked


#: What Superset, configured as here, writes of a table with a link.
EXPORT = """
from types import SimpleNamespace

import pandas as pd
from superset.app import create_app

app = create_app()
with app.test_request_context(base_url="http://127.0.0.1:8088/"):
    from superset.common.chart_data import ChartDataResultFormat
    from superset.common.query_context_processor import QueryContextProcessor

    asked = SimpleNamespace(result_format=ChartDataResultFormat.CSV)
    processor = SimpleNamespace(_query_context=asked, _qc_datasource=SimpleNamespace(data={}))
    link = '<a href="/pages/chiffre/x/2026-10/FR?v=l%27aide">Retracer</a>'
    table = pd.DataFrame({"Indicateur": ["a < b"], "Retracer": [link]})
    print(QueryContextProcessor.get_data(processor, table, []))
"""


def test_an_export_has_the_address_of_the_page_where_the_table_has_a_link(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "SUPERSET_HOME": str(tmp_path),
        "SUPERSET_SECRET_KEY": "k" * 42,
        "SUPERSET_CONFIG_PATH": str(SERVER.with_name("superset_config.py")),
        "PYTHONPATH": str(SERVER.parent),
        "CYBERIMPACT_WEB_PORT": "8091",
    }
    written = subprocess.run(
        [PYTHON, "-c", EXPORT], env=environment, cwd="/", capture_output=True, text=True, check=False
    )
    assert written.stdout.splitlines()[-3:-1] == [
        "Indicateur,Retracer",
        "a < b,http://127.0.0.1:8091/chiffre/x/2026-10/FR?v=l%27aide",
    ], written.stderr


def test_texts_and_tables_of_dashboards_lead_to_their_pages(server: Server, page: Page, bundle) -> None:
    with listening(int(server.environment["CYBERIMPACT_WEB_PORT"])):
        for slug, name, path in (("verbatims", "Textes", "/textes"), ("audit", "Vérifier", "/verifier")):
            looking.show(page, server, looking.named(bundle, slug))
            page.locator(".grid-container").get_by_role("link", name=name, exact=True).first.click()
            page.wait_for_url(f"{pages(server)}{path}")
            assert page.title() == "page"
