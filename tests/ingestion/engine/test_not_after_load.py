"""No row is dated after its load: the rule of the contract, at several hours of the clock and in all zones."""

from datetime import UTC, datetime, timedelta

import pytest

from core import clock
from ingestion.engine import quarantine
from ingestion.engine.contract import NotAfterLoad
from ingestion.engine.loading import load
from ingestion.engine.parsers import paris_time

PLATFORM = "pre_plainte"

RULE = NotAfterLoad(("at",))
LOCAL = NotAfterLoad(("at",), "departement")
HEADER = "stats_id,stats_debut_declaration,stats_fin_declaration,stats_dpt_unite,stats_pers_physique,stats_pers_morale"


@pytest.fixture
def at(monkeypatch):
    """Return a function that stops the clock at a time of UTC."""
    return lambda now: monkeypatch.setattr(clock, "now", lambda: datetime.fromisoformat(now).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("now", "value", "is_refused"),
    [
        ("2026-06-30T20:30", "2026-06-30", False),
        ("2026-06-30T20:30", "2026-07-01", True),  # 22:30 in Paris
        ("2026-06-30T21:30", "2026-07-01", False),  # 23:30, and the clock of a platform may be ahead by an hour
        ("2026-11-27T23:30", "2026-11-28", False),
        ("2026-11-27T23:30", "2026-11-29", True),
        ("2026-11-27T12:00", "2026-11-27T13:59", False),
        ("2026-11-27T12:00", "2026-11-27T14:01", True),
        ("2026-11-30T21:30", "2026-12", True),
        ("2026-11-30T23:30", "2026-12", False),
        ("2026-11-27T12:00", None, False),
    ],
)
def test_a_local_date_is_one_of_paris(at, now, value, is_refused):
    at(now)
    assert (RULE.broken_by({"at": value}) == "at") is is_refused


@pytest.mark.parametrize("now", ["2026-11-27T00:10", "2026-11-27T12:00", "2026-11-27T23:30"])
def test_an_instant_is_compared_with_the_load(at, now):
    at(now)
    instant = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert RULE.broken_by({"at": instant + timedelta(minutes=59)}) is None
    assert RULE.broken_by({"at": instant + timedelta(minutes=61)}) == "at"


@pytest.mark.parametrize(
    ("departement", "written", "is_refused"),
    [
        ("988", "2026-11-28T10:30", False),  # Nouméa, eleven hours ahead of UTC
        ("988", "2026-11-28T11:45", True),
        ("75", "2026-11-28T01:25", False),
        ("75", "2026-11-28T10:30", True),
        (None, "2026-11-28T10:30", True),
        ("971", "2026-11-28T01:25", False),  # five hours behind, but the log may be in the time of Paris
        ("971", "2026-11-28T01:35", True),
    ],
)
def test_a_time_of_an_overseas_territory_is_its_own(at, departement, written, is_refused):
    at("2026-11-27T23:30")
    row = {"departement": departement}
    assert (LOCAL.broken_by(row | {"at": written}) == "at") is is_refused
    assert (LOCAL.broken_by(row | {"at": paris_time(written)}) == "at") is is_refused


def test_every_overseas_code_has_a_zone_and_the_others_have_that_of_paris():
    assert clock.zone_of("2A") is clock.zone_of("99") is clock.zone_of(None) is clock.PARIS
    assert all(clock.zone_of(code) is not clock.PARIS for code in ("971", "974", "976", "986", "98"))


@pytest.mark.usefixtures("home")
def test_a_row_that_lies_after_the_load_waits_in_quarantine(at, tmp_path):
    at("2026-11-27T23:30")
    file = tmp_path / "logs.csv"
    rows = ("1,2026-11-27 10:00:00,2026-11-27 10:08:00,33,1,0", "2,2026-11-28 09:00:00,,33,1,0")
    file.write_text("\n".join((HEADER, *rows, rows[1].replace("2,", "3,", 1).replace(",33,", ",988,"))) + "\n")
    report = load(PLATFORM, file=file)
    assert (report.total("rows_new"), report.total("rows_quarantined")) == (2, 1)
    [entry] = quarantine.entries(PLATFORM)
    assert (entry.line, entry.field, entry.reason) == (3, "stats_debut_declaration", "lies after the load")
