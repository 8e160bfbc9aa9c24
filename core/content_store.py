"""A content store: files named by the SHA-256 of their content, written once."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from core.errors import ExpectedFailure

T = TypeVar("T")

_CHUNK_BYTES = 1 << 20


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def canonical(value: Any) -> bytes:
    """Return the one text of a JSON value: equal values have equal bytes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1).encode()


def flush(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def append_lines(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Append rows to a record of JSON lines, and bring it to the disk."""
    with file.open("a", encoding="utf-8") as record:
        # Begins a line of its own whatever a process that died has left.
        record.write("".join(f"\n{json.dumps(row, ensure_ascii=False)}" for row in rows) + "\n")
    flush(file)


def read_lines(file: Path, parse: Callable[[Any], T]) -> list[T]:
    """Return the rows of a record of JSON lines; a line that is none, as a dying process leaves it, is left out.

    Args:
        file: The record; absent, it has no row.
        parse: Makes a row of a JSON value; raises `ValueError`, `TypeError` or `KeyError` where it is none.
    """
    found: list[T] = []
    if file.exists():
        for line in file.read_bytes().splitlines():
            try:
                found.append(parse(json.loads(line)))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                continue
    return found


class Store:
    """Files below one folder, each in a subfolder of the first two digits of its name.

    Args:
        folder: Where they lie; made by the first file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str, suffix: str) -> Path:
        return self.folder / digest[:2] / f"{digest}{suffix}"

    @contextmanager
    def staging(self) -> Generator[Path]:
        """Yield an empty temporary folder on the same disk; what is left there is removed, also of a killed process."""
        folder = self.folder / ".writing"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(self, made: Path) -> str:
        """Move a file into the store under its digest, and return that; a file that is there already stays."""
        digest = digest_of(made)
        path = self.path(digest, made.suffix)
        if path.exists():
            made.unlink()
            return digest
        flush(made)
        path.parent.mkdir(parents=True, exist_ok=True)
        made.replace(path)
        flush(path.parent)
        return digest

    def keep_json(self, value: Any, staging: Path) -> str:
        made = staging / "value.json"
        made.write_bytes(canonical(value))
        return self.keep(made)

    def read_json(self, digest: str) -> Any:
        """Return a JSON value.

        Raises:
            ExpectedFailure: the store does not have it.
        """
        path = self.path(digest, ".json")
        if not path.exists():
            raise ExpectedFailure(
                f"La preuve {digest} manque dans {self.folder}.", "`cyberimpact audit verify` dit ce qui manque encore."
            )
        return json.loads(path.read_bytes())
