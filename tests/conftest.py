"""Fixtures that every kind of test shares: the real data where it is at hand, and a home of its own for each test."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from core import settings
from tests.shared_folder import made_once

os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
os.environ["CYBERIMPACT_PSEUDONYM_KEY"] = "a key that only tests have"
# What .env has for the demonstration is not for tests.
for name in ("ENGINE", "SMTP_HOST", "SMTP_PORT", "SUBSCRIPTIONS"):
    os.environ[f"CYBERIMPACT_{name}"] = ""
os.environ["DJANGO_SETTINGS_MODULE"] = "web.settings"  # one Django for all tests of a process


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout; the test is skipped where it is absent."""
    folder = settings.CHECKOUT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the real data (../shared) is not here")
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> settings.Home:
    """An empty home for one test."""
    monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home" / "dagster"))
    return settings.home()


@pytest.fixture(scope="session")
def _parsed(tmp_path_factory: pytest.TempPathFactory) -> settings.Home:
    """A home that holds dbt's manifests and nothing else."""
    from warehouse import dbt_project

    with made_once(tmp_path_factory, "parsed") as (folder, is_new), pytest.MonkeyPatch.context() as patch:
        patch.setenv("CYBERIMPACT_HOME", str(folder))
        if is_new:
            dbt_project.manifest()
        return settings.home()


@pytest.fixture(scope="session")
def copy_manifests(_parsed: settings.Home) -> Callable[[settings.Home], None]:
    """Return a function that gives a home dbt's manifests: parsing the project takes a processor twenty seconds."""

    def copy(home: settings.Home) -> None:
        shutil.copytree(_parsed.dbt_target.parent, home.dbt_target.parent, dirs_exist_ok=True)

    return copy


@pytest.fixture(scope="session")
def pages() -> Iterator[None]:
    """The pages, for Django's test client; static files have their own names."""
    import django
    from django.test.utils import override_settings, setup_test_environment, teardown_test_environment

    django.setup()
    setup_test_environment()
    plain = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    with override_settings(STORAGES=plain):
        yield
    teardown_test_environment()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until it is killed."""
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            yield process
        finally:
            process.kill()


#: Who uses one of these starts a server, or loads and builds a whole home.
LONG_FIXTURES = frozenset(("server", "postgres_server", "golden", "everything"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as long what uses a long fixture, before markers are selected."""
    for item in items:
        if LONG_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.long)


#: One worker makes what all of these tests share, and runs them. Two start Superset, since its tests take longest.
TOGETHER = ("tests/superset/test_browser", "tests/superset/", "tests/spark/", "tests/dbt/")
#: The same for the tests of each file.
FILES_TOGETHER = (
    "tests/audit/test_verifying",
    "tests/cli/test_cli",
    "tests/e2e/test_containers",
    "tests/e2e/test_recomputation",
    "tests/e2e/test_wheel",
    "tests/graph/",
    "tests/operations/test_bus",
    "tests/rawfiles/",
    "tests/upgrade/",
    "tests/web/test_login",
    "tests/web/test_twenty",
)


class Together(LoadScopeScheduling):
    """Deals out tests one by one, but for those that share what is slow to make: one worker gets them all."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", maxsplit=1)[0]
        if shared := next((start for start in TOGETHER if file.startswith(start)), None):
            return shared
        if file.endswith(("test_every_connector.py", "test_leaks.py")) and "[" in nodeid:
            return re.split(r"\W", nodeid.split("[")[1])[0]  # the platform, whose first load is slow
        return file if file.startswith(FILES_TOGETHER) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    return Together(config, log)
