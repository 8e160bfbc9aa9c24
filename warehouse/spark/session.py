"""A session with the driver of a Spark cluster, over Spark Connect."""

import atexit
import logging
import os
import socket
from functools import cache
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import pyspark
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.connect.client.retries import DefaultPolicy

from core.errors import ExpectedFailure, TransientFailure
from warehouse.spark import failures
from warehouse.spark.cluster import SESSION, remote

ANSWER_SECONDS = 5
DEFAULT_PORT = 15002
#: Together some 20 seconds: a driver that is started anew does not know the session any more.
RETRIES = 5

QUIET = ("SQLQueryContextLogger", "pyspark.sql.connect.logging")
CLOSED = "INVALID_HANDLE.SESSION_CLOSED"
_settings = {"name": "cyberimpact"}


def identify(name: str) -> None:
    """Name the session that this process is about to begin; one of the same name is gone on with."""
    _settings["name"] = name


@cache
def session() -> SparkSession:
    """Return the session of this process.

    Raises:
        TransientFailure: no driver answers.
        ExpectedFailure: it has another version of Spark, or refuses the session.
    """
    refuse_absent(remote())
    if "SPARK_CONNECT_LOG_LEVEL" not in os.environ:
        # What fails is logged as 20 kB of JSON each time; its message says it in a line.
        for name in QUIET:
            logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        try:
            found = begun(uuid5(NAMESPACE_URL, _settings["name"]))
        except PySparkException as closed:
            if CLOSED not in str(closed):
                raise
            found = begun(uuid4())  # nobody asked for an hour: Spark never opens that one again
    except PySparkException as refused:
        raise refusal(refused) from None
    return found


def begun(identifier: UUID) -> SparkSession:
    """Return a session of the driver with the settings that the project's SQL relies on."""
    address = remote() if "/;" in remote() else f"{remote()}/"
    found = SparkSession.builder.remote(f"{address};session_id={identifier}").create()
    atexit.register(found.client.close)  # later, without its threads, the channel waits for its last call for ever
    found.client.set_retry_policies([DefaultPolicy(max_retries=RETRIES)])
    refuse_other_version(found.version, pyspark.__version__)
    for name, value in SESSION.items():
        found.conf.set(name, value)
    return found


def living_session() -> SparkSession:
    """Return the session of this process, a new one where the driver of the former has gone.

    Raises:
        TransientFailure: no driver answers.
        ExpectedFailure: see `session`.
    """
    try:
        session().conf.get("spark.app.id")
    except PySparkException:
        session.cache_clear()
    return session()


def refused_words(refused: PySparkException) -> str:
    """Return what to say of a statement that failed; once the driver is lost, no later one waits for it."""
    said = failures.words(str(refused))
    if failures.is_lost(said):
        session().client.set_retry_policies([])
    return said


def run(statement: str) -> None:
    """Run a statement outside of dbt.

    Raises:
        ExpectedFailure: Spark refuses it, or the driver is gone.
    """
    try:
        living_session().sql(statement)
    except PySparkException as refused:
        raise failures.of(str(refused)) or ExpectedFailure(
            f"Spark refuses a statement: {failures.words(str(refused))}", "Read the driver's log."
        ) from None


def refusal(refused: PySparkException) -> ExpectedFailure:
    """Return the failure of a driver that answers and opens no session."""
    said = str(refused).partition(failures.STACK)[0]
    if "UNAUTHENTICATED" in said or "PERMISSION_DENIED" in said:
        return ExpectedFailure(
            f"The Spark driver at {place_of(remote())} refuses the token.",
            "Correct `token=` in CYBERIMPACT_SPARK_REMOTE.",
        )
    return failures.of(said) or ExpectedFailure(
        f"The Spark driver at {place_of(remote())} opens no session: {said[: failures.SHOWN_CHARACTERS]}",
        "Read the driver's log.",
    )


def refuse_absent(address: str) -> None:
    """Check that a driver listens: Spark's client would try for minutes.

    Raises:
        TransientFailure: nobody listens at the address.
    """
    parts = urlsplit(address.partition("/;")[0])
    place = parts.hostname or "", parts.port or DEFAULT_PORT
    try:
        socket.create_connection(place, ANSWER_SECONDS).close()
    except OSError as problem:
        raise TransientFailure(
            f"No Spark driver answers at {place_of(address)}: {problem.strerror or problem}.",
            "Start one on this machine with `make cluster`, or name another in CYBERIMPACT_SPARK_REMOTE.",
        ) from None


def place_of(address: str) -> str:
    """Return the address of a driver without its parameters, of which one may be a token."""
    parts = urlsplit(address.partition("/;")[0])
    return f"sc://{parts.hostname}:{parts.port or DEFAULT_PORT}"


def refuse_other_version(server: str, client: str) -> None:
    """Check that the driver runs the Spark of this environment: the SQL of the project was tried with no other.

    Raises:
        ExpectedFailure: major or minor version differ.
    """
    if server.split(".")[:2] != client.split(".")[:2]:
        raise ExpectedFailure(
            f"The cluster runs Spark {server}, and this environment has {client}.",
            f"Name a cluster of Spark {client} in CYBERIMPACT_SPARK_REMOTE; to try another version, pin its pyspark in "
            "pyproject.toml, then `make lock` and `make test-long`.",
        )
