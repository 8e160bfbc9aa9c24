"""Recognises a denied access in the errors of libraries, and says what denies it: owner, mode, or something else."""

import os
import pwd
import re
from collections.abc import Callable
from pathlib import Path

from core.errors import ExpectedFailure, causes_of

#: Messages of Python and DuckDB, which name the path.
_DENIED = re.compile(
    r"(?P<how>Permission denied|Operation not permitted|Read-only file system): '(?P<path>[^']+)'"
    r"|\"(?P<opened>[^\"]+)\": (?P<why>Permission denied|Operation not permitted|Read-only file system)"
)
#: Messages of SQLite, which do not.
_SQLITE = ("attempt to write a readonly database", "unable to open database file")


def explain(problem: BaseException, home: Callable[[], Path]) -> ExpectedFailure | None:
    """Return the failure to show where a denied access is among the causes of an exception, None where it is not.

    Args:
        problem: The exception.
        home: Returns where the files of SQLite lie, which does not name them.
    """
    return explain_text("\n".join(map(str, causes_of(problem))), home)


def explain_text(said: str, home: Callable[[], Path]) -> ExpectedFailure | None:
    """Return the failure to show where a text says that access was denied."""
    if found := _DENIED.search(said):
        path, how = Path(found["path"] or found["opened"]), found["how"] or found["why"]
        return _read_only(path) if how.startswith("Read-only") else failure(path, owned=how.startswith("Operation"))
    if any(words in said for words in _SQLITE):
        files = (path for path in home().rglob("*") if path.is_dir() or ".db" in path.name or ".sqlite" in path.name)
        paths = (home(), *files)
        return next((failure(path) for path in paths if _barrier(path, os.R_OK | os.W_OK)), None)
    return None


def failure(path: Path, wanted: int = os.R_OK | os.W_OK, *, owned: bool = False) -> ExpectedFailure:
    """Return the failure to show where the system has denied access to a path.

    Args:
        path: What was to be opened, made or changed.
        wanted: What was wanted of it, as for `os.access`.
        owned: Whether only its owner may do what was wanted.
    """
    account = _name(os.geteuid())
    is_foreign = owned and _is_there(path) and not _is_own(path)
    barrier = path if is_foreign else _barrier(path, wanted)
    if barrier is None:
        return ExpectedFailure(
            f"The account {account} is denied access to {path}, although owner and mode allow it: SELinux, AppArmor or"
            " an attribute of the file refuses.",
            "Find the refusal with `ausearch -m AVC -ts recent` (SELinux), `journalctl -k -g DENIED` (AppArmor) or"
            " `lsattr`; restore the label with `restorecon -R`, or allow the path in the profile.",
        )
    status = barrier.stat()
    return ExpectedFailure(
        f"The account {account} is denied access to {path}: {barrier} belongs to {_name(status.st_uid)} and has the"
        f" mode {status.st_mode & 0o7777:04o}.",
        "The command was run in this folder: `cd` to one of this account's, and repeat it."
        if _is_here(path)
        else "Run this with the account that owns the data, or give all of the data to one account with `chown -R`;"
        " where the folder is one that you have named, name another.",
    )


def _read_only(path: Path) -> ExpectedFailure:
    return ExpectedFailure(
        f"{path} cannot be written: its file system is read-only for this process.",
        "Set CYBERIMPACT_HOME to a folder that may be written; a unit of systemd names it in `ReadWritePaths`.",
    )


def _barrier(path: Path, wanted: int) -> Path | None:
    """Return the first folder or file on the way to a path whose owner and mode deny what is wanted."""
    there = [folder for folder in reversed(path.absolute().parents) if _is_there(folder)]
    for folder in there:
        if _lacks(folder, os.X_OK):
            return folder
    if _is_there(path):
        if _lacks(path, wanted | (os.X_OK if path.is_dir() else 0)):
            return path
        if path.is_dir():
            return None
    # Who makes, replaces or removes a file changes the folder in which it lies.
    return next((folder for folder in there[-1:] if wanted & os.W_OK and _lacks(folder, os.W_OK)), None)


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except OSError:  # what lies behind a denied folder is not known
        return False
    return True


def _lacks(path: Path, wanted: int) -> bool:
    """Tell whether owner and mode alone, without what else may deny it, give this account less than is wanted."""
    status, account = path.stat(), os.geteuid()
    if account == 0:
        return False
    if _is_own(path):
        granted = status.st_mode >> 6
    else:
        groups = {os.getegid(), *os.getgroups()}
        granted = status.st_mode >> 3 if status.st_gid in groups else status.st_mode
    return bool(wanted & ~granted)


def _is_here(path: Path) -> bool:
    try:
        return path == Path.cwd()
    except FileNotFoundError:  # the folder was removed
        return False


def _is_own(path: Path) -> bool:
    return path.stat().st_uid == os.geteuid()


def _name(account: int) -> str:
    try:
        return pwd.getpwuid(account).pw_name
    except KeyError:
        return str(account)
