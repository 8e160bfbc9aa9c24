"""The files that wait in `drop/<platform>/`. When they are loaded, and what becomes of them, is decided elsewhere."""

import hashlib
from pathlib import Path

from ingestion.platforms import Platform
from ingestion.settings import home


def folder(platform: Platform) -> Path:
    """Return the inbox of a platform; it may not exist yet."""
    return home().drop / platform.name


def waiting(inbox: Path) -> list[Path]:
    """Return the files of an inbox by name, but for those still being written (`.part`) and hidden ones."""
    if not inbox.is_dir():
        return []
    files = (path for path in sorted(inbox.iterdir()) if path.is_file() and not path.name.startswith("."))
    return [path for path in files if path.suffix != ".part" and is_text(path.name)]


def is_text(name: str) -> bool:
    """Tell whether a name can be written down: one in an older encoding is left to `cyberimpact doctor` to tell of."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def was_taken(platform: Platform, file: Path) -> bool:
    """Tell whether a file of the inbox is gone: another load has taken it, and loaded it."""
    return file.parent == folder(platform) and not file.exists()


def remove(platform: Platform, file: Path, sha256: str | None) -> None:
    """Remove the file that was loaded from the platform's inbox.

    One that was given elsewhere is not ours to remove, and one that has taken its place meanwhile was not read.
    """
    if file.parent != folder(platform) or not file.exists():
        return
    with file.open("rb") as content:
        if hashlib.file_digest(content, "sha256").hexdigest() == sha256:
            file.unlink()
