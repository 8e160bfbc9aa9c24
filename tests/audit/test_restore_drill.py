"""The drill: a backup that cannot be restored, or does not prove itself, is named before it is needed."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from audit import ledger, restore_drill
from core.errors import ExpectedFailure
from core.settings import Home
from orchestration import maintenance
from tests.audit.world import record
from tests.saved import content
from warehouse import offsite

NOW = datetime(2026, 11, 20, 5, 15, tzinfo=UTC)


@pytest.fixture
def sent(live_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose backup lies elsewhere."""
    public, private = offsite.new_key()
    monkeypatch.setenv(offsite.ADDRESS, (tmp_path / "elsewhere").as_uri())
    monkeypatch.setenv(offsite.RECIPIENT, public)
    monkeypatch.setenv(offsite.IDENTITY, private)
    offsite.send(live_home, NOW, ledger.current_head)
    return live_home


def test_a_sound_backup_proves_itself_and_leaves_no_trace(sent: Home) -> None:
    before = content(sent), sorted(sent.root.rglob("*"))
    drill = restore_drill.run(sent, NOW + timedelta(hours=12))
    assert (drill.publications, drill.stored.head) == (2, ledger.current_head(sent))
    assert "2 publications verified" in drill.line()
    (sent.root / "locks" / ".restore-drill.lock").unlink()
    assert (content(sent), sorted(sent.root.rglob("*"))) == before


def test_a_home_that_was_tampered_with_is_named(sent: Home) -> None:
    shutil.rmtree(ledger.folders(sent)[0])
    offsite.send(sent, NOW + timedelta(days=1), ledger.current_head)
    with pytest.raises(ExpectedFailure, match="does not prove itself"):
        restore_drill.run(sent, NOW + timedelta(days=1))
    assert not (sent.root / ".restore-drill").exists()


def test_a_missed_backup_is_named(sent: Home) -> None:
    with pytest.raises(ExpectedFailure, match="of 2026-11-20 05:15 UTC"):
        restore_drill.run(sent, NOW + timedelta(hours=37))


def test_what_was_copied_since_is_read_too(sent: Home, tmp_path: Path) -> None:
    record(sent, 2)
    recent = offsite.send_recent(sent, NOW + timedelta(minutes=3), ledger.current_head)
    assert recent
    drill = restore_drill.run(sent, NOW + timedelta(hours=12))
    assert (drill.publications, drill.recent) == (2, recent)
    assert f"{recent.name}, of the operations and the ledger since, is sound" in drill.line()
    (tmp_path / "elsewhere" / f"{recent.name}.tar.age").write_bytes(b"")
    with pytest.raises(ExpectedFailure, match=f"{recent.name} was changed or cut"):
        restore_drill.run(sent, NOW + timedelta(hours=12))


def test_the_jobs_send_and_try(sent: Home, tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert maintenance.backup.execute_in_process(instance=instance).success
        assert len(list((tmp_path / "elsewhere").glob("*.json"))) == 2
        assert maintenance.backup_recent.execute_in_process(instance=instance).success
        assert len(list((tmp_path / "elsewhere").glob("operations-*.json"))) == 1
        assert maintenance.drill.execute_in_process(instance=instance).success
        for archive in (tmp_path / "elsewhere").glob("*.tar.age"):
            archive.write_bytes(b"")
        assert not maintenance.drill.execute_in_process(instance=instance, raise_on_error=False).success
        assert sent.warehouse.exists()


def test_without_an_address_the_jobs_do_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(offsite.ADDRESS, "")
    with dg.DagsterInstance.ephemeral() as instance:
        assert maintenance.backup.execute_in_process(instance=instance).success
        assert maintenance.backup_recent.execute_in_process(instance=instance).success
        assert maintenance.drill.execute_in_process(instance=instance).success
    assert not home.root.exists()
