"""Removes observations from the evidence at the end of their retention; their hash and the reason stay.

Each removal is recorded and signed before it happens, so that `audit verify` distinguishes it from tampering.
"""

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import evidence, ledger, signing
from audit.ledger import Entry
from core import settings
from core.content_store import Store, append_lines, canonical, read_lines
from core.locks import writer_lock
from core.settings import Home

SETTING, MONTHS = "CYBERIMPACT_EVIDENCE_MONTHS", 36
RECORD = "purged.jsonl"
REASON = "durée de conservation des preuves dépassée"

_DAYS_OF_A_MONTH = 30.44
_KIND = "removal"
_FACTS = ("sha256", "kpi", "month", "reason", "removed_at")


@dataclass(frozen=True)
class Removal:
    """A file of observations that was removed.

    Attributes:
        sha256: Its name and hash.
        kpi: The KPI.
        month: Of which month.
        reason: Why, in French.
        removed_at: When, ISO 8601.
        key: Fingerprint of the key that signed the rest; None where there was no key.
        signature: The signature, in hexadecimal digits.
        seal: HMAC of the rest, in removals of before the signatures.
    """

    sha256: str
    kpi: str
    month: str
    reason: str
    removed_at: str
    key: str | None = None
    signature: str | None = None
    seal: str | None = None

    @property
    def _content(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in _FACTS}

    def signed(self, key: Ed25519PrivateKey | None) -> "Removal":
        return replace(self, **signing.sign(key, _KIND, self._content)) if key else self

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        return bool(self.signature) and signing.is_valid(key, _KIND, self._content, self.signature)

    def is_sealed_by(self, key: str) -> bool:
        """Return whether it has the HMAC seal of before the signatures."""
        expected = hmac.new(key.encode(), canonical({**self._content, "seal": None}), "sha256").hexdigest()
        return hmac.compare_digest((self.seal or "").encode(), expected.encode())


def kept_for() -> timedelta:
    """Return how long observations are kept after the last publication that rests on them.

    Raises:
        ExpectedFailure: the setting is no number of months.
    """
    return timedelta(days=settings.whole_number(SETTING, MONTHS, "months") * _DAYS_OF_A_MONTH)


def removals(home: Home) -> dict[str, Removal]:
    """Return what was removed, by hash; a line that a dying process cut short is no removal."""
    return {removal.sha256: removal for removal in read_lines(home.evidence / RECORD, _parsed)}


def _parsed(row: Mapping[str, str | None]) -> Removal:
    if not all(isinstance(value, str) for name, value in row.items() if name in _FACTS or value is not None):
        raise TypeError(row)
    removal = Removal(**row)  # ty: ignore[invalid-argument-type]
    _ = datetime.fromisoformat(removal.removed_at)
    return removal


def purge(home: Home, now: datetime) -> list[Removal]:
    """Remove the observations that only publications of long ago rest on, and return them.

    Args:
        home: The home; no publication is made meanwhile.
        now: The present, with its time zone.
    """
    with writer_lock(home.warehouse):
        store, key = evidence.store(home), signing.private_key()
        found = [
            Removal(digest, kpi, month, REASON, now.isoformat()).signed(key)
            for digest, (kpi, month) in sorted(expired(ledger.entries(home), store, now - kept_for()).items())
            if store.path(digest, ".parquet").exists()
        ]
        if found:
            append_lines(home.evidence / RECORD, map(asdict, found))
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
