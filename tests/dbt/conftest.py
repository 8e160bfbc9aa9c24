"""One warehouse, built once, that the tests of the dbt project read. Tests that build take a home of their own."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from core import settings
from core.settings import Home
from tests.dbt import citizens, few_victims, raw
from tests.shared_folder import made_once
from warehouse import dbt_project


def dbt(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run dbt by hand on the current home."""
    return subprocess.run(
        [dbt_project.DBT, "--no-use-colors", *arguments],
        env=os.environ | dbt_project.environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def home(home: Home, copy_manifests: Callable[[Home], None]) -> Home:
    """A home for one test, with the project as parsed: each first command of dbt would parse it anew."""
    copy_manifests(home)
    return home


@dataclass(frozen=True)
class Built:
    """A green build of random experiences."""

    experiences: list[raw.Row]
    manifest: Mapping[str, Any]
    connection: duckdb.DuckDBPyConnection

    def rows(self, query: str) -> list[tuple]:
        return self.connection.execute(query).fetchall()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, copy_manifests: Callable[[Home], None]) -> Iterator[Built]:
    """The first worker that needs the build makes it, and the others read it."""
    experiences = citizens.experiences(seed=20240229, count=400)
    with pytest.MonkeyPatch.context() as patch:
        with made_once(tmp_path_factory, "dbt-built") as (folder, is_new):
            patch.setenv("CYBERIMPACT_HOME", str(folder))
            home = settings.home()
            if is_new:
                copy_manifests(home)
                build(experiences)
        manifest = json.loads((home.dbt_target / "manifest.json").read_bytes())
        with duckdb.connect(str(home.warehouse), read_only=True) as connection:
            yield Built(experiences, manifest, connection)


def build(experiences: list[raw.Row]) -> None:
    raw.create_empty()
    raw.create(experiences=experiences, load_log=[citizens.load()])
    few_victims.create(range(2022, 2025), seed=3)
    run = dbt("build")
    assert run.returncode == 0, run.stdout
