"""Sensors: a file was dropped, the process of a run died, a load is to be tried again, something is wrong."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg

from core import settings
from core.clock import now
from core.errors import ExpectedFailure
from ingestion.engine import drop_folder, remote_folders
from ingestion.platforms import PLATFORMS, Platform, platform
from operations.alerts.dispatch import dispatch
from operations.inbox import deliveries
from orchestration import jobs, monitoring, retries
from orchestration.fetches import fetch_config
from orchestration.loads import FROM_INBOX, inbox_config, load_name
from orchestration.run_monitoring import reap

DROP_INTERVAL_SECONDS = 15
ELSEWHERE_INTERVAL_SECONDS = 60
REAPER_INTERVAL_SECONDS = 15
RETRY_INTERVAL_SECONDS = 30

#: When this process began.
BEGAN = now()

#: Path -> [size in bytes, time of the last change of the file or its name, in nanoseconds]: the same drop.
Seen = dict[str, list[int]]


def dropped_files(folder: Path) -> Seen:
    """Return the files of a drop folder that are not still being written under a name of their own (`.part`)."""
    stats = {str(path): path.stat() for path in drop_folder.waiting(folder)}
    # A copy may keep the time of its original (`cp -p`); the time of the inode is its own.
    return {name: [stat.st_size, stat.st_ctime_ns] for name, stat in stats.items()}


def settled(before: Seen, now: Seen) -> Iterator[str]:
    """Yield the files that have not changed since the last look."""
    return (name for name, mark in now.items() if before.get(name) == mark)


def drop_sensor(platform: Platform) -> dg.SensorDefinition:
    """Return the sensor of one drop folder: a file is loaded once it is the same at two looks, and once only."""

    @dg.sensor(
        name=f"drop_{platform.name}",
        job=jobs.loads[platform.name],
        minimum_interval_seconds=DROP_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Loads the files put into drop/{platform.name}/.",
    )
    def watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        before = json.loads(context.cursor) if context.cursor else {}
        now = dropped_files(drop_folder.folder(platform))
        requests = [
            dg.RunRequest(
                run_key=f"{name}:{now[name][0]}:{now[name][1]}",
                run_config={"ops": {platform.name: {"config": {"file": name}}}},
                tags={"file": Path(name).name},
            )
            for name in settled(before, now)
        ]
        return dg.SensorResult(run_requests=requests, cursor=json.dumps(now))

    return watch


@dg.sensor(
    name="remote_folders",
    jobs=[*jobs.fetches.values()],
    minimum_interval_seconds=ELSEWHERE_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Fetches the files of drop folders elsewhere.",
)
def look_elsewhere(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Ask for one fetch of each platform whose folder elsewhere has files that are the same at two looks.

    A folder that cannot be read is fetched from too: its run says why. What stays so is asked for again each hour.
    """
    before: dict[str, list[str]] = json.loads(context.cursor) if context.cursor else {}
    platforms = remote_folders.addressed()
    with ThreadPoolExecutor() as pool:  # who does not answer holds up nobody
        found = {one.name: marks for one, marks in zip(platforms, pool.map(marks_of, platforms), strict=True)}
    requests = []
    for name, marks in found.items():
        rested = [mark for mark in marks or () if mark in before.get(name, ())]
        if rested or marks is None:
            asked = hashlib.sha256("".join(rested).encode()).hexdigest()
            requests.append(
                dg.RunRequest(
                    run_key=f"fetch:{name}:{asked}:{now():%Y-%m-%dT%H}",
                    job_name=jobs.fetches[name].name,
                    run_config=fetch_config(name, rested),
                )
            )
    return dg.SensorResult(run_requests=requests, cursor=json.dumps({name: found[name] or [] for name in found}))


def marks_of(platform: Platform) -> list[str] | None:
    """Return the marks of the files to be fetched next; None where they cannot be listed."""
    try:
        return [file.mark for file in remote_folders.look(platform).pending[: remote_folders.MOST_AT_ONCE]]
    except ExpectedFailure:
        return None


#: What is live is loaded by `orchestration.microbatch`.
DAILY_PLATFORMS = [platform for platform in PLATFORMS if platform.is_sendable and platform.database != "live"]
UNDER_WAY = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


@dg.sensor(
    name="inbox",
    jobs=[jobs.loads[platform.name] for platform in DAILY_PLATFORMS],
    minimum_interval_seconds=DROP_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Loads what others have sent: by the webhook, or by the message bus.",
)
def take_in(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Ask for one load of each platform for which something waits, unless one is under way.

    A load that failed is asked for again once something else has come; until then `retries` decides.
    """
    waiting = deliveries.waiting([platform.name for platform in DAILY_PLATFORMS])
    requests = [
        dg.RunRequest(
            run_key=f"inbox:{name}:{oldest}:{newest}",
            job_name=load_name(platform(name)),
            run_config=inbox_config(name),
            tags=FROM_INBOX,
        )
        for name, (oldest, newest) in sorted(waiting.items())
        if not context.instance.get_runs(
            dg.RunsFilter(job_name=load_name(platform(name)), statuses=UNDER_WAY, tags=FROM_INBOX), limit=1
        )
    ]
    return dg.SensorResult(run_requests=requests)


@dg.sensor(
    name="reaper",
    minimum_interval_seconds=REAPER_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Ends the runs whose process has died and frees their pool slots.",
    target=None,
)
def reaper(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    ended = reap(context.instance)
    return dg.SkipReason(f"ended {', '.join(ended)}" if ended else "every run's process is alive")


@dg.sensor(
    name="retries",
    jobs=[*jobs.loads.values(), jobs.build, jobs.build_full, jobs.daily],
    minimum_interval_seconds=RETRY_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a new run of a load or build that failed for a reason that may pass, when its time has come.",
)
def try_again(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    return dg.SensorResult(run_requests=list(retries.requests(context.instance, now())))


@dg.sensor(
    name="monitor",
    minimum_interval_seconds=monitoring.LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Notes what is wrong and what is well again, and sends it to who subscribes to `operations`.",
    target=None,
)
def monitor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    if context.repository_def is None or not monitoring.look(context.instance, context.repository_def, BEGAN):
        return dg.SkipReason("the process that watches has looked within the minute")
    try:
        sent = dispatch(settings.home())
    except ExpectedFailure as failure:
        return dg.SkipReason(str(failure))
    return dg.SkipReason("; ".join((f"{sent.messages} message(s) sent", *sent.failures)))


#: A file of listening or chat is loaded by `orchestration.microbatch`.
sensors = [
    *(drop_sensor(platform) for platform in PLATFORMS if platform.drops and platform.database != "live"),
    look_elsewhere,
    take_in,
    reaper,
    try_again,
    monitor,
]
