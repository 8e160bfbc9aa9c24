"""Builds and publishes the targets, each as a run of its job."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core import settings
from core.errors import ExpectedFailure
from warehouse import dbt_project, held_back, staleness

#: Name of the jobs of each target.
JOBS = {dbt_project.LIVE: ("build_live", "publish_live"), dbt_project.DAILY: ("build", "publish")}
NO_LIVE_DATA = "Neither listening nor chat was ever loaded here: there is nothing live to build or publish."


def targets(*, live: bool, daily: bool) -> list[str]:
    """Return what to build or publish, what is live first: the warehouse archives from it.

    Without a choice both, but for what is live in a home that has never loaded any: a dbt run for nothing.

    Raises:
        ExpectedFailure: what is live is asked for by name, and was never loaded.
    """
    has_live_data = settings.home().live.exists()
    if live and not has_live_data:
        raise ExpectedFailure(NO_LIVE_DATA, "Load it first: `cyberimpact load listening` or `load brigade_numerique`.")
    chosen = [name for name, wanted in ((dbt_project.LIVE, live), (dbt_project.DAILY, daily)) if wanted]
    return chosen or [*([dbt_project.LIVE] if has_live_data else []), dbt_project.DAILY]


def build(chosen: Sequence[str], select: str | None = None, *, full: bool = False) -> Iterator[str]:
    """Build targets and yield what became of each.

    Args:
        chosen: The targets, in their order.
        select: A part of the one target, in dbt's selection syntax.
        full: Build the warehouse whole, not only what has news.

    Raises:
        ExpectedFailure: a target could not be built; those after it were, where they do not need it.
    """
    failures = []
    for target in chosen:
        try:
            yield from build_one(target, select, full=full)
            if target == dbt_project.LIVE and dbt_project.DAILY in chosen:
                yield from publish_one(target)
        except ExpectedFailure as failure:
            failures.append(failure)
    raise_all(failures)


def publish(chosen: Sequence[str]) -> Iterator[str]:
    """Publish targets and yield what became of each.

    Raises:
        ExpectedFailure: a target could not be published; the others were.
    """
    failures = []
    for target in chosen:
        try:
            yield from publish_one(target)
        except ExpectedFailure as failure:
            failures.append(failure)
    raise_all(failures)


def raise_all(failures: Sequence[ExpectedFailure]) -> None:
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise ExpectedFailure("\n".join(map(str, failures[:-1])) + f"\n{failures[-1].what}", failures[-1].remedy)


def build_one(target: str, select: str | None, *, full: bool) -> Iterator[str]:
    home = settings.home()
    if target == dbt_project.DAILY and not (select or full) and not staleness.look(home).stale:
        yield f"{target}: {staleness.NOTHING}"
        return
    from orchestration.execution import run_job  # loads Dagster, which takes seconds

    selection = None
    if select:
        from assets.dbt.builds import keys_selected

        selection = keys_selected(select, target)
    job = "build_full" if full and target == dbt_project.DAILY else JOBS[target][0]
    outcome = run_job(job, selection=selection)
    again = "cyberimpact build --live" if target == dbt_project.LIVE else "cyberimpact build"
    remedy = f"Nothing will be published until `{again}` passes; readers keep the copy they have."
    outcome.or_raise(remedy if outcome.succeeded else f"{remedy} {outlook(outcome.run_id)}".strip())
    held = held_back.held_back(dbt_project.database(target))
    yield f"{target}: {len(outcome.metadata)} tables built, every blocking check passed."
    yield from map(str, held)


def outlook(run_id: str) -> str:
    """Return when a build that failed is tried again, empty where it is not."""
    from orchestration import instance, retries

    with instance.get() as home_instance:
        return retries.outlook(home_instance, run_id)


def publish_one(target: str) -> Iterator[str]:
    from orchestration.execution import run_job

    outcome = run_job(JOBS[target][1])
    copies = [metadata for metadata in outcome.metadata.values() if "publication_id" in metadata]
    yield from (published(target, metadata) for metadata in copies)
    outcome.or_raise("Correct it, then repeat the command." if copies else "Readers keep the copy they have.")
    yield from (metadata["summary"] for metadata in outcome.metadata.values() if "summary" in metadata)


def published(target: str, metadata: Mapping[str, Any]) -> str:
    """Return the sentence on a published copy."""
    as_of = metadata["data_as_of"]
    known = f"data as of {as_of}" if as_of else "no data yet"
    return f"{target}: published {metadata['publication_id']}, {metadata['dagster/row_count']} rows, {known}."
