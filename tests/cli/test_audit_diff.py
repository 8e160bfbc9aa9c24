"""Revisions are compared without compiling what did not change, and a change of meaning is written down."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audit.definition_diff import Change, Definitions
from cli import kpi_changes, main
from core import settings
from core.errors import ExpectedFailure
from core.settings import Home
from tests.audit.world import definition

CHANGED = Change("visits", "Visites", "modifié", ("définition : autre",), (), ())
NEW = Change("reach", "Portée", "ajouté", (), (), ())


def git(checkout: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", "-C", checkout, *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one commit, which is the main branch of its origin too."""
    folder = tmp_path / "checkout"
    for part in ("dbt_project", "superset/bundle", "docs"):
        (folder / part).mkdir(parents=True)
        (folder / part / "file").write_text("before")
    git(tmp_path, "init", "-q", str(folder))
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    monkeypatch.setattr(settings, "CHECKOUT", folder)
    assert home.root.parent == tmp_path  # what is kept of a revision is kept there
    return folder


def write_changelog(checkout: Path, *codes: str) -> None:
    lines = "".join(f"| 2026-11-25 | `{code}` | Autre | Parce que. |\n" for code in codes)
    (checkout / kpi_changes.CHANGELOG).write_text(lines)


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kpi_changes, "compare", lambda *_: [CHANGED, NEW])


def test_nothing_is_compiled_where_nothing_was_touched(checkout: Path) -> None:
    (checkout / "docs" / "file").write_text("after")
    assert kpi_changes.compare("HEAD", None) == []


@pytest.mark.parametrize("name", ["dbt_project/file", "dbt_project/new", "superset/bundle/file"])
def test_what_was_touched_is_seen(checkout: Path, name: str) -> None:
    (checkout / name).write_text("after")
    assert kpi_changes.touched("HEAD", None)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "second")
    assert kpi_changes.touched("HEAD~1", "HEAD")
    assert not kpi_changes.touched("HEAD", None)


def test_definitions_of_a_revision_are_made_once(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def compiled(tree: Path) -> Definitions:
        seen.append((tree / "dbt_project" / "file").read_text())
        return {"visits": replace(definition(), context=("reference.dim_territory",))}

    monkeypatch.setattr(kpi_changes, "compiled", compiled)
    (checkout / "dbt_project" / "file").write_text("not of the revision")
    expected = {"visits": replace(definition(), context=["reference.dim_territory"])}
    assert kpi_changes.definitions_of("HEAD") == kpi_changes.definitions_of("HEAD") == expected
    assert seen == ["before"]


@pytest.mark.usefixtures("checkout")
def test_a_revision_that_does_not_exist_is_told() -> None:
    with pytest.raises(ExpectedFailure, match="git ne répond pas"):
        kpi_changes.compare("nothing", "HEAD")


@pytest.mark.usefixtures("changes")
def test_a_change_of_meaning_wants_a_line(checkout: Path) -> None:
    write_changelog(checkout, "reach")
    refused = CliRunner().invoke(main.app, ["audit", "diff", "--changelog"])
    assert refused.exit_code
    assert "changent de sens : visits." in str(refused.exception)
    assert "visits (Visites) : modifié" in refused.output
    assert not CliRunner().invoke(main.app, ["audit", "diff"]).exit_code  # telling is not judging
    write_changelog(checkout, "reach", "visits")
    assert not CliRunner().invoke(main.app, ["audit", "diff", "--changelog"]).exit_code


@pytest.mark.usefixtures("changes")
def test_a_line_of_before_does_not_count(checkout: Path) -> None:
    write_changelog(checkout, "visits")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "second")
    assert list(kpi_changes.unwritten([CHANGED], "HEAD")) == [CHANGED]
    assert list(kpi_changes.unwritten([CHANGED], "HEAD~1")) == []


def test_an_unknown_base_is_said_and_refuses_nothing(checkout: Path) -> None:
    git(checkout, "update-ref", "-d", "refs/remotes/origin/main")
    answer = CliRunner().invoke(main.app, ["audit", "diff", "--changelog"])
    assert (answer.exit_code, "rien n'est comparé" in answer.output) == (0, True)
