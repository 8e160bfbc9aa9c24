"""What a change would change: who is asked, what is compared, and that nothing of it stays."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from audit.comparison import Difference, Kpi, Table
from cli import health_checks
from cli import preview as previews
from cli.preview import Preview
from core import settings
from core.errors import ExpectedFailure
from core.settings import Home
from ingestion import erasure
from privacy import pseudonymise

FIGURE = {"period_type": "month", "period_start": date(2026, 10, 1), "value_before": 1, "value_after": None}
FOUND = Preview(
    Difference([Table("actors.<b>", 3, None)], [Kpi("visits", 1, 2, 3, [FIGURE])]),
    {("chart", "visits_by_month"): "reads what differs", ("dataset", "new"): "added"},
)


def test_a_summary_has_a_line_for_each_thing() -> None:
    assert FOUND.lines() == [
        "KPI visits: 3 figures changed, 1 added, 2 removed",
        "table actors.<b>: 3 rows → absent",
        "chart visits_by_month: reads what differs",
        "dataset new: added",
    ]
    assert len(Preview(Difference([], []), {}).lines()) == 1


def test_a_page_escapes_what_it_shows() -> None:
    page = previews.page("<branch>", FOUND)
    assert "&lt;branch&gt;: what it changes" in page
    assert "<td>actors.&lt;b&gt;</td><td>3 rows</td><td>absent</td>" in page
    assert "<td>2026-10-01</td><td>1</td><td>–</td>" in page


def test_json_has_exact_texts() -> None:
    found = json.loads(FOUND.as_json())
    assert found["kpis"][0]["examples"] == [
        {"period_type": "month", "period_start": "2026-10-01", "value_before": "1", "value_after": None}
    ]
    assert {"kind": "dataset", "slug": "new", "how": "added"} in found["objects"]


def test_a_chart_of_other_kpis_is_not_named(home: Home, copy_manifests) -> None:
    copy_manifests(home)
    bundle = previews.bundles.load(settings.CHECKOUT / "superset" / "bundle", home.dbt_target / "manifest.json")
    found = previews.objects_of(bundle, bundle, {"model.cyberimpact.rpt_kpi"}, {"answer_rate"})
    assert found["dataset", "rpt_kpi"] == "reads what differs"
    assert ("chart", "victims_by_month") not in found
    assert any(previews.kpis_shown(bundle, chart) == {"answer_rate"} for chart in bundle.charts)
    for chart in bundle.charts:
        if "answer_rate" in previews.kpis_shown(bundle, chart) and "rpt_kpi" in chart.reads:
            assert ("chart", chart.slug) in found
    assert previews.objects_of(bundle, bundle, set(), set()) == {}


def test_a_home_that_was_never_built_has_nothing_to_compare(home: Home) -> None:  # noqa: ARG001
    with pytest.raises(ExpectedFailure, match="nothing was built"):
        previews.preview("main", str(settings.CHECKOUT))


@pytest.mark.parametrize("change", ["no-such-branch", "tests"])
def test_what_is_no_change_is_said_and_leaves_nothing(home: Home, change: str) -> None:
    home.root.mkdir(parents=True)
    duckdb.connect(str(home.warehouse)).close()
    with pytest.raises(ExpectedFailure, match="neither a checkout"):
        previews.preview(change, str(settings.CHECKOUT))
    assert not (home.root / "preview").exists()


def test_a_commit_is_checked_out_and_removed(tmp_path: Path) -> None:
    with previews.checkout_of("HEAD", tmp_path / "code") as code:
        assert (code / "dbt_project").is_dir()
    previews.sweep(tmp_path)
    listed = subprocess.run(
        ["git", "-C", settings.CHECKOUT, "worktree", "list"], capture_output=True, text=True, check=True, env=os.environ
    )
    assert str(tmp_path) not in listed.stdout


@pytest.fixture
def killed(home: Home) -> Iterator[int]:
    """The process group of a preview that was killed while its build goes on, in a home that holds a person."""
    home.root.mkdir(parents=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create table people as select ? as author", [pseudonymise("camille@exemple.fr")])
    with subprocess.Popen(
        [Path(sys.executable).with_name("cyberimpact"), "preview", str(settings.CHECKOUT)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        started = home.preview / "before" / "locks"
        while not started.exists() and process.poll() is None:
            time.sleep(0.05)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    try:
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("by", ["purge", "erase"])
def test_what_a_killed_preview_leaves_is_named_and_purged(home: Home, killed: int, by: str) -> None:
    def purge() -> erasure.PurgeReport:
        person = pseudonymise("camille@exemple.fr")
        return erasure.purge(datetime.now(UTC)) if by == "purge" else erasure.erase(person)

    assert "preview" in purge().remaining
    assert home.preview.exists(), "its build goes on"
    assert list(health_checks.working_copies(home)) == []
    os.killpg(killed, signal.SIGKILL)
    while not (found := list(health_checks.working_copies(home))):
        time.sleep(0.05)
    assert [(each.state, each.remedy) for each in found] == [("late", "cyberimpact purge")]
    assert purge().complete
    assert not home.preview.exists()
    assert list(health_checks.working_copies(home)) == []
