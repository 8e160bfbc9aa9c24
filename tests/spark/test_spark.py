"""Spark as the engine, on a master and two workers: the tables of DuckDB, also when a worker dies in the middle."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from core.settings import CHECKOUT, DEFAULT_PORTS, Home
from tests.e2e.line import write_export
from tests.ports import free_port
from tests.spark.compare import Comparison

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17 or 21, which is not here"),
]

HEADER = "stats_id,stats_debut_declaration,stats_fin_declaration,stats_dpt_unite,stats_pers_physique,stats_pers_morale"
PRE_PLAINTE = f"""{HEADER}
1,2026-01-05 10:00:00,2026-01-05 10:07:30,06,1,0
2,2026-01-06 11:00:00,2026-01-06 11:05:00,75C,0,1
3,2026-02-06 11:00:00,2026-02-06 11:09:00,33,1,0
"""
#: Tell when something was built or asked; the moment is another one for each build.
CLOCKED = {"audit.build_status", "audit.build_fingerprint", "audit.freshness"}
#: Far into a build, whose first seeds and models are done.
SOME_MODELS = 60


class Engine:
    """A home, and the command line of an environment on it."""

    def __init__(self, name: str, venv: str, home: Home) -> None:
        self.home = home
        self._command = CHECKOUT / venv / "bin" / "cyberimpact"
        ports = {f"CYBERIMPACT_{service.upper()}_PORT": str(free_port()) for service in DEFAULT_PORTS}
        self.environment = os.environ | ports | {"CYBERIMPACT_HOME": str(home.root), "CYBERIMPACT_ENGINE": name}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self._command, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> str:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=900)
        assert process.returncode == 0, output
        return output


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with two platforms, nothing of it built."""
    folder = tmp_path_factory.mktemp("loaded")
    line = Engine("duckdb", ".venv", Home(folder / "home"))
    (folder / "ppel.csv").write_text(PRE_PLAINTE)
    line.run("load", "services_publics_plus", "--file", str(write_export(folder / "export.csv")))
    line.run("load", "pre_plainte", "--file", str(folder / "ppel.csv"))
    return line.home


@contextmanager
def cluster(engine: Engine) -> Iterator[None]:
    try:
        engine.run("cluster")
        yield
    finally:
        engine.run("down")


def workers(engine: Engine) -> list[int]:
    """Return the process ids of the workers of a home."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = process.joinpath("cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"org.apache.spark.deploy.worker.Worker" in words and str(engine.home.spark / "work").encode() in words:
            found.append(int(process.name))
    return found


def models_built(engine: Engine) -> int:
    lake = engine.home.lake / "daily"
    return len([success for success in lake.glob("*/*/_SUCCESS") if success.parts[-3] != "taken_in"])


def test_two_platforms_are_built_alike_though_a_worker_is_killed(loaded: Home, tmp_path: Path) -> None:
    homes = {name: Home(tmp_path / name) for name in ("duckdb", "spark")}
    for home in homes.values():
        shutil.copytree(loaded.root, home.root)
    duck, spark = Engine("duckdb", ".venv", homes["duckdb"]), Engine("spark", ".venv-spark", homes["spark"])
    duck.run("build", "--daily")
    with cluster(spark):
        former = workers(spark)
        assert len(former) == 2
        build = spark.start("build", "--daily")
        while models_built(spark) < SOME_MODELS and build.poll() is None:
            time.sleep(0.5)
        os.kill(former[0], signal.SIGKILL)
        output, _ = build.communicate(timeout=900)
        assert build.returncode == 0, output
        spark.run("publish", "--daily")
        spark.run("audit", "verify")

    comparison = Comparison(duck.home.warehouse, spark.home.warehouse)
    compared = [name for name in comparison.tables() if ".".join(name) not in CLOCKED]
    assert comparison.absent() == []
    assert [str(found) for name in compared if (found := comparison.difference(*name))] == []
    assert comparison.rows("kpi", "kpi_value") > 100
    with duckdb.connect(str(spark.home.warehouse), read_only=True) as connection:
        kinds = connection.execute("select count(*) from duckdb_views() where schema_name = 'kpi'").fetchone()
    assert kinds != (0,), "the file shows what lies in the lake"
