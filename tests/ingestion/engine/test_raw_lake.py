"""Raw tables in the lake: the same rows as in the database, and nothing lost, doubled or left behind."""

import hashlib
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core import settings
from core.errors import ExpectedFailure
from ingestion.connectors.listening.contract import CONTRACT
from ingestion.engine import raw_lake
from ingestion.engine.load_log import collect_loads
from ingestion.engine.loading import ensure_tables, load
from ingestion.engine.reports import LOAD_LOG
from ingestion.erasure import erase, purge
from ingestion.platforms import platform
from privacy import pseudonymise
from tests.ingestion import conftest
from tests.ingestion.drops import counts
from tests.ingestion.engine.test_columnar import json_lines, mention, parquet
from warehouse.backups import backup, restore

PLATFORM = "listening"
LISTENING = platform(PLATFORM)
TABLES = (*CONTRACT, LOAD_LOG)
NOW = datetime(2025, 3, 2, 12, tzinfo=UTC)
OLD = {"published_at": NOW - LISTENING.retention - timedelta(days=1)}

ask = partial(conftest.ask, name=PLATFORM)


@pytest.fixture
def place(home, monkeypatch):
    """A home whose listening lies in the lake."""
    monkeypatch.setenv(raw_lake.PLATFORMS_SETTING, PLATFORM)
    monkeypatch.delenv(raw_lake.ADDRESS_SETTING, raising=False)
    return home


def files_of(home, entity="mentions"):
    return sorted(home.raw_lake.glob(f"raw_listening/{entity}/load_id=*/*.parquet"))


def holding(folder, text):
    """Return the files below a folder in which a text stands, in their bytes or in a value that they compress."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [
        path.name
        for path in files
        if text.encode() in path.read_bytes()
        or (path.suffix == ".parquet" and text in str(pq.ParquetFile(path).read().to_pylist()))
    ]


def refused(call, *arguments, **named):
    with pytest.raises(ExpectedFailure) as failure:
        call(*arguments, **named)
    return f"{failure.value}"


# ---- the same as in the database


def rows_of(home):
    """Return the rows of each table, without what differs from load to load."""
    varying = {"load_log": ", load_key, started_at, finished_at"}
    left_out = {table.name: f"_dlt_load_id, _dlt_id{varying.get(table.name, '')}" for table in TABLES}
    # The hash of a line of the log is that of its times too.
    left_out["load_log"] += ", _content_hash"
    return {
        name: ask(home, f"select * exclude ({columns}) from {name} order by all") for name, columns in left_out.items()
    }


def columns_of(home):
    query = "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'raw_listening'"
    return [row for row in ask(home, f"{query} order by table_name, column_index") if not row[0].startswith("_")]


def test_two_loads_of_an_address_leave_the_rows_that_the_database_would_have(sandbox, place, tmp_path, monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_LISTENING_API_KEY", "jeton")
    monkeypatch.setenv("CYBERIMPACT_HTTP_READ_SECONDS", "20")
    database = settings.Home(tmp_path / "database")
    database.root.mkdir()
    reports = {}
    for in_lake, home in (("listening", place), ("", database)):
        monkeypatch.setenv(raw_lake.PLATFORMS_SETTING, in_lake)
        monkeypatch.setenv("CYBERIMPACT_HOME", str(home.root))
        sandbox.today = conftest.FIRST_TODAY
        first = load(PLATFORM)
        sandbox.today = date(2025, 4, 1)
        reports[in_lake] = counts(first), counts(load(PLATFORM))
    assert reports["listening"] == reports[""]
    assert reports[""][1][2] > 0, "the second load changes rows"
    assert columns_of(place) == columns_of(database)
    assert rows_of(place) == rows_of(database)
    assert len(files_of(place)) == 2
    assert ask(place, "select count(*), count(distinct mention_id) = count(*) from mentions")[0][1]
    assert ask(place, "select status, count(*) from _dlt_loads group by 1") == [(0, 2)]


def test_a_table_of_an_empty_lake_has_the_columns_and_types_of_the_database(place):
    in_database = columns_of(place)
    ensure_tables(PLATFORM)
    views = ask(place, "select view_name from duckdb_views() where schema_name = 'raw_listening' order by 1")
    assert views == [("load_log",), ("mentions",), ("volumes",)]
    assert columns_of(place) == in_database
    assert ask(place, "select count(*) from mentions") == [(0,)]
    assert not place.raw_lake.exists()


def test_a_large_file_is_appended_by_column_and_changed_by_record(place, tmp_path):
    rows = [mention(number) for number in range(30)]
    assert counts(load(PLATFORM, file=parquet(tmp_path, rows))) == (30, 30, 0, 0, 0)
    assert counts(load(PLATFORM, file=parquet(tmp_path, rows))) == (30, 0, 0, 30, 0)
    rows[3] = mention(3, views=1000)
    assert counts(load(PLATFORM, file=json_lines(tmp_path, rows))) == (30, 0, 1, 29, 0)
    assert ask(place, "select views from mentions where mention_id = 'm3'") == [(1000,)]
    assert ask(place, "select count(*), count(distinct _dlt_id) from mentions") == [(30, 30)]
    assert collect_loads() == 3


def test_a_record_that_breaks_the_contract_is_in_quarantine(place, tmp_path):
    file = json_lines(tmp_path, [mention(1), mention(2, published_at="hier")])
    assert counts(load(PLATFORM, file=file)) == (2, 1, 0, 0, 1)
    assert ask(place, "select record_key, field from quarantine.listening") == [("m2", "published_at")]


@pytest.mark.parametrize("form", ["file://{}", "{}", "{}/"])
def test_the_lake_lies_where_the_setting_says(place, tmp_path, monkeypatch, form):
    elsewhere = tmp_path / "autre disque" / "lac"
    monkeypatch.setenv(raw_lake.ADDRESS_SETTING, form.format(elsewhere))
    load(PLATFORM, file=json_lines(tmp_path, [mention(1)]))
    load(PLATFORM, file=json_lines(tmp_path, [mention(1, views=7)]))
    assert len([*elsewhere.glob("raw_listening/mentions/load_id=*/*.parquet")]) == 2
    assert not place.raw_lake.exists()
    assert ask(place, "select mention_id, views from mentions") == [("m1", 7)]
    assert erase(pseudonymise("compte 1")).complete
    assert ask(place, "select count(*) from mentions") == [(0,)]
    assert holding(elsewhere, pseudonymise("compte 1")) == []


# ---- a load that dies

#: A load that is killed at an instant: at the call of a function of dlt's, or after it.
KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient, FilesystemLoadJob
from fsspec.implementations.local import LocalFileSystem
from ingestion.engine.loading import load

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def half(self, source, target, **_):
    if target.endswith(".parquet"):
        Path(target).write_bytes(Path(source).read_bytes()[:100])
        die()
    shutil.copyfile(source, target)

def after(function):
    def call(*arguments):
        function(*arguments)
        die()
    return call

def half_a_note(self, load_id):
    folder = Path(self.dataset_path) / "_dlt_loads"
    folder.mkdir(exist_ok=True)
    (folder / f"{self.schema.name}__{load_id}.jsonl").write_text('{"load_id"')
    die()

stage = sys.argv[2]
if stage == "in the middle of a file":
    LocalFileSystem.put_file = half
elif stage == "after a file":
    FilesystemLoadJob.run = after(FilesystemLoadJob.run)
elif stage == "before the note":
    FilesystemClient._store_load = die
elif stage == "in the middle of the note":
    FilesystemClient._store_load = half_a_note
elif stage == "after the note":
    FilesystemClient._store_load = after(FilesystemClient._store_load)
load("listening", file=Path(sys.argv[1]))
"""
STAGES = [
    "in the middle of a file",
    "after a file",
    "before the note",
    "in the middle of the note",
    "after the note",
]


def kill(file, stage):
    died = subprocess.run([sys.executable, "-c", KILLED, str(file), stage], cwd=settings.CHECKOUT, check=False)
    assert died.returncode == -9


@pytest.mark.long
@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_load_loses_and_doubles_nothing(place, tmp_path, stage):
    load(PLATFORM, file=json_lines(tmp_path, [mention(1), mention(2)], "first.jsonl"))
    file = json_lines(tmp_path, [mention(2, views=50), mention(3)])
    kill(file, stage)
    ensure_tables(PLATFORM)
    shown = ask(place, "select mention_id, views from mentions order by 1")
    assert shown in ([("m1", 1), ("m2", 2)], [("m1", 1), ("m2", 50), ("m3", 3)]), "a load is shown whole or not at all"
    load(PLATFORM, file=file)
    assert ask(place, "select mention_id, views from mentions order by 1") == [("m1", 1), ("m2", 50), ("m3", 3)]
    assert ask(place, "select sum(rows_new), sum(rows_updated) from load_log") == [(3, 1)]
    assert ask(place, "select count(*) - count(distinct load_key) from load_log") == [(0,)]
    assert counts(load(PLATFORM, file=file)) == (2, 0, 0, 2, 0)


@pytest.mark.long
def test_a_killed_load_whose_working_folder_is_lost_is_read_again_and_swept(place, tmp_path):
    file = json_lines(tmp_path, [mention(1, text="ORPHELIN", published_at=NOW)])
    kill(file, "before the note")
    purge(NOW)
    assert holding(place.root, "ORPHELIN") == []
    assert counts(load(PLATFORM, file=file)) == (1, 1, 0, 0, 0)
    assert len(files_of(place)) == 1


# ---- what must go


def test_what_is_too_old_or_replaced_goes_from_every_file(place, tmp_path):
    kept = mention(3, text="RESTE", published_at=NOW)
    rows = [mention(1, text="PERIME", **OLD), mention(2, text="REMPLACE", published_at=NOW), kept]
    load(PLATFORM, file=json_lines(tmp_path, rows))
    load(PLATFORM, file=json_lines(tmp_path, [mention(4, text="SEUL ET PERIME", **OLD)]))
    load(PLATFORM, file=json_lines(tmp_path, [mention(2, text="NOUVEAU", published_at=NOW)]))
    before = ask(place, "select * from mentions where mention_id in ('m2', 'm3') order by 1")
    assert len(holding(place.raw_lake, "PERIME")) == 2
    of_a_killed_purge = files_of(place)[0].with_suffix(f".parquet{raw_lake.WRITING}")
    of_a_killed_purge.write_text("PERIME")
    report = purge(NOW)
    assert report.removed == {"lake raw_listening.mentions": 2}
    assert [Path(name).parent.parent.name for name in report.rewritten if name != "live.duckdb"] == ["mentions"] * 2
    assert [holding(place.root, text) for text in ("PERIME", "REMPLACE")] == [[], []]
    assert ask(place, "select * from mentions order by 1") == before
    assert len(files_of(place)) == 2, "a file without a row is removed"
    assert purge(NOW).removed == {}
    assert counts(load(PLATFORM, file=json_lines(tmp_path, [kept]))) == (1, 0, 0, 1, 0)


def test_an_older_row_of_a_key_does_not_come_back_for_the_newest(place, tmp_path):
    load(PLATFORM, file=json_lines(tmp_path, [mention(1, published_at=NOW), mention(2, published_at=NOW)]))
    load(PLATFORM, file=json_lines(tmp_path, [mention(1, **OLD)]))
    assert purge(NOW).removed == {"lake raw_listening.mentions": 1}
    assert ask(place, "select mention_id from mentions") == [("m2",)]


def test_a_person_is_erased_from_every_version_and_every_byte(place, tmp_path):
    person = pseudonymise("compte de camille")
    load(PLATFORM, file=json_lines(tmp_path, [mention(1, author_id="compte de camille"), mention(2)]))
    load(PLATFORM, file=json_lines(tmp_path, [mention(3, author_id="compte de camille"), mention(2, views=9)]))
    assert len(holding(place.raw_lake, person)) == 2
    report = erase(person)
    assert report.removed == {"lake raw_listening.mentions": 2}
    assert report.complete
    assert holding(place.root, person) == []
    assert ask(place, "select mention_id, views from mentions") == [("m2", 9)]


def test_a_file_that_holds_a_person_still_is_named(place, tmp_path):
    person = pseudonymise("compte 1")
    load(PLATFORM, file=json_lines(tmp_path, [mention(2)]))
    stray = place.raw_lake / "raw_listening" / "copie.txt"
    stray.write_text(person)
    assert str(stray) in erase(person).remaining


@pytest.mark.parametrize("instant", ["_plan", "_note"])
def test_a_purge_that_dies_while_it_rewrites_is_completed_by_the_next(place, tmp_path, monkeypatch, instant):
    load(PLATFORM, file=json_lines(tmp_path, [mention(1, text="PERIME", **OLD), mention(2, published_at=NOW)]))
    done = getattr(raw_lake.Lake, instant)

    def die(*arguments):
        if instant == "_plan":
            done(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(raw_lake.Lake, instant, die)
        with pytest.raises(KeyboardInterrupt):
            purge(NOW)
    ensure_tables(PLATFORM)
    assert ask(place, "select count(*) from mentions where mention_id = 'm2'") == [(1,)]
    purge(NOW)
    assert ask(place, "select mention_id from mentions") == [("m2",)]
    assert holding(place.root, "PERIME") == []


# ---- what somebody changed


def test_a_file_that_was_changed_or_removed_is_named_until_it_is_as_it_was(place, tmp_path):
    load(PLATFORM, file=json_lines(tmp_path, [mention(1)]))
    load(PLATFORM, file=json_lines(tmp_path, [mention(2)]))
    file, other = files_of(place)
    good = file.read_bytes()
    file.write_bytes(good[:-1] + b"?")
    assert f"{file} has other bytes" in refused(ensure_tables, PLATFORM)
    assert f"{file} has other bytes" in refused(load, PLATFORM, file=json_lines(tmp_path, [mention(3)]))
    assert f"{file} has other bytes" in refused(purge, NOW)
    file.unlink()
    other.unlink()
    message = refused(ensure_tables, PLATFORM)
    assert f"{file} is missing, {other} is missing" in message
    other.write_bytes(b"")
    assert f"{other} has other bytes" in refused(ensure_tables, PLATFORM)
    file.write_bytes(good)  # with other times than it had
    other.unlink()
    assert f"{file}" not in refused(ensure_tables, PLATFORM)


def test_a_load_whose_file_is_lost_is_given_up_by_removing_its_note(place, tmp_path):
    load(PLATFORM, file=json_lines(tmp_path, [mention(1)]))
    again = json_lines(tmp_path, [mention(2)], "again.jsonl")
    load(PLATFORM, file=again)
    lost = files_of(place)[1]
    lost.unlink()
    assert "remove the note of its load" in refused(ensure_tables, PLATFORM)
    load_id = lost.parent.name.removeprefix("load_id=")
    [note] = place.raw_lake.glob(f"raw_listening/_dlt_loads/*__{load_id}.jsonl")
    note.unlink()
    assert counts(load(PLATFORM, file=again)) == (1, 1, 0, 0, 0)
    assert ask(place, "select mention_id from mentions order by 1") == [("m1",), ("m2",)]


def test_a_lake_that_is_not_mounted_is_not_an_empty_one(place, tmp_path):
    load(PLATFORM, file=json_lines(tmp_path, [mention(1)]))
    place.raw_lake.rename(tmp_path / "demonte")
    place.raw_lake.mkdir()
    message = refused(ensure_tables, PLATFORM)
    assert "holds nothing of listening" in message
    place.raw_lake.rmdir()
    (tmp_path / "demonte").rename(place.raw_lake)
    ensure_tables(PLATFORM)
    assert ask(place, "select count(*) from mentions") == [(1,)]


def test_a_database_that_is_lost_is_made_again_of_the_lake(place, tmp_path):
    file = json_lines(tmp_path, [mention(1), mention(2)])
    load(PLATFORM, file=file)
    before = ask(place, "select * from mentions order by 1")
    place.live.unlink()
    ensure_tables(PLATFORM)
    assert ask(place, "select * from mentions order by 1") == before
    assert counts(load(PLATFORM, file=file)) == (2, 0, 0, 2, 0)


def test_a_backup_holds_the_lake(place, tmp_path):
    load(PLATFORM, file=json_lines(tmp_path, [mention(1)]))
    backup(place, tmp_path / "saved", lambda _: None)
    load(PLATFORM, file=json_lines(tmp_path, [mention(1, views=9), mention(2)]))
    restore(place, tmp_path / "saved", lambda _: None)
    ensure_tables(PLATFORM)
    assert ask(place, "select mention_id, views from mentions") == [("m1", 1)]


# ---- settings


@pytest.mark.usefixtures("place")
def test_a_platform_that_has_rows_in_the_database_does_not_move_by_itself(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.delenv(raw_lake.PLATFORMS_SETTING)
        load(PLATFORM, file=json_lines(tmp_path, [mention(1)]))
    assert "have rows in the database" in refused(ensure_tables, PLATFORM)
    monkeypatch.delenv(raw_lake.PLATFORMS_SETTING)
    assert counts(load(PLATFORM, file=json_lines(tmp_path, [mention(2)]))) == (1, 1, 0, 0, 0)


@pytest.mark.usefixtures("place")
def test_a_platform_does_not_leave_the_lake_by_itself(tmp_path, monkeypatch):
    load(PLATFORM, file=json_lines(tmp_path, [mention(1)]))
    monkeypatch.delenv(raw_lake.PLATFORMS_SETTING)
    assert "lie in the lake" in refused(ensure_tables, PLATFORM)
    assert "lie in the lake" in refused(load, PLATFORM, file=json_lines(tmp_path, [mention(2)]))
    assert "lie in the lake" in refused(purge, NOW)
    assert "lie in the lake" in refused(erase, pseudonymise("compte 1"))


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        (raw_lake.PLATFORMS_SETTING, "listening, ecoute", "ecoute"),
        (raw_lake.ADDRESS_SETTING, "inconnu://seau/lac", "cannot be opened"),
        (raw_lake.ADDRESS_SETTING, "memory://lac", "cannot be read by DuckDB"),
    ],
)
def test_a_setting_that_is_wrong_is_refused_in_words(monkeypatch, setting, value, expected):
    monkeypatch.setenv(setting, value)
    assert expected in refused(ensure_tables, PLATFORM)


def test_a_lake_that_cannot_be_written_is_refused_in_words(place, tmp_path, monkeypatch):
    (tmp_path / "fichier").write_text("")
    monkeypatch.setenv(raw_lake.ADDRESS_SETTING, str(tmp_path / "fichier" / "lac"))
    assert "cannot be reached" in refused(load, PLATFORM, file=json_lines(tmp_path, [mention(1)]))
    assert ask(place, "select count(*) from mentions") == [(0,)]


def test_loads_that_change_nothing_leave_no_file_behind(place, tmp_path):
    file = json_lines(tmp_path, [mention(1, published_at=NOW)])
    for _ in range(3):
        load(PLATFORM, file=file)
    purge(NOW)
    assert len(files_of(place)) == 1
    assert len(files_of(place, "load_log")) == 3


# ---- which files hold records


def keys(*ids):
    return pa.table({"record_key": pa.array(ids, pa.string())})


def test_the_files_that_hold_the_newest_row_of_a_record_are_named(place, tmp_path):
    [mentions] = [table for table in CONTRACT if table.name == "mentions"]
    assert raw_lake.locate(LISTENING, mentions, ["mention_id"], keys("m-1")) == []
    rows = [mention(number) for number in range(4)]
    load(PLATFORM, file=parquet(tmp_path, rows))
    first = {row["mention_id"]: row for row in rows}
    load(PLATFORM, file=parquet(tmp_path, [mention(3, views=1000), mention(4)]))
    ids = list(first)
    found = raw_lake.locate(LISTENING, mentions, ["mention_id"], keys(ids[0], f"listening|{ids[3]}", "elsewhere"))
    assert [holding.records for holding in found] == [1, 1]
    assert sorted(holding.file for holding in found) == [
        str(path.relative_to(place.raw_lake)) for path in files_of(place)
    ]
    for holding in found:
        assert holding.sha256 == hashlib.sha256((place.raw_lake / holding.file).read_bytes()).hexdigest()
        assert holding.load_id in holding.file


@pytest.mark.usefixtures("home")
def test_a_platform_in_the_database_has_no_files(tmp_path):
    load(PLATFORM, file=parquet(tmp_path, [mention(1)]))
    [mentions] = [table for table in CONTRACT if table.name == "mentions"]
    assert raw_lake.locate(LISTENING, mentions, ["mention_id"], keys(mention(1)["mention_id"])) == []
