"""Superset's kept answers after a publication: forgotten by whichever job published, or when Superset starts."""

import importlib.util
import os
import sys

import dagster as dg
import pytest
from supersync import cache
from supersync.apply import apply

from assets.bi.query_cache import forget
from tests.ports import free_port
from tests.superset import copies, queries
from tests.superset.conftest import SERVER


@pytest.fixture
def home(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path))
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", "a-password-of-the-test")
    return tmp_path


@pytest.mark.usefixtures("home")
def test_a_home_without_superset_publishes_all_the_same():
    assert forget() == "This home has no Superset."


def test_a_superset_that_does_not_run_is_said_and_fails_nothing(home):
    (home / "superset").mkdir()
    assert forget() == "Superset does not run; it forgets its former answers when it starts."


def test_a_superset_that_refuses_is_a_failure(server, home, monkeypatch):
    (home / "superset").mkdir()
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_URL", server.url)
    with pytest.raises(dg.Failure, match=r"The copy is published, but .* refused the account admin"):
        forget()


def test_answers_of_a_former_copy_are_forgotten_though_nothing_was_applied(server, client, bundle, home, monkeypatch):
    (home / "superset").mkdir()
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_URL", server.url)
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", server.password)
    apply(client, bundle, server.database_uri)
    cache.invalidate(client, bundle)
    chart = next(chart for chart in bundle.charts if chart.slug == "publication")
    former_id = queries.run(client, chart, [])["data"]
    daily = server.home.published / "daily"
    former = (daily / "current").readlink()
    copies.publish(daily, "next", "update audit.publication set publication_id = 'the next one'")
    try:
        assert queries.run(client, chart, [])["data"] == former_id
        assert forget() == f"Superset has forgotten its answers of {len(bundle.datasets)} datasets."
        (row,) = queries.run(client, chart, [])["data"]
        assert row["shown"].endswith("publication the next one")
    finally:
        copies.swap(daily, former)
        cache.invalidate(client, bundle)


def test_superset_starts_without_answers(tmp_path, monkeypatch):
    """Whatever was published while it did not run, it cannot show what it kept."""
    spec = importlib.util.spec_from_file_location("superset_server", SERVER)
    server = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(server)
    kept = tmp_path / "cache" / "an answer"
    kept.parent.mkdir()
    kept.write_bytes(b"of a former copy")
    monkeypatch.setenv("SUPERSET_HOME", str(tmp_path))
    monkeypatch.setattr(os, "execv", lambda program, _: sys.exit(program))
    for _ in range(2):  # the first time there is nothing else to forget
        with pytest.raises(SystemExit):
            server.serve()
        assert not kept.parent.exists()
