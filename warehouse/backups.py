"""Copies a home's data to a folder and restores it; caches and run history are left out.

A database is copied byte by byte under its writer lock, by a process that does not have it open: closing the copy would
drop DuckDB's own lock otherwise. Keys are not in the home, hence not in a backup; the configuration that an
installation has elsewhere is in it, and is not restored over the one in use.
"""

import errno
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from core import home_format, settings, superset
from core.content_store import canonical, digest_of, flush
from core.errors import ExpectedFailure, first_of
from core.locks import writer_lock
from core.settings import Home, make_folder
from core.sql import literal
from warehouse import operations_database
from warehouse.published import COPIES
from warehouse.reader_copies import FOLDER as RIGHTS

#: By how much the clock of a file server may be behind that of this machine.
FILE_CLOCK_MARGIN = timedelta(minutes=10)
MANIFEST = "backup.json"
FORMAT = 1
OPERATIONS, SUPERSET = "operations.dump", "superset.dump"
#: What a backup holds of databases on PostgreSQL, and where each is.
ON_POSTGRESQL: Mapping[str, Callable[[], str | None]] = {
    OPERATIONS: settings.operations_url,
    SUPERSET: superset.metadata_url,
}

#: Copies per right, which are rebuilt from the published copy.
_CHUNK_BYTES = 1 << 20
_MEGABYTE = 1_000_000
_SHOWN = 5

#: Returns the head of the ledger of a home, None where nothing was published.
HeadOf = Callable[[Home], str | None]


@dataclass(frozen=True)
class Made:
    """What a backup holds.

    Attributes:
        files: Number of files.
        size_bytes: Their size together.
        head: Head of the ledger, None where nothing was published.
    """

    files: int
    size_bytes: int
    head: str | None

    @property
    def megabytes(self) -> int:
        return -(-self.size_bytes // _MEGABYTE)


@dataclass(frozen=True)
class Restored:
    """What a restoration did.

    Attributes:
        made_at: When the backup was made.
        head: Head of the ledger that is restored.
        former: Head that the home's ledger had, None where it had none or could not be read.
        aside: Where what the home held lies now; None where it held nothing.
        dumps: What the backup holds of databases on PostgreSQL, which are put back by hand.
        recent_at: When the operations and the ledger in it were copied, where that was later.
    """

    made_at: str
    head: str | None
    former: str | None
    aside: Path | None
    dumps: tuple[str, ...] = ()
    recent_at: str | None = None

    def lines(self) -> Iterator[str]:
        """Yield what happened, one sentence a line."""
        yield f"The home is as it was at {self.made_at}; head of the ledger: {self.head or 'none'}."
        if self.recent_at:
            yield f"The operations and the ledger are as they were at {self.recent_at}."
            yield (
                f"What was loaded, received or published between these times is not in the databases: "
                f"load and publish; who has sent records since {self.made_at} must send them again."
            )
        if self.former and self.former != self.head:
            yield f"The ledger had the head {self.former}: what was published since, and shown, lies aside."
        if self.aside:
            yield f"What the home held lies in {self.aside}: remove it when nothing there is needed any more."
        if settings.home().configuration:
            yield f"The configuration of the backup lies in {settings.home().root / 'config'}; the one in use stays."
        for name in self.dumps:
            yield (
                f"The database of {Path(name).stem} is on PostgreSQL: put {name} of the backup back into an empty one, "
                "by `dropdb …`, `createdb --owner=… …`, then `pg_restore --dbname … …`."
            )
        yield "Next: `cyberimpact audit verify`, `cyberimpact purge`, and once more each erasure that was asked since."


def backup(home: Home, folder: Path, head_of: HeadOf) -> Made:
    """Copy the home's data to a new folder, which appears in one step when everything is there.

    Loads, builds and publications wait meanwhile.

    Args:
        home: The home.
        folder: Where to; outside the home, and not there yet or empty.
        head_of: Reads the head of the ledger of a home.

    Raises:
        ExpectedFailure: the folder is not fit, a database is damaged, or the disk is full.
    """
    folder = folder.resolve()
    if folder.is_relative_to(home.root):
        raise ExpectedFailure(f"{folder} lies in the home that is to be saved.", "Give a folder on another disk.")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ExpectedFailure(f"{folder} is not empty.", "Give a new folder: a backup is never changed.")
    return make(home, folder, head_of)


def make(home: Home, folder: Path, head_of: HeadOf) -> Made:
    """As `backup`, into a folder that is known to be fit.

    Raises:
        ExpectedFailure: a database is damaged, PostgreSQL cannot be read, or the disk is full.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    make_folder(partial)
    try:
        with locked(home):
            files = copied(saved(home), partial)
            files |= described(
                partial, open_databases(home, partial, [home.operations, superset_database(home)], ON_POSTGRESQL)
            )
            links = {
                f"published/{database}/current": link for database in COPIES if (link := current_of(home, database))
            }
            head = head_of(home)
        refuse_damaged(partial, files)
        write_manifest(partial, {"made_at": instant(), "head": head, "files": files, "links": links})
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
        flush(folder.parent)
    except OSError as problem:
        raise ExpectedFailure(
            f"The backup cannot be written to {folder}: {problem.strerror}.", "Free space there, or give another disk."
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Made(len(files), sum(int(file["size"]) for file in files.values()), head)


def make_recent(home: Home, folder: Path, since: datetime, head_of: HeadOf) -> tuple[Made, str]:
    """Copy the operations, and what the ledger and its evidence have gained, into an empty folder; nobody waits.

    Args:
        home: The home.
        folder: Where to.
        since: When the last backup was begun.
        head_of: Reads the head of the ledger of a home.

    Returns:
        What it holds, and a digest of all that.

    Raises:
        ExpectedFailure: a database is damaged, PostgreSQL cannot be read, or the disk is full.
    """
    began = instant()
    head = head_of(home)  # a publication writes its evidence first: what is read after its head is there
    try:
        mark = home.root / home_format.FILE
        files = copied(added(home, since) | ({mark.name: mark} if mark.exists() else {}), folder)
        files |= described(folder, open_databases(home, folder, [home.operations], [OPERATIONS]))
        refuse_damaged(folder, files)
        write_manifest(folder, {"made_at": began, "head": head, "files": files, "links": {}})
    except OSError as problem:
        raise ExpectedFailure(
            f"The operations and the ledger cannot be copied: {problem.strerror}.",
            "Free space on the disk of the home.",
        ) from None
    made = Made(len(files), sum(int(file["size"]) for file in files.values()), head)
    return made, hashlib.sha256(canonical(files)).hexdigest()


def add_recent(folder: Path, recent: Path) -> None:
    """Put what `make_recent` has made into a backup.

    Raises:
        ExpectedFailure: it is damaged.
    """
    content, later = dict(manifest(folder)), sound(recent)
    if later["made_at"] <= content["made_at"]:
        return  # it was begun while the backup was being made, which holds all of it
    for name in later["files"]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (recent / name).replace(folder / name)
    content["files"] = content["files"] | later["files"]
    write_manifest(folder, content | {"head": later["head"], "recent_at": later["made_at"]})


def instant() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    (folder / MANIFEST).write_bytes(canonical({**content, "format": FORMAT}))
    flush(folder / MANIFEST)


def holds_all(folder: Path, home: Home) -> bool:
    """Return whether a folder is a backup that holds what loads, builds and publications have written in a home.

    The caller holds the locks of `locked`.
    """
    try:
        files = json.loads((folder / MANIFEST).read_bytes())["files"]
    except (OSError, ValueError, KeyError):
        return False
    return all(name in files and files[name]["sha256"] == digest_of(path) for name, path in saved(home).items())


def locked(home: Home) -> ExitStack:
    """Hold the writer locks of both databases, so that nothing is published."""
    with ExitStack() as stack:
        for file in (home.warehouse, home.live):
            stack.enter_context(writer_lock(file))
        return stack.pop_all()


def saved(home: Home) -> dict[str, Path]:
    """Return every file to be copied byte by byte, by its name in the backup."""
    found: dict[str, Path] = {}
    for database in (home.warehouse, home.live):
        found |= {path.name: path for path in (database, database.with_name(f"{database.name}.wal")) if path.exists()}
    if (mark := home.root / home_format.FILE).exists():
        found[mark.name] = mark
    kept = (home.ledger, home.evidence, home.config, home.lake, home.raw_lake, home.fetched)
    folders = {folder.name: folder for folder in kept}
    for target in COPIES:
        if link := current_of(home, target):
            folders[f"{home.published.name}/{target}/{link}"] = home.published / target / link
    for place, folder in folders.items():
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            made_again = RIGHTS in name.parts  # what readers open is made from the published copy
            if path.is_file() and not made_again and not any(part.startswith(".") for part in name.parts):
                found[f"{place}/{name.as_posix()}"] = path
    return found


def added(home: Home, since: datetime) -> dict[str, Path]:
    """Return every file of the ledger and its evidence that was written since an instant, by its name in the backup."""
    found = {}
    for place in (home.ledger, home.evidence):
        for path in sorted(place.rglob("*")):
            name = path.relative_to(home.root)
            is_finished = not any(part.startswith(".") for part in name.parts)
            if is_finished and path.is_file() and path.stat().st_mtime >= (since - FILE_CLOCK_MARGIN).timestamp():
                found[name.as_posix()] = path
    return found


def superset_database(home: Home) -> Path:
    return home.superset / "superset.db"


def open_databases(home: Home, folder: Path, files: Iterable[Path], dumps: Iterable[str]) -> list[str]:
    """Copy the databases that are written meanwhile, as of one transaction each, and return their names in the backup.

    Args:
        home: The home.
        folder: Where to.
        files: The SQLite files to copy.
        dumps: What to copy of `ON_POSTGRESQL`, where it is there.

    Raises:
        ExpectedFailure: one is damaged, or PostgreSQL cannot be read.
        OSError: a copy cannot be written.
    """
    made = []
    for source in files:
        if source.exists():
            name = source.relative_to(home.root).as_posix()
            (folder / name).parent.mkdir(exist_ok=True)
            copy_sqlite(source, folder / name)
            made.append(name)
    for name in dumps:
        if url := ON_POSTGRESQL[name]():
            operations_database.dump(url, folder / name)
            made.append(name)
    return made


def current_of(home: Home, target: str) -> str | None:
    """Return the name of the build that readers of a target see."""
    link = home.published / target / "current"
    return link.readlink().name if link.is_symlink() and link.exists() else None


def copied(sources: Mapping[str, Path], folder: Path) -> dict[str, dict[str, Any]]:
    """Copy files into a folder, and return what the manifest says of them."""
    return {
        name: {"sha256": copy(source, folder / name), "size": (folder / name).stat().st_size}
        for name, source in sources.items()
    }


def described(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return what the manifest says of files of a folder."""
    return {name: {"sha256": digest_of(folder / name), "size": (folder / name).stat().st_size} for name in names}


def copy(source: Path, target: Path) -> str:
    """Copy a file to the disk and return its SHA-256."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with source.open("rb") as read, target.open("wb") as written:
        while chunk := read.read(_CHUNK_BYTES):
            digest.update(chunk)
            written.write(chunk)
        written.flush()
        os.fsync(written.fileno())
    return digest.hexdigest()


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a SQLite file at a transaction boundary, without stopping its writers.

    Raises:
        ExpectedFailure: the file is damaged.
        OSError: the copy cannot be written.
    """
    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=30)) as read,
            closing(sqlite3.connect(target)) as written,
        ):
            read.backup(written)
    except sqlite3.Error as problem:
        if getattr(problem, "sqlite_errorcode", None) in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
        raise damaged(source.name, str(problem)) from None
    flush(target)


def refuse_damaged(folder: Path, files: Iterable[str]) -> None:
    """Open every database among the files of a backup and read it whole.

    Raises:
        ExpectedFailure: one of them is damaged.
    """
    for name in files:
        file = folder / name
        try:
            if file.suffix == ".duckdb":
                read_duckdb(file)
            elif file.suffix in (".sqlite", ".db"):
                read_sqlite(file)
        except (duckdb.Error, sqlite3.Error, UnicodeDecodeError) as problem:
            raise damaged(name, str(problem)) from None


def damaged(name: str, reason: str) -> ExpectedFailure:
    return ExpectedFailure(
        f"{name} is damaged: {reason.splitlines()[0]}",
        "Nothing was changed. Keep the former backups: restore the last one that is whole, then load and build.",
    )


def read_duckdb(file: Path) -> None:
    """Read every column of every table, whose blocks have checksums.

    Raises:
        duckdb.Error: the file is damaged.
    """
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.execute(f"attach {literal(str(file))} as saved (read_only)")
        names = "select schema_name, table_name from duckdb_tables() where database_name = 'saved'"
        for schema, table in connection.execute(names).fetchall():
            connection.execute(f'select sum(hash(each_row)) from saved."{schema}"."{table}" as each_row').fetchall()  # noqa: S608


def read_sqlite(file: Path) -> None:
    """Check every page.

    Raises:
        sqlite3.Error: the file is damaged.
    """
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        [(found,), *_] = connection.execute("pragma integrity_check").fetchall()
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def restore(home: Home, folder: Path, head_of: HeadOf) -> Restored:
    """Replace the content of the home by a backup.

    Nothing is touched before every file of the backup has been found sound. What the home held is moved aside. A
    process that dies in between leaves a home that the same command completes. An upgrade under way ends by it.

    Args:
        home: The home, which may be damaged or absent.
        folder: What `backup` has made.
        head_of: Reads the head of the ledger of a home.

    Raises:
        ExpectedFailure: the folder is no backup, or not as it was made, or the disk is full.
    """
    content = sound(folder)
    make_folder(home.root)
    incoming = home.root / ".restoring"
    shutil.rmtree(incoming, ignore_errors=True)
    aside = home.root / f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
    try:
        with writer_lock(home.upgrade), locked(home):
            shutil.rmtree(home.upgrade, ignore_errors=True)
            former = head_of(home)
            incoming.mkdir()
            for name, known in content["files"].items():
                if copy(folder / name, incoming / name) != known["sha256"]:
                    raise ExpectedFailure(f"{folder / name} changed while it was read.", "Check the disk it is on.")
            for name, build in content["links"].items():
                (incoming / name).symlink_to(build)
            swap(home, incoming, aside)
            if OPERATIONS in content["files"]:
                home.operations_elsewhere.touch(mode=0o600)
    except OSError as problem:
        raise ExpectedFailure(
            f"The backup cannot be put back: {problem.strerror}.", "Free space, and repeat the command."
        ) from None
    return Restored(
        made_at=content["made_at"],
        head=content["head"],
        former=former,
        aside=aside if aside.exists() else None,
        dumps=tuple(name for name in ON_POSTGRESQL if name in content["files"]),
        recent_at=content.get("recent_at"),
    )


def sound(folder: Path) -> Mapping:
    """Return the manifest of a backup after verifying every file against it.

    Raises:
        ExpectedFailure: it is no backup, it is damaged, or a database was damaged when it was made.
    """
    content = manifest(folder)
    files = content["files"]
    home_format.refuse_newer(folder)
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    bad = [f"{name} is absent" for name in sorted(files.keys() - present)]
    bad += [f"{name} is not of the backup" for name in sorted(present - files.keys())]
    bad += [
        f"{name} was changed"
        for name in sorted(files.keys() & present)
        if digest_of(folder / name) != files[name]["sha256"]
    ]
    if bad:
        raise ExpectedFailure(
            f"The backup {folder} is damaged, so nothing was restored: {first_of(bad, _SHOWN)}.",
            "Restore another one.",
        )
    refuse_damaged(folder, files)
    return content


def manifest(folder: Path) -> Mapping:
    """Return the manifest of a backup.

    Raises:
        ExpectedFailure: it has none, or another version has made it.
    """
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
        _, version = content["files"], content["format"]
    except (OSError, ValueError, KeyError):
        raise ExpectedFailure(f"{folder} is no backup: {MANIFEST} is absent or damaged.", "Give another one.") from None
    if version != FORMAT:
        raise ExpectedFailure(f"{folder} was made by another version of the platform.", "Restore it with that one.")
    return content


def swap(home: Home, incoming: Path, aside: Path) -> None:
    """Move the replaced parts of the home aside, and the restored ones into their place."""
    databases = [name for file in (home.warehouse, home.live) for name in (file.name, f"{file.name}.wal")]
    sqlite = [
        f"{name}{suffix}" for name in (home.operations.name, "superset/superset.db") for suffix in ("", "-wal", "-shm")
    ]
    folders = ("ledger", "evidence", "config", "lake", "raw_lake", "fetched", "published")
    for name in (*databases, *sqlite, *folders, home_format.FILE):
        held, new = home.root / name, incoming / name
        if held.exists() or held.is_symlink():
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            held.rename(aside / name)
        if new.exists():
            held.parent.mkdir(exist_ok=True)
            new.rename(held)
    shutil.rmtree(incoming)
    flush(home.root)
