"""Records that an erasure has rewritten a published copy, so that the copy can still be verified."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audit import copy_digests, keyring, ledger, signing
from audit.keyring import Keyring
from audit.ledger import Entry
from core.content_store import append_lines, digest_of, read_lines
from core.settings import Home

REASON = "effacement d'une personne"

_KIND = "rewritten copy"


@dataclass(frozen=True)
class Rewriting:
    """A published copy that was rewritten.

    Attributes:
        publication_id: The publication.
        reason: Why, in French.
        rewritten_at: When, ISO 8601.
        copy: Its digests since then, as `copy_digests.of_copy` gives them.
        key: Fingerprint of the key that signed the rest; None where there was no key.
        signature: The signature, in hexadecimal digits.
    """

    publication_id: str
    reason: str
    rewritten_at: str
    copy: Mapping[str, Any]
    key: str | None = None
    signature: str | None = None

    @property
    def content(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name not in {"key", "signature"}}

    def counts_for(self, entry: Entry, keys: Keyring) -> bool:
        """Return whether it is as well signed as the publication that it follows."""
        if self.publication_id != entry.publication_id:
            return False
        if not self.signature or not keys:
            return bool(self.signature) or not entry.signature
        key = keys.get(self.key or "")
        return key is not None and signing.is_valid(key.public, _KIND, self.content, self.signature)


def expected_copy(home: Home, entry: Entry, keys: Keyring) -> Mapping[str, Any] | None:
    """Return the digests that the copy of a publication must have; None where nothing was signed of it."""
    later = [
        rewriting.copy
        for rewriting in read_lines(home.ledger / ledger.REWRITTEN, _parsed)
        if rewriting.counts_for(entry, keys)
    ]
    return later[-1] if later else entry.copy


def _parsed(row: Mapping[str, Any]) -> Rewriting:
    texts = {name: value for name, value in row.items() if name != "copy"}
    if not all(isinstance(value, str | None) for value in texts.values()):
        raise TypeError(row)
    ledger.check_copy(row["copy"])
    return Rewriting(**row)


@contextmanager
def recorded(home: Home) -> Generator[None]:
    """Sign again the daily copies that the block rewrites; one that was not as signed before stays an alteration."""
    before = {file: digest_of(file) for file in _copies(home)}
    yield
    try:
        known = {entry.publication_id: entry for entry in ledger.entries(home)}
    except ledger.DamagedPublicationError:
        return  # nothing to compare it with: the copies stay altered until the next publication
    for file in _copies(home):
        entry = known.get(file.parent.name)
        if entry is None or file not in before or digest_of(file) == before[file]:
            continue
        signed = expected_copy(home, entry, keyring.trusted(home))
        if signed and signed["sha256"] == before[file]:
            _record(home, entry, file)


def _copies(home: Home) -> list[Path]:
    return sorted(file for file in home.published.glob("daily/*/serving.duckdb") if file.parent.name != "current")


def _record(home: Home, entry: Entry, file: Path) -> None:
    rewriting = Rewriting(entry.publication_id, REASON, datetime.now(UTC).isoformat(), copy_digests.of_copy(file))
    key = signing.private_key()
    signed = signing.sign(key, _KIND, rewriting.content) if key else {}
    append_lines(home.ledger / ledger.REWRITTEN, [{**asdict(rewriting), **signed}])
