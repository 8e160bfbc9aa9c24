"""Older code leaves newer data alone, and says which version wrote them."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from core import home_format, settings
from core.errors import ExpectedFailure
from core.settings import Home
from tests.handmade import RELATIONS, write_warehouse
from warehouse.dbt_lock import Holding
from warehouse.publication import publish

NEWER = {"format": home_format.FORMAT + 1, "version": "9.0.0"}


def say(root: Path, content: object) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / home_format.FILE).write_text(json.dumps(content))


def test_a_newer_home_is_refused_by_whoever_asks_for_it(home: Home) -> None:
    say(home.root, NEWER)
    with pytest.raises(ExpectedFailure, match=rf"version 9\.0\.0.*newer than this one, {version('cyberimpact')}"):
        settings.home()
    assert settings.named_home() == home


def test_a_process_that_runs_notices_a_newer_version_and_reads_what_did_not_change_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.root.mkdir()
    home_format.mark(home.root)
    reads = []
    monkeypatch.setattr(home_format.json, "loads", lambda text, loads=json.loads: reads.append(text) or loads(text))
    assert [settings.home() for _ in range(3)] == [home] * 3
    assert len(reads) == 1
    say(home.root, NEWER | {"version": "10.0.0"})
    with pytest.raises(ExpectedFailure, match=r"version 10\.0\.0"):
        settings.home()


def test_nothing_is_written_in_a_newer_home(home: Home) -> None:
    write_warehouse(home)
    say(home.root, NEWER)
    before = home.warehouse.read_bytes()
    with pytest.raises(ExpectedFailure, match="newer"):
        publish(home, RELATIONS)
    with pytest.raises(ExpectedFailure, match="newer"):
        Holding(home.warehouse)
    assert home.warehouse.read_bytes() == before
    assert not home.published.joinpath("daily", "current").exists()
    assert json.loads((home.root / home_format.FILE).read_text()) == NEWER


@pytest.mark.parametrize("writer", [lambda home: publish(home, RELATIONS), lambda home: Holding(home.warehouse)])
@pytest.mark.parametrize("former", [None, {"format": 1, "version": "0.0.1"}])
def test_who_builds_or_publishes_marks_the_home(home: Home, writer, former: object) -> None:
    write_warehouse(home)
    if former:
        say(home.root, former)
    assert settings.home() == home
    writer(home)
    written = json.loads((home.root / home_format.FILE).read_text())
    assert written == {"format": home_format.FORMAT, "version": version("cyberimpact")}
    assert [path.name for path in home.root.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("content", ["", "[]", '{"format": 2}', '{"format": "new", "version": "1"}'])
def test_a_damaged_mark_is_named_and_not_taken_for_an_old_home(home: Home, content: str) -> None:
    home.root.mkdir(parents=True)
    (home.root / home_format.FILE).write_text(content)
    with pytest.raises(ExpectedFailure, match=r"format\.json, which says what version wrote there, cannot be read"):
        settings.home()
