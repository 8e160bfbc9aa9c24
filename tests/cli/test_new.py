"""What `cyberimpact new` writes into a checkout, and what it refuses; tests/dbt/test_new_kpi.py builds such a KPI."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import yaml
from supersync import bundle as bundles
from supersync.check import check

from cli import scaffold
from core import settings
from core.settings import Home
from tests.cli.verbs import Run
from tests.superset import small_manifest
from tests.superset.edits import edit

KPI = ("new", "kpi", "google_reviews", "--pillar", "perception", "--title", "Avis « Google » : nombre")
COUNTED = ("--mart", "fct_google_review", "--key", "review_id", "--day", "written_on")
PLATFORM = ("new", "platform", "fil_rouge", "--pillar", "actors", "--title", "Fil rouge")
CHART = ("new", "chart", "visits_total", "--pillar", "visibility", "--title", "Visites : total", "--kpi", "visits")

FOLDERS = ("core", "privacy", "ingestion", "warehouse", "dbt_project", "superset/bundle")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what the command writes into, which it takes for the checkout."""
    scratch = tmp_path / "checkout"
    for folder in FOLDERS:
        shutil.copytree(
            settings.CHECKOUT / folder, scratch / folder, ignore=shutil.ignore_patterns("__pycache__", "target")
        )
    monkeypatch.setattr(settings, "CHECKOUT", scratch)
    return scratch


def content(checkout: Path) -> dict[str, bytes]:
    return {str(path.relative_to(checkout)): path.read_bytes() for path in checkout.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", [(*KPI, *COUNTED), PLATFORM, CHART], ids=["kpi", "platform", "chart"])
def test_it_names_what_it_has_written_and_writes_nothing_twice(run: Run, checkout: Path, command: tuple) -> None:
    before = content(checkout)
    done = run(*command)
    assert done.code == 0, done.err
    after = content(checkout)
    changed = [name for name in after if after[name] != before.get(name)]
    assert sorted(done.out.split()) == sorted(changed)
    assert done.err.startswith("Next:\n")
    assert "exists already" in run(*command).refused()
    assert content(checkout) == after


@pytest.mark.parametrize(
    "name", ["AnswerRate", "answer-rate", "answer__rate", "_rate", "2rate", "../rate", "taux_é", "class", ""]
)
@pytest.mark.parametrize("kind", ["kpi", "platform", "chart"])
def test_a_name_is_in_snake_case(run: Run, checkout: Path, kind: str, name: str) -> None:
    before = content(checkout)
    rest = {"kpi": (*KPI[3:], *COUNTED), "platform": PLATFORM[3:], "chart": CHART[3:]}[kind]
    assert "snake_case" in run("new", kind, name, *rest).refused()
    assert content(checkout) == before


def test_what_it_builds_on_must_exist(run: Run, checkout: Path) -> None:  # noqa: ARG001
    assert "no model fct_nothing" in run(*KPI, "--mart", "fct_nothing", *COUNTED[2:]).refused()
    assert "no KPI nothing" in run(*CHART[:-1], "nothing").refused()


def test_a_kpi_of_another_pillar_keeps_its_code(run: Run, checkout: Path) -> None:  # noqa: ARG001
    assert "kpi/visibility/kpi_visits" in run("new", "kpi", "visits", *KPI[3:], *COUNTED).refused()


def test_it_needs_a_checkout(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "CHECKOUT", tmp_path)
    assert "not a checkout" in run(*CHART).refused()


def test_the_examples_of_the_guide_work(run: Run, checkout: Path) -> None:  # noqa: ARG001
    guide = Path(__file__).parents[2] / "docs" / "data-engineer.md"
    examples = [shlex.split(line) for line in guide.read_text().splitlines() if line.startswith("cyberimpact new ")]
    assert {example[2] for example in examples} == {"platform", "kpi", "chart"}
    for example in examples:
        done = run(*example[1:])
        assert done.code == 0, done.err


def test_every_template_is_used(run: Run, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    used, filled = set(), scaffold._filled
    monkeypatch.setattr(scaffold, "_filled", lambda name, values: used.add(f"{name}.txt") or filled(name, values))
    for command in ((*KPI, *COUNTED), PLATFORM, CHART):
        assert run(*command).code == 0
    assert used == {str(file.relative_to(scaffold.TEMPLATES)) for file in scaffold.TEMPLATES.rglob("*.txt")}


def test_a_kpi_joins_the_union_in_alphabetical_order(run: Run, checkout: Path) -> None:
    union = checkout / "dbt_project/models/kpi/kpi_value.sql"
    before = union.read_text().splitlines()
    run(*KPI, *COUNTED)
    after = union.read_text().splitlines()
    added = "    ref('kpi_google_reviews'),"
    assert [line for line in after if line != added] == before
    assert after[after.index(added) - 1] == "    ref('kpi_google_rating'),"


def test_a_kpi_lacks_its_texts_until_somebody_writes_them(run: Run, checkout: Path) -> None:
    run(*KPI, *COUNTED)
    file = checkout / "dbt_project/models/kpi/perception/kpi_google_reviews.yml"
    [model] = yaml.safe_load(file.read_text(encoding="utf-8"))["models"]
    meta = model["config"]["meta"]["kpi"]
    assert meta["label"] == "Avis « Google » : nombre"
    assert (model["description"], meta["definition"], meta["formula"], meta["owner"]) == ("", "", "", "")


def test_a_chart_is_sound_once_a_dashboard_shows_it(run: Run, checkout: Path, tmp_path: Path) -> None:
    run(*CHART)
    bundle, manifest = checkout / "superset" / "bundle", small_manifest.write(tmp_path)
    assert check(bundles.load(bundle, manifest)) == ["charts/visibility/visits_total.yaml: no dashboard shows it."]
    dashboard = bundle / "dashboards" / "visibilite.yaml"
    edit(dashboard, lambda declared: declared["rows"].append({"charts": {"visits_total": 12}, "height": 50}))
    assert check(bundles.load(bundle, manifest)) == []


def test_a_platform_loads_what_its_page_shows(run: Run, checkout: Path, home: Home) -> None:
    run(*PLATFORM)
    page = (checkout / "ingestion/connectors/fil_rouge/README.md").read_text(encoding="utf-8")
    example = checkout / "example.csv"
    example.write_text(page.partition("```csv example.csv\n")[2].partition("```")[0], encoding="utf-8")
    load = [sys.executable, "-m", "ingestion", "fil_rouge", "--file", str(example)]
    done = subprocess.run(load, cwd=checkout, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with duckdb.connect(str(home.warehouse)) as connection:
        rows = connection.execute("select id, message from raw_fil_rouge.records").fetchall()
    assert rows == [("1", "Bonjour")]


def test_a_platform_has_its_sources_declared_for_dbt(run: Run, checkout: Path, home: Home) -> None:  # noqa: ARG001
    run(*PLATFORM)
    script = checkout / "dbt_project" / "build_sources.py"
    done = subprocess.run([sys.executable, script], cwd=checkout, capture_output=True, text=True, check=False,
                          env=os.environ | {"PYTHONPATH": str(checkout)})  # fmt: skip
    assert done.returncode == 0, done.stderr
    declared = yaml.safe_load((script.parent / "models/staging/fil_rouge/_sources.yml").read_text(encoding="utf-8"))
    assert [table["name"] for table in declared["sources"][0]["tables"]] == ["records", "load_log"]
