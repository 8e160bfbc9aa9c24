"""Who may ask for figures: tokens, of which only the SHA-256 is kept, and what each sees. Answers belong in `kpi`."""

import hashlib
import re
import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ingestion.errors import ExpectedFailure
from ingestion.settings import Home
from warehouse import rights

DEFAULT_DAYS = 365

_BUSY_SECONDS = 30
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
#: What roles of tokens that are older than today's names began with, and begin with.
_FORMER, _PRESENT = "gendarmerie_region-", "region-gendarmerie-"
#: A token is 256 bits of chance: nobody guesses it, so one round of SHA-256 keeps it as well as many would.
_BYTES = 32
_SCHEMA = """
    create table if not exists tokens (
        name text primary key,
        sha256 text not null unique,
        role text not null,
        created_on text not null,
        expires_on text not null
    ) strict
"""


@dataclass(frozen=True)
class Holder:
    """Somebody who has a token.

    Attributes:
        name: What the token is for, `tableau-de-bord-33`; never a person.
        role: As in Superset: `national`, `departement-FR-33`, `region-FR-NAQ`, `region-gendarmerie-GN-NAQ`.
        created_on: Day of its creation.
        expires_on: Last day on which it is good.
    """

    name: str
    role: str
    created_on: date
    expires_on: date


def roles() -> frozenset[str]:
    """Return the roles that a token may have: those of `superset/policies` that read figures."""
    return rights.current().api_roles


def file(home: Home) -> Path:
    return home.root / "api_tokens.sqlite"


def add(home: Home, name: str, role: str, days: int = DEFAULT_DAYS) -> str:
    """Make a token and return it: it is shown once and kept nowhere.

    Args:
        home: The home.
        name: What it is for.
        role: What it sees.
        days: How long it is good.

    Raises:
        ExpectedFailure: name or role is not one, its territory does not exist, the term is none, the name is taken.
    """
    if not _NAME.fullmatch(name):
        raise ExpectedFailure(f"{name!r} is no name of a token.", "Use small letters, digits and dashes.")
    if role not in roles():
        raise ExpectedFailure(
            f"{role!r} is no role that reads figures, or its territory does not exist.",
            "Use one of Superset's: national, departement-FR-33, region-FR-NAQ, region-gendarmerie-GN-NAQ.",
        )
    if days < 1:
        raise ExpectedFailure(f"A token cannot be good for {days} days.", "Give at least one day.")
    token = secrets.token_urlsafe(_BYTES)
    today = datetime.now(UTC).date()
    row = (name, _hash(token), role, today.isoformat(), (today + timedelta(days=days)).isoformat())
    try:
        with closing(_open(home)) as connection, connection:
            connection.execute("insert into tokens values (?, ?, ?, ?, ?)", row)
    except sqlite3.IntegrityError:
        raise ExpectedFailure(f"There is a token {name} already.", "Revoke it first, or choose another name.") from None
    return token


def holders(home: Home) -> list[Holder]:
    """Return who has a token, by name."""
    with closing(_open(home)) as connection:
        rows = connection.execute("select name, role, created_on, expires_on from tokens order by name").fetchall()
    return [_holder(row) for row in rows]


def revoke(home: Home, name: str) -> None:
    """Make a token worthless from now on.

    Raises:
        ExpectedFailure: there is none of that name.
    """
    with closing(_open(home)) as connection, connection:
        gone = connection.execute("delete from tokens where name = ?", [name]).rowcount
    if not gone:
        raise ExpectedFailure(f"There is no token {name}.", "`cyberimpact api token list` shows those there are.")


def holder_of(home: Home, token: str, today: date | None = None) -> Holder | None:
    """Return whose token it is; None for one that is unknown, revoked or too old."""
    if not file(home).exists():
        return None
    with closing(_open(home)) as connection:
        row = connection.execute(
            "select name, role, created_on, expires_on from tokens where sha256 = ?", [_hash(token)]
        ).fetchone()
    holder = _holder(row) if row else None
    return holder if holder and (today or datetime.now(UTC).date()) <= holder.expires_on else None


def _open(home: Home) -> sqlite3.Connection:
    path = file(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS)
    connection.execute("pragma secure_delete = on")
    connection.execute(_SCHEMA)
    return connection


def _holder(row: tuple[str, str, str, str]) -> Holder:
    name, role, created_on, expires_on = row
    if role.startswith(_FORMER):
        role = role.replace(_FORMER, _PRESENT, 1)
    return Holder(name, role, date.fromisoformat(created_on), date.fromisoformat(expires_on))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
