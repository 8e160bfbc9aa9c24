"""Days loaded again in Dagster: what is recorded, and when; a whole backfill with its kill is in `orchestration`."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from assets.raw import backfills, loads
from core import clock
from core.errors import ExpectedFailure
from core.settings import Home
from ingestion.engine.reports import EntityReport, LoadReport
from ingestion.engine.validation import Origin
from ingestion.engine.windows import Window
from ingestion.platforms import platform

PARTOO = platform("partoo")
TODAY = date(2025, 3, 4)


def report(month: Window) -> LoadReport:
    presence = EntityReport("presence", None, 5, 3, 1, 1, 0, (), {})
    return LoadReport("partoo", Origin("partoo", "window", f"http://partoo {month}"), (presence,))


def two_months_and_no_more(_: str, asked: Window, **_others: Any) -> Iterator[tuple[Window, LoadReport]]:
    first, second, *_rest = asked.months()
    yield first, report(first)
    yield second, report(second)
    raise ExpectedFailure("The quota is used up.", "Go on in March.")


@pytest.fixture(autouse=True)
def _loading(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setattr(clock, "today", lambda: TODAY)
    monkeypatch.setattr(loads, "load_window", two_months_and_no_more)
    monkeypatch.setattr(loads.quarantine, "entries", lambda *_: [])
    monkeypatch.setattr(loads.tables, "row_counts", lambda _: Counter())


def materialized(result: dg.ExecuteInProcessResult) -> list[tuple[str, str | None]]:
    events = result.get_asset_materialization_events()
    return [(event.asset_key.to_user_string(), event.partition) for event in events if event.asset_key]


def test_a_month_is_recorded_before_the_next_one_is_asked_for():
    asset = backfills.build_backfill(PARTOO)
    result = dg.materialize(
        [asset],
        tags={ASSET_PARTITION_RANGE_START_TAG: "2025-01-01", ASSET_PARTITION_RANGE_END_TAG: "2025-03-01"},
        raise_on_error=False,
    )
    assert not result.success
    assert materialized(result) == [
        ("raw/partoo/presence", None),
        ("raw/partoo/load_log", None),
        ("backfill/partoo", "2025-01-01"),
        ("raw/partoo/presence", None),
        ("raw/partoo/load_log", None),
        ("backfill/partoo", "2025-02-01"),
    ]
    *_, last = result.get_asset_materialization_events()
    told = {name: value.value for name, value in last.materialization.metadata.items()}
    assert (told["days"], told["rows_new"], told["rows_updated"]) == ("2025-02-01/2025-02-28", 3, 1)


def test_the_current_month_is_asked_for_up_to_today(monkeypatch):
    asked = []
    monkeypatch.setattr(loads, "load_window", lambda _, days, **__: asked.append(days) or iter(()))
    assert dg.materialize([backfills.build_backfill(PARTOO)], partition_key="2025-03-01").success
    assert asked == [Window(date(2025, 3, 1), TODAY)]


def test_the_months_of_a_platform_begin_with_its_first_day():
    keys = backfills.months(PARTOO).get_partition_keys()
    assert (keys[0], keys[-1]) == ("2025-01-01", clock.now().strftime("%Y-%m-01"))


def test_a_configuration_that_is_wrong_hides_no_job(home: Home):
    home.config.mkdir(parents=True)
    (home.config / "since.yml").write_text("since: nonsense\n")
    assert backfills.months(PARTOO).get_partition_keys()[0] == "2025-03-01"


def run_load(config: dict[str, Any]) -> dg.ExecuteInProcessResult:
    [asset] = [load for load in loads.loads if load.op.name == "partoo"]
    return dg.materialize([asset], run_config={"ops": {"partoo": {"config": config}}}, raise_on_error=False)


def test_the_launchpad_takes_days():
    result = run_load({"from_date": "2025-01-10", "to_date": "2025-03-04"})
    assert materialized(result) == [("raw/partoo/presence", None), ("raw/partoo/load_log", None)] * 2
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_failure_data.user_failure_data.description == "The quota is used up. Go on in March."


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"to_date": "2025-03-04"}, "Days are loaded again from a first one on"),
        ({"from_date": "2025-03-01", "full": True}, "neither a file nor everything with them"),
        ({"from_date": "2025-02-30"}, "A day cannot be read: day is out of range for month."),
        ({"from_date": "2025-03-01", "to_date": "2025-03-09"}, "The window reaches into the future"),
    ],
)
def test_days_that_mean_nothing_are_refused(config, sentence):
    result = run_load(config)
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert sentence in failure.step_failure_data.user_failure_data.description
    assert materialized(result) == []
