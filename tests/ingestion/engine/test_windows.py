"""Days asked for again, month by month, and everything anew: what changes, what stays, and where the cursor is."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pytest

from core import clock
from core.errors import ExpectedFailure
from core.settings import home
from ingestion.engine import windows
from ingestion.engine.loading import load, load_everything, load_window
from ingestion.engine.pipelines import open_pipeline
from ingestion.engine.windows import Window, allowed
from ingestion.platforms import PLATFORMS, platform
from tests.ingestion import every_connector
from tests.ingestion.conftest import Sandbox

#: A history that reaches into a second month.
TODAY = date(2025, 2, 4)
HISTORY = Window(date(2025, 1, 1), TODAY)

ASKED_BY_DAY = [p.name for p in PLATFORMS if hasattr(p.connector, "build_window")]

#: Tables that describe the present only, which no window reaches.
OF_THE_PRESENT = {("jdma", "services"), ("partoo", "businesses"), ("partoo", "groups"), ("partoo", "publisher_states")}
#: What a window can bring of a table: no state of the present, and no empty hour before the first mention of a window.
WITHIN_REACH = {
    ("official_alerts", "alerts"): f"source <> 'vigicrues' and issued_at < '{TODAY}'",
    ("listening", "volumes"): "mentions > 0",
}
#: What no address gives.
BY_FILE_ONLY = {("services_publics_plus", "structures")}


@pytest.fixture(autouse=True)
def platforms(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The stand-ins on a day of a short history, and a clock that shows it."""
    sandbox.today = TODAY
    monkeypatch.setattr(clock, "today", lambda: TODAY)
    monkeypatch.setenv("CYBERIMPACT_HTTP_READ_SECONDS", "60")
    every_connector.use_secrets(monkeypatch)
    return sandbox


@pytest.fixture
def another_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    def move() -> None:
        monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "another"))

    return move


def state(name: str) -> Any:
    """Return what the next load will start from: dlt's state, as the database has it."""
    chosen = platform(name)
    return dict(open_pipeline(chosen.name, chosen.dataset, home().database(chosen.database)).state["sources"])


def content(name: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return keys and content of the rows that a window can bring, of each table that an address gives."""
    rows = "select {key}, _content_hash from {table} where {condition} order by all"
    return {
        table.name: every_connector.ask(
            name, rows.format(key=table.key, table=table.name, condition=WITHIN_REACH.get((name, table.name), "true"))
        )
        for table in every_connector.contract(name)
        if (name, table.name) not in BY_FILE_ONLY
    }


def again(name: str, window: Window = HISTORY) -> dict[str, int]:
    """Ask for days again, and return what became of their rows."""
    reports = [report for _, report in load_window(name, window)]
    return {
        outcome: sum(report.total(f"rows_{outcome}") for report in reports)
        for outcome in ("read", "new", "updated", "quarantined")
    }


def spoil(name: str, table: str) -> int:
    """Change rows of a table as another version of the code would have written them, and return how many."""
    chosen, rows = platform(name), WITHIN_REACH.get((name, table), "true")
    with duckdb.connect(str(home().database(chosen.database))) as connection:
        spoilt = f"update {chosen.dataset}.{table} set _content_hash = 'old' where {rows}"
        return connection.execute(spoilt).fetchall()[0][0]


# ---- the days


def test_a_window_is_cut_at_the_ends_of_months():
    assert list(Window(date(2024, 12, 30), date(2025, 2, 2)).months()) == [
        Window(date(2024, 12, 30), date(2024, 12, 31)),
        Window(date(2025, 1, 1), date(2025, 1, 31)),
        Window(date(2025, 2, 1), date(2025, 2, 2)),
    ]
    assert list(Window(date(2025, 2, 3), date(2025, 2, 2)).months()) == []


def test_whole_months_end_today():
    assert Window(date(2024, 12, 15), date(2025, 1, 3)).whole_months == Window(date(2024, 12, 1), date(2025, 1, 31))
    assert Window(date(2025, 2, 2), date(2025, 2, 3)).whole_months == Window(date(2025, 2, 1), TODAY)


def test_the_instants_of_a_window_are_midnights_of_paris():
    assert Window(date(2025, 3, 30), date(2025, 3, 30)).instants == (
        datetime(2025, 3, 29, 23, tzinfo=UTC),
        datetime(2025, 3, 30, 22, tzinfo=UTC),  # the clocks were put forward
    )


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (Window(date(2025, 2, 1), date(2025, 1, 1)), "The window is reversed: 2025-02-01 comes after 2025-01-01."),
        (Window(date(2025, 2, 5), TODAY), "The window reaches into the future, to 2025-02-05."),
        (Window(date(2025, 2, 1), date(2025, 2, 5)), "The window reaches into the future, to 2025-02-05."),
        (Window(date(2023, 1, 1), date(2024, 12, 31)), "audience has nothing from before 2025-01-01"),
    ],
)
def test_a_window_that_nobody_can_answer_is_refused(asked, sentence):
    with pytest.raises(ExpectedFailure, match=sentence):
        allowed(platform("audience"), asked)


def test_of_ten_years_what_the_platform_has_is_asked_for_in_months():
    months = [month for month, _ in load_window("audience", Window(date(2015, 3, 5), TODAY))]
    assert months == list(HISTORY.months())


def test_nothing_is_asked_for_that_is_erased_the_next_night():
    assert windows.first_day(platform("listening")) == TODAY - timedelta(days=60)
    assert windows.first_day(platform("services_publics_plus")) == TODAY - timedelta(days=5 * 365)


@pytest.mark.parametrize("name", sorted({p.name for p in PLATFORMS} - {*ASKED_BY_DAY}))
def test_a_platform_that_cannot_be_asked_by_day_says_so(name):
    with pytest.raises(ExpectedFailure, match=f"{name} cannot be asked for certain days: .+"):
        next(load_window(name, HISTORY))


# ---- what a window changes


@pytest.mark.parametrize("name", ASKED_BY_DAY)
def test_windows_bring_what_loads_bring_and_twice_is_once(name, another_home):
    load(name)
    expected = content(name)
    another_home()
    first = again(name)
    assert first["new"] > 0
    found = content(name)
    for table, rows in expected.items():
        assert len(rows) > 0
        if name == "listening":
            assert {*rows} <= {*found[table]}, "a first load reads thirty days only"
        else:
            assert found[table] == ([] if (name, table) in OF_THE_PRESENT else rows), table
    before = every_connector.snapshot(name)
    assert again(name) == {**first, "new": 0, "updated": 0}
    assert every_connector.snapshot(name) == before


@pytest.mark.parametrize("name", ASKED_BY_DAY)
def test_windows_reach_history_and_leave_the_cursor(name):
    load(name)
    [table, *_] = [table.name for table in every_connector.contract(name) if (name, table.name) not in OF_THE_PRESENT]
    expected, cursor = content(name), state(name)
    assert cursor
    spoilt = spoil(name, table)
    assert spoilt > 0
    report = again(name)
    assert report["updated"] == spoilt
    assert {*expected[table]} <= {*content(name)[table]}
    assert state(name) == cursor


# ---- everything anew


@pytest.mark.parametrize(
    "name", ["ma_securite", *(pytest.param(name, marks=pytest.mark.long) for name in ("audience", "jdma", "partoo"))]
)
def test_everything_anew_is_what_loads_have_brought_day_by_day(platforms, name, monkeypatch, another_home):
    for days in (20, 8, 0):
        platforms.today = TODAY - timedelta(days=days)
        monkeypatch.setattr(clock, "today", lambda: platforms.today)
        load(name)
    expected, cursor = content(name), state(name)
    [table, *_] = every_connector.contract(name)
    spoilt = spoil(name, table.name)
    assert load_everything(name).total("rows_updated") == spoilt > 0
    assert (content(name), state(name)) == (expected, cursor)
    another_home()
    load_everything(name)
    assert (content(name), state(name)) == (expected, cursor)


def test_what_the_platform_no_longer_has_stays():
    load("services_publics_plus")
    with duckdb.connect(str(home().warehouse)) as connection:
        connection.execute("update raw_services_publics_plus.experiences set id_experience = id_experience || '-gone'")
    gone = every_connector.keys("services_publics_plus")["experiences"]
    load_everything("services_publics_plus")
    again("services_publics_plus")
    assert gone < every_connector.keys("services_publics_plus")["experiences"]


def test_a_full_load_that_fails_leaves_the_cursor(platforms):
    load("partoo")
    cursor = state("partoo")
    platforms.fault("server_error", path="presence_analytics")
    with pytest.raises(ExpectedFailure):
        load_everything("partoo")
    assert state("partoo") == cursor


# ---- bad days


def test_a_gap_of_the_platform_is_an_answer(platforms):
    """The stand-in has nothing of the two months, as a platform whose measure was off."""
    platforms.today = date(2024, 12, 31)
    assert [report.total("rows_read") for _, report in load_window("partoo", HISTORY)] == [0, 0]


def test_a_quota_that_ends_in_the_middle_leaves_what_was_loaded_and_says_where_to_go_on(platforms):
    load("services_publics_plus")
    months = load_window("services_publics_plus", HISTORY)
    assert [str(month) for month, _ in islice(months, 1)] == ["2025-01-01/2025-01-31"]
    platforms.fault("quota_reset", seconds=7200)
    with pytest.raises(ExpectedFailure) as failure:
        next(months)
    assert "load again after" in str(failure.value)
    assert str(failure.value).endswith(
        " The days from 2025-01-01 to 2025-01-31 are loaded; go on with"
        " `cyberimpact load services_publics_plus --from 2025-02-01 --to 2025-02-04`."
    )


def test_the_cursor_of_each_table_is_told():
    assert load("ma_securite").cursors.keys() == {"news"}
    cursors = load("partoo").cursors
    assert cursors["presence"] == {"date": "2025-02-03"}
    assert cursors["reviews"]["update_date"].startswith("2025-02-0")
