"""An upgrade of a home made by hand: refusals, the comparison, the switch, the way back, and kills at each step.

The version that takes over is one function, `built`: dbt is the matter of `tests/upgrade`.
"""

import errno
import json
import os
import shutil
import signal
import socket
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from audit import ledger
from audit.verifying import verify
from cli import kpi_changes, supervisor
from cli import upgrade as upgrades
from cli.upgrade_report import journal
from core import home_format
from core.errors import ExpectedFailure
from core.locks import writer_lock
from core.settings import Home
from tests.audit import world
from tests.cli.verbs import Run
from tests.saved import live_home  # noqa: F401
from warehouse import backups

#: Of the nation in October, as made by hand and as `built` makes it.
BEFORE, AFTER = 24, 25
JOURNAL = "| Date | Indicateurs | Ce qui change | Pourquoi |\n|---|---|---|---|\n"


class Trial(NamedTuple):
    """A home with two publications, where its backup is to lie, and what was built beside it so far."""

    home: Home
    folder: Path
    builds: list[Path]

    def upgrade(self, *, switch: bool = False) -> list[str]:
        return list(upgrades.upgrade(self.folder, switch=switch))


@pytest.fixture
def trial(live_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:  # noqa: F811
    live_home.operations.unlink()  # a table of it is made by hand: migrations do not know it
    builds: list[Path] = []

    def built(place: Home, lock: int, code: str, *arguments: str, stdout: int = 0) -> str:  # noqa: ARG001
        if arguments != ("build",):
            return kpi_changes.to_json({"visits": world.definition(unit="personnes")})
        builds.append(place.root)
        home_format.mark(place.root)
        change(place.warehouse, "update kpi.kpi_value set value = value + 1 where territory_code = 'FR'")
        change(place.live, "insert into mention values (43)")
        return ""

    def published(_: object) -> Iterator[str]:
        entry = world.publish(live_home, len(ledger.entries(live_home)))
        yield f"published {entry.publication_id}"

    monkeypatch.setattr(upgrades, "run", built)
    monkeypatch.setattr(upgrades.builds, "publish", published)
    return Trial(live_home, tmp_path / "backup", builds)


def change(file: Path, statement: str) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute(statement)


def shown(home: Home) -> int:
    """Return what readers see of the nation in October."""
    return october(home.published / "daily" / "current" / "serving.duckdb")


def october(file: Path) -> int:
    query = (
        "select value from kpi.kpi_value"
        " where territory_code = 'FR' and period_type = 'month' and period_start = date '2026-10-01'"
    )
    with duckdb.connect(str(file), read_only=True) as connection:
        [(value,)] = connection.execute(query).fetchall()
    return int(value)


def mentions(home: Home) -> int:
    with duckdb.connect(str(home.live), read_only=True) as connection:
        return len(connection.execute("from mention").fetchall())


def test_what_differs_is_shown_and_nothing_changes(trial: Trial) -> None:
    before = {path: path.read_bytes() for path in backups.saved(trial.home).values()}
    *lines, following = trial.upgrade()
    assert "--switch" in following
    assert lines == [
        # The nation has visits on six days of two months.
        "visits: 8 figures changed, 0 added, 0 removed.",
        "  month 2026-10-01, FR, total: 24.000000 → 25.000000",
        "  unité : « nombre » devient « personnes »",
        f"  {kpi_changes.CHANGELOG}: {journal(changelog())['visits']}",
        "KPIs with other figures: 1; the journal does not name 0 of them.",
    ]
    assert {path: path.read_bytes() for path in backups.saved(trial.home).values()} == before


def changelog() -> str:
    return (upgrades.settings.CODE / kpi_changes.CHANGELOG).read_text(encoding="utf-8")


def test_the_last_line_of_the_journal_that_names_a_kpi_counts() -> None:
    text = f"{JOURNAL}| 2026-11-02 | `b`, `a` | Le sens. | x |\n| 2026-11-01 | `a`, `c` | Avant. | x |\n"
    last, before = "2026-11-02, Le sens.", "2026-11-01, Avant."
    assert journal(text) == {"a": last, "b": last, "c": before}


def test_other_figures_of_the_same_definition_are_unexplained(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    built = upgrades.run

    def same_definition(place: Home, lock: int, code: str, *arguments: str, stdout: int = 0) -> str:
        built(place, lock, code, *arguments, stdout=stdout)
        return kpi_changes.to_json({"visits": world.definition()})

    monkeypatch.setattr(upgrades, "run", same_definition)
    *_, said, summary, _ = trial.upgrade()
    assert said == f"  {kpi_changes.CHANGELOG}: does not name it"
    assert summary == "KPIs with other figures: 1; the journal does not name 1 of them."


def test_equal_figures_are_said_to_be_equal_and_late_loads_are_named(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrades, "run", lambda *_, **__: kpi_changes.to_json({"visits": world.definition()}))
    change(trial.home.warehouse, "update raw_platforms.loads set finished_at = timestamptz '2026-11-05 00:00:00+00'")
    equal, late, _ = trial.upgrade()
    assert equal == "No published figure differs."
    assert late.startswith("Loaded since that publication: audience;")


def test_what_was_prepared_is_kept_until_the_home_changes(trial: Trial) -> None:
    trial.upgrade()
    trial.upgrade()
    assert len(trial.builds) == 1
    change(trial.home.live, "insert into mention values (44)")
    with pytest.raises(ExpectedFailure, match=r"since the backup in .* was made\. Stop the services"):
        trial.upgrade(switch=True)
    later = trial._replace(folder=trial.folder.with_name("later"))
    later.upgrade(switch=True)
    assert len(trial.builds) == 2
    assert mentions(trial.home) == 3, "what was loaded meanwhile is there"


def test_what_is_loaded_just_before_the_switch_is_not_lost(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrades, "refuse_running", lambda: change(trial.home.live, "insert into mention values (44)"))
    with pytest.raises(ExpectedFailure, match=r"since the backup in .* was made"):
        trial.upgrade(switch=True)
    assert (shown(trial.home), mentions(trial.home)) == (BEFORE, 2)


def test_the_switch_publishes_and_a_restoration_goes_back(trial: Trial, run: Run) -> None:
    *_, published, following = trial.upgrade(switch=True)
    assert published == "published publication-2"
    assert f"`cyberimpact restore {trial.folder}`" in following
    assert (shown(trial.home), mentions(trial.home)) == (AFTER, 2)
    assert verify(trial.home).problems == ()
    assert not trial.home.upgrade.exists()
    assert json.loads((trial.home.root / home_format.FILE).read_text())["format"] == home_format.FORMAT
    with closing(sqlite3.connect(trial.home.operations)) as connection:
        assert connection.execute("select count(*) from django_migrations where app = 'operations'").fetchone() > (0,)
    (trial.home.root / home_format.FILE).write_text('{"format": 99, "version": "9.0.0"}')
    assert "9.0.0" in run("kpi", "list").refused()  # as an older version is
    assert run("restore", str(trial.folder)).code == 0
    assert (shown(trial.home), mentions(trial.home)) == (BEFORE, 1)
    assert not (trial.home.root / home_format.FILE).exists()


def test_a_backup_of_a_newer_version_is_not_put_back(trial: Trial, run: Run) -> None:
    (trial.home.root / home_format.FILE).write_text('{"format": 99, "version": "9.0.0"}')
    backups.backup(trial.home, trial.folder, ledger.current_head)
    (trial.home.root / home_format.FILE).unlink()
    assert "version 9.0.0 of the platform, which is newer" in run("restore", str(trial.folder)).refused()
    assert shown(trial.home) == BEFORE


def test_a_scheduler_that_runs_stops_the_switch(trial: Trial, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(supervisor, "code_socket", lambda: Path("socket"))
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        server.listen()
        with pytest.raises(ExpectedFailure, match="still run"):
            trial.upgrade(switch=True)
    assert shown(trial.home) == october(trial.home.warehouse) == BEFORE
    trial.upgrade(switch=True)
    assert shown(trial.home) == AFTER


def test_a_disk_without_room_is_named_before_anything_is_built(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrades.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9_000_000, 0, 3_000_000))
    with pytest.raises(ExpectedFailure, match=r"needs \d+ MB in .*, and 3 MB are free"):
        trial.upgrade()
    assert not trial.builds
    assert not trial.home.upgrade.exists()


@pytest.mark.parametrize(
    ("module", "name", "has_begun"),
    [
        (backups, "copy", False),
        (upgrades, "run", False),
        (upgrades, "replace_database", True),
        (upgrades.builds, "publish", True),
    ],
)
def test_a_full_disk_is_said_and_the_command_goes_on_from_there(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, has_begun: bool
) -> None:
    with monkeypatch.context() as full:
        full.setattr(module, name, without_room)
        with pytest.raises(ExpectedFailure, match=r"disk is full|No space left") as refused:
            trial.upgrade(switch=True)
    assert ("--switch" in str(refused.value)) is has_begun
    assert shown(trial.home) == BEFORE
    trial.upgrade(switch=True)
    assert shown(trial.home) == AFTER


def without_room(*_: Any, **__: Any) -> str:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_version_that_does_not_build_leaves_the_home(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> str:
        raise ExpectedFailure("It does not build.", "Go on.")

    monkeypatch.setattr(upgrades, "run", fails)
    with pytest.raises(ExpectedFailure, match="does not build"):
        trial.upgrade(switch=True)
    assert shown(trial.home) == october(trial.home.warehouse) == BEFORE
    assert not trial.home.upgrade.exists()


def test_another_version_does_not_finish_what_one_has_begun(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(trial, upgrades.database, "migrate")
    monkeypatch.setattr(upgrades, "code_version", lambda: "another")
    with pytest.raises(ExpectedFailure, match=rf"or go back: `cyberimpact restore {trial.folder}`"):
        trial.upgrade(switch=True)


def test_a_switch_that_was_interrupted_goes_on_only_as_a_switch_and_loses_no_load(trial: Trial) -> None:
    killed(trial, upgrades, "replace_database", 2)
    with pytest.raises(ExpectedFailure, match=r"was interrupted.*\n?.*--switch"):
        trial.upgrade(switch=False)
    with duckdb.connect(str(trial.home.warehouse)) as connection:
        connection.execute("create table loaded_since as select 1 as n")
    with pytest.raises(ExpectedFailure, match=r"warehouse\.duckdb was written after the switch had begun"):
        trial.upgrade(switch=True)


def test_a_switch_that_fails_says_how_to_go_on_and_how_to_go_back(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held_back(_: object) -> Iterator[str]:
        raise ExpectedFailure("A check failed.", "Correct it.")
        yield

    with monkeypatch.context() as failing:
        failing.setattr(upgrades.builds, "publish", held_back)
        with pytest.raises(
            ExpectedFailure,
            match=rf"A check failed\. Correct it\. Start no service.*--switch.*`cyberimpact restore {trial.folder}`",
        ):
            trial.upgrade(switch=True)
    elsewhere = trial._replace(folder=trial.folder.with_name("elsewhere"))
    with pytest.raises(ExpectedFailure, match=rf"interrupted.*`cyberimpact restore {trial.folder}`"):
        elsewhere.upgrade()
    assert shown(trial.home) == BEFORE
    trial.upgrade(switch=True)
    assert shown(trial.home) == AFTER


def test_a_switch_waits_for_its_backup(trial: Trial) -> None:
    killed(trial, upgrades, "replace_database", 2)
    away = trial.folder.rename(trial.folder.with_name("away"))
    with pytest.raises(ExpectedFailure, match=rf"The backup of this upgrade is not in {trial.folder}\."):
        trial.upgrade(switch=True)
    away.rename(trial.folder)
    trial.upgrade(switch=True)
    assert shown(trial.home) == AFTER


def test_a_switch_of_which_only_the_publication_is_left_needs_no_backup(trial: Trial) -> None:
    killed(trial, upgrades.builds, "publish")
    shutil.rmtree(trial.folder)
    trial.upgrade(switch=True)
    assert shown(trial.home) == AFTER


def test_a_switch_that_was_killed_after_it_had_removed_a_log_goes_on(trial: Trial) -> None:
    log = trial.home.warehouse.with_name("warehouse.duckdb.wal")
    change(trial.home.warehouse, "pragma disable_checkpoint_on_shutdown; create table in_the_log as select 1 as n")
    assert log.exists()
    killed(trial, upgrades, "replace_database", 2)
    log.unlink()
    trial.upgrade(switch=True)
    assert shown(trial.home) == AFTER
    backups.restore(trial.home, trial.folder, ledger.current_head)
    change(trial.home.warehouse, "from in_the_log")


@pytest.mark.parametrize(
    ("code", "said"), [("raise SystemExit(3)", "does not build"), ("import os; os.kill(os.getpid(), 9)", "SIGKILL")]
)
def test_a_build_that_fails_and_one_that_was_ended_have_a_message_each(home: Home, code: str, said: str) -> None:
    with writer_lock(home.upgrade) as lock, pytest.raises(ExpectedFailure, match=said):
        upgrades.run(Home(home.upgrade), lock, code)


def test_nothing_built_and_tables_elsewhere_are_refused(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ExpectedFailure, match="nothing was built"):
        list(upgrades.upgrade(tmp_path / "backup", switch=False))
    world.write_warehouse(home)
    monkeypatch.setattr(upgrades.engine(), "builds_in_files", False)
    with pytest.raises(ExpectedFailure, match="builds elsewhere"):
        list(upgrades.upgrade(tmp_path / "backup", switch=False))
    assert not (tmp_path / "backup").exists()


#: Before what a process is killed: a function of a module, and at which of its calls.
STEPS = [
    (backups, "copy", 3), (backups, "swap", 1), (upgrades, "run", 2), (upgrades, "begin", 1),
    (upgrades, "replace_database", 2), (upgrades.builds, "publish", 1), (world, "point", 1),
    (upgrades.shutil, "rmtree", 7),
]  # fmt: skip
MORE_STEPS = [
    (backups, "backup", 1), (backups, "refuse_damaged", 1), (backups, "restore", 1), (upgrades, "run", 1),
    (upgrades, "flush", 1), (upgrades, "report", 1), (upgrades, "refuse_running", 1),
    (upgrades, "take_over", 1), (upgrades.database, "migrate", 1), (home_format, "mark", 2),
    (upgrades, "replace_database", 1),
]  # fmt: skip


def step_id(value: Any) -> str | None:
    return None if isinstance(value, str | int) else getattr(value, "__name__", None)


def killed(trial: Trial, module: Any, name: str, call: int = 1) -> None:
    """Run the upgrade in a process that is killed before a call of a function."""
    child = os.fork()
    if not child:
        try:
            setattr(module, name, killing(getattr(module, name), call))
            trial.upgrade(switch=True)
        except BaseException:  # noqa: BLE001 - the child must not go on with pytest
            traceback.print_exc()
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the step was never reached"


def killing(function: Callable[..., Any], call: int) -> Callable[..., Any]:
    left = iter(range(call - 1, -1, -1))

    def counted(*arguments: Any, **named: Any) -> Any:
        if not next(left):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **named)

    return counted


@pytest.mark.long
@pytest.mark.parametrize(
    ("module", "name", "call"),
    [*STEPS, *(pytest.param(*step, marks=pytest.mark.proof) for step in MORE_STEPS)],
    ids=step_id,
)
def test_killed_at_any_step_it_ends_well_and_goes_back(trial: Trial, module: Any, name: str, call: int) -> None:
    killed(trial, module, name, call)
    assert shown(trial.home) in (BEFORE, AFTER)
    trial.upgrade(switch=True)
    assert (shown(trial.home), mentions(trial.home)) == (AFTER, 2)
    assert verify(trial.home).problems == ()
    backups.restore(trial.home, trial.folder, ledger.current_head)
    assert (shown(trial.home), october(trial.home.warehouse), mentions(trial.home)) == (BEFORE, BEFORE, 1)
    again = trial._replace(folder=trial.folder.with_name("again"))
    killed(again, module, name, call)
    if (again.folder / backups.MANIFEST).exists():
        backups.restore(trial.home, again.folder, ledger.current_head)
    assert (shown(trial.home), october(trial.home.warehouse), mentions(trial.home)) == (BEFORE, BEFORE, 1)
    assert not trial.home.upgrade_switching.exists()
