"""Drop folders elsewhere: files of object storage, an SFTP server or a share are fetched into `drop/<platform>/`.

A file is fetched once it is the same at two looks, and is then a file of the drop folder like any other. The register
`fetched/<platform>.jsonl` notes it as soon as it lies there, whole and on the disk. A process that dies before has it
fetched again, which loads nothing twice. Only what was noted is moved or deleted at its place.
"""

import hashlib
import shutil
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

import fsspec
from botocore.exceptions import BotoCoreError, NoCredentialsError
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from paramiko import SSHException

from core import certificates, clock, disk, settings
from core.content_store import append_lines, digest_of, flush, read_lines
from core.errors import ExpectedFailure, TransientFailure
from core.locks import writer_lock
from ingestion.engine import drop_folder
from ingestion.engine.sftp import KnownHostFileSystem
from ingestion.platforms import PLATFORMS, Platform
from privacy import pseudonymise, redact_label

#: Seconds between two looks of one command.
PAUSE_SECONDS = 15.0
#: Files of one fetch, the longest name of one, and what must stay free on the disk beside them.
MOST_AT_ONCE, MOST_NAME_BYTES, FREE_BYTES = 200, 200, 1 << 30
#: Where files are moved to that were fetched, and what may become of them.
DONE = "done"
AFTERWARDS = ("keep", "move", "delete")
SSH_PORT = 22
_S3_CONFIG = {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 2}}


def setting(chosen: Platform, part: str = "") -> str:
    """Return the name of a setting: of the address, or of a `part` such as `_USER`."""
    return f"CYBERIMPACT_{chosen.name.upper()}_DROP{part}"


def addressed() -> list[Platform]:
    """Return the platforms whose files are fetched from elsewhere."""
    return [platform for platform in PLATFORMS if settings.get(setting(platform))]


class File(NamedTuple):
    """A file as a listing shows it.

    Attributes:
        mark: Of its name, size, time and entity tag: while it is the same, so is the file. It reveals none of them.
        at: When it was last changed, in seconds since 1970.
        path: Where it is.
        name: Its name, without personal data.
        size_bytes: Its size.
    """

    mark: str
    at: float
    path: str
    name: str
    size_bytes: int


class Fetched(NamedTuple):
    """A line of the register.

    Attributes:
        mark: As of `File`.
        file: A pseudonym of its path.
        sha256: Of its content.
    """

    mark: str
    file: str
    sha256: str


@dataclass(frozen=True)
class Look:
    """What a look finds.

    Attributes:
        pending: Files to be fetched, moved or deleted, the oldest first.
        refused: A sentence for each that is never fetched.
    """

    pending: list[File]
    refused: list[str]


def look(chosen: Platform) -> Look:
    """List a folder.

    Raises:
        ExpectedFailure: its settings are wrong, it is not there, or may not be read.
        TransientFailure: it cannot be reached.
    """
    with _opened(chosen) as folder:
        return folder.look()


def fetch(chosen: Platform, rested: Collection[str] | None = None) -> Iterator[str | ExpectedFailure]:
    """Fetch files into the drop folder, the oldest first, and yield what has become of each, or why not.

    Args:
        chosen: The platform.
        rested: Marks of an earlier look: a file whose mark has changed is left alone. Without them it looks twice.

    Raises:
        ExpectedFailure: as `look`, or the disk is full. What was fetched before is noted.
    """
    if rested is None:
        rested = [file.mark for file in look(chosen).pending]
        time.sleep(PAUSE_SECONDS if rested else 0)
    for place in (settings.home().fetched, drop_folder.folder(chosen)):
        settings.make_folder(place)
    rested = {*rested}
    with writer_lock(settings.home().root / f"fetched-{chosen.name}"), _opened(chosen) as folder:
        for left in drop_folder.folder(chosen).glob(f"{_PARTIAL}*"):
            left.unlink()  # by a process that died
        found = folder.look()
        yield from found.refused
        wanted = [file for file in found.pending if file.mark in rested]
        for file in wanted[:MOST_AT_ONCE]:
            yield folder.take(file)
        if more := len(wanted[MOST_AT_ONCE:]):
            yield f"{folder.address}: {more} more file(s) are left for the next fetch."


_PARTIAL = ".fetched-"


def _register(chosen: Platform) -> Path:
    return settings.home().fetched / f"{chosen.name}.jsonl"


@dataclass(frozen=True)
class _Folder:
    """A folder elsewhere, while a connection to it is open.

    Attributes:
        chosen: Whose files it holds.
        files: The file system.
        path: The folder there.
        address: Its address, without account.
        afterwards: What becomes of a file that was fetched.
    """

    chosen: Platform
    files: AbstractFileSystem
    path: str
    address: str
    afterwards: str

    @property
    def is_object_storage(self) -> bool:
        """Whether it has neither folders nor new names for files."""
        return "s3" in self.files.protocol

    @cached_property
    def fetched(self) -> dict[str, Fetched]:
        """What the register has, by mark, in its order."""
        found: dict[str, Fetched] = {}
        for row in read_lines(_register(self.chosen), lambda row: Fetched(row["mark"], row["file"], row["sha256"])):
            found.pop(row.mark, None)  # the newest is the last one
            found[row.mark] = row
        return found

    def look(self) -> Look:
        pending, refused = [], []
        for entry in self._entries():
            name = entry["name"].removeprefix(self.path).removeprefix("/")
            is_hidden = name.endswith(".part") or (name.startswith(".") and name.strip("."))
            if entry["type"] == "directory" or is_hidden or not name:
                continue
            if problem := _problem(name, entry):
                refused.append(f"{self.address}: {redact_label(ascii(name)[1:-1])[:80]} {problem}: it is not fetched.")
                continue
            file = self._file(entry["name"], redact_label(name), entry)
            waits = self._target(file).exists()  # the former one is loaded first
            if not waits and (file.mark not in self.fetched or self.afterwards != "keep"):
                pending.append(file)
        return Look(sorted(pending, key=lambda file: (file.at, file.name)), refused)

    def _entries(self) -> list[Mapping[str, Any]]:
        try:
            return self.files.ls(self.path, detail=True)
        except FileNotFoundError as problem:
            if not self.is_object_storage or problem.__cause__:
                raise
            return []  # there, a folder is no more than the beginning of names

    def _file(self, path: str, name: str, entry: Mapping[str, Any]) -> File:
        changed = entry.get("mtime") or entry.get("LastModified") or 0
        at = float(int(changed.timestamp())) if isinstance(changed, datetime) else float(changed)
        mark = pseudonymise(f"{self.address} {path} {entry['size']} {at} {entry.get('ETag', '')}")
        return File(mark, at, path, name, int(entry["size"]))

    def _target(self, file: File) -> Path:
        return drop_folder.folder(self.chosen) / file.name

    def take(self, file: File) -> str | ExpectedFailure:
        """Fetch a file, note it, then do with it as its owner wishes; return what was done."""
        name = f"{self.address}: {file.name}"
        try:
            said, was_noted = self._fetch(file)
            if was_noted:
                said += self._after(file)
        except FileNotFoundError:
            said = "is gone since it was listed"
        except PermissionError:
            return ExpectedFailure(
                f"{name}: the account may not read, move or delete it.",
                f"Give it the right, or set {setting(self.chosen, '_AFTERWARDS')} to what it may.",
            )
        except OSError as problem:
            if isinstance(problem, ConnectionError | TimeoutError) or disk.explain(problem):
                raise
            return ExpectedFailure(
                f"{name}: it can be neither read nor moved ({problem.strerror or type(problem).__name__}).",
                "It is tried again. If it stays so, have its owner look at it.",
            )
        return f"{name} {said}."

    def _fetch(self, file: File) -> tuple[str, bool]:
        """Fetch a file, and return what has become of it, and whether the register has it.

        One that is noted already is fetched again: another file may have its name, size and time.
        """
        target = self._target(file)
        if target.exists():
            return "waits until the one of the same name in the drop folder is loaded", False
        if shutil.disk_usage(target.parent).free < file.size_bytes + FREE_BYTES:
            raise disk.failure(f"{self.address}: {file.name}")
        partial = target.with_name(f"{_PARTIAL}{file.mark}")
        try:
            self.files.get_file(file.path, str(partial))
            if self._now(file) != file or partial.stat().st_size != file.size_bytes:
                return "changed while it was fetched: it is fetched once it rests", False
            row = Fetched(file.mark, pseudonymise(file.path), digest_of(partial))
            former = self._known_as(row)
            if former is None:
                flush(partial)
                partial.rename(target)
                flush(target.parent)
        finally:
            partial.unlink(missing_ok=True)
        if former is None or row.mark not in self.fetched:
            append_lines(_register(self.chosen), [row._asdict() | {"at": clock.now().isoformat(timespec="seconds")}])
            self.fetched.pop(row.mark, None)
            self.fetched[row.mark] = row
        return former or f"is in the drop folder, {file.size_bytes} bytes, SHA-256 {row.sha256}", True

    def _known_as(self, row: Fetched) -> str | None:
        """Return why a content is not loaded again; None for one that is new, or that comes back after another one."""
        contents = [known.sha256 for known in self.fetched.values() if known.file == row.file]
        if contents:
            return "has the content that it had before: it is not loaded again" if contents[-1] == row.sha256 else None
        if any(known.sha256 == row.sha256 for known in self.fetched.values()):
            return "has the content of a file that was fetched before: it is not loaded again"
        return None

    def _now(self, file: File) -> File:
        return self._file(file.path, file.name, self.files.info(file.path))

    def _digest(self, path: str) -> str:
        with self.files.open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _after(self, file: File) -> str:
        """Do with a file that was fetched as its owner wishes, unless another has taken its place."""
        if self.afterwards == "keep":
            return ""
        if self._now(file) != file:
            return "; another has taken its place"
        if self.afterwards == "delete":
            self.files.rm_file(file.path)
            return "; deleted there"
        done, name, sha256 = f"{self.path}/{DONE}", file.path.rpartition("/")[2], self.fetched[file.mark].sha256
        target = f"{done}/{name}"
        if self.files.exists(target) and self._digest(target) != sha256:
            target = f"{done}/{sha256[:12]}-{name}"
        if self.is_object_storage:  # a process that died between the two has left the same content at both places
            self.files.cp_file(file.path, target)
            self.files.rm_file(file.path)
        else:
            self.files.makedirs(done, exist_ok=True)
            self.files.mv(file.path, target)
        return f"; moved to {DONE}/ there"


def _problem(name: str, entry: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a file that a listing shows, None where nothing is."""
    if entry["type"] != "file" or entry.get("islink"):
        return "is a link or a device"
    if not drop_folder.is_text(name) or not name.isprintable() or {"/", "\\"} & {*name} or not name.strip("."):
        return "has a name that is no file's"
    if len(name.encode()) > MOST_NAME_BYTES:
        return f"has a name of more than {MOST_NAME_BYTES} bytes"
    return None


@contextmanager
def _opened(chosen: Platform) -> Generator[_Folder]:
    """Open the folder of a platform, and word what goes wrong with it.

    Raises:
        ExpectedFailure: as `look`.
    """
    parts, afterwards = _address(chosen), settings.get(setting(chosen, "_AFTERWARDS"), AFTERWARDS[0])
    address = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    if afterwards not in AFTERWARDS:
        name = setting(chosen, "_AFTERWARDS")
        raise ExpectedFailure(f"{name} is {afterwards!r}.", f"Set it to {', '.join(AFTERWARDS)}.")
    try:
        files, path = _OPEN[parts.scheme](chosen, parts)
        try:
            yield _Folder(chosen, files, path.rstrip("/"), address, afterwards)
        finally:
            if isinstance(files, KnownHostFileSystem):
                files.client.close()
    except FileNotFoundError:
        raise ExpectedFailure(f"There is no folder {address}.", f"Correct {setting(chosen)}, or make it.") from None
    except UnicodeDecodeError:
        raise ExpectedFailure(
            f"{address} has a file whose name is not UTF-8, so it cannot be listed.", "Have its owner rename that file."
        ) from None
    except (PermissionError, NoCredentialsError) as problem:
        raise ExpectedFailure(
            f"{address} may not be read ({type(problem).__name__}).",
            f"Check {setting(chosen, '_USER')} and {setting(chosen, '_SECRET')}, and the rights of the account there.",
        ) from None
    except (OSError, EOFError, SSHException, BotoCoreError) as problem:
        raise (
            disk.explain(problem)
            or certificates.explain(problem, address)
            or TransientFailure(
                f"{address} cannot be reached ({type(problem).__name__}).",
                "Nothing is lost: it is tried again. If it stays so, check the address and the network.",
            )
        ) from None


def _address(chosen: Platform) -> SplitResult:
    """Return the address of a platform's folder.

    Raises:
        ExpectedFailure: it has none, takes no files, or it is no address of a folder.
    """
    name = setting(chosen)
    if not chosen.drops:
        raise ExpectedFailure(f"{name} is set, and {chosen.name} takes no files.", "Remove the setting.")
    text = settings.require(name)
    try:
        parts = urlsplit(text if "://" in text else f"file://{text}")
        is_right = parts.scheme in _OPEN and bool(parts.hostname) == (parts.scheme != "file") and parts.port != 0
    except ValueError:
        is_right = False
    if (
        not is_right
        or parts.password
        or parts.query
        or parts.fragment
        or not parts.path.startswith("/" * (parts.scheme != "s3"))
    ):
        raise ExpectedFailure(
            f"{name} is no address of a folder.",
            "Set it to s3://bucket/folder, sftp://user@host/folder or /folder, without a password.",
        )
    return parts


def _share(_: Platform, parts: SplitResult) -> tuple[AbstractFileSystem, str]:
    return LocalFileSystem(), parts.path


def _s3(chosen: Platform, parts: SplitResult) -> tuple[AbstractFileSystem, str]:
    endpoint = settings.get(setting(chosen, "_ENDPOINT"))
    if endpoint and not endpoint.startswith("https://") and urlsplit(endpoint).hostname not in settings.LOOPBACK:
        raise ExpectedFailure(f"{setting(chosen, '_ENDPOINT')} leads elsewhere without TLS.", "Set it to https://….")
    files = fsspec.filesystem(
        "s3",
        key=settings.get(setting(chosen, "_USER")),
        secret=settings.get(setting(chosen, "_SECRET")),
        endpoint_url=endpoint,
        session=_session(),
        config_kwargs=_S3_CONFIG,
        max_concurrency=1,  # of parts in memory
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    files.retries = 2
    return files, f"{parts.hostname}{parts.path}"


@cache
def _session() -> Any:
    """Return the session of this process: each one parses the description of the service, which takes a moment."""
    from aiobotocore.session import AioSession  # needed for object storage alone

    return AioSession()


def _sftp(chosen: Platform, parts: SplitResult) -> tuple[AbstractFileSystem, str]:
    key_file, secret = settings.get(setting(chosen, "_KEY_FILE")), settings.get(setting(chosen, "_SECRET"))
    if key_file and not Path(key_file).expanduser().is_file():
        raise ExpectedFailure(f"{setting(chosen, '_KEY_FILE')} names no file.", "Name the file of the private key.")
    known_hosts = Path(settings.get(setting(chosen, "_KNOWN_HOSTS"), "~/.ssh/known_hosts")).expanduser()
    files = KnownHostFileSystem(
        parts.hostname or "",
        known_hosts,
        port=parts.port or SSH_PORT,
        username=parts.username or settings.get(setting(chosen, "_USER")),
        key_filename=key_file and str(Path(key_file).expanduser()),
        **{"passphrase" if key_file else "password": secret},
    )
    return files, parts.path


_OPEN: Mapping[str, Callable[[Platform, SplitResult], tuple[AbstractFileSystem, str]]] = {
    "file": _share,
    "s3": _s3,
    "sftp": _sftp,
}
