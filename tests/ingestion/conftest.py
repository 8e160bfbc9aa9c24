"""A sandbox over real HTTP, small hand-written exports, and questions to the warehouse of a test's own home."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import certifi
import duckdb
import httpx
import pytest
import uvicorn
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.destinations import duckdb as duckdb_destination

from core.settings import Home
from ingestion.engine.loading import ensure_tables
from ingestion.platforms import PLATFORMS, database, platform
from sandbox.app import addresses, build_app
from tests.shared_folder import made_once

NAMES = frozenset(platform.name for platform in PLATFORMS)

#: The sandbox's first day is 2025-01-01: a short history keeps tests fast.
FIRST_TODAY = date(2025, 3, 31)


@pytest.fixture(scope="session", autouse=True)
def _one_certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Trust one authority instead of all: no test here speaks TLS, and each client of httpx reads them all."""
    first, end, _ = Path(certifi.where()).read_text(encoding="utf-8").partition("-----END CERTIFICATE-----\n")
    file = tmp_path_factory.mktemp("tls") / "authority.pem"
    file.write_text(first + end, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(file))
        yield


@pytest.fixture(scope="session", autouse=True)
def _capabilities_unresolved() -> Iterator[None]:
    """Let DuckDB's capabilities be known as they are.

    dlt resolves the configuration of a destination ten times in a load, a quarter of its time, to say what DuckDB does
    alike under any.
    """
    resolved = duckdb_destination.capabilities

    def unresolved(self: duckdb_destination, config: Any = None, naming: Any = None) -> DestinationCapabilitiesContext:
        return resolved(self, self.spec() if config is None else config, naming)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb_destination, "capabilities", unresolved)
        yield


@pytest.fixture(scope="session")
def empty_tables(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that gives a file with the empty tables of a platform.

    Each is made once: making the tables takes longer than most loads.
    """

    @cache
    def of(name: str) -> Path:
        with made_once(tmp_path_factory, f"empty-{name}") as (folder, is_new), pytest.MonkeyPatch.context() as patch:
            patch.setenv("CYBERIMPACT_HOME", str(folder))
            if is_new:
                ensure_tables(name)
            return database(name)

    return of


@pytest.fixture
def empty_home(home: Home) -> Home:
    """A home in which nothing was ever written."""
    home.warehouse.unlink()
    return home


@pytest.fixture
def home(home: Home, request: pytest.FixtureRequest, empty_tables: Callable[[str], Path]) -> Home:
    """The home of one test, with the empty tables of the platform that its module is called after, or names."""
    module = request.module.__name__.rpartition(".test_")[2]
    chosen = getattr(request.module, "PLATFORM", module if module in NAMES else "services_publics_plus")
    home.root.mkdir()
    shutil.copy(empty_tables(chosen), database(chosen))
    return home


@pytest.fixture
def open_databases(home: Home) -> Iterator[ExitStack]:
    """Keep the databases of the home open in this process: a load connects twenty times, 10 ms each where none is."""
    with ExitStack() as opened:
        for file in (home.warehouse, home.live):
            if file.exists():
                opened.enter_context(duckdb.connect(str(file)))
        yield opened


class Sandbox:
    """A stand-in that runs, and whose day can be moved."""

    def __init__(self, today: date = FIRST_TODAY) -> None:
        self.today = today
        config = uvicorn.Config(build_app(17, lambda: self.today), host="127.0.0.1", port=0, log_level="critical")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> None:
        """Serve, and return once it answers."""
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True  # a request that hangs would hold it back
        self._thread.join(10)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    @property
    def api(self) -> str:
        return f"{self.origin}/api/explore/v2.1"

    @property
    def dataset(self) -> str:
        return f"{self.api}/catalog/datasets/export-experiences"

    def fault(self, name: str, **options: Any) -> None:
        httpx.post(f"{self.origin}/_control/faults", json={"fault": name, **options}).raise_for_status()

    def reset(self) -> None:
        self.today = FIRST_TODAY
        httpx.delete(f"{self.origin}/_control/faults").raise_for_status()


@pytest.fixture(scope="session")
def _running_sandbox() -> Iterator[Sandbox]:
    server = Sandbox()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sandbox(_running_sandbox: Sandbox, home: Home, monkeypatch: pytest.MonkeyPatch) -> Sandbox:  # noqa: ARG001
    """The sandbox, without faults, as the platform of an empty home; a client that is quick to give up."""
    _running_sandbox.reset()
    for setting, address in addresses(_running_sandbox.origin).items():
        monkeypatch.setenv(setting, address)
    monkeypatch.delenv("CYBERIMPACT_SERVICES_PUBLICS_PLUS_DATASET", raising=False)
    monkeypatch.setenv("CYBERIMPACT_SERVICES_PUBLICS_PLUS_API_KEY", "cle-secrete-du-test")
    monkeypatch.setenv("CYBERIMPACT_HTTP_ATTEMPTS", "3")
    monkeypatch.setenv("CYBERIMPACT_HTTP_BACKOFF_SECONDS", "0.01")
    monkeypatch.setenv("CYBERIMPACT_HTTP_READ_SECONDS", "0.6")
    return _running_sandbox


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    return folder


HEADER = (
    "ID expérience;Etat expérience;Statut de l'expérience;Date de publication;Titre;Description;Ressenti usager;Pays"
)


def experience(key: str, *, published: str = "06/10/2022 15:07", feeling: str = "Positif", title: str = "Titre") -> str:
    return f"{key};Traitée;Expérience avec réponse;{published};{title};Un texte;{feeling};France"


def write_export(folder: Path, *lines: str, header: str = HEADER, name: str = "export.csv") -> Path:
    file = folder / name
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return file


def ask(home: Home, query: str, name: str = "services_publics_plus") -> list[tuple]:
    """Query the database of a platform in a home, with its raw tables, if there are any, as defaults, in UTC."""
    chosen = platform(name)
    with duckdb.connect(str(home.database(chosen.database))) as connection:
        if connection.execute("select 1 from duckdb_schemas() where schema_name = ?", [chosen.dataset]).fetchall():
            connection.execute(f"set search_path = '{chosen.dataset}'")
        connection.execute("set timezone = 'UTC'")
        return connection.execute(query).fetchall()


def snapshot(home: Home) -> list[tuple]:
    """Every experience, with the load that wrote it: equal snapshots mean that nothing was written."""
    return ask(home, "select * from experiences order by id_experience")
