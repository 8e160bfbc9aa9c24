"""What Spark says of a failure, in words and with what to do about it."""

import re
from collections.abc import Callable
from typing import NamedTuple

from core.errors import ExpectedFailure, TransientFailure

#: Begins the sentence on a driver that went away; `is_lost` finds it in what dbt has recorded of a node.
LOST = "The Spark driver was lost"
STACK = "\n\nJVM stacktrace:"
#: What builds tables of the lake anew.
REBUILD = "`cyberimpact build --full`, for what is live `cyberimpact build --live`."
#: Of what Spark says itself; a refused plan goes on for pages.
SHOWN_CHARACTERS = 600


class Known(NamedTuple):
    """A failure that an operator is expected to meet.

    Attributes:
        mark: What Spark, gRPC or Hadoop says of it.
        explain: Makes its sentence and remedy of what was found.
    """

    mark: re.Pattern[str]
    explain: Callable[[re.Match[str]], ExpectedFailure]


def of(said: str) -> ExpectedFailure | None:
    """Return the failure that a message of Spark is about; None where only the message itself can say."""
    for mark, explain in KNOWN:
        if found := mark.search(said):
            return explain(found)
    return None


def words(said: str) -> str:
    """Return what dbt is to record of a failure: its sentence and remedy where they are known, and Spark's words."""
    own = said.partition(STACK)[0].strip()
    known = of(said)
    if known is None:
        return own
    first = own.partition("\n")[0][:SHOWN_CHARACTERS]
    return str(known) if is_lost(str(known)) else f"{known}\nSpark: {first}"


def is_lost(message: str) -> bool:
    """Return whether a message says that the driver went away, which may pass by itself."""
    return LOST in message


def lost() -> TransientFailure:
    return TransientFailure(
        f"{LOST}: it was stopped or killed, the connection broke, or its cluster ended the application.",
        "See that one runs (`cyberimpact doctor`, on this machine `make cluster`), then build again: "
        "what was not built is built then, and readers keep the copy they have.",
    )


def _unreadable(found: re.Match[str]) -> ExpectedFailure:
    return ExpectedFailure(
        f"A file of {_table(found['path'])} is missing or is no longer what Spark wrote.", f"Build it again: {REBUILD}"
    )


def _table(path: str) -> str:
    """Return the table that a file of the lake belongs to, as `schema.table`; the path where it is of no table."""
    parts = path.rstrip("/").split("/")
    for target in ("daily", "live"):
        if target in parts[:-2] and "lake" in parts:
            schema, table = parts[parts.index(target) + 1 :][:2]
            return f"the table {schema}.{table}" if schema != "taken_in" else f"{table}, which the build has taken in"
    return path


KNOWN = (
    # First: what follows the sentence is a trace, with words of the lines of code in it.
    Known(
        re.compile(r"RowsFailed: ([^\n]*)"),
        lambda found: ExpectedFailure(
            f"A function failed in an executor: {found[1]}",
            "Correct it there. What the rows hold is neither shown nor logged.",
        ),
    ),
    Known(
        re.compile(
            r"StatusCode\.UNAVAILABLE|failed to connect to all addresses|Connection refused|Socket closed"
            r"|Connection reset|INVALID_HANDLE\.SESSION|SESSION_CHANGED|NO_ACTIVE_SESSION|SparkContext was shut down"
            r"|SparkContext has been shutdown|stopped SparkContext|Master removed our application"
            r"|All masters are unresponsive"
        ),
        lambda _: lost(),
    ),
    Known(
        re.compile(r"No space left on device|Disk quota exceeded"),
        lambda _: ExpectedFailure(
            "The disk of the lake, or the one on which Spark's workers keep what they shuffle, is full.",
            "Free some space there (`cyberimpact doctor` says how much there is), then build again.",
        ),
    ),
    Known(
        re.compile(
            r"(?:Mkdirs failed to create|Permission denied|AccessControlException|Read-only file system"
            r"|Not a directory|is not writable)[^\n]*"
        ),
        lambda found: ExpectedFailure(
            f"Spark may not write the lake: {found[0][:SHOWN_CHARACTERS]}.",
            "Driver and workers need to write the folder lake/ of CYBERIMPACT_HOME, under the same path on every host "
            "and as an account that may: `cyberimpact doctor` tries it.",
        ),
    ),
    Known(
        re.compile(r"(?:FAILED_READ_FILE|CANNOT_READ_FILE|is not a Parquet file|FileNotFoundException|FILE_NOT_EXIST)"
                   r".*?(?:file:)?(?P<path>/[^\s'\"`,:]+)", re.DOTALL),
        _unreadable,
    ),
    Known(
        re.compile(r"PYTHON_VERSION_MISMATCH|No module named '(?:pyarrow|analytics|pandas)'|No package metadata"),
        lambda _: ExpectedFailure(
            "The Python of Spark's workers is not the one of this environment.",
            "Give the workers the same Python, packages (requirements/spark.lock) and platform, and name it in "
            "PYSPARK_PYTHON of the driver.",
        ),
    ),
    Known(
        re.compile(
            r"Java heap space|GC overhead limit|OutOfMemoryError|UNABLE_TO_ACQUIRE_MEMORY|Not enough memory to build"
        ),
        lambda _: ExpectedFailure(
            "Spark ran out of memory.",
            "Raise CYBERIMPACT_SPARK_DRIVER_MEMORY or CYBERIMPACT_SPARK_WORKER_MEMORY, on a cluster of your own "
            "spark.driver.memory or spark.executor.memory, then start it anew and build again.",
        ),
    ),
)  # fmt: skip
