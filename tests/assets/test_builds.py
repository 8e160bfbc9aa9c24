"""What a person sees of a build: dbt's own events move the bar and name the nodes that went wrong."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.dbt import builds
from assets.dbt.translator import RULES, check_keys
from assets.serving import publication_metadata
from core import run_progress
from core.settings import Home
from warehouse import dbt_project
from warehouse.held_back import BLOCK, WARN, Failure


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
        Message("LogSeedResult", total=6),
        Message("LogModelResult", "warn", node="places_are_known", total=6),
        Message("SkippingDetails", "skipped", node="kpi_value", total=6),
        Message("LogNodeNoOpResult", "no-op", node="perception", total=6),
    ]
    others = [Message("LogStartLine", "started", total=6), Message("LogHookEndLine", total=1)]
    outcomes = list(builds.outcomes(Invocation(*others, *ended)))
    assert len(outcomes) == len(others) + len(ended)
    assert moved == [("dbt", done, 6) for done in range(1, 7)]
    assert capsys.readouterr().out.splitlines() == ["ERROR kpi_mentions", "SKIP kpi_value"]


@pytest.fixture
def _manifest(home: Home, copy_manifests: Callable[[Home], None]) -> None:
    copy_manifests(home)


@pytest.mark.usefixtures("_manifest")
def test_every_check_of_dbt_is_a_rule_of_a_check_of_the_graph() -> None:
    manifest, known = builds.manifest(), publication_metadata.checks()
    for target in builds.NAMES:
        built = dbt_project.built(manifest, target)
        for uid, key in check_keys(manifest, target).items():
            if built.issuperset(manifest["nodes"][uid]["depends_on"]["nodes"]):
                assert key in known, uid


@pytest.mark.usefixtures("_manifest")
def test_an_asset_has_one_check_that_names_its_rules_and_the_rows_that_they_refuse() -> None:
    manifest = builds.manifest()
    keys = {
        uid: key
        for uid, key in check_keys(manifest, "daily").items()
        if key.asset_key == dg.AssetKey(["seeds", "regions"])
    }
    uids = sorted(keys)
    assert len(uids) > 1
    assert set(keys.values()) == {dg.AssetCheckKey(dg.AssetKey(["seeds", "regions"]), RULES)}
    ended = dict.fromkeys(uids, "pass")
    names = [manifest["nodes"][uid]["name"] for uid in uids]

    [sound] = builds.evaluations(ended, [], set(keys.values()), "daily")
    assert sound.passed
    assert sound.metadata[RULES].value == dict.fromkeys(names, "pass")

    refused = Failure(
        uids[0], names[0], "regions", BLOCK, frozenset({"answer_rate"}), 2, ("region_code 1", "region_code 2")
    )
    noted = Failure(uids[1], names[1], "regions", WARN, frozenset(), 1, ("region_code 3",))
    [failed] = builds.evaluations(
        {**ended, uids[0]: "fail", uids[1]: "warn"}, [refused, noted], set(keys.values()), "daily"
    )
    assert not failed.passed
    assert failed.severity is dg.AssetCheckSeverity.ERROR
    assert failed.metadata[RULES].value == {names[0]: "fail", names[1]: "warn"} | dict.fromkeys(names[2:], "pass")
    assert failed.metadata["failed rows"].value == 3
    assert "region_code 2" in failed.metadata["rows"].value
    assert failed.metadata["kpis held back"].value == "answer_rate"
    [warned] = builds.evaluations({**ended, uids[1]: "warn"}, [noted], set(keys.values()), "daily")
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert list(builds.evaluations(ended, [], set(), "daily")) == []


def test_a_run_is_tagged_with_the_engine_that_builds() -> None:
    @dg.asset
    def built(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=builds.engine_is_ready(context))

    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([built], instance=instance)
        run = instance.get_run_by_id(done.run_id)
    assert run is not None
    assert run.tags["engine"] == "duckdb"
    [event] = done.get_asset_materialization_events()
    assert event.materialization.metadata["engine"].value == "duckdb"


def test_an_address_is_shown_as_a_link() -> None:
    assert builds.shown_fact("http://127.0.0.1:4040") == dg.MetadataValue.url("http://127.0.0.1:4040")
    assert builds.shown_fact("duckdb") == dg.MetadataValue.text("duckdb")


#: As dbt has it.
MESSAGE = """Runtime Error in model kpi_{0} (models/kpi_{0}.sql)
  Runtime Error
    The driver was lost."""


def test_a_cause_that_many_nodes_have_in_common_is_said_once(tmp_path: Path) -> None:
    lost = [
        Failure(f"model.{number}", f"kpi_{number}", f"kpi_{number}", BLOCK, frozenset(), message=MESSAGE.format(number))
        for number in range(5)
    ]
    what, remedy = builds.sentences(lost, tmp_path)
    assert what == "kpi_0, kpi_1, kpi_2 and 2 more could not be built: The driver was lost."
    assert remedy == builds.REMEDY_OF_NODES
    rows = Failure("test.1", "key_is_unique", "kpi_0", BLOCK, frozenset(), rows=1, examples=("key 7",))
    what, remedy = builds.sentences([*lost, rows], tmp_path)
    assert what.splitlines()[0] == "key_is_unique: 1 rows of kpi_0 fail:"
    assert what.splitlines()[-1].startswith("kpi_0, kpi_1")
    assert remedy == builds.REMEDY_OF_ROWS
