"""No identifier of a person in any byte of a home that was loaded, built and published, nor in what services log.

A load alone: elsewhere. Logs are structured.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from itertools import cycle
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest

from core import logs
from core.settings import Home
from ingestion.engine import drop_folder
from ingestion.engine.contract import Field, Header, Reading, Table
from ingestion.engine.loading import load
from ingestion.engine.parsers import pseudonym
from ingestion.platforms import platform
from operations import tokens
from sandbox.app import addresses, dropped_files
from sandbox.drops import deliver
from tests.e2e import test_daemon
from tests.e2e.conftest import PLATFORMS
from tests.e2e.line import PLATFORM, Line, wait_for
from tests.e2e.recomputed import SEED
from tests.ingestion import every_connector, test_leaks
from tests.ingestion.conftest import Sandbox
from tests.ingestion.test_leaks import is_running_text, planted_texts
from tests.mentions import mention
from tests.web import process

environment = test_daemon.environment

pytestmark = pytest.mark.proof

NAMED = "Rappelez Mme Kowalskavitch"

#: What stands in the name of each file, and what must not remain of it.
IN_FILE_NAMES, OF_FILE_NAMES = "06_39_98_71_53", {"39_98_71_53", "39 98 71 53", "39987153"}

#: One record in so many is given identifiers.
EVERY = 7


class Planter:
    """Gives some records of every table identifiers, in each field that is to be protected."""

    def __init__(self) -> None:
        self.planted: Counter[str] = Counter()
        self.needles: set[str] = set()
        self._seen: Counter[str] = Counter()
        self._texts = cycle(planted_texts())
        self._read = Table.read

    def read(
        self, table: Table, given: Mapping[str, Sequence[Any]], header: Header, where: Callable[[int], str]
    ) -> Reading:
        """Read records as the contract does, with identifiers in those whose turn it is."""
        columns = {label: list(values) for label, values in given.items()}
        if labels := protected_labels(table, header):
            hidden = [label for label in (*header.dropped, *header.unknown) if label in columns]
            for rank in range(len(columns[labels[0]])):
                self._seen[table.name] += 1
                if self._seen[table.name] % EVERY == 0:
                    text, needles = next(self._texts)
                    for label in (*labels, *hidden):
                        columns[label][rank] = text
                    self.needles.update(needles)
                    self.planted[table.name] += 1
        return self._read(table, columns, header, where)


def protected_labels(table: Table, header: Header) -> list[str]:
    """Return the columns that are to be protected; what a row is known by stays, or it would be another row."""
    known_by = {table.key, *table.key_parts}
    return [label for label, field in header.columns.items() if field.name not in known_by and is_protected(field)]


@cache
def is_protected(field: Field) -> bool:
    return (is_running_text(field) and not is_listed(field)) or field.parse is pseudonym


def is_listed(field: Field) -> bool:
    """Tell whether a field holds values of a list, which are not read as text: a build needs to know them."""
    try:
        return "[NOM]" not in str(field.parse(NAMED))
    except ValueError:
        return True


@pytest.fixture
def line(tmp_path: Path, copy_manifests: Callable[[Home], None]) -> Line:
    """An empty home for services, which need dbt's manifests and no data."""
    made = Line(Home(tmp_path / "home"), tmp_path / "export.csv", tmp_path / "desk")
    made.desk.mkdir()
    copy_manifests(made.home)
    return made


@pytest.fixture
def loaded(empty: Line, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Line, Planter]]:
    """A home into which the sandbox's records were loaded, many of them with identifiers."""
    monkeypatch.setenv("CYBERIMPACT_HOME", str(empty.home.root))
    monkeypatch.setenv(logs.SETTING, logs.JSON)
    today, planter = datetime.now(UTC).date(), Planter()
    deliver(empty.home.drop, (file for file in dropped_files(SEED, today) if file.platform in PLATFORMS))
    served = Sandbox(today)
    served.start()
    for setting, address in addresses(served.origin).items():
        monkeypatch.setenv(setting, address)
    try:
        with monkeypatch.context() as planting, every_connector.json_log(empty.home.logs / "load.log"):
            planting.setattr(Table, "read", lambda *given: planter.read(*given))  # noqa: PLW0108 - a method binds
            for name in PLATFORMS:
                if platform(name).cron:
                    load(name)
                for waiting in drop_folder.waiting(drop_folder.folder(platform(name))):
                    file = waiting.rename(waiting.with_stem(f"{waiting.stem}_{IN_FILE_NAMES}"))
                    load(name, file=file)
                    file.unlink()
        yield empty, planter
    finally:
        served.stop()


def test_no_identifier_is_left_in_what_is_built_and_published(loaded: tuple[Line, Planter]) -> None:
    line, planter = loaded
    for verb in ("build", "publish"):
        line.succeed(verb)
    assert set(planter.planted) >= {"experiences", "mentions", "reviews", "answers", "actions"}
    [(marked,)] = line.rows("select count(verbatim_id) from perception.fct_verbatim where text like '%[TÉLÉPHONE]%'")
    assert marked > 100, "what was planted has come as far as the published texts"
    assert every_connector.leaks(every_connector.remains(line.home.root), planter.needles | OF_FILE_NAMES) == []


def test_no_identifier_is_left_in_what_services_log(
    line: Line, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(logs.SETTING, logs.JSON)
    found = test_leaks.texts()
    given = line.home.drop / PLATFORM / "export.csv"
    given.parent.mkdir(parents=True)
    given.write_text(test_leaks.damaged_export(found), encoding="utf-8")
    page = given.with_name("page.csv")
    page.write_text(f"<!DOCTYPE html><html>{found.running}</html>\n", encoding="utf-8")
    with test_daemon.daemon(line, environment | {logs.SETTING: logs.JSON}), line.history() as instance:
        send(line, found)
        ended = dg.RunsFilter(job_name=f"load_{PLATFORM}", statuses=[dg.DagsterRunStatus.FAILURE])
        wait_for(lambda: instance.get_runs(ended) and not given.exists(), 240)
    for line_of_daemon in (line.desk / "dagster-daemon.log").read_text().splitlines():
        assert json.loads(line_of_daemon)["event"]
    runs = (line.desk / "dagster-code.log").read_text()
    assert f"load_{PLATFORM}" in runs, "runs are in the log of the code server, which starts them"
    page.unlink()  # what was refused stays there as it came
    for folder in (line.desk, line.home.root):
        assert every_connector.leaks(every_connector.remains(folder), found.needles) == []


def send(line: Line, found: test_leaks.Texts) -> None:
    """Send records to the pages as another system does: one that is taken, and a body that is not."""
    bearer = {"Authorization": f"Bearer {tokens.add('esb', sends=['listening'])}"}
    text = found.running
    with process.pages(line.home, line.desk / "web.log") as url, httpx.Client(base_url=url, headers=bearer) as client:
        taken = client.post("/api/in/listening/mentions", json=[mention("a", text=text)])
        refused = client.post("/api/in/listening/mentions", content=f'[{{"text": "{text}'.encode())
    assert (taken.status_code, refused.status_code) == (HTTPStatus.ACCEPTED, HTTPStatus.BAD_REQUEST)
