"""A change that breaks a sender is not let through undeclared."""

import subprocess
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import contract_changes
from cli.contract_changes import Change, changes
from cli.main import app
from core import settings
from core.errors import ExpectedFailure
from ingestion.contracts import json_schema
from ingestion.engine.contract import Field
from ingestion.engine.parsers import choice
from tests.cli.test_audit_diff import git
from tests.ingestion.test_contracts import SHOPS, of

BROKEN = Change("perceval.daily_reports", "1.0.0", "1.1.0", ("day is gone",), ())
ADDED = Change("jdma.reviews", "1.0.0", "1.0.0", (), ("size, if you have it",))
GONE = Change("partoo.groups", "1.0.0", None, ("the table is gone",), ())


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one commit, which is the main branch of its origin too."""
    folder = tmp_path / "checkout"
    (folder / "docs").mkdir(parents=True)
    (folder / contract_changes.CHANGELOG).write_text("before\n")
    git(tmp_path, "init", "-q", str(folder))
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    monkeypatch.setattr(settings, "CHECKOUT", folder)
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


@pytest.mark.usefixtures("checkout")
def test_a_revision_without_contracts_breaks_nothing() -> None:
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


def changed(**fields: object) -> Change | None:
    former, later = json_schema(of(SHOPS)), json_schema(of(replace(SHOPS, **fields)))
    return next(iter(changes({"shops": former}, {"shops": later})), None)


def with_field(name: str, **parts: object) -> tuple[Field, ...]:
    return tuple(replace(field, **parts) if field.name == name else field for field in SHOPS.fields)


@pytest.mark.parametrize(
    ("fields", "breaks", "adds"),
    [
        ({"fields": SHOPS.fields[:2]}, ("staff is gone",), ()),
        ({"fields": (*SHOPS.fields, Field("size", "Metres."))}, (), ("size, if you have it",)),
        (
            {"fields": (*SHOPS.fields, Field("size", "Metres.", required=True))},
            ("size must be there",), ("size, if you have it",),
        ),
        ({"fields": with_field("staff", nullable=False)}, ("staff no longer takes the type null",), ()),
        ({"fields": with_field("staff", labels=())}, ("staff no longer takes the label employees",), ()),
        (
            {"fields": with_field("kind", parse=choice({"books": (), "bread": ()}))},
            ("kind no longer takes 'livres'",), (),
        ),
        (
            {"fields": with_field("kind", parse=choice({"books": ("livres",), "bread": (), "toys": ()}))},
            (), ("kind takes 'toys'",),
        ),
        ({"fields": with_field("shop_id", parse=choice({"1": ()}))}, ("shop_id takes the values of a list only",), ()),
        ({"key_parts": ("shop_id", "kind")}, ("the key is shop_id, kind, not shop_id",), ()),
        ({"any_of": ()}, (), ("none of kind, staff need be there",)),
        ({"any_of": (("kind",), ("kind", "staff"))}, ("one of kind must be there",), ()),
    ],
)  # fmt: skip
def test_what_a_change_does_to_a_sender(fields, breaks, adds) -> None:
    found = changed(**fields)
    assert (found.breaks, found.adds) == (breaks, adds)
    assert not found.is_versioned
    assert changed(**fields, version="2.0.0").is_versioned
    assert changed(**fields, version="1.1.0").is_versioned == (not breaks)


def test_words_are_no_change() -> None:
    assert changed(description="Other words.", fields=with_field("staff", description="Others.")) is None


def test_a_table_that_is_gone_breaks_its_senders_and_a_new_one_nobody() -> None:
    schema = json_schema(of(SHOPS))
    (gone,) = changes({"shops": schema}, {"others": deepcopy(schema)})
    assert (gone.name, gone.breaks, gone.is_versioned) == ("shops", ("the table is gone",), True)
