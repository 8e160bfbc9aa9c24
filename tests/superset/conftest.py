"""A real Superset, started once for the tests that need one, over a copy that the real dbt project made."""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from supersync import bundle as bundles
from supersync.bundle import Bundle
from supersync.client import Client

from core import settings
from core.settings import Home
from tests.ports import free_port
from tests.superset import serving

BUNDLE = settings.CHECKOUT / "superset" / "bundle"
PYTHON = settings.CHECKOUT / ".venv-superset" / "bin" / "python"
SERVER = settings.CHECKOUT / "superset" / "server" / "server.py"
START_SECONDS = 120


@dataclass(frozen=True)
class Server:
    """A running Superset, its home, and what speaks to it."""

    url: str
    password: str
    environment: dict[str, str]
    home: Home
    manifest: Path
    process: subprocess.Popen[bytes]

    @property
    def database_uri(self) -> str:
        return f"duckdb:///{self.home.published / 'daily' / 'current' / 'serving.duckdb'}"

    def client(self, password: str | None = None) -> Client:
        return Client(self.url, "admin", password or self.password)

    def init(self, **overrides: str) -> subprocess.CompletedProcess[str]:
        return run("init", self.environment | overrides)


def run(action: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PYTHON, SERVER, action], env=environment, capture_output=True, text=True, check=False)


@contextmanager
def superset_of(home: Home, folder: Path, publish: Callable[[], Path]) -> Generator[Server]:
    """Run a Superset over the published copies of a home.

    Args:
        home: The home.
        folder: Where its log goes.
        publish: Publishes the copies while Superset is made ready, and returns the manifest.
    """
    port = free_port()
    password = secrets.token_urlsafe(16)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SUPERSET_", "CYBERIMPACT_"))
    } | {
        "SUPERSET_HOME": str(home.superset),
        "SUPERSET_SECRET_KEY": secrets.token_urlsafe(42),
        "SUPERSET_ADMIN_PASSWORD": password,
        "CYBERIMPACT_SUPERSET_PORT": str(port),
        "CYBERIMPACT_DAGSTER_PORT": str(free_port()),
        "CYBERIMPACT_WEB_PORT": str(free_port()),
    }
    prepared = subprocess.Popen(
        [PYTHON, SERVER, "init"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    manifest = publish()
    output, _ = prepared.communicate()
    assert prepared.returncode == 0, output.decode()
    log = folder / "superset.log"
    with log.open("wb") as stream:
        process = subprocess.Popen([PYTHON, SERVER, "serve"], env=environment, stdout=stream, stderr=stream)
    try:
        started = Server(f"http://127.0.0.1:{port}", password, environment, home, manifest, process)
        wait_for(started.url, process, log)
        yield started
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, copy_manifests: Callable[[Home], None]) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("superset")
    home = Home(folder / "home")

    def publish() -> Path:
        copy_manifests(home)
        return serving.build(home, serving.experiences())

    with superset_of(home, folder, publish) as started:
        yield started


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(f"{url}/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    pytest.fail(f"Superset did not start within {START_SECONDS} s: {log.read_text()[-3000:]}")


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with server.client() as session:
        yield session


@pytest.fixture(scope="module")
def administration(server: Server) -> Iterator[Client]:
    """The same for a whole module."""
    with server.client() as session:
        yield session


@pytest.fixture
def bundle(server: Server) -> Bundle:
    return bundles.load(BUNDLE, server.manifest)


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """A copy of the bundle, to be spoilt."""
    return shutil.copytree(BUNDLE, tmp_path / "bundle")
