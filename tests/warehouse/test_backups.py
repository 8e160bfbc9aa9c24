"""A drill: a home is saved, damaged in every way, put back, and proves itself; a damaged backup changes nothing."""

import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg
import pytest
from typer.testing import CliRunner

from audit import ledger, signing
from audit.verifying import verify
from cli import main
from core import installation, settings, superset
from core.errors import ExpectedFailure
from core.locks import writer_lock
from core.settings import Home
from tests import postgres
from tests.audit.world import record
from tests.saved import KEY, content
from warehouse import backups


@pytest.fixture
def kept(live_home: Home, tmp_path: Path) -> Path:
    folder = tmp_path / "backup"
    made = backups.backup(live_home, folder, ledger.current_head)
    assert made.head == ledger.entries(live_home)[-1].reference
    return folder


def cut_databases(home: Home) -> None:
    for file in (home.warehouse, home.live, home.operations):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def lose_proofs(home: Home) -> None:
    shutil.rmtree(home.evidence)
    shutil.rmtree(ledger.folders(home)[0])


def lose_everything(home: Home) -> None:
    shutil.rmtree(home.root)


@pytest.mark.parametrize("damage", [cut_databases, lose_proofs, lose_everything])
def test_a_damaged_home_is_put_back(live_home: Home, kept: Path, damage: Callable[[Home], None]) -> None:
    before = content(live_home)
    assert before[-1].problems == ()
    damage(live_home)
    answer = CliRunner().invoke(main.app, ["restore", str(kept)])
    assert not answer.exit_code, answer.output
    assert content(live_home) == before
    assert (live_home.published / "daily" / "current").readlink() == Path("publication-1")
    assert not [path for path in live_home.root.rglob("*") if path.name == ".restoring"]


def test_the_copies_of_rights_are_not_saved(live_home: Home) -> None:
    copy = live_home.published / "daily" / "current" / "rights" / "key" / "serving.duckdb"
    copy.parent.mkdir(parents=True)
    copy.touch()
    saved = list(backups.saved(live_home))
    assert "published/daily/publication-1/serving.duckdb" in saved
    assert not [name for name in saved if "rights" in name]


def test_what_was_published_since_lies_aside(live_home: Home, kept: Path) -> None:
    later = record(live_home, 2)
    restored = backups.restore(live_home, kept, ledger.current_head)
    assert restored.former == later.reference
    assert restored.aside
    assert (restored.aside / "ledger" / later.folder.name).is_dir()
    assert [entry.sequence for entry in ledger.entries(live_home)] == [1, 2]
    assert any(later.reference in line for line in restored.lines())
    [problem] = verify(live_home, later.reference).problems  # an auditor who has noted the head sees it
    assert "la fin du registre a été tronquée" in problem


def corrupt(folder: Path) -> None:
    path = folder / "warehouse.duckdb"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def drop(folder: Path) -> None:
    next((folder / "evidence").rglob("*.parquet")).unlink()


def slip_in(folder: Path) -> None:
    (folder / "ledger" / "000003-publication-2").mkdir()
    (folder / "ledger" / "000003-publication-2" / "head.json").write_text("{}")


def lose_manifest(folder: Path) -> None:
    (folder / backups.MANIFEST).unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (corrupt, "warehouse.duckdb was changed"),
        (drop, "is absent"),
        (slip_in, "head.json is not of the backup"),
        (lose_manifest, "is no backup"),
    ],
)
def test_a_damaged_backup_changes_nothing(
    live_home: Home, kept: Path, damage: Callable[[Path], None], said: str
) -> None:
    before = content(live_home)
    damage(kept)
    with pytest.raises(ExpectedFailure, match=said):
        backups.restore(live_home, kept, ledger.current_head)
    assert content(live_home) == before
    assert not list(live_home.root.glob("before-restore-*"))


def damage_warehouse(home: Home) -> None:
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create table raw as select i as record, md5(i::varchar) as text from range(200000) as r(i)")
    content = bytearray(home.warehouse.read_bytes())
    middle = len(content) // 2  # a block of the table: the file opens, and its figures can be read
    content[middle : middle + 64] = bytes(64)
    home.warehouse.write_bytes(content)


def damage_live(home: Home) -> None:
    home.live.write_bytes(b"no database")


def damage_operations(home: Home) -> None:
    with closing(sqlite3.connect(home.operations)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
        connection.execute("pragma journal_mode = delete")
        connection.execute("create index verdicts_by_id on verdicts (verdict_id)")
        connection.execute("pragma writable_schema = on")
        connection.execute("update sqlite_master set rootpage = 2 where name = 'verdicts_by_id'")
        connection.commit()


def damage_operations_header(home: Home) -> None:
    home.operations.write_bytes(b"no database" * 100)


def damage_copy(home: Home) -> None:
    (home.published / "daily" / "current" / "serving.duckdb").write_bytes(b"no database")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_warehouse, "warehouse.duckdb is damaged"),
        (damage_live, "live.duckdb is damaged"),
        (damage_operations, "operations.sqlite is damaged"),
        (damage_operations_header, "operations.sqlite is damaged"),
        (damage_copy, "published/daily/publication-1/serving.duckdb is damaged"),
    ],
)
def test_what_is_damaged_is_not_saved(
    live_home: Home, tmp_path: Path, damage: Callable[[Home], None], said: str
) -> None:
    damage(live_home)
    with pytest.raises(ExpectedFailure, match=said):
        backups.backup(live_home, tmp_path / "backup", ledger.current_head)
    assert [path for path in tmp_path.iterdir() if "backup" in path.name] == []


def test_a_backup_of_a_damaged_database_is_not_restored(
    live_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the platform made them before it examined what it saved."""
    before = content(live_home)
    shutil.copytree(live_home.root, tmp_path / "sound", symlinks=True)
    damage_warehouse(live_home)
    monkeypatch.setattr(backups, "refuse_damaged", lambda *_: None)
    backups.backup(live_home, tmp_path / "backup", ledger.current_head)
    monkeypatch.undo()
    monkeypatch.setenv(signing.SETTING, signing.seed_of(KEY))
    shutil.rmtree(live_home.root)
    shutil.copytree(tmp_path / "sound", live_home.root, symlinks=True)
    with pytest.raises(ExpectedFailure, match=r"warehouse\.duckdb is damaged"):
        backups.restore(live_home, tmp_path / "backup", ledger.current_head)
    assert content(live_home) == before


def test_copies_per_right_are_not_saved(live_home: Home, tmp_path: Path) -> None:
    rights = live_home.published / "daily" / "publication-1" / "rights" / "1"
    rights.mkdir(parents=True)
    (rights / "serving.duckdb").write_bytes(b"made anew when it is needed")
    backups.backup(live_home, tmp_path / "backup", ledger.current_head)
    assert not list((tmp_path / "backup").rglob("rights"))


def test_a_backup_waits_for_the_writer(live_home: Home, tmp_path: Path) -> None:
    done = threading.Event()

    def save() -> None:
        backups.backup(live_home, tmp_path / "later", ledger.current_head)
        done.set()

    with writer_lock(live_home.live):
        thread = threading.Thread(target=save)
        thread.start()
        assert not done.wait(1)
    thread.join(30)
    assert done.is_set()


def test_a_backup_is_never_written_over(live_home: Home, kept: Path) -> None:
    with pytest.raises(ExpectedFailure, match="is not empty"):
        backups.backup(live_home, kept, ledger.current_head)
    with pytest.raises(ExpectedFailure, match="lies in the home"):
        backups.backup(live_home, live_home.root / "backup", ledger.current_head)


def test_an_empty_home_is_saved_too(home: Home, tmp_path: Path) -> None:
    home.root.mkdir()
    made = backups.backup(home, tmp_path / "backup", ledger.current_head)
    assert (made.files, made.head) == (0, None)
    assert backups.restore(home, tmp_path / "backup", ledger.current_head).aside is None


@pytest.mark.parametrize(
    ("setting", "scheme", "name"),
    [
        (settings.OPERATIONS_SETTING, "postgresql", "operations.dump"),
        (superset.METADATA_SETTING, "postgresql+psycopg2", "superset.dump"),
    ],
)
def test_a_database_on_postgresql_is_saved(  # noqa: PLR0917 - three of them are the case
    live_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, scheme: str, name: str
) -> None:
    with postgres.serving() as address:
        with psycopg.connect(address) as connection:
            connection.execute("create table verdicts as select 'v-1' as verdict_id")
        monkeypatch.setenv(setting, address.replace("postgresql", scheme, 1))
        backups.backup(live_home, tmp_path / "backup", ledger.current_head)
        lines = list(backups.restore(live_home, tmp_path / "backup", ledger.current_head).lines())
        assert [name in line for line in lines if "pg_restore" in line] == [True]
        with psycopg.connect(address) as connection:
            connection.execute("drop table verdicts")
        dump = tmp_path / "backup" / name
        subprocess.run([postgres.program("pg_restore"), f"--dbname={address}", dump], check=True)
        with psycopg.connect(address) as connection:
            assert connection.execute("select * from verdicts").fetchall() == [("v-1",)]
    with pytest.raises(ExpectedFailure, match="cannot be saved") as refused:
        backups.backup(live_home, tmp_path / "later", ledger.current_head)
    assert address.split(":")[2].split("@")[0] not in str(refused.value)
    assert not (tmp_path / "later").exists()


def test_what_people_made_in_superset_is_saved(live_home: Home, tmp_path: Path) -> None:
    live_home.superset.mkdir()
    database = live_home.superset / "superset.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("create table slices as select 'mine' as slice_name")
        connection.commit()
    backups.backup(live_home, tmp_path / "backup", ledger.current_head)
    database.write_bytes(b"")
    restored = backups.restore(live_home, tmp_path / "backup", ledger.current_head)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("select slice_name from slices").fetchall() == [("mine",)]
    assert restored.aside
    assert (restored.aside / "superset" / "superset.db").read_bytes() == b""


def test_a_configuration_elsewhere_is_saved_and_not_replaced(
    live_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config" / "cyberimpact.toml"
    file.parent.mkdir()
    file.write_text("# as saved\n")
    monkeypatch.setenv(installation.SETTING, str(file))
    backups.backup(settings.home(), tmp_path / "backup", ledger.current_head)
    file.write_text("# as it is now\n")
    lines = list(backups.restore(settings.home(), tmp_path / "backup", ledger.current_head).lines())
    assert file.read_text() == "# as it is now\n"
    assert (live_home.root / "config" / file.name).read_text() == "# as saved\n"
    assert any(str(live_home.root / "config") in line for line in lines)
