"""A KPI that `cyberimpact new kpi` has written: its unit test fails until it is filled, then it builds."""

import os
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest

from cli import scaffold
from core import settings
from tests.dbt.conftest import Built
from warehouse import dbt_project

pytestmark = pytest.mark.long

TO_FILL = "month,2024-02-01,nation,FR,total,total,,,,\n"
BY_HAND = "month,2024-02-01,nation,FR,total,total,2,,2.000000,2\n"


@pytest.fixture
def project(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001
    """A copy of the project, with a KPI more, over a copy of the warehouse."""
    warehouse = settings.home().warehouse
    monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "home"))
    settings.make_folder(settings.home().root)
    subprocess.run(["cp", warehouse, settings.home().warehouse], check=True)  # this process holds it open
    checkout = tmp_path / "checkout"
    shutil.copytree(dbt_project.PROJECT_DIR, checkout / "dbt_project", ignore=shutil.ignore_patterns("target"))
    monkeypatch.setattr(settings, "CHECKOUT", checkout)
    scaffold.new_kpi(
        "experience_count", pillar="perception", title="Expériences", mart="fct_experience", key="experience_id",
        day="published_on",
    )  # fmt: skip
    return checkout / "dbt_project"


def dbt(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = dbt_project.environment() | {"DBT_PROJECT_DIR": str(project), "DBT_PROFILES_DIR": str(project)}
    command = [dbt_project.DBT, "--no-use-colors", *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_a_new_kpi_builds_once_its_unit_test_is_filled(project: Path, built: Built) -> None:
    build = ("build", "--select", "kpi_experience_count__observations", "kpi_experience_count")
    unfilled = dbt(project, *build)
    assert unfilled.returncode == 1, unfilled.stdout
    assert "FAIL 1 kpi_experience_count::experience_count_counts_what_its_definition_says" in unfilled.stdout
    assert " SKIP relation kpi.kpi_experience_count " in unfilled.stdout

    declared = project / "models/kpi/perception/kpi_experience_count.yml"
    text = declared.read_text(encoding="utf-8")
    assert text.count(TO_FILL) == 1
    declared.write_text(text.replace(TO_FILL, BY_HAND), encoding="utf-8")
    filled = dbt(project, *build)
    assert filled.returncode == 0, filled.stdout
    with duckdb.connect(str(settings.home().warehouse)) as connection:
        [(value,)] = connection.execute(
            "select sum(value) from kpi.kpi_experience_count where period_type = 'year' and territory_level = 'nation'"
        ).fetchall()
    [(experiences,)] = built.rows("select count(*) from perception.fct_experience where published_on is not null")
    assert value == experiences
