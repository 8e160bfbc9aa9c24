"""What holds for every platform alike: loaded twice, on bad days, from drops; what a platform is declared to be."""

import logging
import re
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path

import duckdb
import pytest
from requests.adapters import HTTPAdapter

from core import clock, settings
from core.errors import ExpectedFailure
from ingestion.engine import quarantine
from ingestion.engine.loading import ensure_tables, load
from ingestion.platforms import database, platform
from sandbox.faults import DATA_FAULTS, TRANSPORT_FAULTS
from tests.ingestion import every_connector
from tests.ingestion.conftest import Sandbox
from tests.ingestion.every_connector import DROPS_ONLY, IN_PROOF, NAMES, OVER_HTTP, SECRET, WITH_ADDRESS, refused

#: A short history: what is proved does not depend on its length.
TODAY = date(2025, 1, 9)

#: Monthly files have come by then.
DAY_OF_DROPS = date(2025, 2, 6)

#: A slow answer is an answer: it is no failure.
FAILURES = sorted(TRANSPORT_FAULTS - {"slow"})

README_SECTIONS = (
    "What it is",
    "Contract and its confidence",
    "How to obtain access",
    "Settings",
    "Quirks and how each is handled",
    "What is dropped, pseudonymised or redacted and why",
    "Retention",
)


@pytest.fixture
def platforms(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The stand-ins of all platforms, behind secrets that are recognised, and a client that is quick to give up."""
    sandbox.today = TODAY
    monkeypatch.setattr(clock, "today", lambda: TODAY)  # audience asks for the days until then, and for those only
    monkeypatch.setenv("CYBERIMPACT_HTTP_READ_SECONDS", "20")
    monkeypatch.setenv("CYBERIMPACT_HTTP_LONGEST_WAIT_SECONDS", "1")
    every_connector.use_secrets(monkeypatch)
    return sandbox


@pytest.fixture(scope="session")
def _loaded_homes() -> dict[str, Path]:
    return {}


@pytest.fixture
def loaded(
    platforms: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    _loaded_homes: dict[str, Path],
    open_databases: ExitStack,
) -> Callable[[str], Sandbox]:
    """Return a function that makes the home one in which a platform was loaded once; nothing may be written to it."""

    def choose(name: str) -> Sandbox:
        is_new = name not in _loaded_homes
        root = _loaded_homes.setdefault(name, tmp_path_factory.mktemp(name))
        monkeypatch.setenv("CYBERIMPACT_HOME", str(root))
        if is_new:
            load(name)
        open_databases.enter_context(duckdb.connect(str(database(name))))
        return platforms

    return choose


# ---- addresses


@pytest.mark.parametrize("name", WITH_ADDRESS)
def test_a_second_load_writes_nothing(loaded, name):
    loaded(name)
    before = every_connector.snapshot(name)
    assert name == "operations" or any(count for count, _ in before.values())
    report = load(name)
    assert [report.total(f"rows_{outcome}") for outcome in ("new", "updated", "quarantined")] == [0, 0, 0]
    assert every_connector.snapshot(name) == before


#: Each fault once, and each connector once; the others belong to the proof.
FAULTS_IN_TURN = [
    pytest.param(name, fault, marks=[] if fault == FAILURES[rank % len(FAILURES)] else [IN_PROOF])
    for rank, name in enumerate(OVER_HTTP)
    for fault in FAILURES
]


@pytest.mark.parametrize(("name", "fault"), FAULTS_IN_TURN)
def test_a_fault_is_told_and_the_data_loaded_before_stays(loaded, monkeypatch, name, fault):
    sandbox = loaded(name)
    before = every_connector.snapshot(name)
    monkeypatch.setenv("CYBERIMPACT_HTTP_ATTEMPTS", "2")
    if fault == "hang":
        monkeypatch.setenv("CYBERIMPACT_HTTP_READ_SECONDS", "0.2")
    sandbox.fault(fault)
    refused(name)
    assert every_connector.snapshot(name) == before


@pytest.mark.parametrize("name", OVER_HTTP)
def test_a_fault_that_passes_is_only_a_delay(loaded, name):
    sandbox = loaded(name)
    before = every_connector.snapshot(name)
    sandbox.fault("broken", times=1)
    sandbox.fault("server_error", times=1)
    load(name)
    assert every_connector.snapshot(name) == before


@pytest.mark.parametrize("name", OVER_HTTP)
def test_a_late_edit_is_read_and_loses_or_doubles_nothing(loaded, tmp_path, monkeypatch, name):
    sandbox = loaded(name)
    shutil.copytree(settings.home().root, tmp_path / "edited")
    monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "edited"))
    before, counts = every_connector.keys(name), every_connector.snapshot(name)
    if name == "reference":  # which reads a file again when it was converted anew
        sandbox.today = TODAY + timedelta(days=1)
    sandbox.fault("late_edit")
    report = load(name)
    assert report.total("rows_updated")
    assert [report.total(f"rows_{outcome}") for outcome in ("new", "quarantined")] == [0, 0]
    assert every_connector.keys(name) == before
    assert {table: rows for table, (rows, _) in every_connector.snapshot(name).items()} == {
        table: rows for table, (rows, _) in counts.items()
    }


@pytest.mark.parametrize("name", OVER_HTTP)
def test_no_secret_is_left_behind(loaded, caplog, capsys, name):
    sandbox = loaded(name)
    caplog.set_level(logging.INFO)
    load(name)
    tracebacks = []
    for fault in ("forbidden", "broken"):
        sandbox.fault(fault)
        with pytest.raises(ExpectedFailure) as failure:
            load(name)
        tracebacks += traceback.format_exception(failure.value)
        sandbox.reset()
        sandbox.today = TODAY
    said = ("logs and failures", "\n".join([caplog.text, *capsys.readouterr(), *tracebacks]).lower())
    assert every_connector.leaks([said, *every_connector.remains(settings.home().root)], [SECRET]) == []


def paths_asked(name: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Load a platform, and return one path for each kind of request that this took."""
    asked: dict[str, str] = {}
    send = HTTPAdapter.send

    def listen(self: HTTPAdapter, request, **options):
        path = request.path_url.partition("?")[0]
        asked.setdefault(re.sub(r"\d+", "#", path), path)
        return send(self, request, **options)

    with monkeypatch.context() as listening:
        listening.setattr(HTTPAdapter, "send", listen)
        load(name)
    return list(asked.values())


def failure_of(name: str) -> str | None:
    """Load a platform, and return the message of its expected failure."""
    try:
        load(name)
    except ExpectedFailure as failure:
        return str(failure)
    return None


@pytest.mark.proof
@pytest.mark.parametrize("fault", sorted({*FAILURES, *DATA_FAULTS}))
@pytest.mark.parametrize("name", OVER_HTTP)
def test_a_fault_of_any_request_loses_nothing_silently(platforms, tmp_path, monkeypatch, caplog, name, fault):  # noqa: PLR0917
    monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "whole"))
    paths = paths_asked(name, monkeypatch)
    expected = every_connector.keys(name)
    monkeypatch.setenv("CYBERIMPACT_HTTP_ATTEMPTS", "2")
    monkeypatch.setenv("CYBERIMPACT_HTTP_READ_SECONDS", "2")
    for rank, path in enumerate(paths):
        monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / f"{rank}"))
        ensure_tables(name)
        platforms.fault(fault, path=path)
        caplog.clear()
        failure = failure_of(name)
        found = every_connector.keys(name)
        if failure is None:
            missing = sum(len(expected[table] - found[table]) for table in expected)
            is_told = any(record.levelno >= logging.WARNING for record in caplog.records)
            assert is_told or missing <= len(quarantine.entries(name)), path
        else:
            assert f"{name}, address http://127.0.0.1" in failure, path
            assert SECRET not in failure, path
            assert not any(found.values()), path
        platforms.reset()
        platforms.today = TODAY
        load(name)
        found = every_connector.keys(name)
        missing = {table: expected[table] - found[table] for table in expected}
        assert missing == {table: set() for table in expected}, path


# ---- drops


@pytest.fixture
def home_of_drops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "home"))
    every_connector.use_secrets(monkeypatch)
    return tmp_path


def drops(name: str, folder: Path) -> Iterator[Path]:
    """Write the files that a platform has delivered, and yield them in turn."""
    for file_name, content in import_module(f"sandbox.{name}").drops(17, DAY_OF_DROPS):
        file = folder / file_name
        file.write_bytes(content)
        yield file


@pytest.mark.parametrize("name", DROPS_ONLY)
def test_drops_load_and_a_second_load_writes_nothing(home_of_drops, name):
    files = list(drops(name, home_of_drops))
    assert files
    for file in files:
        report = load(name, file=file)
        assert report.complete
        assert report.total("rows_new")
    before = every_connector.snapshot(name)
    for file in files[-1:]:
        report = load(name, file=file)
        assert [report.total(f"rows_{outcome}") for outcome in ("new", "updated")] == [0, 0]
    assert every_connector.snapshot(name) == before


@pytest.mark.parametrize("name", DROPS_ONLY)
def test_a_file_that_is_something_else_is_told(home_of_drops, name):
    ensure_tables(name)
    for file_name, content in (("autre.csv", b"a;b\n1;2\n"), ("page.html", b"<html></html>"), ("vide.csv", b"")):
        file = home_of_drops / file_name
        file.write_bytes(content)
        with pytest.raises(ExpectedFailure, match=f"{name}, file {file_name}"):
            load(name, file=file)
    assert not any(count for count, _ in every_connector.snapshot(name).values())


# ---- what a platform is declared to be


@pytest.mark.parametrize("name", NAMES)
def test_the_list_of_platforms_names_the_tables_of_the_contract(name):
    assert sorted(platform(name).entities) == sorted(table.name for table in every_connector.contract(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_platform_offers_what_the_list_says(name):
    found = every_connector.module(name)
    assert hasattr(found, "build_source") == hasattr(found, "address") == (name in WITH_ADDRESS)
    assert platform(name).drops or name in WITH_ADDRESS


@pytest.mark.parametrize("name", NAMES)
def test_every_table_is_described_and_can_be_told_its_age(name):
    for table in every_connector.contract(name):
        names = table.field_names
        assert table.description.endswith("."), table.name
        assert {table.key, *table.key_parts} <= set(names), table.name
        assert table.dated_by is None or table.dated_by in names, table.name
        assert names[-2:] == ("generation", "colonnes_inconnues"), table.name
        assert len(set(names)) == len(names), table.name
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", field) for field in names), table.name
        assert all(field.description.strip() for field in table.fields), table.name
        assert all(group.reason.strip() for group in table.dropped), table.name


@pytest.mark.parametrize("name", NAMES)
def test_personal_rows_have_a_retention_and_a_date(name):
    chosen = platform(name)
    if chosen.sensitivity == "personal":
        assert chosen.retention
    if chosen.retention:
        assert any(table.dated_by for table in every_connector.contract(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_platform_has_its_page(name):
    page = (settings.CHECKOUT / "ingestion" / "connectors" / name / "README.md").read_text(encoding="utf-8")
    assert [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")] == list(README_SECTIONS)


def in_a_fresh_process(statements):
    """Return how Python ends that runs some statements without any setting, and what it prints and complains of."""
    done = subprocess.run(
        [sys.executable, "-c", statements],
        capture_output=True,
        text=True,
        check=False,
        cwd=settings.CHECKOUT,
        env={},
    )
    return done.returncode, done.stdout.strip(), done.stderr


def test_an_import_reads_no_setting():
    asked = "; ".join(f"import ingestion.connectors.{name}" for name in NAMES)
    check = "from core import settings; print(settings._read_files.cache_info().misses)"
    assert in_a_fresh_process(f"{asked}; {check}") == (0, "0", "")


def test_no_load_is_told_to_the_makers_of_dlt():
    asked = "from ingestion.connectors.partoo import address; address()"
    check = "from dlt.common.runtime import anon_tracker; print(anon_tracker._ANON_TRACKER_ENDPOINT)"
    assert in_a_fresh_process(f"{asked}; {check}") == (0, "None", "")


def test_ingestion_is_a_command_of_its_own():
    done = subprocess.run(
        [sys.executable, "-m", "ingestion", "--help"], capture_output=True, text=True, check=True, cwd=settings.CHECKOUT
    )
    assert set(NAMES) <= set(re.findall(r"\w+", done.stdout))
