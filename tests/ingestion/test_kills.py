"""Loads killed with SIGKILL, and what the next load makes of what they left."""

import os
import random
import shutil
import subprocess
import sys
import time

import pytest

from ingestion import settings
from ingestion.loading import load
from tests.ingestion.conftest import ask, experience, write_export
from tests.ingestion.test_load_file import counts

SPP = "services_publics_plus"
RECORDS, BAD = 3000, 30


@pytest.fixture
def export(exports):
    good = [experience(str(number)) for number in range(RECORDS)]
    bad = [experience(str(number), published="31/02/2022") for number in range(RECORDS, RECORDS + BAD)]
    return write_export(exports, *good, *bad)


def killed(home, export, is_time):
    """Run a load in its own process, kill it as soon as `is_time`, and tell whether it still ran."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"ingestion.{SPP}", "--file", str(export)],
        env=os.environ | {"CYBERIMPACT_HOME": str(home.root)},
        cwd=settings.CHECKOUT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not is_time():
        time.sleep(0.001)
    was_running = process.poll() is None
    process.kill()
    process.wait()
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
    assert killed(home, export, exists(home, stage)), "the load ended before it could be killed"
    assert_nothing_lost_or_doubled(home, export)


def test_a_killed_first_load_in_a_home_without_anything(empty_home, export):
    home = empty_home
    assert killed(home, export, exists(home, "load/normalized/*/started_jobs/*"))
    assert_nothing_lost_or_doubled(home, export)


def test_a_working_folder_that_is_garbage_is_read_again(home, export):
    (home.dlt / SPP).mkdir(parents=True)
    (home.dlt / SPP / "state.json").write_text('{"_state_version": 1, "trunc')
    assert_nothing_lost_or_doubled(home, export)


def test_a_working_folder_that_is_lost_is_not_missed(home, export):
    """The warehouse keeps what a dead load had merged; without its completion it does not count as loaded."""
    assert killed(home, export, exists(home, "load/normalized/*/started_jobs/*"))
    shutil.rmtree(home.dlt)
    load(SPP, file=export)
    assert ask(home, "select count(*), count(distinct id_experience) from experiences") == [(RECORDS, RECORDS)]
    assert ask(home, "select count(*) from experiences where _dlt_load_id not in (select load_id from _dlt_loads)") == [
        (0,)
    ]


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

        killed(home, export, is_time)
    load(SPP, file=export)
    assert ask(home, "select count(*), count(distinct id_experience) from experiences") == [(RECORDS, RECORDS)]
    assert ask(home, "select count(*), count(distinct record_key) from quarantine.services_publics_plus") == [
        (BAD, BAD)
    ]
    assert ask(home, "select count(*) from experiences where _dlt_load_id not in (select load_id from _dlt_loads)") == [
        (0,)
    ]
    assert counts(load(SPP, file=export)) == (RECORDS + BAD, 0, 0, RECORDS, BAD)
