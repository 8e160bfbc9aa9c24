"""One cluster for all tests of Spark: it takes longer to start than most of them take."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings import Home
from tests.e2e.line import write_export
from tests.spark.engines import Engine
from warehouse import dbt_project
from warehouse.spark.lake import namespace

HEADER = "stats_id,stats_debut_declaration,stats_fin_declaration,stats_dpt_unite,stats_pers_physique,stats_pers_morale"
PRE_PLAINTE = f"""{HEADER}
1,2026-01-05 10:00:00,2026-01-05 10:07:30,06,1,0
2,2026-01-06 11:00:00,2026-01-06 11:05:00,75C,0,1
3,2026-02-06 11:00:00,2026-02-06 11:09:00,33,1,0
"""
PROJECT = """
name: small
profile: small
model-paths: [models]
macro-paths: [macros]
flags: {hints_enabled: false}
models: {+schema: kept}
"""
PROFILE = """
small:
  target: only
  outputs:
    only:
      type: lake
      method: session
      host: none
      schema: kept
      path: FOLDER/books.duckdb
      lake: FOLDER/lake
      namespace: NAMESPACE
      threads: 1
"""


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A master, two workers and a driver; their home and their ports."""
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17 or 21, which is not here")
    here = Engine("spark", Home(tmp_path_factory.mktemp("cluster")))
    try:
        here.run("cluster")
        yield here
    finally:
        here.run("down")


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with two platforms, nothing of it built."""
    folder = tmp_path_factory.mktemp("loaded")
    line = Engine("duckdb", Home(folder / "home"))
    (folder / "ppel.csv").write_text(PRE_PLAINTE)
    line.run("load", "services_publics_plus", "--file", write_export(folder / "export.csv"))
    line.run("load", "pre_plainte", "--file", folder / "ppel.csv")
    return line.home


@pytest.fixture
def small_project(tmp_path: Path) -> Path:
    """A dbt project with this one's macros and no model; `DBT_PROJECT_DIR` and `DBT_PROFILES_DIR` are to name it."""
    for folder in ("models", "lake", "brought"):
        (tmp_path / folder).mkdir()
    shutil.copytree(dbt_project.PROJECT_DIR / "macros", tmp_path / "macros")
    (tmp_path / "dbt_project.yml").write_text(PROJECT)
    (tmp_path / "profiles.yml").write_text(
        PROFILE.replace("FOLDER", str(tmp_path)).replace("NAMESPACE", namespace(Home(tmp_path)))
    )
    return tmp_path
