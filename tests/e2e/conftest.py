"""A home that was loaded, built and published once for the session, and copies of it that tests may break."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from ingestion import settings
from ingestion.settings import Home
from tests.e2e.line import PLATFORM, Line, write_export

REAL = settings.CHECKOUT.parent / "shared" / "data" / "services_publics_plus" / "export-experiences.csv"


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """The line run once from an empty home, never changed, on the real export where it is at hand."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "golden"
    root.mkdir(exist_ok=True)
    with (root / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        line = Line(Home(root / "home"), REAL if REAL.exists() else root / "export.csv", root / "desk")
        if not (root / "done").exists():
            line.desk.mkdir()
            if not REAL.exists():
                write_export(line.export)
            line.succeed("load", PLATFORM, "--file", str(line.export))
            line.succeed("build")
            line.succeed("publish")
            (root / "done").touch()
    return line


@pytest.fixture
def line(golden: Line, tmp_path: Path) -> Line:
    """A copy of the golden home that a test may break."""
    shutil.copytree(golden.home.root, tmp_path / "home", symlinks=True)
    (tmp_path / "desk").mkdir()
    return Line(Home(tmp_path / "home"), golden.export, tmp_path / "desk")


@pytest.fixture
def empty(golden: Line, tmp_path: Path) -> Line:
    """An empty home, but for dbt's manifest, which it would make again."""
    (tmp_path / "desk").mkdir()
    shutil.copytree(golden.home.dbt_target, tmp_path / "home" / golden.home.dbt_target.relative_to(golden.home.root))
    return Line(Home(tmp_path / "home"), golden.export, tmp_path / "desk")
