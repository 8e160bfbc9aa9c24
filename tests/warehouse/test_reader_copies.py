"""The file of a right: what it holds, and that it is made once, whole or not at all, whoever asks and whoever dies."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from warehouse.publication import prune
from warehouse.published import unpinned
from warehouse.reader_copies import CopyError, NothingPublishedError, forgotten, path_for
from warehouse.rights import EVERYTHING, Right

GIRONDE = "territory_code in ('FR', 'FR-33')"
RIGHT = Right(
    {
        "kpi.kpi_value": GIRONDE,
        "kpi.kpi_catalogue": None,
        "perception.term": "id in (select parent.id from perception.text as parent "
        "where parent.territory_code in ('FR', 'FR-33'))",
        "kpi.unplaced": GIRONDE,
        "kpi.never_built": None,
    }
)
TABLES = """
    create schema kpi; create schema perception;
    create table kpi.kpi_value as select * from (values
        ('FR', 9, false), ('FR-33', 4, false), ('FR-69', 5, false), ('FR-33', null, true), (null, 1, false)
    ) as t (territory_code, value, is_suppressed);
    comment on table kpi.kpi_value is 'Valeurs d''un indicateur';
    comment on column kpi.kpi_value.value is 'Valeur';
    create table kpi.kpi_catalogue as select 'victims' as kpi_code;
    create table kpi.unplaced as select 'secret of FR-69' as words;
    create table kpi.not_granted as select 'secret' as words;
    create table perception.text as select * from (values ('a', 'FR-33'), ('b', 'FR-69')) as t (id, territory_code);
    create table perception.term as select * from (values ('a', 'ours'), ('b', 'theirs')) as t (id, word);
"""
#: Asks for the copy of a right as a server does, and prints its file.
ASK = """
import json, sys
from pathlib import Path
from warehouse.reader_copies import path_for
from warehouse.rights import Right
print(path_for(Path(sys.argv[1]), Right(json.loads(sys.argv[2]))))
"""


def publish(target: Path, build: str = "b1", statements: str = TABLES) -> Path:
    """Publish a copy, and return its path by the `current` link."""
    folder = target / build
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "serving.duckdb")) as connection:
        connection.execute(statements)
    link = target / ".current"
    link.symlink_to(build)
    link.replace(target / "current")
    return target / "current" / "serving.duckdb"


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return publish(tmp_path / "daily")


def rows(path: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def ask(link: Path, right: Right = RIGHT) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", ASK, str(link), json.dumps(dict(right.tables))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_copy_holds_what_is_granted_and_nothing_else(link):
    path = path_for(link, RIGHT)
    assert path == link.resolve().parent / "rights" / RIGHT.key / "serving.duckdb"
    tables = rows(path, "select schema_name || '.' || table_name from duckdb_tables() order by all")
    assert tables == [("kpi.kpi_catalogue",), ("kpi.kpi_value",), ("perception.term",)]
    assert rows(path, "from kpi.kpi_value") == [("FR", 9, False), ("FR-33", 4, False), ("FR-33", None, True)]
    assert rows(path, "from perception.term") == [("a", "ours")]
    content = path.read_bytes()
    assert b"secret" not in content
    assert b"theirs" not in content


def test_names_and_comments_are_those_of_the_published_copy(link):
    path = path_for(link, RIGHT)
    assert rows(path, "select current_database()") == [("serving",)]
    assert rows(path, "select comment from duckdb_tables() where table_name = 'kpi_value'") == [
        ("Valeurs d'un indicateur",)
    ]
    assert rows(path, "select comment from duckdb_columns() where comment is not null") == [("Valeur",)]


def test_only_its_owner_may_read_it(link):
    path = path_for(link, RIGHT)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [folder.stat().st_mode & 0o777 for folder in (path.parent, path.parent.parent)] == [0o700, 0o700]


def test_a_right_to_everything_opens_the_published_copy_itself(link):
    assert path_for(link, EVERYTHING) == link.resolve()
    assert not (link.resolve().parent / "rights").exists()


def test_no_right_opens_no_file(link):
    with pytest.raises(CopyError, match="may read no data"):
        path_for(link, Right())


def test_before_a_publication_there_is_nothing_to_open(tmp_path):
    with pytest.raises(NothingPublishedError):
        path_for(tmp_path / "daily" / "current" / "serving.duckdb", RIGHT)


def test_a_damaged_copy_is_said(link):
    link.resolve().write_bytes(b"no database")
    with pytest.raises(CopyError, match="could not be made"):
        path_for(link, RIGHT)
    folder = link.resolve().parent / "rights" / RIGHT.key
    assert [file.name for file in folder.iterdir()] == ["right.json"]


def test_eight_processes_that_ask_at_once_share_one_copy(link):
    asking = [ask(link) for _ in range(8)]
    found = {process.communicate(timeout=120)[0].strip() for process in asking}
    assert [process.returncode for process in asking] == [0] * 8
    (path,) = found
    assert rows(Path(path), "select count(*) from kpi.kpi_value") == [(3,)]
    assert sorted(os.listdir(Path(path).parent)) == ["right.json", "serving.duckdb"]  # noqa: PTH208 - hidden ones too


def test_readers_of_another_right_do_not_wait(link):
    other = Right({"kpi.kpi_catalogue": None})
    folder = link.resolve().parent / "rights" / RIGHT.key
    folder.mkdir(parents=True)
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)  # as the maker of the first right does
        waiting = ask(link)
        assert path_for(link, other).exists()
        assert waiting.poll() is None
    finally:
        os.close(held)
    assert Path(waiting.communicate(timeout=60)[0].strip()).exists()


def makers(of: Path) -> list[int]:
    """Return the processes that make copies in a folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = folder.joinpath("cmdline").read_bytes()
        except OSError:
            continue
        if b"reader_copies import main" in command and str(of).encode() in command:
            found.append(int(folder.name))
    return found


LARGE = (
    "create schema kpi; create table kpi.kpi_value as select 'FR' as territory_code, uuid() as u from range(1000000);"
)


def until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("victim", ["maker", "reader"])
def test_a_kill_half_way_leaves_nothing_that_is_used(tmp_path, victim):
    link = publish(tmp_path / "daily", statements=LARGE)
    folder = link.resolve().parent / "rights" / RIGHT.key
    reader = ask(link)
    until(lambda: folder.exists() and any(folder.glob(".*")))  # the maker writes
    (maker,) = makers(tmp_path)
    os.kill(maker if victim == "maker" else reader.pid, signal.SIGKILL)
    reader.communicate(timeout=60)
    assert reader.returncode != 0
    path = path_for(link, RIGHT)  # waits for a maker that has outlived its reader
    assert rows(path, "select count(*) from kpi.kpi_value") == [(1_000_000,)]
    assert {file.name for file in folder.iterdir()} == {"right.json", "serving.duckdb"}
    assert makers(tmp_path) == []


def test_copies_go_with_their_build_which_stays_while_one_is_made(tmp_path):
    link = publish(tmp_path / "daily", "b0", LARGE)
    first = link.resolve().parent
    reader = ask(link)
    until(lambda: any(first.glob("rights/*/.*")))
    (maker,) = makers(tmp_path)
    os.kill(maker, signal.SIGSTOP)  # it must not be done before the build is old
    for build in ("b1", "b2", "b3"):
        publish(tmp_path / "daily", build)
    prune(tmp_path / "daily")
    assert first.exists()  # a maker reads it
    os.kill(maker, signal.SIGCONT)
    assert Path(reader.communicate(timeout=60)[0].strip()).exists()
    with unpinned(first) as free:
        assert free
    prune(tmp_path / "daily")
    assert not first.exists()
    assert path_for(link, RIGHT).parent.parent.parent.name == "b3"


def test_copies_are_forgotten_before_the_build_is_changed(link):
    build = link.resolve().parent
    path = path_for(link, RIGHT)
    with forgotten(build):
        assert not path.exists()
        asking = ask(link)
        with duckdb.connect(str(link.resolve())) as connection:
            connection.execute("delete from kpi.kpi_value where territory_code = 'FR-33'")
    assert asking.communicate(timeout=60)[0].strip() == str(path)
    assert rows(path, "select count(*) from kpi.kpi_value") == [(1,)]
