"""The institution's own accounts, as `accounts.yml` declares them. What networks say of them belongs elsewhere."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from ingestion.errors import ExpectedFailure

ACCOUNTS_FILE = Path(__file__).with_name("accounts.yml")

NETWORKS = {
    "x": "https://x.com/{account}",
    "facebook": "https://www.facebook.com/{account}",
    "instagram": "https://www.instagram.com/{account}",
    "youtube": "https://www.youtube.com/@{account}",
    "linkedin": "https://www.linkedin.com/company/{account}",
    "tiktok": "https://www.tiktok.com/@{account}",
    "bluesky": "https://bsky.app/profile/{account}",
    "mastodon": "https://{host}/@{user}",
}

#: Département of a national account, as the Gendarmerie's own barometer writes it (platform-contracts.md §0.2).
NATIONAL = "gn"

_OF_DEPARTEMENT = re.compile(r"Gendarmerie_(\d{2}|2[AB]|9[78]\d)", re.IGNORECASE)
_DEPARTMENT = re.compile(rf"\d{{2}}|2[AB]|9[78]\d|{NATIONAL}")


@dataclass(frozen=True)
class Account:
    """An account of the Gendarmerie.

    Attributes:
        network: One of `NETWORKS`.
        account: Name under which it was declared, without `@`.
        department: Code of its département, `gn` when it is national.
        id: Number on its network, where it is declared.
    """

    network: str
    account: str
    department: str
    id: str | None = None

    @property
    def url(self) -> str:
        user, _, host = self.account.partition("@")
        return NETWORKS[self.network].format(account=self.account, user=user, host=host)


@cache
def accounts() -> tuple[Account, ...]:
    """Return the declared accounts.

    Raises:
        ExpectedFailure: an entry is incomplete, unknown or declared twice.
    """
    entries = yaml.safe_load(ACCOUNTS_FILE.read_text(encoding="utf-8"))["accounts"]
    found = [_account(rank, entry) for rank, entry in enumerate(entries, start=1)]
    names = [(each.network, each.account.casefold()) for each in found]
    for rank, name in enumerate(names):
        if name in names[:rank]:
            raise _broken(rank + 1, f"{name[0]} {name[1]} is declared twice")
    return tuple(found)


def known(network: str, account: str) -> Account | None:
    """Return a declared account, whatever the case of its name and with or without `@`."""
    return _by_name().get((network, account.removeprefix("@").casefold()))


@cache
def _by_name() -> dict[tuple[str, str], Account]:
    return {(each.network, each.account.casefold()): each for each in accounts()}


def _account(rank: int, entry: dict[str, object]) -> Account:
    network, name = str(entry.get("network", "")), str(entry.get("account", ""))
    if network not in NETWORKS or not name:
        raise _broken(rank, f"it needs an account, and a network among {', '.join(NETWORKS)}")
    of_departement = _OF_DEPARTEMENT.fullmatch(name)
    department = str(entry.get("department") or (of_departement[1].upper() if of_departement else ""))
    if not _DEPARTMENT.fullmatch(department):
        raise _broken(rank, f"its department must be the code of a département, or {NATIONAL!r}")
    return Account(network, name, department, str(entry["id"]) if entry.get("id") else None)


def _broken(rank: int, why: str) -> ExpectedFailure:
    return ExpectedFailure(
        f"social_accounts, file {ACCOUNTS_FILE.name}, entry {rank}: {why}.", "Correct the entry and load again."
    )
