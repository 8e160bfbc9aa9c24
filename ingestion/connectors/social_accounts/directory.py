"""The institution's own accounts, from `config/accounts.yml`."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ingestion.configuration import ACCOUNTS, Entry, entries, file_of

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


def accounts() -> tuple[Account, ...]:
    """Return the declared accounts.

    Raises:
        ExpectedFailure: an entry is incomplete, unknown or declared twice.
    """
    return tuple(_by_name().values())


def known(network: str, account: str) -> Account | None:
    """Return a declared account, whatever the case of its name and with or without `@`."""
    return _by_name().get((network, account.removeprefix("@").casefold()))


def _by_name() -> dict[tuple[str, str], Account]:
    file = file_of(ACCOUNTS)
    return _read(file, file.stat().st_mtime_ns)


@cache
def _read(_file: Path, _modified: int) -> dict[tuple[str, str], Account]:
    """Return the accounts by network and name in lower case; read once for each state of the file."""
    found: dict[tuple[str, str], Account] = {}
    for entry in entries(ACCOUNTS, "accounts"):
        account = _account(entry)
        name = account.network, account.account.casefold()
        if name in found:
            raise entry.wrong(f"{name[0]} {name[1]} is declared twice")
        found[name] = account
    return found


def _account(entry: Entry) -> Account:
    values = entry.values
    network, name = str(values.get("network", "")), str(values.get("account", ""))
    if network not in NETWORKS or not name:
        raise entry.wrong(f"it needs an account, and a network among {', '.join(NETWORKS)}")
    of_departement = _OF_DEPARTEMENT.fullmatch(name)
    department = str(values.get("department") or (of_departement[1].upper() if of_departement else ""))
    if not _DEPARTMENT.fullmatch(department):
        raise entry.wrong(f"its department must be the code of a département, or {NATIONAL!r}")
    return Account(network, name, department, str(values["id"]) if values.get("id") else None)
