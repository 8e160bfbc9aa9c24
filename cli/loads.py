"""Turns the arguments of `cyberimpact load` into loads, and runs each as a job."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from core import clock
from core.errors import ExpectedFailure
from ingestion.engine import drop_folder
from ingestion.engine.windows import Window, allowed
from ingestion.platforms import PLATFORMS, Platform, platform
from operations.inbox import deliveries
from orchestration import instance, retries
from orchestration.execution import Outcome, run_job
from privacy import redact_label


class Load(NamedTuple):
    """One load: of a file, or of a platform's address where there is none.

    Attributes:
        platform: The platform.
        file: The file.
        is_given: Whether it was given by its path, which may name a person and is kept nowhere.
        refusal: Why it is not loaded: what waits is no file.
        again: What of an address is asked for again, or that the inbox is: see `assets.raw.loads.LoadConfig`.
    """

    platform: Platform
    file: Path | None = None
    is_given: bool = False
    refusal: str | None = None
    again: Mapping[str, str | bool] = MappingProxyType({})


def asked_again(names: Sequence[str], first: date | None, last: date | None, *, full: bool) -> list[Load]:
    """Return the loads of platforms of which days, or everything, is asked for again.

    Raises:
        ExpectedFailure: a name is no platform, or one cannot be asked so.
    """
    if full == (first is not None) or (last is not None and first is None):
        raise ExpectedFailure("--to needs --from, and --full goes with neither.", "Give --from, with or without --to.")
    platforms = [platform(name) for name in names]
    if first is None:
        return [Load(chosen, again={"full": True}) for chosen in platforms]
    days = Window(first, last or clock.today())
    again = {"from_date": days.start.isoformat(), "to_date": days.end.isoformat()}
    for chosen in platforms:
        allowed(chosen, days)
    return [Load(chosen, again=again) for chosen in platforms]


def wanted(names: Sequence[str], files: Sequence[Path]) -> list[Load]:
    """Return the loads that arguments ask for, in their order.

    Args:
        names: Names of platforms; or one, then paths of its files.
        files: More files of that one platform.

    Raises:
        ExpectedFailure: the first name is no platform, or files are given for several platforms.
    """
    known = {entry.name for entry in PLATFORMS}
    platforms = [platform(name) for rank, name in enumerate(names) if rank == 0 or name in known]
    paths = [*(Path(name) for name in names[1:] if name not in known), *files]
    if paths and len(platforms) > 1:
        raise ExpectedFailure("Files belong to one platform, and several are named.", "Name the one they come from.")
    if paths:
        return [Load(platforms[0], path, is_given=True) for path in paths]
    return [load for chosen in platforms for load in _of_platform(chosen)]


def _of_platform(chosen: Platform) -> list[Load]:
    """Return the loads of a platform's address, of the files that wait for it, and of what others have sent.

    A platform that has neither is one load all the same, which says so.
    """
    folder = drop_folder.folder(chosen)
    refused = [Load(chosen, refusal=sentence) for sentence in drop_folder.refused(folder)]
    files = [Load(chosen, file) for file in drop_folder.waiting(folder)]
    sent = [Load(chosen, again={"inbox": True})] if deliveries.waiting([chosen.name]) else []
    return [*([Load(chosen)] if chosen.cron else []), *refused, *files, *sent] or [Load(chosen)]


def load_all(loads: Sequence[Load]) -> Iterator[str | ExpectedFailure]:
    """Run loads one after the other, and yield for each its summary, with its file among several, or why it failed."""
    for load in loads:
        if load.refusal is not None:
            yield ExpectedFailure(load.refusal, "Remove it, or put the file itself there.")
            continue
        if load.file is None and not load.platform.cron and not load.again:
            yield f"{load.platform.name}: no file waits in drop/{load.platform.name}/, nothing was loaded"
            continue
        if load.file is not None and load.is_given and not load.file.is_file():
            yield ExpectedFailure(
                f"{redact_label(load.file.name)} is neither a platform nor a file.", "Check its name or its path."
            )
            continue
        if load.file is not None and not load.is_given and drop_folder.was_taken(load.platform, load.file):
            yield _taken(load.platform, load.file)
            continue
        config = dict(load.again)
        if load.file is not None:
            config["file"] = drop_folder.give(load.file.resolve()) if load.is_given else str(load.file)
        outcome = run_job(f"load_{load.platform.name}", {"ops": {load.platform.name: {"config": config}}})
        try:
            outcome.or_raise(outlook(outcome))
        except ExpectedFailure as failure:
            yield failure
        else:
            which = f"{redact_label(load.file.name)}: " if load.file and len(loads) > 1 else ""
            yield from (which + summary for summary in outcome.summaries)
            if load.file is not None and not outcome.summaries:
                yield _taken(load.platform, load.file)  # while this run waited for its turn


def outlook(outcome: Outcome) -> str:
    """Return what becomes of a load that failed: when it is tried again, or else what is left."""
    if not outcome.succeeded:
        with instance.get() as home_instance:
            if said := retries.outlook(home_instance, outcome.run_id):
                return said
    return "The rows loaded before stay as they were."


def _taken(platform: Platform, file: Path) -> str:
    name = redact_label(file.name)
    return f"{name}: {platform.name}: no longer in drop/; another run has loaded it, or somebody removed it"
