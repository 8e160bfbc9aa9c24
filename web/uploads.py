"""Files that are sent to a page: received beside the drop folders, checked there, then handed over or forgotten.

Nobody but the sender sees an upload, by the pseudonym of his account. A file stands in a drop folder from one instant
to the next, whole: a process killed at any moment leaves nothing there.
"""

import fcntl
import re
import shutil
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

from django.core.files.uploadedfile import TemporaryUploadedFile

from core import settings
from core.errors import ExpectedFailure
from ingestion.engine import drop_folder
from ingestion.engine.checking import Check
from ingestion.platforms import Platform
from privacy import redact_label
from web.failures import Conflict, NotFound, TooLarge

#: The sender waits for the check: 32 MiB of short lines take 40 s of a processor and 0.5 GB of memory. A larger file is
#: for the drop folder itself, which takes 256 MiB.
MOST_MEBIBYTES = 32
#: What the form has around the file.
_FORM_BYTES = 64 << 10
#: What must stay free on the disk beside a file.
_FREE_BYTES = 1 << 30
TYPES = (".csv", ".txt", ".json", ".jsonl", ".ndjson", ".xlsx")
CHECK_SECONDS = 300
#: How long a sender waits until the check of his file begins: meanwhile he holds a thread of the server.
TURN_SECONDS = 20

_UNSAFE = re.compile(r"[^\w .()\[\]-]")
_MOST_CHARACTERS = 100
#: Each check may take as much memory as `ingestion.engine.checking` allows.
_checks = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Upload:
    """A file that was received and checked.

    Attributes:
        upload_id: What its address holds.
        platform: For which it was sent.
        file: Under its safe name.
        check: What a load of it would do.
    """

    upload_id: UUID
    platform: Platform
    file: Path
    check: Check


def refuse_too_large(length: str | None) -> None:
    """Refuse what is too large by the length that it announces; nothing of it is read.

    Raises:
        TooLarge: the file is larger than a page takes, or than the disk has room for.
    """
    announced = int(length) if length and length.isdecimal() else 0
    if announced > (MOST_MEBIBYTES << 20) + _FORM_BYTES:
        raise TooLarge(
            f"Ce fichier dépasse {MOST_MEBIBYTES} Mio, la taille que cette page accepte ; rien n'en a été gardé.",
            "Découpez-le par période, ou demandez à un ingénieur de le mettre dans le dossier de dépôt.",
        )
    settings.make_folder(settings.home().uploads)
    if shutil.disk_usage(settings.home().uploads).free < announced + _FREE_BYTES:
        raise TooLarge(
            "Le disque du serveur est presque plein : aucun fichier n'est reçu pour le moment.",
            "Prévenez un ingénieur, et recommencez plus tard.",
        )


@contextmanager
def alone(account: str) -> Generator[None]:
    """Receive one file at a time from an account.

    Raises:
        Conflict: another one is being received or checked.
    """
    folder = settings.home().uploads / account
    settings.make_folder(folder)
    with (folder / "lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                "Vous envoyez déjà un fichier.", "Attendez la fin de sa vérification, puis envoyez le suivant."
            ) from None
        yield


def receive(account: str, platform: Platform, uploaded: TemporaryUploadedFile) -> UUID:
    """Take a file that was received, check it, and return the identifier of the upload; it replaces the former one.

    Raises:
        ExpectedFailure: it is of no type that a page takes.
        Conflict: others are being checked.
    """
    name = safe_name(uploaded.name or "")
    if not name.lower().endswith(TYPES):
        raise ExpectedFailure(
            f"Ce type de fichier n'est pas accepté : les types acceptés sont {', '.join(TYPES)}.",
            "Les archives ne sont pas ouvertes : envoyez le fichier qu'elles contiennent.",
        )
    with _turn():
        abandon(account)
        upload_id = uuid4()
        folder = _folder(account, platform, upload_id)
        settings.make_folder(folder)
        Path(uploaded.temporary_file_path()).replace(folder / name)
        _check(platform, folder / name, _report(folder))
    return upload_id


def safe_name(given: str) -> str:
    """Return the name of a file as the drop folder would have it: without path and redacted; platforms read it."""
    bare = Path(unicodedata.normalize("NFC", given).replace("\\", "/").rpartition("/")[2])
    stem = _UNSAFE.sub("_", redact_label(bare.stem)).lstrip(".")[:_MOST_CHARACTERS] or "fichier"
    return f"{stem}{_UNSAFE.sub('_', bare.suffix)}"


@contextmanager
def _turn() -> Generator[None]:
    if not _checks.acquire(timeout=TURN_SECONDS):
        raise Conflict("D'autres fichiers sont en cours de vérification.", "Envoyez le vôtre dans quelques minutes.")
    try:
        yield
    finally:
        _checks.release()


def _check(platform: Platform, file: Path, report: Path) -> None:
    """Write the report of a check, in a process of its own: it takes the time and memory that it needs."""
    command = [sys.executable, "-m", "ingestion.engine.checking", platform.name, str(file), str(report)]
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(command, cwd=settings.CODE, stderr=subprocess.DEVNULL, check=False, timeout=CHECK_SECONDS)


def find(account: str, platform: Platform, upload_id: UUID) -> Upload:
    """Return an upload of an account.

    Raises:
        NotFound: there is none: it was handed over, abandoned, replaced by another one, or is too old.
    """
    folder = _folder(account, platform, upload_id)
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    if not files:
        raise NotFound(
            "Cet envoi n'est plus là : il a été déposé, abandonné, remplacé par un autre, ou date de plus de"
            f" {drop_folder.UPLOADS_KEPT // timedelta(hours=1)} heures.",
            "Revenez à la page de la plateforme : elle dit ce qui a été déposé, et vous pouvez y envoyer un fichier.",
        )
    try:
        found = Check.read(_report(folder))
    except FileNotFoundError:
        found = Check(
            failure=("The check has not ended.", "It took too long, or too much memory: split the file by period.")
        )
    return Upload(upload_id, platform, files[0], found)


def hand_over(account: str, upload: Upload) -> None:
    """Put a file into the drop folder of its platform, from where a load takes it.

    Raises:
        ExpectedFailure: nothing of the file would be loaded.
    """
    if not upload.check.accepted:
        raise ExpectedFailure("Rien de ce fichier ne serait chargé : il n'est pas déposé.", "Corrigez-le d'abord.")
    folder = drop_folder.folder(upload.platform)
    settings.make_folder(folder)
    _place(upload.file, folder)
    abandon(account)


def _place(file: Path, folder: Path) -> None:
    """Give a file a second name in a folder, the first that is free: what is there is not replaced."""
    for rank in count(1):
        try:
            (folder / (file.name if rank == 1 else f"{file.stem} ({rank}){file.suffix}")).hardlink_to(file)
        except FileExistsError:
            continue
        return


def abandon(account: str) -> None:
    """Remove what an account has sent and not handed over."""
    for path in (settings.home().uploads / account).glob("*-*"):
        drop_folder.discard(path)


def _folder(account: str, platform: Platform, upload_id: UUID) -> Path:
    return settings.home().uploads / account / f"{platform.name}-{upload_id.hex}"


def _report(folder: Path) -> Path:
    return folder.with_suffix(".json")
