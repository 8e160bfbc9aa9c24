"""A change that breaks a sender is not let through undeclared."""

import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import contract_changes
from cli.main import app
from core import settings
from core.errors import ExpectedFailure
from core.settings import Home
from ingestion.contracts import Change
from tests.cli.test_audit_diff import git

BROKEN = Change("perceval.daily_reports", "1.0.0", "1.1.0", ("day is gone",), ())
ADDED = Change("jdma.reviews", "1.0.0", "1.0.0", (), ("size, if you have it",))
GONE = Change("partoo.groups", "1.0.0", None, ("the table is gone",), ())


@pytest.fixture
def checkout(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one commit, which is the main branch of its origin too."""
    folder = tmp_path / "checkout"
    (folder / "docs").mkdir(parents=True)
    (folder / contract_changes.CHANGELOG).write_text("before\n")
    git(tmp_path, "init", "-q", str(folder))
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    monkeypatch.setattr(settings, "CHECKOUT", folder)
    assert home.root.parent == tmp_path
    return folder


def test_a_break_wants_a_version_and_a_line(checkout: Path) -> None:
    left = list(contract_changes.undeclared([BROKEN, ADDED, GONE], "HEAD"))
    assert [(what.partition(":")[0], "version" in what) for what in left] == [
        ("perceval.daily_reports", True),
        ("perceval.daily_reports", False),
        ("jdma.reviews", True),
        ("partoo.groups", False),
    ]
    lines = "before\n| 2026-11-28 | `perceval.daily_reports`, `partoo.groups` | Gone. | Nothing. |\n"
    (checkout / contract_changes.CHANGELOG).write_text(lines)
    declared = [BROKEN._replace(version="2.0.0"), ADDED._replace(version="1.1.0"), GONE]
    assert list(contract_changes.undeclared(declared, "HEAD")) == []


@pytest.mark.usefixtures("checkout")
def test_the_command_refuses_what_is_undeclared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract_changes, "compare", lambda _: [BROKEN])
    shown = CliRunner().invoke(app, ["contract", "diff"])
    assert shown.stdout.splitlines() == ["perceval.daily_reports 1.0.0 -> 1.1.0", "  breaks: day is gone"]
    refused = CliRunner().invoke(app, ["contract", "diff", "--changelog"])
    assert isinstance(refused.exception, ExpectedFailure)
    assert "raise the first number" in str(refused.exception)


def test_a_revision_without_contracts_breaks_nothing(checkout: Path) -> None:
    assert checkout.exists()
    assert contract_changes.compare("HEAD") == []


def test_the_contracts_of_a_revision_are_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout whose last commit had another field in a contract than the code that runs here."""
    folder = tmp_path / "checkout"
    git(tmp_path, "init", "-q", str(folder))
    for part in contract_changes.PARTS:
        subprocess.run(["cp", "-r", settings.CHECKOUT / part, folder], check=True)
    (source,) = folder.glob("ingestion/connectors/cybermalveillance/contract.py")
    source.write_text(source.read_text("utf-8").replace('"nb_tchat_fsi"', '"nb_tchats"'), "utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    monkeypatch.setattr(settings, "CHECKOUT", folder)
    (change,) = contract_changes.compare("HEAD")
    assert (change.name, change.breaks) == ("cybermalveillance.cases", ("nb_tchats is gone",))
    assert change.adds == ("nb_tchat_fsi, if you have it",)
