"""Platforms that are down beside one that is not: what is loaded, what is shown, and what is said to be late."""

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from tests.e2e.line import Line

HEADER = "stats_id,stats_debut_declaration,stats_fin_declaration,stats_dpt_unite,stats_pers_physique,stats_pers_morale"
PRE_PLAINTE = f"""{HEADER}
1,2026-01-05 10:00:00,2026-01-05 10:07:30,06,1,0
2,2026-01-06 11:00:00,2026-01-06 11:05:00,75C,0,1
"""


@pytest.fixture
def line(line: Line, monkeypatch: pytest.MonkeyPatch) -> Line:
    """A home whose last load of Services Publics+ is five days old, and whose platforms over HTTP are all down."""
    monkeypatch.setenv("CYBERIMPACT_SERVICES_PUBLICS_PLUS_URL", "http://127.0.0.1:9/api/explore/v2.1")
    monkeypatch.setenv("CYBERIMPACT_JDMA_URL", "http://127.0.0.1:9/api/open-api")
    monkeypatch.setenv("CYBERIMPACT_JDMA_API_KEYS", "a-key")
    monkeypatch.setenv("CYBERIMPACT_HTTP_ATTEMPTS", "1")
    with duckdb.connect(str(line.home.warehouse)) as connection:
        connection.execute("update raw_services_publics_plus.load_log set finished_at = finished_at - interval 5 day")
    drop_folder = line.home.drop / "pre_plainte"
    drop_folder.mkdir(parents=True)
    (drop_folder / "ppel.csv").write_text(PRE_PLAINTE)
    return line


def test_one_platform_is_loaded_and_shown_while_others_are_down(line: Line) -> None:
    figures = (
        "select kpi_code, count(kpi_code), sum(value) from kpi.kpi_value "
        "where kpi_code in ('experiences', 'positive_share', 'answer_rate') group by all order by all"
    )
    before = line.rows(figures)
    done = line.run("load", "services_publics_plus", "jdma", "pre_plainte")
    assert done.code == 1
    assert "pre_plainte: 2 read, 2 new, 0 updated, 0 unchanged, 0 quarantined" in done.out
    for platform in ("services_publics_plus", "jdma"):
        assert f"{platform}, address http://127.0.0.1:9" in done.err
    assert "2 of 3 loads failed" in done.err
    assert not (line.home.drop / "pre_plainte" / "ppel.csv").exists(), "what was loaded leaves the drop folder"

    line.succeed("build", "--select", "fct_pre_complaint+ freshness")
    line.succeed("publish")
    assert line.rows(figures) == before, "the figures of the missing platform stay"
    assert len(before) == 3
    assert line.rows("select sum(value) from kpi.kpi_value where kpi_code = 'pre_complaints'") != [(None,)]
    found = {
        platform: (loaded_at, is_late)
        for platform, loaded_at, is_late in line.rows("select platform, last_loaded_at, is_late from audit.freshness")
    }
    days_old = datetime.now(UTC).replace(tzinfo=None) - found["services_publics_plus"][0]
    assert timedelta(days=5) < days_old < timedelta(days=6)
    assert found["services_publics_plus"][1], "its date is kept, and it is marked late"
    assert found["jdma"] == (None, True)
    assert not found["pre_plainte"][1]


def test_an_inbox_without_a_file_is_no_failure(line: Line) -> None:
    assert line.succeed("load", "perceval").startswith("perceval: no file waits in drop/perceval/")


def test_a_file_belongs_to_one_platform(line: Line) -> None:
    assert "Files belong to one platform" in line.refuse("load", "perceval", "pre_plainte", "--file", str(line.export))
