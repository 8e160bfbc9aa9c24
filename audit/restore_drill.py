"""Proves that a restoration works: the last backup from elsewhere, put back into a scratch home, and verified whole."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from audit import ledger
from audit.verifying import verify
from core.errors import ExpectedFailure, first_of
from core.settings import Home, make_folder
from warehouse import backups, offsite
from warehouse.offsite import Stored

#: A daily backup that is older than this was missed.
OLDEST = timedelta(hours=36)

_SHOWN = 3


@dataclass(frozen=True)
class Drill:
    """What a drill has shown.

    Attributes:
        stored: The backup.
        publications: Publications whose figures were verified.
        seconds: How long the restoration took, download included.
        recent: The last copy of the operations and the ledger since, if there is one.
    """

    stored: Stored
    publications: int
    seconds: float
    recent: Stored | None = None

    def line(self) -> str:
        return (
            f"{self.stored.name} was restored in {self.seconds:.0f} s and is sound: "
            f"{self.publications} publications verified, head of the ledger {self.stored.head or 'none'}."
            + (f" {self.recent.name}, of the operations and the ledger since, is sound." if self.recent else "")
        )


def run(home: Home, now: datetime) -> Drill:
    """Restore the last backup into a scratch folder, verify it, and remove it.

    Args:
        home: The home, on whose disk the scratch folder lies; nothing else of it is touched.
        now: The present instant.

    Raises:
        ExpectedFailure: there is no backup, it is too old, cannot be opened or restored, or does not prove itself.
    """
    began = time.monotonic()
    with offsite.scratch(home.restore_drill) as folder:
        last = offsite.Store().last(offsite.BACKUP)
        stored = offsite.fetch(folder / "backup", last.name if last else None)
        restored = Home(folder / "home")
        make_folder(restored.root)
        put_back = backups.restore(restored, folder / "backup", ledger.current_head)
        seconds = time.monotonic() - began
        if (head := ledger.current_head(restored)) != stored.head or put_back.head != head:
            raise _failed(stored, f"its ledger ends with {head}, not with {stored.head}")
        verdict = verify(restored)
        if verdict.problems:
            raise _failed(stored, first_of(verdict.problems, _SHOWN))
        publications = len(ledger.entries(restored))
        # What was published since is in it, without the copy that readers saw: it is read, and not verified as a whole.
        if recent := offsite.fetch_recent(stored, folder / "recent"):
            backups.sound(folder / "recent")
    if stored.made_at < now - OLDEST:
        raise ExpectedFailure(
            f"The last backup, {stored.name}, is sound and of {stored.made_at:%Y-%m-%d %H:%M} UTC.",
            "See why none was made since: the job `backup` in Dagster, or `cyberimpact offsite send`.",
        )
    return Drill(stored, publications, seconds, recent)


def _failed(stored: Stored, why: str) -> ExpectedFailure:
    return ExpectedFailure(
        f"The backup {stored.name} was restored and does not prove itself: {why}.",
        "Make another one, `cyberimpact offsite send`, then `cyberimpact audit verify` of the home.",
    )
