"""A denied access names the account, what denies it, and what to do; this process becomes another account for it."""

import os
import pwd
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest

from core import denied, installation, locks, settings
from core.errors import ExpectedFailure

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may reach and root owns, with a file in it; the test runs as another account."""
    if os.geteuid():
        pytest.skip("only root can become another account")
    with TemporaryDirectory(dir="/var/tmp") as name:  # which everybody may reach, unlike pytest's own
        made = Path(name)
        (made / "file").write_bytes(b"")
        (made / "file").chmod(0o640)
        made.chmod(0o755)
        os.setegid(NOBODY.pw_gid)
        os.seteuid(NOBODY.pw_uid)
        yield made
        os.seteuid(0)
        os.setegid(0)


def explained(act: Callable[[], object], home: Path) -> str:
    with pytest.raises((OSError, duckdb.Error, sqlite3.Error)) as problem:
        act()
    return str(denied.explain(problem.value, lambda: home))


def test_a_wrong_owner_is_named(folder: Path) -> None:
    said = "belongs to root and has the mode 0640. Run this with the account that owns the data"
    file = folder / "file"
    for act in (file.read_text, lambda: file.write_text("x"), lambda: duckdb.connect(str(file))):
        assert said in explained(act, folder)
    assert f"{folder} belongs to root and has the mode 0755" in explained((folder / "new").touch, folder)


def test_a_file_that_sqlite_does_not_name_is_found(folder: Path) -> None:
    os.seteuid(0)
    home = folder / "home"
    (home / "dagster").mkdir(parents=True)
    for path in (home, home / "dagster"):
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    file = home / "dagster" / "runs.db"
    sqlite3.connect(file).execute("create table t (a)").connection.close()
    os.seteuid(NOBODY.pw_uid)
    said = explained(lambda: sqlite3.connect(file).execute("insert into t values (1)"), home)
    assert f"denied access to {file}: {file} belongs to root" in said


def test_a_folder_on_the_way_is_named(folder: Path) -> None:
    os.seteuid(0)
    (folder / "closed" / "deeper").mkdir(parents=True)
    (folder / "closed").chmod(0o700)
    os.seteuid(NOBODY.pw_uid)
    said = explained((folder / "closed" / "deeper" / "file").read_text, folder)
    assert f"nobody is denied access to {folder}/closed/deeper/file: {folder}/closed belongs to root" in said


def test_the_folder_of_a_command_is_left_not_given_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.seteuid(0)
    (folder / "closed").mkdir(mode=0o700)
    monkeypatch.chdir(folder / "closed")
    os.seteuid(NOBODY.pw_uid)
    said = explained(lambda: list((folder / "closed").iterdir()), folder)
    assert said.endswith(
        "has the mode 0700. The command was run in this folder: `cd` to one of this account's, and repeat it."
    )
    assert "chown" in explained((folder / "file").read_text, folder)


def test_what_only_an_owner_may_do_is_no_matter_of_selinux(folder: Path) -> None:
    os.seteuid(0)
    (folder / "file").chmod(0o666)
    os.seteuid(NOBODY.pw_uid)
    assert "belongs to root and has the mode 0666" in explained(lambda: (folder / "file").chmod(0o600), folder)


def test_a_denial_that_owner_and_mode_do_not_explain_names_selinux_and_apparmor(tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    file.touch()
    for problem in (
        PermissionError(13, "Permission denied", str(file)),
        PermissionError(1, "Operation not permitted", str(file)),
    ):
        said = str(denied.explain(problem, tmp_path))
        assert f"denied access to {file}, although owner and mode allow it: SELinux, AppArmor" in said
        assert "ausearch -m AVC" in said


def test_a_read_only_file_system_is_named_with_the_unit(tmp_path: Path) -> None:
    said = str(denied.explain(OSError(30, "Read-only file system", "/usr/x"), lambda: tmp_path))
    assert said.startswith("/usr/x cannot be written: its file system is read-only")
    assert "ReadWritePaths" in said


def test_another_problem_is_none_of_these(tmp_path: Path) -> None:
    for problem in (FileNotFoundError(2, "No such file or directory", "/x"), ValueError("Permission denied")):
        assert denied.explain(problem, lambda: tmp_path) is None


def test_where_the_platform_opens_files_it_is_an_expected_failure(folder: Path) -> None:
    with pytest.raises(ExpectedFailure, match="belongs to root"):
        settings.make_folder(folder / "home")
    with pytest.raises(ExpectedFailure, match="belongs to root and has the mode 0640"):
        installation.values(folder / "file")
    with pytest.raises(ExpectedFailure, match="belongs to root"), locks.writer_lock(folder / "warehouse.duckdb"):
        pass
