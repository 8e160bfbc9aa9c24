"""Runs jobs in this process on the home's instance."""

import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

import dagster as dg
from rich.console import Console

from core import denied, disk, logs, run_progress, settings, traces
from core.errors import ExpectedFailure
from ingestion.platforms import PLATFORMS
from orchestration import instance
from orchestration.run_monitoring import reap

#: Seconds between two checks of the runs that a run may wait for.
CHECK_SECONDS = 5

#: Dagster's own events stay in its history; what a person waits for is said by the step itself.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Outcome:
    """What a run has done.

    Attributes:
        run_id: Its id in Dagster.
        succeeded: Whether every step and blocking check passed.
        metadata: Metadata of each table written, by asset key.
        failures: A sentence for each step that failed.
        summaries: The lines that its tables were written with, each once, in their order.
    """

    run_id: str
    succeeded: bool
    metadata: Mapping[dg.AssetKey, Mapping[str, Any]]
    failures: Sequence[str]
    summaries: Sequence[str] = ()

    def or_raise(self, remedy: str) -> "Outcome":
        """Return itself, or raise what failed.

        Raises:
            ExpectedFailure: a step failed.
        """
        if not self.succeeded:
            raise ExpectedFailure("\n".join(self.failures) or f"The run {self.run_id} failed.", remedy)
        return self


def run_job(
    name: str, config: Mapping[str, Any] | None = None, selection: Sequence[dg.AssetKey] | None = None
) -> Outcome:
    """Run a job to its end; progress goes to stderr.

    Args:
        name: Name of the job.
        config: Run configuration.
        selection: The assets to run, all of the job's by default.

    Raises:
        ExpectedFailure: another machine of this home is active.
    """
    if node := settings.home().node:
        from operations import active  # Django takes a while to load, and most homes have one machine

        active.refuse_in_reserve(node)
    with instance.get() as home_instance, run_progress.on_terminal(Console(stderr=True)):
        job, run_id = definitions_of(name).resolve_job_def(name), str(uuid4())
        with monitored(home_instance, run_id), logs.of_run(run_id):
            result = job.execute_in_process(
                run_config={**QUIET, **(config or {})},
                instance=home_instance,
                asset_selection=selection,
                raise_on_error=False,
                tags={"launched_by": "command line"},
                run_id=run_id,
            )
        if traces.are_wanted():
            trace(home_instance, run_id, name)
    written = [
        (event.asset_key, {name: value.value for name, value in event.materialization.metadata.items()})
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    ]
    return Outcome(
        run_id=result.run_id,
        succeeded=result.success,
        metadata=dict(written),
        failures=[sentence(event) for event in result.all_events if event.is_step_failure],
        summaries=list(dict.fromkeys(str(metadata["summary"]) for _, metadata in written if "summary" in metadata)),
    )


def trace(home_instance: dg.DagsterInstance, run_id: str, job: str) -> None:
    """Send the spans of a run and of its steps, as Dagster has recorded them."""
    for step in home_instance.get_run_step_stats(run_id):
        if step.start_time and step.end_time:
            is_ok = step.status is not None and step.status.value == "SUCCESS"
            traces.add(run_id, (step.step_key,), step.step_key, step.start_time, step.end_time, is_ok=is_ok)
    run = home_instance.get_run_record_by_id(run_id)
    if run and run.start_time and run.end_time:
        traces.add(run_id, (), job, run.start_time, run.end_time, is_ok=run.dagster_run.is_success)


_loading = threading.Lock()


def graph() -> dg.Definitions:
    """Return the whole graph, loaded once: that takes seconds, which `--help` need not pay."""
    with _loading:  # two threads of one process would each load it
        return _graph()


@cache
def _graph() -> dg.Definitions:
    from orchestration.definitions import defs

    return defs()


def definitions_of(job: str) -> dg.Definitions:
    """Return the definitions that a job needs: of a load, the loads alone."""
    from orchestration import loads

    is_load = job in {loads.load_name(platform) for platform in PLATFORMS}
    return loads.definitions() if is_load else graph()


def is_active() -> bool:
    """Return whether the ids of runs' processes are those of this machine."""
    node = settings.home().node
    if node is None:
        return True
    from operations import active  # as in `run_job`

    try:
        return active.read().node == node
    except ExpectedFailure:  # the database may answer again
        return False


@contextmanager
def monitored(home_instance: dg.DagsterInstance, run_id: str) -> Generator[None]:
    """While a run goes on, end dead runs that block it, and report once which run it waits for."""
    done = threading.Event()

    def monitor() -> None:
        announced = False
        while True:
            holder = None if announced else pool_holder(home_instance, run_id)
            if holder is not None:
                print(f"Waiting: {holder}", file=sys.stderr, flush=True)
                announced = True
            if is_active():
                reap(home_instance)
            if done.wait(CHECK_SECONDS):
                return

    thread = threading.Thread(target=monitor, name="run monitoring", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def pool_holder(home_instance: dg.DagsterInstance, run_id: str) -> str | None:
    """Return a sentence on the run that has the slot for which another run waits, or None when it waits for none."""
    storage = home_instance.event_log_storage
    for pool in storage.get_concurrency_keys():
        info = storage.get_concurrency_info(pool)
        for holder in info.active_run_ids if run_id in info.pending_run_ids else ():
            run = home_instance.get_run_by_id(holder)
            return f"the pool {pool} is taken by the run {holder}" + (f" of the job {run.job_name}." if run else ".")
    return None


def sentence(event: dg.DagsterEvent) -> str:
    """Return the sentence that a failed step gave, or its error when it failed unexpectedly."""
    failure = event.step_failure_data
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = root_error(failure.error)
    if error and disk.is_full(error.message):
        return str(disk.failure(event.step_key or ""))
    if error and (refused := denied.explain_text(error.message, lambda: settings.home().root)):
        return f"{event.step_key}: {refused}"
    return f"{event.step_key}: {error.message.strip() if error else 'failed'}"


def root_error(error: Any) -> Any:
    """Return the error behind an error of a step, or the one that says that the disk is full."""
    while error and error.cause and not disk.is_full(error.message):
        error = error.cause
    return error
