"""A run ends with its process, and gives back its slot; a run whose process lives is left alone.

On both storages: the files of a home, and a PostgreSQL server.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.test_utils import create_run_for_test

from core.clock import now
from core.settings import Home
from orchestration import instance as home_instance
from orchestration import retries
from orchestration.run_monitoring import end_all, reap

POOL = "warehouse"
ENDED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.SUCCESS)

WORKER = """
import time
import dagster as dg
from orchestration import instance

@dg.op(pool="warehouse")
def stay():
    print("working", flush=True)
    time.sleep(600)

@dg.job(executor_def=dg.in_process_executor)
def long_job():
    stay()

with instance.get() as home_instance:
    long_job.execute_in_process(instance=home_instance)
"""


@pytest.fixture(params=["files", pytest.param("postgresql", marks=pytest.mark.long)])
def instance(home: Home, request: pytest.FixtureRequest) -> Iterator[dg.DagsterInstance]:  # noqa: ARG001
    if request.param == "postgresql":
        request.getfixturevalue("dagster_database")
    with home_instance.get() as opened:
        opened.event_log_storage.set_concurrency_slots(POOL, 1)
        yield opened


def run_of(
    instance: dg.DagsterInstance,
    pid: int,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED,
    age_seconds: float = 0,
) -> dg.DagsterRun:
    """Record a run as its worker would, which reported itself some time ago and holds the pool's slot."""
    run = create_run_for_test(instance, job_name="build", status=status)
    data = EngineEventData(metadata={"pid": dg.MetadataValue.text(str(pid))})
    event = dg.DagsterEvent("ENGINE_EVENT", "build", message="Started process for run", event_specific_data=data)
    instance.event_log_storage.store_event(
        dg.EventLogEntry(
            error_info=None,
            level=10,
            user_message="",
            run_id=run.run_id,
            timestamp=time.time() - age_seconds,
            job_name="build",
            dagster_event=event,
        )
    )
    claim = instance.event_log_storage.claim_concurrency_slot(POOL, run.run_id, "step")
    assert claim.is_claimed
    return run


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    return instance.get_run_by_id(run.run_id).status


def holders(instance: dg.DagsterInstance) -> set[str]:
    info = instance.event_log_storage.get_concurrency_info(POOL)
    return {*info.active_run_ids, *info.pending_run_ids}


def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_a_run_whose_process_is_gone_ends_and_frees_its_slot(instance: dg.DagsterInstance) -> None:
    for state in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING):
        run = run_of(instance, dead_pid(), state)
        assert reap(instance) == [run.run_id]
        assert status(instance, run) in ENDED[:2]
        assert holders(instance) == set()
    next_run = create_run_for_test(instance, job_name="build")
    assert instance.event_log_storage.claim_concurrency_slot(POOL, next_run.run_id, "step").is_claimed


def test_the_history_says_why(instance: dg.DagsterInstance) -> None:
    pid = dead_pid()
    run = run_of(instance, pid)
    reap(instance)
    messages = [entry.message for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)]
    assert len(messages) == 1
    assert str(pid) in messages[0]


def test_a_run_whose_process_lives_is_left_alone(
    instance: dg.DagsterInstance, sleeper: subprocess.Popen[bytes]
) -> None:
    run = run_of(instance, sleeper.pid)
    assert reap(instance) == []
    assert status(instance, run) is dg.DagsterRunStatus.STARTED
    assert holders(instance) == {run.run_id}


def test_a_run_of_this_very_process_is_left_alone(instance: dg.DagsterInstance) -> None:
    run_of(instance, os.getpid())
    assert reap(instance) == []


def test_a_process_id_that_was_given_to_a_younger_process_does_not_count(
    instance: dg.DagsterInstance, sleeper: subprocess.Popen[bytes]
) -> None:
    run = run_of(instance, sleeper.pid, age_seconds=3600)
    assert reap(instance) == [run.run_id]
    assert holders(instance) == set()


def test_a_zombie_counts_as_dead(instance: dg.DagsterInstance, sleeper: subprocess.Popen[bytes]) -> None:
    run = run_of(instance, sleeper.pid)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # dead, but not yet taken note of
    assert reap(instance) == [run.run_id]


def test_a_run_that_has_no_process_now_is_left_alone(instance: dg.DagsterInstance) -> None:
    for state in (dg.DagsterRunStatus.NOT_STARTED, *ENDED):
        run = create_run_for_test(instance, job_name="build", status=state)
        assert reap(instance) == []
        assert status(instance, run) is state


def test_a_run_that_has_not_yet_said_its_process_is_left_alone(instance: dg.DagsterInstance) -> None:
    run = create_run_for_test(instance, job_name="build", status=dg.DagsterRunStatus.STARTED)
    assert reap(instance) == []
    assert status(instance, run) is dg.DagsterRunStatus.STARTED


def test_one_dead_run_among_living_ones(instance: dg.DagsterInstance, sleeper: subprocess.Popen[bytes]) -> None:
    instance.event_log_storage.set_concurrency_slots(POOL, 3)
    first, dead, last = run_of(instance, sleeper.pid), run_of(instance, dead_pid()), run_of(instance, os.getpid())
    assert reap(instance) == [dead.run_id]
    assert holders(instance) == {first.run_id, last.run_id}
    assert reap(instance) == [], "a second look finds nothing more"


def test_what_another_machine_ran_is_ended_whatever_process_has_its_number_here(
    instance: dg.DagsterInstance, sleeper: subprocess.Popen[bytes]
) -> None:
    run = run_of(instance, sleeper.pid)
    new = create_run_for_test(instance, job_name="publish", status=dg.DagsterRunStatus.NOT_STARTED)
    assert [ended.run_id for ended in end_all(instance, "The machine a is no longer active.")] == [run.run_id]
    assert status(instance, run) is dg.DagsterRunStatus.FAILURE
    assert status(instance, new) is dg.DagsterRunStatus.NOT_STARTED, "it has not begun, and runs here"
    assert holders(instance) == set()
    [entry] = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert "The machine a is no longer active." in entry.message
    assert list(retries.requests(instance, now())) == []
    retries.try_now(instance, run)
    [asked] = retries.requests(instance, now() + timedelta(seconds=1))
    assert (asked.job_name, asked.tags[retries.OF_WHICH_RUN]) == ("build", run.run_id)
    instance.add_run_tags(run.run_id, {retries.RETRY_NUMBER: str(retries.MOST_RETRIES), retries.TRY_AGAIN_AT: ""})
    retries.try_now(instance, instance.get_run_by_id(run.run_id))
    assert list(retries.requests(instance, now() + timedelta(seconds=1))) == []


def test_a_real_run_killed_at_work(instance: dg.DagsterInstance) -> None:
    """What Dagster itself writes of a run is what the reaper reads."""
    with subprocess.Popen(
        [sys.executable, "-c", WORKER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "working\n"
            (run,) = instance.get_runs()
            assert holders(instance) == {run.run_id}
            assert reap(instance) == []
        finally:
            process.kill()
    assert reap(instance) == [run.run_id]
    assert status(instance, run) is dg.DagsterRunStatus.FAILURE
    assert holders(instance) == set()


def test_a_step_put_in_line_after_the_slot_was_freed_gets_it(instance: dg.DagsterInstance) -> None:
    """It asked while the slot was held: `claim_concurrency_slot` reads that first and writes it in line afterwards."""
    storage = instance.event_log_storage
    late = create_run_for_test(instance, job_name="load", status=dg.DagsterRunStatus.NOT_STARTED).run_id
    storage.add_pending_step(POOL, late, "step", should_assign=False)
    assert not storage.claim_concurrency_slot(POOL, late, "step").is_claimed, "and would wait for ever"
    reap(instance)
    assert storage.claim_concurrency_slot(POOL, late, "step").is_claimed


def test_a_step_in_line_for_a_slot_that_is_held_stays_in_line(instance: dg.DagsterInstance) -> None:
    holder = run_of(instance, os.getpid()).run_id
    storage = instance.event_log_storage
    late = create_run_for_test(instance, job_name="load", status=dg.DagsterRunStatus.NOT_STARTED).run_id
    assert not storage.claim_concurrency_slot(POOL, late, "step").is_claimed
    reap(instance)
    assert not storage.check_concurrency_claim(POOL, late, "step").is_assigned
    storage.free_concurrency_slots_for_run(holder)
    assert storage.claim_concurrency_slot(POOL, late, "step").is_claimed
