"""`cyberimpact fetch`: what it says, and how it ends."""

from pathlib import Path

import pytest

from core.settings import Home
from tests.cli.verbs import Run


def test_files_elsewhere_are_fetched_by_hand(
    run: Run, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.engine.remote_folders.PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("CYBERIMPACT_JDMA_DROP", str(tmp_path))
    monkeypatch.setenv("CYBERIMPACT_PARTOO_DROP", str(tmp_path / "nowhere"))
    (tmp_path / "a.csv").write_text("a")
    done = run("fetch")
    assert done.code == 1
    assert "a.csv is in the drop folder, 1 bytes" in done.out
    assert "There is no folder" in done.err
    assert (home.drop / "jdma" / "a.csv").read_text() == "a"
    again = run("fetch", "jdma")
    assert (again.code, again.out, again.err) == (0, "", "")
