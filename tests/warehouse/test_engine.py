"""Which engine builds is one setting, read in one place; without Spark nothing of it is imported."""

import re
import subprocess
import sys

import pytest

from core.errors import ExpectedFailure
from core.settings import CHECKOUT
from warehouse.engine import engine

PACKAGES = (
    "analytics",
    "assets",
    "audit",
    "cli",
    "core",
    "ingestion",
    "opendata",
    "operations",
    "orchestration",
    "privacy",
    "web",
)
#: What would choose by the engine's name, in Python and in what dbt renders.
CHOICES = re.compile(r"""(==|!=|\bin\b)\s*\(?["'](spark|duckdb|lake)["']|CYBERIMPACT_ENGINE|engine\(\)\.name\b""")
TYPE = re.compile(r"target\.type|adapter\.type\(\)")


def test_duckdb_builds_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CYBERIMPACT_ENGINE", raising=False)
    assert (engine().name, engine().profile) == ("duckdb", "cyberimpact")


def test_an_unknown_engine_is_refused_with_those_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_ENGINE", "sparc")
    with pytest.raises(ExpectedFailure, match=r"CYBERIMPACT_ENGINE is 'sparc'.*\n?.*duckdb or spark"):
        engine()


def test_spark_without_its_packages_says_which_environment_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_ENGINE", "spark")
    monkeypatch.setitem(sys.modules, "pyspark", None)
    for name in [name for name in sys.modules if name.startswith("warehouse.spark")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ExpectedFailure, match=r"lacks the package pyspark.*\n?.*make up ENGINE=spark"):
        engine()


def test_nothing_of_spark_is_imported_where_duckdb_builds() -> None:
    code = (
        "import sys; from warehouse import checks, dbt_compiled, dbt_project, held_back, publication, staleness;"
        "dbt_project.environment();"
        "print([name for name in sys.modules if name.partition('.')[0] in ('pyspark', 'py4j') or '.spark' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CHECKOUT)
    assert done.stdout.strip() == "[]"


def test_no_model_asks_for_the_engine_and_no_package_above_chooses_by_it() -> None:
    rendered = [path for kind in ("sql", "yml", "py") for path in (CHECKOUT / "dbt_project").rglob(f"*.{kind}")]
    assert rendered
    asking = [path for path in rendered if TYPE.search(path.read_text(encoding="utf-8"))]
    modules = [path for package in PACKAGES for path in (CHECKOUT / package).rglob("*.py")]
    choosing = [path for path in modules if CHOICES.search(path.read_text(encoding="utf-8"))]
    assert asking == choosing == []
