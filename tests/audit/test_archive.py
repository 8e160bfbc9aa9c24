"""Figures outlive the records that a purge takes: as they were published, once, and a trace says so."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from audit import archive, ledger, report
from audit.cells import Cell, Period
from audit.publication_metadata import PublicationMetadata
from audit.readers import OPERATOR
from audit.recording import Recorder
from audit.tracing import trace
from core.errors import ExpectedFailure
from core.settings import Home
from ingestion.platforms import platform
from tests.audit.world import OPEN_SQL, definition, publish, show, write_warehouse

RETENTION = platform("pre_plainte").retention or timedelta()
#: A purge that takes the records of September, and of the first of October.
NOW = datetime(2026, 10, 1, 12, tzinfo=UTC) + RETENTION
SEPTEMBER = Cell("visits", Period("month", date(2026, 9, 1)), "FR-33")
OCTOBER = Cell("visits", Period("month", date(2026, 10, 1)), "FR-33")
LAST_DAY = Cell("visits", Period("day", date(2026, 10, 31)), "FR-33")


def record(home: Home, number: int, raw_tables: list[str]) -> None:
    facts = {
        "publication_id": f"publication-{number}",
        "published_at": (NOW + timedelta(days=number)).isoformat(),
        "data_as_of": "2026-10-31",
        "code_version": "abc",
    }
    known = {"visits": replace(definition(OPEN_SQL), raw_tables=raw_tables)}
    ledger.commit(ledger.finish(Recorder(known, "run", PublicationMetadata({})).prepare(home, facts)))


@pytest.fixture
def published(home: Home) -> Home:
    write_warehouse(home, sql=OPEN_SQL)
    record(home, 0, ["raw_pre_plainte.declarations", "reference.territories"])
    show(home, "publication-0")
    return home


def archived(home: Home) -> list[tuple]:
    with duckdb.connect(str(home.warehouse)) as connection:
        return connection.execute(
            "select period_type, period_start, territory_code, value from archive.kpi_value order by all"
        ).fetchall()


def test_every_period_that_the_purge_touches_is_kept_once(published: Home) -> None:
    assert archive.keep(published, NOW) == len(archived(published))
    assert {row[:2] for row in archived(published)} == {
        ("day", date(2026, 9, 30)),
        ("day", date(2026, 10, 1)),
        ("month", date(2026, 9, 1)),
        ("month", date(2026, 10, 1)),  # some of its days are gone: what is left would be too few
    }
    assert ("month", date(2026, 10, 1), "FR", 23) in archived(published)
    assert archive.keep(published, NOW + timedelta(hours=1)) == 0


def test_what_was_archived_is_final(published: Home) -> None:
    archive.keep(published, NOW)
    before = archived(published)
    with duckdb.connect(str(published.published / "daily" / "current" / "serving.duckdb")) as connection:
        connection.execute("update kpi.kpi_value set value = 0")
    archive.keep(published, NOW)
    assert archived(published) == before


def test_a_copy_that_was_altered_is_not_archived(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write_warehouse(home, sql=OPEN_SQL)
    publish(home, 0, OPEN_SQL)
    monkeypatch.setattr(archive, "raw_tables", lambda _: {"visits": ["raw_pre_plainte.declarations"]})
    with duckdb.connect(str(home.published / "daily" / "current" / "serving.duckdb")) as connection:
        connection.execute("update kpi.kpi_value set value = value + 1")
    with pytest.raises(ExpectedFailure, match="publication-0 is not as it was published"):
        archive.keep(home, NOW)
    publish(home, 1, OPEN_SQL)
    assert archive.keep(home, NOW) > 0


@pytest.mark.parametrize("table", ["raw_audience.hourly_visits", "raw_listening.mentions"])
def test_a_kpi_whose_records_stay_is_not_archived(home: Home, table: str) -> None:
    """Audience has no retention; mentions leave the live file and stay in the archive of the warehouse."""
    write_warehouse(home, sql=OPEN_SQL)
    record(home, 0, [table])
    show(home, "publication-0")
    assert archive.keep(home, NOW) == 0


def test_nothing_is_archived_before_a_publication(home: Home) -> None:
    write_warehouse(home, sql=OPEN_SQL)
    assert archive.keep(home, NOW) == 0


def test_a_trace_says_that_the_evidence_is_gone(published: Home) -> None:
    archive.keep(published, NOW)
    with duckdb.connect(str(published.warehouse)) as connection:
        connection.execute("delete from kpi.kpi_visits__observations where occurred_on <= date '2026-10-01'")
    record(published, 1, ["raw_pre_plainte.declarations"])
    for cell, value in ((SEPTEMBER, 5), (OCTOBER, 5)):
        found = trace(published, OPERATOR, cell)
        assert (found.recomputation.is_archived, found.shown.figures.value, found.recomputation.figures) == (
            True,
            value,
            None,
        )
        assert "valeur archivée" in report.as_text(found)
        assert "DIFFÈRE" not in report.as_text(found)
    assert not trace(published, OPERATOR, LAST_DAY).recomputation.is_archived
    assert trace(published, OPERATOR, LAST_DAY).recomputation.agrees
