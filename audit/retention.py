"""Takes observations out of the evidence when they have been kept long enough. Their hash and the reason stay for ever.

A removal is written down, sealed, before it happens: `audit verify` tells it from a file that somebody took away.
"""

import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from audit import evidence, ledger
from audit.ledger import Entry
from audit.objects import Store, canonical, flush
from ingestion import settings
from ingestion.errors import ExpectedFailure
from ingestion.locks import writer_lock
from ingestion.settings import Home

SETTING, MONTHS = "CYBERIMPACT_EVIDENCE_MONTHS", 36
RECORD = "purged.jsonl"
REASON = "durée de conservation des preuves dépassée"

_DAYS_OF_A_MONTH = 30.44


@dataclass(frozen=True)
class Removal:
    """A file of observations that was removed.

    Attributes:
        sha256: Its name and hash.
        kpi: The KPI.
        month: Of which month.
        reason: Why, in French.
        removed_at: When, ISO 8601.
        seal: HMAC of the rest; None where there was no key.
    """

    sha256: str
    kpi: str
    month: str
    reason: str
    removed_at: str
    seal: str | None = None

    def sealed(self, key: str | None) -> "Removal":
        return replace(self, seal=self._seal(key) if key else None)

    def is_forged(self, key: str) -> bool:
        """Tell whether the seal was made with another key, or for something else."""
        return self.seal is not None and not hmac.compare_digest(self.seal, self._seal(key))

    def _seal(self, key: str) -> str:
        return hmac.new(key.encode(), canonical({**asdict(self), "seal": None}), "sha256").hexdigest()


def kept_for() -> timedelta:
    """Return how long observations are kept after the last publication that rests on them.

    Raises:
        ExpectedFailure: the setting is no number of months.
    """
    text = settings.get(SETTING, str(MONTHS))
    if not text.isdecimal() or not int(text):
        raise ExpectedFailure(f"{SETTING} is {text!r}, no number of months.", "Set it to 1 or more.")
    return timedelta(days=int(text) * _DAYS_OF_A_MONTH)


def removals(home: Home) -> dict[str, Removal]:
    """Return what was removed, by hash; a line that a dying process cut short is no removal."""
    file = home.evidence / RECORD
    found: dict[str, Removal] = {}
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                removal = Removal(**json.loads(line))
            except (ValueError, TypeError):
                continue
            found[removal.sha256] = removal
    return found


def purge(home: Home, now: datetime) -> list[Removal]:
    """Remove the observations that only publications of long ago rest on, and return them.

    Args:
        home: The home; no publication is made meanwhile.
        now: The present, with its time zone.
    """
    with writer_lock(home.warehouse):
        store, key = evidence.store(home), ledger.audit_key()
        found = [
            Removal(digest, kpi, month, REASON, now.isoformat()).sealed(key)
            for digest, (kpi, month) in sorted(expired(ledger.entries(home), store, now - kept_for()).items())
            if store.path(digest, ".parquet").exists()
        ]
        if found:
            write_down(home.evidence / RECORD, found)
            for removal in found:
                store.path(removal.sha256, ".parquet").unlink()
    return found


def expired(known: list[Entry], store: Store, limit: datetime) -> Mapping[str, tuple[str, str]]:
    """Return KPI and month of the observations that neither a publication since a moment nor the last one rests on."""
    former: dict[str, tuple[str, str]] = {}
    recent: set[str] = set()
    for entry in known:
        is_recent = entry.published_at >= limit or entry is known[-1]
        for digest, kpi, month in observations(store, entry):
            if is_recent:
                recent.add(digest)
            else:
                former[digest] = (kpi, month)
    return {digest: named for digest, named in former.items() if digest not in recent}


def observations(store: Store, entry: Entry) -> Iterator[tuple[str, str, str]]:
    """Yield hash, KPI and month of each file of observations that a publication rests on."""
    for kpi, known in store.read_json(entry.facts["manifest"])["kpis"].items():
        for month, file in known["months"].items():
            yield file["sha256"], kpi, month


def write_down(file: Path, found: list[Removal]) -> None:
    """Append removals to the record, and bring it to the disk."""
    with file.open("a", encoding="utf-8") as record:
        # Begins a line of its own whatever a process that died has left.
        record.write("".join(f"\n{json.dumps(asdict(one), ensure_ascii=False)}" for one in found) + "\n")
    flush(file)
