"""What a person sees of a build: dbt's own events move the bar and name the nodes that went wrong."""

from collections.abc import Iterator
from typing import Any

import pytest

from assets.dbt import builds
from core import run_progress


class Message:
    """An event of dbt, as dagster-dbt hands it on: it stands for one outcome that Dagster records."""

    def __init__(self, name: str, status: str = "success", **data: Any) -> None:
        node = {"node_name": data.pop("node", "kpi_visits"), "node_status": status}
        self.raw_event = {"info": {"name": name}, "data": {"node_info": node, **data}}

    def to_default_asset_events(self, *_: Any) -> Iterator[str]:
        yield self.raw_event["info"]["name"]


class Invocation:
    manifest = dagster_dbt_translator = context = target_path = project = None

    def __init__(self, *messages: Message) -> None:
        self._messages = messages

    def stream_raw_events(self) -> Iterator[Message]:
        return iter(self._messages)


def test_every_end_of_a_node_moves_the_bar_and_failures_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    moved: list[tuple] = []
    monkeypatch.setattr(run_progress, "advance", lambda *moves: moved.append(moves))
    ended = [
        Message("LogModelResult", total=6),
        Message("LogModelResult", "error", node="kpi_mentions", total=6),
        Message("LogTestResult", "fail", node="kpi_is_sound", num_models=6),
        Message("LogTestResult", "warn", node="places_are_known", num_models=6),
        Message("SkippingDetails", "skipped", node="kpi_value", total=6),
        Message("LogNodeNoOpResult", "no-op", node="perception", total=6),
    ]
    others = [Message("LogStartLine", "started", total=6), Message("LogHookEndLine", total=1)]
    outcomes = list(builds.outcomes(Invocation(*others, *ended)))
    assert len(outcomes) == len(others) + len(ended)
    assert moved == [("dbt", done, 6) for done in range(1, 7)]
    assert capsys.readouterr().out.splitlines() == ["ERROR kpi_mentions", "FAIL kpi_is_sound", "SKIP kpi_value"]
