"""The pages of the weekly digest, drawn by a real browser from a real Superset."""

import httpx
import pytest

from core import superset
from core.errors import ExpectedFailure
from operations import digest
from operations.digest import Leaf
from tests.superset import people


@pytest.fixture
def reached(server, client, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform reaches the tests' Superset as its own."""
    people.grant(server, client, tmp_path)
    monkeypatch.setenv("CYBERIMPACT_HOME", str(server.home.root))
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_URL", server.url)
    monkeypatch.setenv("SUPERSET_SECRET_KEY", server.environment["SUPERSET_SECRET_KEY"])
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", "not needed")


@pytest.mark.usefixtures("reached")
def test_a_page_is_one_sheet_with_its_charts():
    (pdf,) = digest.draw([Leaf("vue-densemble")]).values()
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") == 1
    assert len(pdf) > 50_000  # the charts, not an empty page


@pytest.mark.usefixtures("reached")
def test_the_page_of_a_territory_shows_that_territory():
    with digest.browser() as chromium:
        context = chromium.new_context(viewport={"width": digest.WIDTH, "height": digest.HEIGHT}, locale="fr-FR")
        digest.log_in(context)
        page = context.new_page()
        digest.show(page, Leaf("territoire", "Gironde"))
        profile = page.locator("[data-test-chart-name='Le territoire'] td").first
        assert profile.inner_text() == "Gironde"
        traced = page.locator("[data-test-chart-name='Acteurs, parmi les territoires comparables'] td a")
        assert set(traced.all_inner_texts()) == {"Retracer"}


@pytest.mark.usefixtures("reached")
def test_the_account_that_draws_can_do_nothing_else(server):
    """What is reserved, SQL, exports and accounts are shut to it, whoever got hold of its session."""
    with httpx.Client(base_url=server.url, timeout=60) as http:
        for name, value in superset.session(digest.ACCOUNT).items():
            http.cookies.set(name, value, domain="127.0.0.1")
        assert http.get("/api/v1/me/").json()["result"]["username"] == "courrier"
        for shut in ("/superset/dashboard/audit/", "/sqllab/", "/api/v1/security/users/"):
            assert http.get(shut).status_code in {403, 404}, shut
        assert http.get("/api/v1/chart/export/?q=!(1)").status_code == 403
        token = http.get("/api/v1/security/csrf_token/").json()["result"]
        asked = {"database_id": 1, "sql": "select 1"}
        headers = {"X-CSRFToken": token, "Referer": server.url}
        assert http.post("/api/v1/sqllab/execute/", json=asked, headers=headers).status_code == 403


@pytest.mark.usefixtures("reached")
def test_an_account_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr(digest, "ACCOUNT", "nobody")
    with pytest.raises(ExpectedFailure, match="There is no open account nobody") as caught:
        digest.draw([Leaf("vue-densemble")])
    assert "superset apply" in caught.value.remedy
