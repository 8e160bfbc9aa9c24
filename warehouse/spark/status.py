"""The state of a cluster: its application and executors, the lake that both sides share, and what runs them."""

import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.metadata import version
from typing import Any, NamedTuple

import httpx
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from core import settings
from core.errors import ExpectedFailure, TransientFailure
from core.finding import Finding
from core.settings import Home
from warehouse.spark import cluster, failures, files, lake
from warehouse.spark.session import living_session, place_of

PAGES = "CYBERIMPACT_SPARK_UI_URL"
PAGE_SECONDS = 10
#: How long a build waits for the first executor of a driver that has just started.
EXECUTOR_SECONDS = 60
#: How long a check waits for its turn on a cluster that builds.
JOB_SECONDS = 60
FREE_BYTES = 2 * 1024**3
WORKERS_START = "`make down`, then `make cluster`; on a cluster of your own start its workers"


class Executor(NamedTuple):
    """A process of the application on a worker.

    Attributes:
        is_active: Whether it lives.
        cores: How many tasks it runs at once.
    """

    is_active: bool
    cores: int


class Application(NamedTuple):
    """What the driver is to its cluster.

    Attributes:
        spark: The session.
        name: Its id.
        address: Of its pages.
    """

    spark: SparkSession
    name: str
    address: str

    def executors(self) -> list[Executor] | None:
        """Return its executors, those that were lost included; None where its pages do not answer."""
        try:
            answer = httpx.get(f"{self.address}/api/v1/applications/{self.name}/allexecutors", timeout=PAGE_SECONDS)
            return [
                Executor(found["isActive"], found["totalCores"])
                for found in answer.raise_for_status().json()
                if found["id"] != "driver"
            ]
        except (httpx.HTTPError, ValueError):
            return None

    def grows(self) -> bool:
        """Return whether executors come only with work."""
        return self.spark.conf.get("spark.dynamicAllocation.enabled", "false") == "true"


def application() -> Application:
    """Return the application that serves this process.

    Raises:
        ExpectedFailure: no driver answers, or it opens no session.
    """
    spark = living_session()
    host, port = (str(spark.conf.get(name, "")) for name in ("spark.driver.host", "spark.ui.port"))
    address = settings.get(PAGES, f"http://{host}:{port or settings.DEFAULT_PORTS['spark_ui']}")
    return Application(spark, str(spark.conf.get("spark.app.id")), address.rstrip("/"))


def refuse_unready(home: Home) -> None:
    """Check that a build can begin: a driver answers, an executor runs, and the lake can be written.

    Raises:
        TransientFailure: no driver or no executor.
        ExpectedFailure: the lake cannot be written, or the cluster is another one than this environment is for.
    """
    make_lake(home)
    running = application()
    until = time.monotonic() + EXECUTOR_SECONDS
    while (found := running.executors()) is not None and not running.grows():
        if any(executor.is_active for executor in found):
            return
        if time.monotonic() > until:
            raise TransientFailure(
                f"The Spark driver at {place_of(cluster.remote())} has no worker: a build would wait for ever.",
                f"{WORKERS_START}; {running.address}/executors/ shows them.",
            )
        time.sleep(1)


def make_lake(home: Home) -> None:
    """Make the folder of the lake where it is not there, and check that it takes a file.

    Raises:
        ExpectedFailure: it does not.
    """
    trial = home.lake / ".written_here"
    try:
        home.lake.mkdir(mode=0o700, parents=True, exist_ok=True)
        trial.write_bytes(bytes(1 << 16))
        trial.unlink()
    except OSError as problem:
        raise ExpectedFailure(
            f"The lake {home.lake} cannot be written: {problem.strerror}.",
            "Free space on its disk, or give the folder to the account that runs the platform.",
        ) from None


def examine(home: Home) -> Iterator[Finding]:
    """Check the cluster; each trouble with its remedy."""
    if cluster.is_here():
        yield java()
    yield room(home)
    yield from tables(home)
    try:
        running = application()
    except ExpectedFailure as failure:
        yield Finding("Spark driver", "broken", failure.what, failure.remedy)
        return
    versions = f"Spark {running.spark.version}, Java {java_of(running.spark)}"
    yield Finding("Spark driver", "ok", f"{place_of(cluster.remote())}, {versions}, {running.address}")
    found = running.executors()
    yield workers(running, found)
    if found is None or running.grows() or any(executor.is_active for executor in found):
        yield sharing(home, running.spark)
        yield python_of_workers(running.spark)


def java() -> Finding:
    """Check the Java that starts a cluster on this machine."""
    try:
        version = cluster.java()
    except ExpectedFailure as failure:
        return Finding("Java", "broken", failure.what, failure.remedy)
    return Finding("Java", "ok", version)


def java_of(spark: SparkSession) -> str:
    [(version,)] = spark.sql("select reflect('java.lang.System', 'getProperty', 'java.version')").collect()
    return version


def room(home: Home) -> Finding:
    """Check that the lake takes files from here, and how much room it has."""
    try:
        make_lake(home)
    except ExpectedFailure as failure:
        return Finding("lake", "broken", failure.what, failure.remedy)
    free = shutil.disk_usage(home.lake).free
    detail = f"{home.lake}, {free / 1024**3:.1f} GB free, {FREE_BYTES / 1024**3:.1f} GB needed"
    enough = free >= FREE_BYTES
    return Finding("lake", "ok" if enough else "broken", detail, "" if enough else "free some space on its disk")


def tables(home: Home) -> Iterator[Finding]:
    """Check that nobody has changed the files of the lake by hand."""
    for target in ("daily", "live"):
        try:
            files.refuse_changed(lake.lake_of(home, target))
        except ExpectedFailure as failure:
            yield Finding(f"lake/{target}", "broken", failure.what, failure.remedy)


def workers(running: Application, found: list[Executor] | None) -> Finding:
    """Check that the executors live, and on this machine that there are as many as were started."""
    subject = "Spark workers"
    if found is None:
        return Finding(
            subject,
            "late",
            f"unknown: the application's pages at {running.address} do not answer",
            f"name their address in {PAGES}",
        )
    active = [executor for executor in found if executor.is_active]
    lost = len(found) - len(active)
    memory = running.spark.conf.get("spark.executor.memory", "1g")
    detail = f"{len(active)} executors with {sum(executor.cores for executor in active)} cores, {memory} each"
    detail += f"; {lost} lost since the driver began" if lost else ""
    if not active and not running.grows():
        return Finding(subject, "broken", detail, WORKERS_START)
    if cluster.is_here() and len(active) < cluster.WORKERS:
        return Finding(subject, "late", f"{detail}; {cluster.WORKERS} were started", WORKERS_START)
    return Finding(subject, "ok", detail)


def sharing(home: Home, spark: SparkSession) -> Finding:
    """Check that what executors write in the lake can be read here."""
    subject, folder = "lake of the workers", home.lake / ".written_there"
    rows = spark.range(2).repartition(2)
    try:
        within(spark, lambda: rows.write.mode("overwrite").parquet(str(folder)))
    except TimeoutError:
        return busy(subject)
    except PySparkException as refused:
        return of_refusal(subject, "broken", str(refused))
    is_seen = lake.scan_of(folder) is not None
    shutil.rmtree(folder, ignore_errors=True)
    if is_seen:
        return Finding(subject, "ok", "what they write is read here")
    remedy = "mount one file system under the same path on this host and on those of driver and workers"
    return Finding(subject, "broken", f"what they write in {home.lake} is not there on this host", remedy)


def python_of_workers(spark: SparkSession) -> Finding:
    """Check that the workers run the Python of this environment, with Arrow and the functions that models map."""
    subject, ours = "Python of the workers", f"{platform.python_version()}, cyberimpact {version('cyberimpact')}"

    def versions(batches: Iterator[Any]) -> Iterator[Any]:
        import platform
        from importlib.metadata import version

        import pyarrow as pa

        for _ in batches:
            there = f"{platform.python_version()}, cyberimpact {version('cyberimpact')}"
            yield pa.RecordBatch.from_pydict({"version": [there]})

    asked = spark.range(0, 2, 1, 2).mapInArrow(versions, "version string")
    try:
        theirs = {row.version for row in within(spark, asked.collect)}
    except TimeoutError:
        return busy(subject)
    except PySparkException as refused:
        return of_refusal(subject, "broken", str(refused))
    if theirs == {ours}:
        return Finding(subject, "ok", ours)
    remedy = f"give the workers Python {ours}, and name it in PYSPARK_PYTHON of the driver"
    return Finding(subject, "broken", f"{'; '.join(sorted(theirs))}; here it is {ours}", remedy)


def within(spark: SparkSession, job: Callable[[], Any]) -> Any:
    """Return what a job answers.

    Raises:
        TimeoutError: it does not come to its end in time; it is stopped.
    """
    pool, tag = ThreadPoolExecutor(max_workers=1), f"check-{os.getpid()}"  # others may share the session

    def tagged() -> Any:
        spark.addTag(tag)
        return job()

    try:
        return pool.submit(tagged).result(JOB_SECONDS)
    except TimeoutError:
        with suppress(PySparkException):
            spark.interruptTag(tag)
        raise
    finally:
        pool.shutdown(wait=False)


def busy(subject: str) -> Finding:
    return Finding(subject, "late", f"no answer within {JOB_SECONDS} s: the cluster is busy", "ask again later")


def of_refusal(subject: str, state: Any, said: str) -> Finding:
    known = failures.of(said)
    if known:
        return Finding(subject, state, known.what, known.remedy)
    return Finding(subject, state, said.partition("\n")[0][: failures.SHOWN_CHARACTERS], "read the driver's log")
