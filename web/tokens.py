"""API tokens: only their SHA-256 is kept, with the rights of their holder."""

import hashlib
import re
import secrets
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from core.errors import ExpectedFailure
from core.settings import Home, make_folder
from warehouse import rights

DEFAULT_DAYS, MOST_DAYS = 365, 3650

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
    """The holder of a token.

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
    if not 1 <= days <= MOST_DAYS:
        raise ExpectedFailure(f"A token cannot be good for {days} days.", f"Give 1 to {MOST_DAYS} days.")
    token = secrets.token_urlsafe(_BYTES)
    today = datetime.now(UTC).date()
    row = (name, _hash(token), role, today.isoformat(), (today + timedelta(days=days)).isoformat())
    try:
        with _written(home) as connection:
            connection.execute("insert into tokens values (?, ?, ?, ?, ?)", row)
    except sqlite3.IntegrityError:
        raise ExpectedFailure(f"There is a token {name} already.", "Revoke it first, or choose another name.") from None
    return token


def holders(home: Home) -> list[Holder]:
    """Return the holders of tokens, by name.

    Raises:
        ExpectedFailure: the file cannot be read.
    """
    return _read(home, "select name, role, created_on, expires_on from tokens order by name")


def revoke(home: Home, name: str) -> None:
    """Make a token worthless from now on.

    Raises:
        ExpectedFailure: there is none of that name.
    """
    with _written(home) as connection:
        gone = connection.execute("delete from tokens where name = ?", [name]).rowcount
    if not gone:
        raise ExpectedFailure(f"There is no token {name}.", "`cyberimpact api token list` shows those there are.")


def holder_of(home: Home, token: str, today: date | None = None) -> Holder | None:
    """Return whose token it is; None for one that is unknown, revoked or too old."""
    found = _read(home, "select name, role, created_on, expires_on from tokens where sha256 = ?", _hash(token))
    day = today or datetime.now(UTC).date()
    return next((holder for holder in found if day <= holder.expires_on), None)


def _read(home: Home, query: str, *parameters: str) -> list[Holder]:
    if not file(home).exists():
        return []
    try:
        with closing(sqlite3.connect(f"{file(home).as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)) as connection:
            return [_holder(row) for row in connection.execute(query, parameters).fetchall()]
    except sqlite3.Error as problem:
        raise ExpectedFailure(
            f"The tokens in {file(home).name} cannot be read: {problem}.",
            "Check the rights of the file; if it is damaged, remove it and make the tokens anew.",
        ) from None


@contextmanager
def _written(home: Home) -> Generator[sqlite3.Connection]:
    """Give a connection whose changes count when the block ends well.

    Raises:
        ExpectedFailure: the file cannot be written.
    """
    path = file(home)
    make_folder(path.parent)
    try:
        path.touch(mode=0o600)
        with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as connection, connection:
            connection.execute("pragma secure_delete = on")
            connection.execute(_SCHEMA)
            yield connection
    except sqlite3.IntegrityError:
        raise
    except (OSError, sqlite3.Error) as problem:
        raise ExpectedFailure(
            f"The tokens in {path.name} cannot be written: {problem}.", "Check the rights of the home, and its space."
        ) from None


def _holder(row: tuple[str, str, str, str]) -> Holder:
    name, role, created_on, expires_on = row
    if role.startswith(_FORMER):
        role = role.replace(_FORMER, _PRESENT, 1)
    return Holder(name, role, date.fromisoformat(created_on), date.fromisoformat(expires_on))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
