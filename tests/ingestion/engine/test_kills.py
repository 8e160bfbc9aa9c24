"""Loads killed with SIGKILL, and what the next load makes of what they left."""

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from dotenv import dotenv_values

from core import settings
from ingestion.engine.loading import load
from tests.ingestion import every_connector, killing
from tests.ingestion.conftest import Sandbox, ask, experience, write_export
from tests.ingestion.engine.test_load_file import counts
from tests.ingestion.killing import Undisturbed

pytestmark = pytest.mark.long

SPP = "services_publics_plus"
RECORDS, BAD = 3000, 30


@pytest.fixture
def export(exports):
    good = [experience(str(number)) for number in range(RECORDS)]
    bad = [experience(str(number), published="31/02/2022") for number in range(RECORDS, RECORDS + BAD)]
    return write_export(exports, *good, *bad)


def killed(export, is_time):
    """Run a load in its own process, kill it as soon as `is_time`, and return whether it still ran."""
    with killing.start(SPP, export) as process:
        while process.poll() is None and not is_time():
            time.sleep(0.001)
        was_running = process.poll() is None
        process.kill()
    return was_running


def exists(home, pattern):
    return lambda: any((home.dlt / SPP).glob(pattern))


def assert_nothing_lost_or_doubled(home, export):
    load(SPP, file=export)
    assert ask(home, "select count(*), count(distinct id_experience) from experiences") == [(RECORDS, RECORDS)]
    assert ask(home, "select count(*), count(distinct record_key) from quarantine.services_publics_plus") == [
        (BAD, BAD)
    ]
    assert ask(home, "select count(*) from experiences where _dlt_load_id not in (select load_id from _dlt_loads)") == [
        (0,)
    ]
    assert ask(home, "select count(*) - count(distinct load_key) from load_log") == [(0,)]
    assert ask(home, "select sum(rows_new) from load_log where _dlt_load_id in (select load_id from _dlt_loads)") == [
        (RECORDS,)
    ]
    before = ask(home, "select * from experiences order by id_experience")
    assert counts(load(SPP, file=export)) == (RECORDS + BAD, 0, 0, RECORDS, BAD)
    assert ask(home, "select * from experiences order by id_experience") == before


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param("normalize/extracted/*/new_jobs/*", id="while-reading"),
        pytest.param("load/normalized/*/new_jobs/*", id="before-loading"),
        pytest.param("load/normalized/*/started_jobs/*", id="while-loading"),
    ],
)
def test_a_load_killed_at_each_stage(home, export, stage):
    assert killed(export, exists(home, stage)), "the load ended before it could be killed"
    assert_nothing_lost_or_doubled(home, export)


def test_a_killed_first_load_in_a_home_without_anything(empty_home, export):
    home = empty_home
    assert killed(export, exists(home, "load/normalized/*/started_jobs/*"))
    assert_nothing_lost_or_doubled(home, export)


def test_a_working_folder_that_is_garbage_is_read_again(home, export):
    (home.dlt / SPP).mkdir(parents=True)
    (home.dlt / SPP / "state.json").write_text('{"_state_version": 1, "trunc')
    assert_nothing_lost_or_doubled(home, export)


def test_a_working_folder_that_is_lost_is_not_missed(home, export):
    """The warehouse keeps what a dead load had merged; without its completion it does not count as loaded."""
    assert killed(export, exists(home, "load/normalized/*/started_jobs/*"))
    shutil.rmtree(home.dlt)
    load(SPP, file=export)
    assert ask(home, "select count(*), count(distinct id_experience) from experiences") == [(RECORDS, RECORDS)]
    assert ask(home, "select count(*) from experiences where _dlt_load_id not in (select load_id from _dlt_loads)") == [
        (0,)
    ]


def test_rows_of_a_load_that_was_never_completed_are_loaded_again(home, export):
    """Death between the last row and the note that all is loaded: an instant that no kill can be relied on to hit."""
    load(SPP, file=export)
    ask(home, "delete from _dlt_loads where load_id in (select _dlt_load_id from experiences)")
    shutil.rmtree(home.dlt)
    assert counts(load(SPP, file=export)) == (RECORDS + BAD, RECORDS, 0, 0, BAD)
    assert ask(home, "select count(*), count(distinct id_experience) from experiences") == [(RECORDS, RECORDS)]
    assert killing.contradictions(SPP) == {}
    assert counts(load(SPP, file=export)) == (RECORDS + BAD, 0, 0, RECORDS, BAD)


#: A load that dies as soon as the rows of a table are in its staging table, before dlt notes it: an instant that a kill
#: hits once in some hundred times.
DEATH_AFTER_A_COPY = """
import os, sys
from pathlib import Path
from dlt.common.storages.load_package import PackageStorage
from ingestion.engine.loading import load

def die_after_the_copy(packages, load_id, file_name, *rest):
    if file_name.startswith(sys.argv[2]):
        os._exit(9)

PackageStorage.save_pending_transition = die_after_the_copy
load("services_publics_plus", file=Path(sys.argv[1]))
"""


@pytest.mark.parametrize("table", ["experiences", "services_publics_plus"])
def test_rows_copied_by_a_job_that_could_not_note_it_are_not_doubled(home, export, table):
    """`services_publics_plus` is the table of the quarantine."""
    died = subprocess.run(
        [sys.executable, "-c", DEATH_AFTER_A_COPY, str(export), f"{table}."], cwd=settings.CHECKOUT, check=False
    )
    assert died.returncode == 9
    assert_nothing_lost_or_doubled(home, export)


@pytest.mark.proof
@pytest.mark.parametrize("attempt", range(20))
def test_a_load_killed_at_a_random_moment(empty_home, export, attempt):
    """The moment is drawn over the whole time of writing, from the first folder that the load makes."""
    home = empty_home
    draw = random.Random(attempt)
    for _ in range(draw.randint(1, 3)):
        began: list[float] = []
        wait = draw.uniform(0, 4)

        def is_time(began=began, wait=wait):
            if not began and home.locks.exists():
                began.append(time.monotonic())
            return bool(began) and time.monotonic() - began[0] > wait

        killed(export, is_time)
    load(SPP, file=export)
    assert ask(home, "select count(*), count(distinct id_experience) from experiences") == [(RECORDS, RECORDS)]
    assert ask(home, "select count(*), count(distinct record_key) from quarantine.services_publics_plus") == [
        (BAD, BAD)
    ]
    assert ask(home, "select count(*) from experiences where _dlt_load_id not in (select load_id from _dlt_loads)") == [
        (0,)
    ]
    assert counts(load(SPP, file=export)) == (RECORDS + BAD, 0, 0, RECORDS, BAD)


# ---- every platform

#: One that is read over HTTP and one that drops files stand for all of them in `make test`.
QUICK = ["app_stores", "pre_plainte"]

REST = [name for name in every_connector.NAMES if name not in QUICK]


@pytest.fixture
def platforms(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The stand-ins of all platforms, as processes of their own find them: with the keys of the demo, and patience."""
    for setting, value in dotenv_values(settings.CHECKOUT / ".env.example").items():
        if value == "sandbox":
            monkeypatch.setenv(setting, value)
    monkeypatch.setenv("CYBERIMPACT_HTTP_READ_SECONDS", "60")
    return sandbox


@pytest.fixture
def move(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that moves into a home in which nothing was ever loaded."""

    def into_a_new_home() -> None:
        monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path_factory.mktemp("home")))
        killing.prepare_home()

    return into_a_new_home


@pytest.fixture(scope="session")
def _undisturbed() -> dict[str, tuple[Path, Undisturbed]]:
    return {}


@pytest.fixture
def undisturbed(
    platforms: Sandbox,
    move: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    _undisturbed: dict[str, tuple[Path, Undisturbed]],
) -> Callable[[str], Undisturbed]:
    """Return a function that moves into the home in which a platform was loaded without being killed."""

    def choose(name: str) -> Undisturbed:
        if name not in _undisturbed:
            move()
            model = killing.undisturbed(name, platforms, tmp_path_factory.mktemp(name))
            _undisturbed[name] = settings.home().root, model
        root, model = _undisturbed[name]
        monkeypatch.setenv("CYBERIMPACT_HOME", str(root))
        return model

    return choose


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.proof) for name in REST)])
def test_a_second_process_writes_nothing(undisturbed, platforms, name):
    model = undisturbed(name)
    before = every_connector.snapshot(name)
    assert any(rows for rows, _ in before.values())
    outcome = killing.complete(model.steps[-1], platforms)
    assert (outcome.new, outcome.updated) == (0, 0)
    assert every_connector.snapshot(name) == before
    assert killing.contradictions(name) == {}


@pytest.mark.parametrize(
    ("name", "kills"),
    [
        *(pytest.param(name, 2, id=f"{name}-twice") for name in QUICK),
        *(pytest.param(name, 20, id=name, marks=pytest.mark.proof) for name in every_connector.NAMES),
    ],
)
def test_a_platform_killed_at_random_moments_ends_as_if_it_had_not_been(undisturbed, platforms, move, name, kills):
    model, draw, killed = undisturbed(name), random.Random(name), []
    while len(killed) < kills:
        move()
        moments = killing.disturbed(model, platforms, draw, kills - len(killed))
        assert killing.state(name) == model.state, moments
        assert killing.contradictions(name) == {}, moments
        outcome = killing.complete(model.steps[-1], platforms)
        assert (outcome.new, outcome.updated) == (0, 0), moments
        assert killing.state(name) == model.state, moments
        killed += moments
