"""A home that was loaded, built and published once for the session, and copies of it that tests may break."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core import settings
from core.settings import Home
from operations import models
from sandbox.app import addresses, dropped_files
from sandbox.drops import deliver
from tests.e2e.line import PLATFORM, Line, write_export
from tests.e2e.recomputed import NOW, SEED
from tests.ingestion.conftest import Sandbox
from tests.shared_folder import made_once

#: What the KPIs stand on, `reference` for the figures of the IGGN.
PLATFORMS = (
    "services_publics_plus", "jdma", "partoo", "app_stores", "audience", "social_accounts", "listening",
    "brigade_numerique", "pre_plainte", "perceval", "cybermalveillance", "prevention_actions", "operations",
    "reference",
)  # fmt: skip

REAL = settings.CHECKOUT.parent / "shared" / "data" / "services_publics_plus" / "export-experiences.csv"


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """The line run once from an empty home, never changed, on the real export where it is at hand.

    The command line alone writes it, dbt's manifests too: their modes are tested.
    """
    with made_once(tmp_path_factory, "golden") as (root, is_new):
        line = Line(Home(root / "home"), REAL if REAL.exists() else root / "export.csv", root / "desk")
        if is_new:
            line.desk.mkdir()
            if not REAL.exists():
                write_export(line.export)
            line.succeed("load", PLATFORM, "--file", str(line.export))
            line.succeed("build")
            line.succeed("publish")
    return line


def verdicts() -> Iterator[models.Verdict]:
    """Yield invented verdicts on a signal of every other day, alternately confirmed and dismissed."""
    first = datetime(2025, 1, 15, 22, 30, tzinfo=UTC)
    for number in range(40):
        opened_at = first + timedelta(days=2 * number)
        verdict, note = ("écarté", "Un exercice.") if number % 2 else ("confirmé", None)
        yield models.Verdict(
            verdict_id=f"v{number}",
            signal_id=f"s{number}",
            verdict=verdict,
            author_role="veille",
            note=note,
            decided_at=opened_at + timedelta(hours=1),
            topic_code="essai",
            crisis_kind="cyber",
            territory_code="FR-33",
            severity=2,
            signal_opened_at=opened_at,
        )


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory, copy_manifests: Callable[[Home], None]) -> Line:
    """A home with every platform that a KPI needs, as the sandbox serves it up to `NOW`; made once, never changed."""
    with (
        made_once(tmp_path_factory, "everything") as (root, is_new),
        pytest.MonkeyPatch.context() as environment,
    ):
        line = Line(Home(root / "home"), REAL, root / "desk")
        if is_new:
            copy_manifests(line.home)
            line.desk.mkdir()
            deliver(line.home.drop, dropped_files(SEED, NOW))
            shutil.rmtree(line.home.drop / "reference")  # communes and offences: slow, and of no KPI
            environment.setenv("CYBERIMPACT_HOME", str(line.home.root))
            models.Verdict.objects.bulk_create(verdicts())
            platforms = Sandbox(NOW)
            platforms.start()
            for setting, address in addresses(platforms.origin).items():
                environment.setenv(setting, address)
            line.succeed("load", *PLATFORMS)
            platforms.stop()
            for verb in ("build", "publish"):
                line.succeed(verb)
    return line


@pytest.fixture
def line(golden: Line, tmp_path: Path) -> Line:
    """A copy of the golden home that a test may break."""
    # Nobody writes there; who reads Dagster's history makes such files, which may be gone before they are copied.
    passing = shutil.ignore_patterns("*.db-wal", "*.db-shm")
    shutil.copytree(golden.home.root, tmp_path / "home", symlinks=True, ignore=passing)
    (tmp_path / "desk").mkdir()
    return Line(Home(tmp_path / "home"), golden.export, tmp_path / "desk")


@pytest.fixture
def empty(golden: Line, tmp_path: Path, copy_manifests: Callable[[Home], None]) -> Line:
    """An empty home, but for dbt's manifests, which it would make again."""
    (tmp_path / "desk").mkdir()
    line = Line(Home(tmp_path / "home"), golden.export, tmp_path / "desk")
    copy_manifests(line.home)
    return line
