"""What becomes of the file that a load was given: a dropped one goes once it is loaded, and only then."""

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from assets.raw import loads
from cli.loads import asked_again, load_all, wanted
from core.errors import ExpectedFailure
from core.settings import Home
from ingestion.engine.reports import LoadReport
from ingestion.engine.validation import Origin
from orchestration.execution import Outcome

PLATFORM = "services_publics_plus"

Load = Callable[..., LoadReport]
Run = Callable[[Path, Load], bool]


def loaded(_: str, *, file: Path, **_others: object) -> LoadReport:
    """Load a file as far as its report goes."""
    content = file.read_bytes()
    return LoadReport(
        PLATFORM, Origin(PLATFORM, "file", file.name, hashlib.sha256(content).hexdigest(), len(content)), ()
    )


def refused(_: str, *, file: Path, **_others: object) -> LoadReport:
    raise ExpectedFailure(f"{file.name} is not what it should be.", "Export it again.")


def replaced(name: str, *, file: Path, **_others: object) -> LoadReport:
    """Load a file of which a newer version is dropped before the load is done."""
    report = loaded(name, file=file)
    newer = file.with_name(f"{file.name}.part")
    newer.write_text("newer\n")
    newer.rename(file)
    return report


@pytest.fixture
def run(home: Home, monkeypatch: pytest.MonkeyPatch) -> Run:  # noqa: ARG001
    """Run the load of the platform as Dagster does, with another way to read the file; nothing waits in quarantine."""
    monkeypatch.setattr(loads.quarantine, "entries", lambda *_: [])
    monkeypatch.setattr(loads.tables, "row_counts", lambda _: Counter())
    (asset,) = (load for load in loads.loads if load.op.name == PLATFORM)

    def once(file: Path, load: Load) -> bool:
        monkeypatch.setattr(loads, "load", load)
        config = {"ops": {asset.op.name: {"config": {"file": str(file)}}}}
        return dg.materialize([asset], run_config=config, raise_on_error=False).success

    return once


@pytest.fixture
def dropped(home: Home) -> Path:
    file = home.drop / PLATFORM / "export.csv"
    file.parent.mkdir(parents=True)
    file.write_text("older\n")
    return file


def test_a_dropped_file_is_removed_once_it_is_loaded(run: Run, dropped: Path) -> None:
    assert run(dropped, loaded)
    assert not dropped.exists()


def test_a_file_from_elsewhere_stays_where_it_is(run: Run, dropped: Path, tmp_path: Path) -> None:
    for file in (tmp_path / "export.csv", dropped.parent / "archive" / "export.csv"):
        file.parent.mkdir(exist_ok=True)
        file.write_text("mine\n")
        assert run(file, loaded)
        assert file.read_text() == "mine\n"


def test_a_file_that_is_refused_stays(run: Run, dropped: Path) -> None:
    assert not run(dropped, refused)
    assert dropped.read_text() == "older\n"


def test_a_newer_file_of_the_same_name_is_not_lost(run: Run, dropped: Path) -> None:
    """It was dropped while the older one was being loaded: nobody has read it yet."""
    assert run(dropped, replaced)
    assert dropped.exists(), "a file that nobody has read was removed"
    assert dropped.read_text() == "newer\n"


def test_a_dropped_file_that_another_run_has_loaded_meanwhile_is_no_failure(home: Home) -> None:
    folder = home.drop / "pre_plainte"
    folder.mkdir(parents=True)
    file = folder / "ppel_2025.csv"
    file.write_text("x\n")
    [load] = wanted(["pre_plainte"], [])
    assert load.file == file
    file.unlink()
    [outcome] = load_all([load])
    assert isinstance(outcome, str)
    assert outcome.startswith("ppel_2025.csv: pre_plainte: no longer in drop/; another run has loaded it")


def test_a_dropped_file_that_is_taken_while_its_run_waits_is_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home.drop / "pre_plainte" / "ppel_2025.csv"
    file.parent.mkdir(parents=True)
    file.write_text("x\n")
    monkeypatch.setattr("cli.loads.run_job", lambda *_: Outcome("run", succeeded=True, metadata={}, failures=()))
    assert [str(outcome).partition(";")[0] for outcome in load_all(wanted(["pre_plainte"], []))] == [
        "ppel_2025.csv: pre_plainte: no longer in drop/"
    ]


def test_a_given_file_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    [outcome] = load_all(wanted(["pre_plainte"], [tmp_path / "ppel_2025.csv"]))
    assert isinstance(outcome, ExpectedFailure)


def test_days_are_asked_of_several_platforms_and_a_wrong_one_is_refused_before_any_run(
    home: Home,  # noqa: ARG001
) -> None:
    first, last = date(2025, 2, 1), date(2025, 2, 28)
    loads = asked_again(["partoo", "audience"], first, last, full=False)
    assert [(load.platform.name, load.again) for load in loads] == [
        (name, {"from_date": "2025-02-01", "to_date": "2025-02-28"}) for name in ("partoo", "audience")
    ]
    for names, days in ((["perceval"], (first, last)), (["partoo"], (last, first)), (["partoo"], (None, last))):
        with pytest.raises(ExpectedFailure):
            asked_again(names, *days, full=False)


def test_a_load_again_tells_each_month(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    asked = []

    def run(job: str, config: dict) -> Outcome:
        asked.append((job, config["ops"]["partoo"]["config"]))
        return Outcome("run", succeeded=True, metadata={}, failures=(), summaries=["January", "February"])

    monkeypatch.setattr("cli.loads.run_job", run)
    assert [*load_all(asked_again(["partoo"], None, None, full=True))] == ["January", "February"]
    assert asked == [("load_partoo", {"full": True})]
