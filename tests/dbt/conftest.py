"""One warehouse, built once, that the tests of the dbt project read. Tests that build take a home of their own."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import settings
from orchestration import project
from tests.dbt import citizens, raw


def dbt(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run dbt by hand on the current home."""
    return subprocess.run(
        [project.DBT, "--no-use-colors", *arguments],
        env={**subprocess.os.environ, **project.environment()},
        capture_output=True,
        text=True,
        check=False,
    )


@dataclass(frozen=True)
class Built:
    """A green build of random experiences."""

    experiences: list[raw.Row]
    manifest: Mapping[str, Any]
    connection: duckdb.DuckDBPyConnection

    def rows(self, query: str) -> list[tuple]:
        return self.connection.execute(query).fetchall()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CYBERIMPACT_HOME", str(tmp_path_factory.mktemp("built")))
        experiences = citizens.experiences(seed=20240229, count=400)
        warehouse = raw.create(experiences=experiences, load_log=[citizens.load()])
        run = dbt("build")
        assert run.returncode == 0, run.stdout
        manifest = json.loads(Path(settings.home().dbt_target, "manifest.json").read_bytes())
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            yield Built(experiences, manifest, connection)
