"""Backups in a folder or store elsewhere, encrypted for a public key.

A backup there is an archive (`tar`) of what `backups.make` makes, encrypted by age, and a JSON beside it. That JSON is
written last: what has none was never completed, and a later backup removes it. Who has the public key can make backups
and cannot read them; the private one is needed for a restoration, and wherever the drill is to run.

Between two backups, recent copies of the operations and the ledger lie there too, of the last hours.
"""

import hashlib
import json
import posixpath
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit

import fsspec
import pyrage
from botocore.exceptions import BotoCoreError

from core import disk, settings
from core.content_store import canonical
from core.errors import ExpectedFailure
from core.locks import writer_lock
from core.settings import Home
from warehouse import backups
from warehouse.backups import HeadOf

ADDRESS, RECIPIENT, IDENTITY = (f"CYBERIMPACT_BACKUP_{name}" for name in ("ADDRESS", "RECIPIENT", "IDENTITY"))
DAYS, MONTHS = 14, 12

#: Beginnings of the names of backups, and of recent copies.
BACKUP, RECENT = "cyberimpact-", "operations-"
#: How long recent copies are kept; the last one is kept in any case.
RECENT_KEPT = timedelta(hours=2)

_TIME = "%Y%m%dT%H%M%SZ"
_ARCHIVE, _DESCRIPTION = ".tar.age", ".json"
_CHUNK_BYTES = 1 << 20
#: How long another machine may take to write a backup before what it has left counts as abandoned.
_ABANDONED = timedelta(days=2)


@dataclass(frozen=True)
class Stored:
    """A backup that lies elsewhere.

    Attributes:
        name: Its name there, by which they sort in time.
        made_at: When the data were as they are in it.
        sha256: Hash of the encrypted archive.
        size: Bytes of the encrypted archive.
        head: Head of the ledger, None where nothing was published.
        content: Hash of what is in it, of a recent copy.
    """

    name: str
    made_at: datetime
    sha256: str
    size: int
    head: str | None
    content: str | None = None

    @property
    def megabytes(self) -> int:
        return -(-self.size // 1_000_000)


class Store:
    """Where backups lie, by an address of fsspec: `file:///mnt/backups`, `s3://bucket/folder`.

    Raises:
        ExpectedFailure: the setting is absent, or no library here knows the address.
    """

    def __init__(self) -> None:
        address = settings.require(ADDRESS)
        try:
            self._files, self._folder = fsspec.core.url_to_fs(address)
        except (ImportError, ValueError) as problem:
            raise ExpectedFailure(
                f"{ADDRESS} cannot be used: {problem}.", "Correct it, or install what it needs."
            ) from None

    @contextmanager
    def words(self, doing: str) -> Generator[None]:
        """Word what goes wrong with the store.

        Raises:
            ExpectedFailure: it cannot be reached, read or written.
        """
        try:
            yield
        except (OSError, BotoCoreError, pyrage.EncryptError) as problem:
            full = disk.is_full(str(problem))
            remedy = "Free space there." if full else f"See whether {ADDRESS} can be reached, with which account."
            raise ExpectedFailure(f"{doing}: {getattr(problem, 'strerror', None) or problem}.", remedy) from None

    def complete(self) -> list[Stored]:
        """Return the backups that are complete, the oldest first.

        Raises:
            ExpectedFailure: the store cannot be read.
        """
        with self.words("The backups elsewhere cannot be listed"):
            if not self._files.exists(self._folder):
                return []
            found = [self._described(path) for path in self._descriptions(BACKUP)]
        return sorted((one for one in found if one), key=lambda one: one.name)

    def last(self, kind: str) -> Stored | None:
        """Return the last backup or recent copy that is complete.

        Raises:
            ExpectedFailure: the store cannot be read.
        """
        with self.words("The backups elsewhere cannot be listed"):
            if not self._files.exists(self._folder):
                return None
            found = (self._described(path) for path in reversed(self._descriptions(kind)))
            return next((one for one in found if one), None)

    def write(
        self,
        name: str,
        archive: Callable[["Digesting"], None],
        made: backups.Made,
        at: datetime,
        content: str | None = None,
    ) -> Stored:
        """Write a backup, and its description when all of it is there.

        Args:
            name: Its name.
            archive: Writes the encrypted archive into a file.
            made: What it holds.
            at: When it was made.
            content: Hash of what is in it, of a recent copy.

        Raises:
            ExpectedFailure: the store cannot be written.
        """
        with self.words("The backup cannot be sent"):
            self._files.makedirs(self._folder, exist_ok=True)
            path = self._path(name + _ARCHIVE)
            try:
                with self._files.open(path, "wb") as file:
                    written = Digesting(file)
                    archive(written)
                self._refuse_cut(path, written.size)
            except BaseException:
                with suppress(OSError):  # what is half there takes room that others need
                    self._files.rm(path)
                raise
            stored = Stored(name, at, written.digest.hexdigest(), written.size, made.head, content)
            with self._files.open(self._path(name + _DESCRIPTION), "wb") as file:
                file.write(canonical(asdict(stored) | {"made_at": at.isoformat()}))
        return stored

    @contextmanager
    def reading(self, stored: Stored) -> Generator["Digesting"]:
        """Open an encrypted archive; when it was read, its bytes must be those that were written.

        Raises:
            ExpectedFailure: it cannot be read, or was changed or cut.
        """
        path = self._path(stored.name + _ARCHIVE)
        with self.words(f"The backup {stored.name} cannot be read"), self._files.open(path, "rb") as file:
            read = Digesting(file)
            yield read
            while read.read(_CHUNK_BYTES):
                pass
        if (read.size, read.digest.hexdigest()) != (stored.size, stored.sha256):
            raise changed(stored)

    def remove(self, now: datetime, days: int, months: int) -> list[str]:
        """Remove backups that retention does not keep, and what a backup that died has left; return their names.

        Raises:
            ExpectedFailure: the store cannot be written.
        """
        complete = self.complete()
        gone = {stored.name for stored in complete} - kept(complete, now, days, months)
        with self.words("Old backups cannot be removed"):
            for name in sorted(gone):
                self._files.rm(self._path(name + _DESCRIPTION))
                self._files.rm(self._path(name + _ARCHIVE))
            names = {stored.name for stored in complete}
            for path in self._paths():
                name = posixpath.basename(path).partition(".")[0]
                if name not in names and began(name) < now - _ABANDONED:
                    self._files.rm(path)
                    gone.add(name)
        return sorted(gone)

    def remove_recent(self, now: datetime) -> None:
        """Remove recent copies that are old, whole or not, except the last one.

        Raises:
            ExpectedFailure: the store cannot be written.
        """
        last = self.last(RECENT)
        with self.words("Old copies cannot be removed"):
            for path in self._paths():  # a description comes before its archive
                name = posixpath.basename(path).partition(".")[0]
                if last and name != last.name and began(name, RECENT) < now - RECENT_KEPT:
                    self._files.rm(path)

    def _refuse_cut(self, path: str, size: int) -> None:
        if (arrived := self._files.size(path)) != size:
            raise OSError(f"{arrived} bytes of {size} arrived")

    def _described(self, path: str) -> Stored | None:
        try:
            content = json.loads(self._files.cat_file(path))
            return Stored(**content | {"made_at": datetime.fromisoformat(content["made_at"])})
        except (ValueError, TypeError, KeyError):
            return None  # half written, or of something else

    def _paths(self) -> list[str]:
        return sorted(self._files.ls(self._folder, detail=False, refresh=True))

    def _descriptions(self, kind: str) -> list[str]:
        return [
            path for path in self._paths() if path.endswith(_DESCRIPTION) and posixpath.basename(path).startswith(kind)
        ]

    def _path(self, name: str) -> str:
        return posixpath.join(self._folder, name)


class Digesting(BufferedIOBase):
    """A file that knows the hash and the number of the bytes that went through it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0
        self.digest = hashlib.sha256()

    def read(self, size: int | None = -1, /) -> bytes:
        return self._count(self._file.read(-1 if size is None else size))

    def write(self, content: Any, /) -> int:
        return self._file.write(self._count(bytes(content)))

    def _count(self, content: bytes) -> bytes:
        self.size += len(content)
        self.digest.update(content)
        return content


def is_set() -> bool:
    """Return whether backups are to be sent elsewhere."""
    return settings.get(ADDRESS) is not None


def folders() -> list[Path]:
    """Return the folder of this machine in which backups lie; none where they lie elsewhere."""
    address = urlsplit(settings.get(ADDRESS, ""))
    return [Path(address.path)] if address.path and address.scheme in ("", "file") else []


def send(home: Home, now: datetime, head_of: HeadOf) -> tuple[Stored, list[str]]:
    """Make a backup, send it elsewhere, and remove there what is too old.

    Args:
        home: The home.
        now: The present instant.
        head_of: Reads the head of the ledger of a home.

    Returns:
        The backup, and the names of those that were removed.

    Raises:
        ExpectedFailure: a setting is absent or wrong, a database is damaged, a disk is full, or the store fails.
    """
    store, recipient = Store(), _recipient()
    days = settings.whole_number("CYBERIMPACT_BACKUP_DAYS", DAYS, "days")
    months = settings.whole_number("CYBERIMPACT_BACKUP_MONTHS", MONTHS, "months")
    with scratch(home.backup) as folder:
        made = backups.make(home, folder / "backup", head_of)
        archive = partial(_encrypt, folder / "backup", recipient)
        stored = store.write(named(BACKUP, now), archive, made, now)
    return stored, store.remove(now, days, months)


def send_recent(home: Home, now: datetime, head_of: HeadOf) -> Stored | None:
    """Copy the operations and the ledger elsewhere, if they have changed since the last backup or copy.

    Args:
        home: The home.
        now: The present instant.
        head_of: Reads the head of the ledger of a home.

    Returns:
        The copy; None where there is no backup yet that it could complete, or nothing has changed.

    Raises:
        ExpectedFailure: as `send`.
    """
    store, recipient = Store(), _recipient()
    backup = store.last(BACKUP)
    if backup is None:
        return None
    with scratch(home.recent_backup) as folder:
        made, content = backups.make_recent(home, folder, backup.made_at, head_of)
        last = _recent(store, backup)
        if last and last.content == content:
            return None
        stored = store.write(named(RECENT, now), partial(_encrypt, folder, recipient), made, now, content)
    store.remove_recent(now)
    return stored


def _recent(store: Store, backup: Stored) -> Stored | None:
    """Return the last copy that was made after a backup."""
    last = store.last(RECENT)
    return last if last and last.made_at > backup.made_at else None


def fetch(folder: Path, name: str | None = None) -> Stored:
    """Bring a backup back and decrypt it, ready for `backups.restore`.

    Args:
        folder: Where to; it is made, and is removed again on a failure.
        name: Its name; by default the last one, with the last copy of the operations and the ledger.

    Raises:
        ExpectedFailure: there is none, the key is not the right one, or the archive was changed or cut.
    """
    store = Store()
    found = [stored for stored in store.complete() if name in (None, stored.name)]
    if not found:
        raise ExpectedFailure(f"There is no backup {name or ''}".rstrip() + " elsewhere.", "`cyberimpact offsite list`")
    stored, identity = found[-1], _identity()
    if folder.exists() and any(folder.iterdir()):
        raise ExpectedFailure(f"{folder} is not empty.", "Give a new folder.")
    settings.make_folder(folder)
    recent = None
    try:
        _decrypt(store, stored, identity, folder)
        if name is None and (recent := fetch_recent(stored, folder / RECENT)):
            backups.add_recent(folder, folder / RECENT)
            shutil.rmtree(folder / RECENT)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return recent or stored


def fetch_recent(backup: Stored, folder: Path) -> Stored | None:
    """Bring the last copy of the operations and the ledger that was made after a backup, if there is one.

    Args:
        backup: The backup.
        folder: A new folder.

    Raises:
        ExpectedFailure: the key is not the right one, or the archive was changed or cut.
    """
    store = Store()
    recent = _recent(store, backup)
    if recent:
        settings.make_folder(folder)
        _decrypt(store, recent, _identity(), folder)
    return recent


def kept(stored: Iterable[Stored], now: datetime, days: int, months: int) -> set[str]:
    """Return the names of backups to keep: of the last days, the first one of each of the last months, and the last."""
    ordered = sorted(stored, key=lambda one: one.made_at)
    firsts: dict[tuple[int, int], Stored] = {}
    for one in ordered:
        firsts.setdefault((one.made_at.year, one.made_at.month), one)
    recent = {one.name for one in ordered if one.made_at > now - timedelta(days=days)}
    return recent | {one.name for one in [*firsts.values()][-months:]} | {one.name for one in ordered[-1:]}


def named(kind: str, at: datetime) -> str:
    """Return the name of a backup or recent copy that is begun at an instant."""
    return f"{kind}{at.astimezone(UTC):{_TIME}}"


def began(name: str, kind: str = BACKUP) -> datetime:
    """Return when a backup or recent copy of this name was begun; never where the name is not one of ours."""
    try:
        return datetime.strptime(name, kind + _TIME).replace(tzinfo=UTC)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)


def new_key() -> tuple[str, str]:
    """Return a new key for backups: the public and the private half."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity.to_public()), str(identity)


@contextmanager
def scratch(folder: Path) -> Generator[Path]:
    """Give an empty folder to one process at a time; what a process left that died goes."""
    with writer_lock(folder):
        shutil.rmtree(folder, ignore_errors=True)
        settings.make_folder(folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def changed(stored: Stored) -> ExpectedFailure:
    return ExpectedFailure(f"The backup {stored.name} was changed or cut since it was made.", "Fetch another one.")


def _recipient() -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(settings.require(RECIPIENT))
    except pyrage.RecipientError:
        raise ExpectedFailure(
            f"{RECIPIENT} is no public key of age, which begins with age1.", "`cyberimpact offsite key` makes one."
        ) from None


def _identity() -> pyrage.x25519.Identity:
    try:
        return pyrage.x25519.Identity.from_str(settings.require(IDENTITY))
    except pyrage.IdentityError:
        raise ExpectedFailure(
            f"{IDENTITY} is no private key of age, which begins with AGE-SECRET-KEY-1.",
            "Give the one that was made with the public key; without it no backup can be read.",
        ) from None


def _encrypt(folder: Path, recipient: pyrage.x25519.Recipient, target: Digesting) -> None:
    with subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE) as packing:
        pyrage.encrypt_io(cast("BufferedIOBase", packing.stdout), target, [recipient])
    if packing.returncode:
        raise OSError("tar could not read what was saved")


def _decrypt(store: Store, stored: Stored, identity: pyrage.x25519.Identity, folder: Path) -> None:
    """Unpack an archive.

    Raises:
        ExpectedFailure: the key is not the right one, the archive was changed or cut, or the disk is full.
    """
    command = ["tar", "-C", folder, "-x", "--no-same-owner"]
    problem: Exception | None = None
    with (
        store.reading(stored) as read,
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as unpacking,
    ):
        source, errors = cast("BufferedIOBase", unpacking.stdin), cast("BufferedIOBase", unpacking.stderr)
        try:
            with closing(source):
                pyrage.decrypt_io(read, source, [identity])
        except (pyrage.DecryptError, OSError) as found:
            problem = found
        said = errors.read().decode(errors="replace").strip()
    # The archive is as it was written: `reading` has compared it.
    if problem or unpacking.returncode:
        if disk.is_full(said):
            raise ExpectedFailure(f"The backup {stored.name} has no room in {folder}.", "Free space there.")
        if isinstance(problem, pyrage.DecryptError):
            raise ExpectedFailure(
                f"{IDENTITY} does not open the backup {stored.name}.",
                "Give the private key of the public key that it was made with: without it, it cannot be read.",
            )
        raise changed(stored)
