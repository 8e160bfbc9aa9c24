"""The pages of the weekly digest drawn by a real browser from a real Superset. Who gets which is tested elsewhere."""

import pytest
from supersync.apply import apply

from ingestion.errors import ExpectedFailure
from orchestration import digest
from orchestration.digest import Leaf


@pytest.fixture
def reached(server, client, bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform reaches the tests' Superset as its own."""
    apply(client, bundle, server.database_uri)
    monkeypatch.setenv("CYBERIMPACT_HOME", str(server.home.root))
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_URL", server.url)
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", server.password)


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
        traced = page.locator("[data-test-chart-name='Le territoire et ses semblables : acteurs'] td")
        assert "cyberimpact trace victims_assisted" in traced.all_inner_texts()


@pytest.mark.usefixtures("reached")
def test_a_wrong_password_is_said(monkeypatch):
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", "wrong")
    monkeypatch.setattr(digest, "LOGIN_MS", 5_000)
    with pytest.raises(ExpectedFailure, match="refused the account"):
        digest.draw([Leaf("vue-densemble")])
