"""A Spark cluster on this machine: a master, two workers and a driver that serves Spark Connect, all on loopback.

For a cluster that is there already, `CYBERIMPACT_SPARK_REMOTE` names its driver, and nothing is started here.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from core import settings
from core.errors import ExpectedFailure
from core.settings import Home
from warehouse.engine import Process

REMOTE = "CYBERIMPACT_SPARK_REMOTE"
MEMORY = "CYBERIMPACT_SPARK_WORKER_MEMORY"
MEGABYTES = {"m": 1, "g": 1024}
LOOPBACK = "127.0.0.1"
WORKERS = 2
JAVA = ("17", "21")
JAVA_VERSION = re.compile(r'version "(?P<whole>(?P<major>\d+)[^"]*)"')
JAVA_REMEDY = (
    "sudo apt-get install openjdk-17-jre-headless (Debian 12) or openjdk-21-jre-headless (Debian 13), "
    "and have `java` of the PATH name it."
)
DRIVER = "org.apache.spark.sql.connect.service.SparkConnectServer"

#: What of Spark this project's SQL relies on; a session of dbt says so again (`warehouse.spark.adapter`).
SESSION = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    # An instant of a Parquet file without a zone is one in UTC, as every instant is here.
    "spark.sql.parquet.inferTimestampNTZ.enabled": "false",
    # A table without `using` is one of Parquet, not one of Hive; instants in its files are in UTC and have no zone.
    "spark.sql.legacy.createHiveTableByDefault": "false",
    "spark.sql.sources.default": "parquet",
    "spark.sql.parquet.outputTimestampType": "INT96",
    # A broadcast is held by the driver: two cores' worth of memory ends there first.
    "spark.sql.autoBroadcastJoinThreshold": str(1 << 20),
}


def remote() -> str:
    """Return the address of the driver, such as `sc://host:15002/;use_ssl=true;token=…`; it may hold a token."""
    return settings.get(REMOTE, f"sc://{LOOPBACK}:{settings.port('spark')}")


def is_here() -> bool:
    """Return whether the cluster is one that this machine starts for itself."""
    return settings.get(REMOTE) is None


def processes(home: Home) -> list[Process]:
    """Return the processes of the cluster, in the order of their start; none where it is elsewhere.

    Raises:
        ExpectedFailure: there is no Java, another version of it, or a setting is not readable.
    """
    if not is_here():
        return []
    java()
    spark = Path(_of_pyspark()) / "bin"
    master = f"spark://{LOOPBACK}:{settings.port('spark_master')}"
    run = ["env", *(f"{name}={value}" for name, value in _environment(home).items())]
    one = [*run, spark / "spark-class"]
    memory = settings.get(MEMORY, "2g")
    cores = settings.whole_number("CYBERIMPACT_SPARK_WORKER_CORES", 1, "cores")
    listening = ["--host", LOOPBACK, "--port", str(settings.port("spark_master"))]
    options = _options(home, memory)
    pages = settings.port("spark_master_ui")  # the workers' follow it
    worker = ["--host", LOOPBACK, "--cores", str(cores), "--memory", memory, "--work-dir", home.spark / "work"]
    return [
        Process(
            "spark-master",
            [*one, "org.apache.spark.deploy.master.Master", *listening, "--webui-port", str(pages)],
            settings.port("spark_master"),
            "spark_master",
        ),
        *(
            Process(
                f"spark-worker-{number}",
                [*one, "org.apache.spark.deploy.worker.Worker", *worker, "--webui-port", str(pages + number), master],
            )
            for number in range(1, WORKERS + 1)
        ),
        Process(
            "spark",
            [*run, spark / "spark-submit", "--master", master, *options, "--class", DRIVER, "spark-internal"],
            settings.port("spark"),
            "spark",
        ),
    ]


def java() -> str:
    """Return the version of this machine's Java.

    Raises:
        ExpectedFailure: there is none, or one that Spark does not run on.
    """
    found = shutil.which("java")
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr if found else ""
    version = JAVA_VERSION.search(said)
    if version is None:
        raise ExpectedFailure("Spark needs Java 17 or 21, and there is none on this machine.", JAVA_REMEDY)
    if version["major"] not in JAVA:
        raise ExpectedFailure(f"Spark needs Java 17 or 21, and this machine runs {version['whole']}.", JAVA_REMEDY)
    return version["whole"]


def _of_pyspark() -> str:
    """Return the folder of the package that brings Spark."""
    found = find_spec("pyspark")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(name="pyspark")
    return found.submodule_search_locations[0]


def _environment(home: Home) -> dict[str, str]:
    """Return the variables of every process of the cluster: all of them listen on loopback only."""
    return {
        # The workers run this Python, with its packages.
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": LOOPBACK,
        "SPARK_PUBLIC_DNS": LOOPBACK,
        "SPARK_LOCAL_DIRS": str(home.spark / "scratch"),
        # Where Hadoop asks who runs it, in a container without a name of the account.
        "HADOOP_USER_NAME": os.environ.get("USER", "cyberimpact"),
        "SPARK_DAEMON_MEMORY": "512m",
        "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false",
        "SPARK_WORKER_OPTS": "-Dspark.worker.cleanup.enabled=true",
    }


def _options(home: Home, worker_memory: str) -> list[str]:
    """Return the settings of the driver as options."""
    catalogue = home.spark / "catalogue"
    known = {
        **SESSION,
        "spark.driver.memory": settings.get("CYBERIMPACT_SPARK_DRIVER_MEMORY", "3g"),
        "spark.executor.memory": _executor_memory(worker_memory),
        "spark.driver.host": LOOPBACK,
        "spark.driver.bindAddress": LOOPBACK,
        "spark.connect.grpc.binding.address": LOOPBACK,
        "spark.connect.grpc.binding.port": str(settings.port("spark")),
        "spark.ui.port": str(settings.port("spark_ui")),
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": f"-Duser.timezone=UTC -Dderby.system.home={catalogue}",
        "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
        "spark.sql.catalogImplementation": "hive",
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={catalogue}/metastore;create=true",
        "spark.sql.warehouse.dir": str(home.lake / "default"),
        "spark.sql.shuffle.partitions": "4",
    }
    return [part for name, value in known.items() for part in ("--conf", f"{name}={value}")]


def _executor_memory(worker: str) -> str:
    """Return the heap of the executor of a worker: what is left beside Java's own memory, 384 MB at least.

    Raises:
        ExpectedFailure: the worker's memory is not written as Spark has it.
    """
    size, unit = worker[:-1], worker[-1:]
    if not size.isdecimal() or unit not in MEGABYTES:
        raise ExpectedFailure(f"{MEMORY} is {worker!r}, no memory of a worker.", "Set it to such as 2g or 1536m.")
    megabytes = int(size) * MEGABYTES[unit]
    return f"{megabytes - max(384, megabytes // 10)}m"
