"""The public keys that vouch for the ledger: the current one, and former ones up to where they were replaced."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from math import inf

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import signing
from core.content_store import append_lines, read_lines
from core.settings import Home

#: In the ledger's folder: the keys that were replaced, each confirmed by the key that followed it.
RECORD = "keys.jsonl"
_KIND = "retired key"


@dataclass(frozen=True)
class RetiredKey:
    """A key that another one has replaced.

    Attributes:
        public_key: Its 32 bytes in hexadecimal digits.
        until: When it was replaced, ISO 8601.
        head: Head of the ledger at that moment, with its place; None where nothing was published.
        key: Fingerprint of the key that confirms this.
        signature: Its signature of the rest.
    """

    public_key: str
    until: str
    head: str | None
    key: str
    signature: str

    @property
    def public(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key))

    @property
    def last(self) -> int:
        """The last publication that it may have signed."""
        return int(self.head.partition(":")[0]) if self.head else 0

    @property
    def fingerprint(self) -> str:
        return signing.fingerprint(self.public)

    @property
    def content(self) -> dict[str, str | None]:
        return {"public_key": self.public_key, "until": self.until, "head": self.head}


@dataclass(frozen=True)
class TrustedKey:
    """A key whose signatures count.

    Attributes:
        public: The key.
        last: The last publication that it may sign; infinite for a key in use.
        head: Head of the ledger when it was replaced, None for a key in use.
    """

    public: Ed25519PublicKey
    last: float = inf
    head: str | None = None


Keyring = Mapping[str, TrustedKey]


def trusted(home: Home, given: Iterable[Ed25519PublicKey] | None = None) -> Keyring:
    """Return the keys that count, by fingerprint: those given, and what they confirm of the keys they replaced.

    Args:
        home: The home.
        given: Keys that the auditor has; by default the public half of the key that this machine signs with, if any.
    """
    if given is None:
        own = signing.private_key()
        given = [own.public_key()] if own else []
    found = {signing.fingerprint(key): TrustedKey(key) for key in given}
    waiting = retired_keys(home)
    while confirmed := [retired for retired in waiting if _is_confirmed(retired, found)]:
        for retired in confirmed:
            name = retired.fingerprint
            if name not in found or retired.last > found[name].last:
                found[name] = TrustedKey(retired.public, retired.last, retired.head)
        waiting = [retired for retired in waiting if retired not in confirmed]
    return found


def _is_confirmed(retired: RetiredKey, keys: Keyring) -> bool:
    successor = keys.get(retired.key)
    return successor is not None and signing.is_valid(successor.public, _KIND, retired.content, retired.signature)


def retired_keys(home: Home) -> list[RetiredKey]:
    """Return the records of replaced keys in the ledger, unverified."""
    return read_lines(home.ledger / RECORD, _parsed)


def _parsed(row: Mapping[str, str | None]) -> RetiredKey:
    if not all(isinstance(value, str) for name, value in row.items() if name != "head" or value is not None):
        raise TypeError(row)
    retired = RetiredKey(**row)  # ty: ignore[invalid-argument-type]
    _ = retired.public, retired.last, datetime.fromisoformat(retired.until)  # each raises on what is none
    return retired


def retire(home: Home, former: Ed25519PublicKey, key: Ed25519PrivateKey, head: str | None, now: datetime) -> RetiredKey:
    """Write down that a key confirms the one that it replaces.

    Args:
        home: The home.
        former: The key that is replaced.
        key: The private key that takes its place.
        head: Head of the ledger, the last that `former` vouches for.
        now: The present.
    """
    content = {"public_key": former.public_bytes_raw().hex(), "until": now.isoformat(), "head": head}
    retired = RetiredKey(**content, **signing.sign(key, _KIND, content))  # ty: ignore[invalid-argument-type]
    home.ledger.mkdir(parents=True, exist_ok=True)
    append_lines(home.ledger / RECORD, [asdict(retired)])
    return retired
