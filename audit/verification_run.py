"""Verifies the ledger in a process of its own, which a page asks how far it is.

A verification reads the files of published copies whole. Closing them would drop the locks that a process has on them
which serves them at the same time.
"""

import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import signing, verifying
from audit.verifying import Verdict
from core import clock, settings
from core.errors import ExpectedFailure
from core.settings import Home

#: Verifications of which the answer is kept, and how many run at once.
KEPT, MOST = 20, 2
_NAME = re.compile("[0-9a-f]{32}")
_ENDED = "La vérification s'est arrêtée avant sa fin. Relancez-la."


@dataclass(frozen=True)
class Run:
    """A verification.

    Attributes:
        id: Its name, which nobody guesses.
        started_at: When it began, ISO 8601.
        head: The head that the auditor has given, None without one.
        keys: Fingerprints of the keys that the auditor has given; none where that of this machine counts.
        step: What it examines now, in French.
        verdict: What it found; None until it is over, or where it failed.
        failure: Why it found nothing out, in French.
    """

    id: str
    started_at: str
    head: str | None = None
    keys: tuple[str, ...] = ()
    step: str = "Lecture du registre"
    verdict: Verdict | None = None
    failure: str | None = None

    @property
    def is_over(self) -> bool:
        return bool(self.verdict or self.failure)

    @property
    def since(self) -> datetime:
        return datetime.fromisoformat(self.started_at)


def start(home: Home, head: str | None = None, keys: Sequence[Ed25519PublicKey] = ()) -> Run:
    """Start a verification and return it at once.

    Args:
        home: The home.
        head: A head that the auditor has kept.
        keys: Public keys that the auditor has; without any, the one of this machine's signing key counts.

    Raises:
        ExpectedFailure: too many run already.
    """
    folder = home.verifications
    settings.make_folder(folder)
    if sum(_is_alive(file.with_suffix(".lock")) for file in _files(folder)) >= MOST:
        raise ExpectedFailure("D'autres vérifications sont en cours.", "Attendez qu'elles finissent, puis recommencez.")
    for old in _files(folder)[KEPT - 1 :]:
        old.unlink(missing_ok=True)
        old.with_suffix(".lock").unlink(missing_ok=True)
    fingerprints = tuple(map(signing.fingerprint, keys))
    run = Run(uuid4().hex, clock.now().isoformat(), head, fingerprints)
    _write(folder, run)
    with (folder / f"{run.id}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the child inherits it, and the kernel frees it at the child's death
        child = subprocess.Popen(
            [sys.executable, "-m", "audit.verification_run", run.id],
            stdin=subprocess.PIPE,
            cwd=settings.CODE,
            env={**os.environ, "CYBERIMPACT_HOME": str(home.root)},
            pass_fds=[lock.fileno()],
            text=True,
            start_new_session=True,
        )
    if child.stdin:
        with child.stdin as stream:
            stream.write("\n".join(map(signing.pem, keys)))
    return run


def read(home: Home, name: str) -> Run:
    """Return a verification as far as it is.

    Raises:
        ExpectedFailure: there is none of that name, or no longer.
    """
    file = home.verifications / f"{name}.json"
    if not _NAME.fullmatch(name) or not file.exists():
        raise ExpectedFailure("Cette vérification n'existe pas, ou plus.", "Lancez-en une autre.")
    was_alive = _is_alive(file.with_suffix(".lock"))  # asked first: what has ended since has written its answer
    run = _parsed(file)
    return run if run.is_over or was_alive else replace(run, failure=_ENDED)


def _parsed(file: Path) -> Run:
    kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if found := kept["verdict"]:
        kept["verdict"] = Verdict(**found | {name: tuple(found[name]) for name in ("problems", "remarks")})
    kept["keys"] = tuple(kept["keys"])
    return Run(**kept)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)


def _is_alive(lock: Path) -> bool:
    try:
        with lock.open("r+") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def _write(folder: Path, run: Run) -> None:
    partial = folder / f".{run.id}"
    partial.write_text(json.dumps(asdict(run), ensure_ascii=False), encoding="utf-8")
    partial.replace(folder / f"{run.id}.json")


def main(name: str) -> None:
    """Verify as a run asks, with the keys that come in on standard input, and write down how far it is."""
    settings.keep_private()
    home = settings.home()
    folder, run = home.verifications, read(home, name)
    keys = signing.public_keys_in(sys.stdin.buffer.read()) if run.keys else None
    try:
        verdict = verifying.verify(home, run.head, keys, lambda step: _write(folder, replace(run, step=step)))
    except ExpectedFailure as failure:
        _write(folder, replace(run, failure=str(failure)))
    else:
        _write(folder, replace(run, verdict=verdict))


if __name__ == "__main__":
    main(sys.argv[1])
