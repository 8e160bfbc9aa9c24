"""The files that wait in `drop/<platform>/`, and those that were sent to a page and are not there yet."""

import hashlib
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from core.errors import ExpectedFailure
from core.settings import home
from ingestion.platforms import Platform
from privacy import redact_label

#: A file that was sent to a page, and that nobody has handed over, is removed after so long.
UPLOADS_KEPT = timedelta(hours=2)


def folder(platform: Platform) -> Path:
    """Return the drop folder of a platform; it may not exist yet."""
    return home().drop / platform.name


def waiting(drop_folder: Path) -> list[Path]:
    """Return the files of a drop folder by name, but for those still being written (`.part`) and hidden ones.

    A file whose name holds personal data is given another: names go into logs and the history of runs. What is no file
    is not looked at: see `refused`.
    """
    return sorted(_safely_named(path) for path in _visible(drop_folder) if stat.S_ISREG(path.lstat().st_mode))


def put(platform: Platform, name: str, content: bytes) -> None:
    """Put a file into the drop folder of a platform, whole or not at all; it replaces one of the same name."""
    target = folder(platform) / name
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{name}.part")
    partial.write_bytes(content)
    partial.replace(target)


def refused(drop_folder: Path) -> list[str]:
    """Return a sentence for each entry of a drop folder that is not a regular file, and so is not read."""
    name = f"{drop_folder.parent.name}/{drop_folder.name}"
    return [
        f"{name}/{redact_label(path.name)} is {_kind(path)}, not a file: it is not read."
        for path in sorted(_visible(drop_folder))
        if not stat.S_ISREG(path.lstat().st_mode)
    ]


def _visible(drop_folder: Path) -> Iterator[Path]:
    if drop_folder.is_dir():
        for path in drop_folder.iterdir():
            if not path.name.startswith(".") and path.suffix != ".part" and is_text(path.name):
                yield path


def _kind(path: Path) -> str:
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(path.lstat().st_mode), "a device")


def _safely_named(path: Path) -> Path:
    name = redact_label(path.name)
    if name == path.name:
        return path
    target, rank = path.with_name(name), 2
    while target.exists():
        target = path.with_name(f"{Path(name).stem} ({rank}){Path(name).suffix}")
        rank += 1
    return path.rename(target)


#: Files that were given to this process, by what stands for them in the history of runs.
_given: dict[str, Path] = {}
_GIVEN = "given:"


def give(file: Path) -> str:
    """Return a token for a file given elsewhere, whose path may name a person; it is valid in this process only."""
    token = f"{_GIVEN}{uuid.uuid4().hex}"
    _given[token] = file
    return token


def found(file: str) -> Path:
    """Return the file that a run was asked to load.

    Raises:
        ExpectedFailure: it is no file of a drop folder any more, or was given to another process.
    """
    if file.startswith(_GIVEN) and file not in _given:
        raise ExpectedFailure(
            "The file was given to a command that has ended; its path is not kept.", "Give it again with --file."
        )
    path = _given.get(file) or Path(file)
    if file not in _given and path.is_symlink():
        raise ExpectedFailure(
            f"{path.parent.name}/{redact_label(path.name)} is a symbolic link: it is not followed.",
            "Put the file itself there.",
        )
    return path


def is_text(name: str) -> bool:
    """Return whether a name is valid Unicode; `cyberimpact doctor` reports the others."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def was_taken(platform: Platform, file: Path) -> bool:
    """Return whether a file of the drop folder is gone: another load has taken it, and loaded it."""
    return file.parent == folder(platform) and not file.exists()


def remove(platform: Platform, file: Path, sha256: str | None) -> None:
    """Remove the file that was loaded from the platform's drop folder.

    One that was given elsewhere is not ours to remove, and one that has taken its place meanwhile was not read.
    """
    if file.parent != folder(platform) or not file.exists():
        return
    with file.open("rb") as content:
        if hashlib.file_digest(content, "sha256").hexdigest() == sha256:
            file.unlink()


def sweep_uploads(now: datetime) -> None:
    """Remove files sent to a page that are too old, and what a killed process had begun to receive."""
    for path in (*home().uploads.glob("*.upload*"), *home().uploads.glob("*/*-*")):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < (now - UPLOADS_KEPT).timestamp():
                discard(path)


def discard(path: Path) -> None:
    """Remove a file, or a folder and what is in it; nothing where it is gone."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
