"""Loads in processes of their own, some killed, and the state they leave. What must hold is in `test_kills.py`."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

import duckdb

from core import settings
from core.locks import writer_lock
from ingestion.engine import quarantine
from ingestion.platforms import database, platform
from operations import models
from sandbox.app import dropped_files
from tests.ingestion import every_connector
from tests.ingestion.conftest import Sandbox

#: The day of the last load at an address. The history is short: what is proved does not depend on its length.
TODAY = date(2025, 1, 9)

#: Monthly files have come by then.
DAY_OF_DROPS = date(2025, 2, 6)

#: More rows than `operations` reads at a time.
ROWS_OF_OPERATIONS = 1500

#: A load that takes so long hangs.
PATIENCE_SECONDS = 600

COMPLETED = "select load_id from _dlt_loads where status = 0"


class Step(NamedTuple):
    """A load: of a file, or at the address on a day."""

    name: str
    day: date = TODAY
    file: Path | None = None


@dataclass(frozen=True)
class State:
    """What loads have left.

    Attributes:
        tables: Number of rows, and checksum over keys and content, of each raw table.
        quarantine: The same of the records in quarantine, over their identifiers.
        rows_new: Rows that all completed loads together called new.
    """

    tables: dict[str, tuple[int, str | None]]
    quarantine: tuple[int, str | None]
    rows_new: int


class Outcome(NamedTuple):
    """How many rows a load said that it wrote, and how many seconds it took."""

    new: int
    updated: int
    seconds: float


@dataclass(frozen=True)
class Undisturbed:
    """What the steps leave when nothing is killed, and how many seconds each took when it last ran to its end."""

    steps: tuple[Step, ...]
    seconds: list[float]
    state: State


def steps(name: str, folder: Path) -> tuple[Step, ...]:
    """Return the loads of a platform: at its address, once more on the next day, then its files, put into a folder."""
    days = [TODAY - timedelta(days=1), TODAY] if name in every_connector.OVER_HTTP else [TODAY]
    at_address = [Step(name, day) for day in days] if name in every_connector.WITH_ADDRESS else []
    return (*at_address, *(Step(name, file=file) for file in _files(name, folder)))


def _files(name: str, folder: Path) -> Iterator[Path]:
    for platform_name, file_name, content in dropped_files(17, DAY_OF_DROPS):
        if platform_name == name:
            (folder / file_name).write_bytes(content)
            yield folder / file_name


def prepare_home() -> None:
    """Make the home's `operations.sqlite`, which one of the platforms reads."""
    day = datetime(2025, 1, 2, 10, tzinfo=UTC)
    topic = {"label": "Faux colis", "query": '"faux colis"', "kind": "cyber", "owner": "team:veille"}
    times = {"created_at": day, "updated_at": day}
    numbers = range(ROWS_OF_OPERATIONS)
    models.Topic.objects.bulk_create(models.Topic(code=f"topic_{number}", **topic, **times) for number in numbers)
    alert = {"channel": "mail", "recipient": "permanence@exemple.fr", "subject": "Hausse", "created_at": day}
    models.Alert.objects.bulk_create(models.Alert(alert_id=f"alert_{number}", **alert) for number in numbers)


def _command(name: str, file: Path | None) -> list[str]:
    return [sys.executable, "-m", "ingestion", name, *([] if file is None else ["--file", str(file)])]


def start(name: str, file: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a load in a process of its own, in the home that the environment names."""
    return subprocess.Popen(
        _command(name, file), cwd=settings.CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def complete(step: Step, sandbox: Sandbox) -> Outcome:
    """Run a load to its end."""
    sandbox.today = step.day
    began = time.monotonic()
    done = subprocess.run(
        _command(step.name, step.file),
        cwd=settings.CHECKOUT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{step}: {done.stdout}{done.stderr}"
    counts = re.search(r"(\d+) new, (\d+) updated", done.stdout)
    assert counts, done.stdout
    return Outcome(int(counts[1]), int(counts[2]), time.monotonic() - began)


def kill(step: Step, sandbox: Sandbox, after_seconds: float) -> bool:
    """Run a load, kill it after so many seconds, and return whether it still ran."""
    sandbox.today = step.day
    with start(step.name, step.file) as process:
        try:
            code = process.wait(after_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return True
    assert code == 0, f"{step} failed by itself"
    return False


def undisturbed(name: str, sandbox: Sandbox, folder: Path) -> Undisturbed:
    """Load a platform step by step in an empty home."""
    chosen = steps(name, folder)
    seconds = [complete(step, sandbox).seconds for step in chosen]
    return Undisturbed(chosen, seconds, state(name))


def disturbed(model: Undisturbed, sandbox: Sandbox, draw: Random, most: int) -> list[str]:
    """Take the same steps in an empty home, killing each up to three times, at any moment, before it completes.

    Returns:
        What was killed, and when: at most `most` kills; a load that ended before its moment was not killed.
    """
    killed: list[str] = []
    for rank, step in enumerate(model.steps):
        seconds = model.seconds[rank]
        for moment in [draw.uniform(0, seconds) for _ in range(draw.randint(1, 3))]:
            if len(killed) < most and kill(step, sandbox, moment):
                killed.append(f"{step.file.name if step.file else step.day} after {moment:.2f} of {seconds:.2f} s")
        model.seconds[rank] = complete(step, sandbox).seconds  # a busy machine has its moods
    return killed


def ask(name: str, query: str) -> list[tuple]:
    """Ask the database of a platform in its turn: a process that was killed holds it until its last thread is gone."""
    with writer_lock(database(name)), duckdb.connect(str(database(name))) as connection:
        connection.execute(f"set search_path = '{platform(name).dataset}'")
        return connection.execute(query).fetchall()


def state(name: str) -> State:
    """Return what a platform's loads have left in the home."""
    tables = {
        table.name: _checked(name, table.name, table.key, "_content_hash") for table in every_connector.contract(name)
    }
    [(rows_new,)] = ask(name, f"select sum(rows_new) from load_log where _dlt_load_id in ({COMPLETED})")
    return State(tables, _checked(name, f"{quarantine.DATASET}.{name}", "quarantine_id"), int(rows_new))


def _checked(name: str, table: str, *columns: str) -> tuple[int, str | None]:
    row = f"concat_ws('|', {', '.join(columns)})"
    return ask(name, f"select count(*), md5(string_agg({row}, ' ' order by {row})) from {table}")[0]


def contradictions(name: str) -> dict[str, int]:
    """Return how many rows have no completed load, by table, and how many keys of the load log are doubled."""
    queries = {
        table.name: f"select count(*) from {table.name} where _dlt_load_id not in ({COMPLETED})"
        for table in every_connector.contract(name)
    }
    queries["load_log"] = "select count(*) - count(distinct load_key) from load_log"
    counted = {what: ask(name, query)[0][0] for what, query in queries.items()}
    return {what: number for what, number in counted.items() if number}
