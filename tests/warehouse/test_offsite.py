"""Backups elsewhere: encrypted, complete or absent, kept as long as promised, and read with the right key only."""

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import psycopg
import pytest

from audit import ledger
from audit.verifying import verify
from cli import health_checks
from core import settings
from core.errors import ExpectedFailure
from core.finding import Finding
from core.settings import CHECKOUT, Home
from tests import file_servers, postgres
from tests.audit.world import record
from tests.saved import content
from warehouse import backups, offsite
from warehouse.offsite import Stored

NOW = datetime(2026, 11, 20, 5, 15, tzinfo=UTC)
#: A process that dies while it sends, at the named step.
KILLED = """
import os, sys
from datetime import datetime
from audit import ledger
from core import settings
from warehouse import backups, offsite

class Dying(offsite.Digesting):
    def write(self, content, /):
        written = super().write(content)
        if self.size > 100_000:
            self._file.flush()
            os._exit(9)
        return written

def die(*_):
    os._exit(9)

if sys.argv[1] == "archive":
    offsite.Digesting = Dying
elif sys.argv[1] == "description":
    offsite.canonical = die
else:
    backups.refuse_damaged = die
offsite.send(settings.home(), datetime.fromisoformat(sys.argv[2]), ledger.current_head)
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder elsewhere, with a pair of keys."""
    public, private = offsite.new_key()
    folder = tmp_path / "elsewhere"
    monkeypatch.setenv(offsite.ADDRESS, folder.as_uri())
    monkeypatch.setenv(offsite.RECIPIENT, public)
    monkeypatch.setenv(offsite.IDENTITY, private)
    return folder


def send(home: Home, now: datetime = NOW) -> Stored:
    stored, _ = offsite.send(home, now, ledger.current_head)
    return stored


def names(store: Path) -> list[str]:
    return sorted(path.name for path in store.iterdir())


def leftovers(home: Home) -> list[Path]:
    return [path for path in home.root.iterdir() if path.name.startswith(".")]


def test_what_was_sent_comes_back_as_it_was(live_home: Home, store: Path, tmp_path: Path) -> None:
    before = content(live_home)
    stored = send(live_home)
    assert names(store) == ["cyberimpact-20261120T051500Z.json", "cyberimpact-20261120T051500Z.tar.age"]
    assert stored.size == (store / f"{stored.name}.tar.age").stat().st_size
    assert offsite.Store().complete() == [stored]
    shutil.rmtree(live_home.root)
    assert offsite.fetch(tmp_path / "back") == stored
    assert backups.restore(live_home, tmp_path / "back", ledger.current_head).head == stored.head
    assert content(live_home) == before
    assert leftovers(live_home) == []


def test_nothing_can_be_read_there(live_home: Home, store: Path) -> None:
    stored = send(live_home)
    archive = (store / f"{stored.name}.tar.age").read_bytes()
    assert archive.startswith(b"age-encryption.org/v1\n")
    plain = [path.read_bytes()[:64] for path in (live_home.warehouse, live_home.live, live_home.operations)]
    assert [text for text in (*plain, b"warehouse.duckdb", b"verdicts", b"ustar") if text in archive] == []


def test_the_private_key_is_not_needed_to_send(
    live_home: Home, store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(offsite.IDENTITY, "")
    send(live_home)
    assert len(names(store)) == 2
    with pytest.raises(ExpectedFailure, match=offsite.IDENTITY):
        offsite.fetch(tmp_path / "back")


def cut_a_little(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-1])


def cut_in_half(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])


def cut_all(archive: Path) -> None:
    archive.write_bytes(b"")


def flip(archive: Path) -> None:
    text = bytearray(archive.read_bytes())
    text[len(text) // 2] ^= 1
    archive.write_bytes(text)


def lengthen(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes() + b"more")


@pytest.mark.parametrize("damage", [cut_a_little, cut_in_half, cut_all, flip, lengthen])
def test_an_archive_that_was_cut_or_changed_is_refused(
    live_home: Home, store: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    stored = send(live_home)
    damage(store / f"{stored.name}.tar.age")
    with pytest.raises(ExpectedFailure, match=f"The backup {stored.name} was changed or cut"):
        offsite.fetch(tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.mark.usefixtures("store")
def test_another_key_opens_nothing(live_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = send(live_home)
    monkeypatch.setenv(offsite.IDENTITY, offsite.new_key()[1])
    with pytest.raises(ExpectedFailure, match=f"does not open the backup {stored.name}") as refused:
        offsite.fetch(tmp_path / "back")
    assert "AGE-SECRET-KEY" not in str(refused.value)
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("step", ["copy", "archive", "description"])
def test_a_backup_that_dies_is_none_and_the_next_one_is_whole(live_home: Home, store: Path, step: str) -> None:
    first = send(live_home)
    died = NOW + timedelta(hours=1)
    command = [sys.executable, "-c", KILLED, step, died.isoformat()]
    assert subprocess.run(command, cwd=CHECKOUT, check=False).returncode == 9
    assert offsite.Store().complete() == [first]
    assert [finding.state for finding in health_checks.working_copies(live_home)] == ["late"]
    assert list(health_checks.offsite_backups()) == [
        Finding("backups elsewhere", "late", "1, the last of 2026-11-20 05:15 UTC", "cyberimpact offsite send")
    ]
    later = send(live_home, NOW + timedelta(days=1))
    assert offsite.Store().complete() == [first, later]
    assert leftovers(live_home) == []
    send(live_home, NOW + timedelta(days=4))
    assert len(names(store)) == 2 * 3, "what the dead one has left is gone"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this account may not mount a disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.usefixtures("store")
def test_a_full_disk_there_leaves_nothing_and_is_named(
    live_home: Home, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(offsite.ADDRESS, small_disk.as_uri())
    with pytest.raises(ExpectedFailure, match=r"cannot be sent.*No space left on device.*Free space there"):
        send(live_home)
    assert names(small_disk) == []
    assert leftovers(live_home) == []


@pytest.mark.usefixtures("store")
def test_a_full_disk_here_is_named(live_home: Home, small_disk: Path) -> None:
    stored = send(live_home)
    with pytest.raises(ExpectedFailure, match=f"The backup {stored.name} has no room"):
        offsite.fetch(small_disk / "back")
    assert names(small_disk) == []


def test_all_days_are_kept_for_a_while_then_the_first_of_each_month() -> None:
    days = [datetime(2026, 1, 1, 6, tzinfo=UTC) + timedelta(days=n) for n in range(323)]  # to 19 November
    stored = [Stored(f"{day:%Y-%m-%d}", day, "", 1, None) for day in days]
    assert offsite.kept(stored, datetime(2026, 11, 20, 5, tzinfo=UTC), days=3, months=2) == {
        *("2026-10-01", "2026-11-01"),
        *("2026-11-17", "2026-11-18", "2026-11-19"),
    }
    long_after = datetime(2030, 1, 1, tzinfo=UTC)
    assert offsite.kept(stored[:1], long_after, days=1, months=1) == {"2026-01-01"}, "the last one is never removed"
    assert offsite.kept([], long_after, days=1, months=1) == set()


def test_old_ones_are_removed_and_files_of_others_stay(
    live_home: Home, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CYBERIMPACT_BACKUP_DAYS", "1")
    monkeypatch.setenv("CYBERIMPACT_BACKUP_MONTHS", "1")
    first, second = send(live_home), send(live_home, NOW + timedelta(hours=1))
    (store / "theirs.tar.age").touch()
    (store / "theirs.json").write_text("{}")
    third, removed = offsite.send(live_home, NOW + timedelta(days=3), ledger.current_head)
    assert removed == [second.name]
    assert offsite.Store().complete() == [first, third]
    assert {"theirs.json", "theirs.tar.age"} <= set(names(store))


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        (offsite.ADDRESS, "", f"The setting {offsite.ADDRESS} is absent"),
        (offsite.ADDRESS, "nowhere://a/b", f"{offsite.ADDRESS} cannot be used"),
        (offsite.ADDRESS, "file:///proc/backups", "The backup cannot be sent"),
        (offsite.RECIPIENT, "age1nothing", f"{offsite.RECIPIENT} is no public key"),
        (offsite.RECIPIENT, "", f"The setting {offsite.RECIPIENT} is absent"),
    ],
)
def test_a_wrong_setting_is_named(
    live_home: Home, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, said: str
) -> None:
    monkeypatch.setenv(setting, value)
    with pytest.raises(ExpectedFailure, match=said):
        send(live_home)
    assert leftovers(live_home) == []


@pytest.mark.usefixtures("store")
def test_a_private_key_that_is_none_is_not_shown(
    live_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(live_home)
    monkeypatch.setenv(offsite.IDENTITY, "AGE-SECRET-KEY-1MISTYPED")
    with pytest.raises(ExpectedFailure, match="is no private key") as refused:
        offsite.fetch(tmp_path / "back")
    assert "MISTYPED" not in str(refused.value)


def judge(home: Home, verdict: str) -> None:
    with closing(sqlite3.connect(home.operations)) as connection, connection:
        connection.execute("insert into verdicts values (?)", [verdict])


def verdicts(home: Home) -> list[str]:
    with closing(sqlite3.connect(home.operations)) as connection:
        return [verdict for (verdict,) in connection.execute("select verdict_id from verdicts order by 1")]


def send_recent(home: Home, now: datetime) -> Stored | None:
    return offsite.send_recent(home, now, ledger.current_head)


def test_what_was_decided_and_published_since_the_backup_comes_back(
    live_home: Home, store: Path, tmp_path: Path
) -> None:
    began = datetime.now(UTC)
    stored = send(live_home, began)
    judge(live_home, "v-2")
    published = record(live_home, 2)
    recent = send_recent(live_home, began + timedelta(minutes=3))
    assert recent
    assert (recent.head, recent.size < stored.size / 10) == (published.reference, True)
    shutil.rmtree(live_home.root)
    assert offsite.fetch(tmp_path / "back") == recent
    restored = backups.restore(live_home, tmp_path / "back", ledger.current_head)
    assert (restored.head, restored.recent_at is not None) == (published.reference, True)
    assert any("must send them again" in line for line in restored.lines())
    assert verdicts(live_home) == ["v-1", "v-2"]
    assert [entry.sequence for entry in ledger.entries(live_home)] == [1, 2, 3]
    [problem] = verify(live_home, published.reference).problems
    assert "publiez de nouveau" in problem, "of the last publication, readers have no copy yet"
    assert leftovers(live_home) == []
    assert offsite.fetch(tmp_path / "then", stored.name) == stored
    assert backups.restore(live_home, tmp_path / "then", ledger.current_head).recent_at is None
    assert verdicts(live_home) == ["v-1"]
    assert {name.partition("-")[0] for name in names(store)} == {"cyberimpact", "operations"}


def test_nothing_is_sent_that_lies_there_already(live_home: Home, store: Path) -> None:
    now = datetime.now(UTC)
    assert send_recent(live_home, now) is None, "there is no backup that it could complete"
    send(live_home, now)
    first = send_recent(live_home, now + timedelta(minutes=3))
    assert first
    assert [send_recent(live_home, now + timedelta(minutes=minute)) for minute in (6, 9)] == [None, None]
    judge(live_home, "v-2")
    second = send_recent(live_home, now + timedelta(minutes=12))
    assert second
    assert len(names(store)) == 6
    assert [stored.name for stored in offsite.Store().complete()] == [names(store)[0].removesuffix(".json")]


def test_recent_copies_are_kept_for_two_hours_and_the_last_one_in_any_case(live_home: Home, store: Path) -> None:
    now = datetime.now(UTC)
    backup = send(live_home, now)
    for minute in (3, 60, 122):
        judge(live_home, f"at {minute}")
        assert send_recent(live_home, now + timedelta(minutes=minute))
    assert len(names(store)) == 2 * 4
    (store / f"{offsite.named(offsite.RECENT, now + timedelta(minutes=4))}.tar.age").touch()  # one that died
    judge(live_home, "later")
    last = send_recent(live_home, now + timedelta(hours=24))
    assert last
    assert names(store) == sorted(
        f"{stored.name}{suffix}" for stored in (backup, last) for suffix in (".json", ".tar.age")
    )


def test_a_recent_copy_that_was_changed_is_refused_and_the_backup_is_not(
    live_home: Home, store: Path, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    backup = send(live_home, now)
    recent = send_recent(live_home, now + timedelta(minutes=3))
    assert recent
    flip(store / f"{recent.name}.tar.age")
    with pytest.raises(ExpectedFailure, match=f"The backup {recent.name} was changed or cut"):
        offsite.fetch(tmp_path / "back")
    assert not (tmp_path / "back").exists()
    assert offsite.fetch(tmp_path / "back", backup.name) == backup


@pytest.mark.long
@pytest.mark.usefixtures("store")
def test_operations_on_postgresql_come_back_as_they_were_last(
    live_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres.serving() as address:
        monkeypatch.setenv(settings.OPERATIONS_SETTING, address)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("create table verdicts as select 'v-1' as verdict_id")
            now = datetime.now(UTC)
            send(live_home, now)
            connection.execute("insert into verdicts values ('v-2')")
            assert send_recent(live_home, now + timedelta(minutes=3))
            connection.execute("drop table verdicts")
            offsite.fetch(tmp_path / "back")
            backups.sound(tmp_path / "back")
            dump = tmp_path / "back" / backups.OPERATIONS
            subprocess.run([postgres.program("pg_restore"), f"--dbname={address}", dump], check=True)
            assert connection.execute("select * from verdicts order by 1").fetchall() == [("v-1",), ("v-2",)]


#: Somebody who decides all the time, and what copies it elsewhere as often as it can.
DECIDING = """
import sqlite3, sys, time
with sqlite3.connect(sys.argv[1], isolation_level=None) as connection:
    while True:
        connection.execute("insert into verdicts values (?)", [f"{time.time():.3f}"])
        time.sleep(0.02)
"""
COPYING = """
import sys, time
from datetime import UTC, datetime, timedelta
from audit import ledger
from core import settings
from warehouse import offsite
began = datetime.now(UTC)
offsite.send(settings.home(), began, ledger.current_head)
number = 0
while True:
    number += 1  # a copy has the second in its name
    offsite.send_recent(settings.home(), began + timedelta(seconds=number), ledger.current_head)
    print(flush=True)
    time.sleep(float(sys.argv[1]))
"""


@pytest.mark.long
@pytest.mark.usefixtures("store")
def test_a_machine_that_dies_loses_what_is_younger_than_its_last_copy(live_home: Home, tmp_path: Path) -> None:
    """Killed while it decides and copies, each second here: nothing older than that, and than a copy takes, is lost."""
    pause, longest_copy = 1.0, 1.0
    deciding = [sys.executable, "-c", DECIDING, live_home.operations]
    copying = [sys.executable, "-c", COPYING, str(pause)]
    with (
        subprocess.Popen(deciding, cwd=CHECKOUT) as first,
        subprocess.Popen(copying, cwd=CHECKOUT, stdout=subprocess.PIPE) as second,
    ):
        assert second.stdout
        for _ in range(3):
            second.stdout.readline()
        time.sleep(pause * 0.9)
        first.kill(), second.kill()
    killed = time.time()
    last = max(verdict for verdict in verdicts(live_home) if verdict != "v-1")
    shutil.rmtree(live_home.root)
    offsite.fetch(tmp_path / "back")
    backups.restore(live_home, tmp_path / "back", ledger.current_head)
    found = max(verdict for verdict in verdicts(live_home) if verdict != "v-1")
    assert 0 < float(last) - float(found) < pause + longest_copy
    assert killed - float(found) < pause + 2 * longest_copy


@pytest.mark.long
@pytest.mark.usefixtures("store")
def test_an_object_store_keeps_them_too(live_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-account")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("CYBERIMPACT_BACKUP_DAYS", "1")
    monkeypatch.setenv("CYBERIMPACT_BACKUP_MONTHS", "1")
    monkeypatch.setenv(offsite.ADDRESS, "s3://backups/here")
    with file_servers.s3() as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        fsspec.filesystem("s3").mkdir("s3://backups")
        first, second = send(live_home), send(live_home, NOW + timedelta(hours=1))
        third, removed = offsite.send(live_home, NOW + timedelta(days=3), ledger.current_head)
        assert removed == [second.name]
        assert offsite.Store().complete() == [first, third]
        assert offsite.fetch(tmp_path / "back", first.name) == first
        assert backups.sound(tmp_path / "back")["head"] == first.head


@pytest.mark.usefixtures("store")
def test_where_nothing_was_sent_nothing_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(ExpectedFailure, match="There is no backup elsewhere"):
        offsite.fetch(tmp_path / "back")
