"""A session with the driver of a Spark cluster, over Spark Connect."""

import logging
import socket
from functools import cache
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from pyspark.sql import SparkSession
from pyspark.sql.connect.logging import getLogLevel

from core.errors import ExpectedFailure
from warehouse.spark.cluster import SESSION, remote

ANSWER_SECONDS = 5
DEFAULT_PORT = 15002

_settings = {"name": "cyberimpact"}


def identify(name: str) -> None:
    """Name the session that this process is about to begin; one of the same name is gone on with."""
    _settings["name"] = name


@cache
def session() -> SparkSession:
    """Return the session of this process.

    Raises:
        ExpectedFailure: no driver answers.
    """
    refuse_absent(remote())
    address = remote() if "/;" in remote() else f"{remote()}/"
    identifier = uuid5(NAMESPACE_URL, _settings["name"])
    found = SparkSession.builder.remote(f"{address};session_id={identifier}").create()
    for name, value in SESSION.items():
        found.conf.set(name, value)
    if getLogLevel() is None:
        # A statement that fails is logged as 20 kB of JSON; its message says it in a line.
        logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    return found


def refuse_absent(address: str) -> None:
    """Check that a driver listens: Spark's client would try for minutes.

    Raises:
        ExpectedFailure: nobody listens at the address.
    """
    parts = urlsplit(address.partition("/;")[0])
    place = parts.hostname or "", parts.port or DEFAULT_PORT
    try:
        socket.create_connection(place, ANSWER_SECONDS).close()
    except OSError as problem:
        raise ExpectedFailure(
            f"No Spark driver answers at sc://{place[0]}:{place[1]}: {problem.strerror or problem}.",
            "Start one on this machine with `make cluster`, or name another in CYBERIMPACT_SPARK_REMOTE.",
        ) from None
