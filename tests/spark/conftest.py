"""One cluster for all tests of Spark: it takes longer to start than most of them take."""

import shutil
from collections.abc import Iterator

import pytest

from core.settings import Home
from tests.e2e.line import write_export
from tests.spark.engines import Engine

HEADER = "stats_id,stats_debut_declaration,stats_fin_declaration,stats_dpt_unite,stats_pers_physique,stats_pers_morale"
PRE_PLAINTE = f"""{HEADER}
1,2026-01-05 10:00:00,2026-01-05 10:07:30,06,1,0
2,2026-01-06 11:00:00,2026-01-06 11:05:00,75C,0,1
3,2026-02-06 11:00:00,2026-02-06 11:09:00,33,1,0
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
