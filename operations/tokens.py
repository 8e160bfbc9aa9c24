"""API tokens: only their SHA-256 is kept, with the rights of their holder."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

from core import settings
from core.errors import ExpectedFailure
from ingestion.platforms import PLATFORMS
from operations import acts, database, webhook_signature
from operations.acts import Author
from operations.alerts import links
from operations.models import ApiToken
from warehouse import rights

#: Under this name the inbox keeps what the message bus brings.
BUS = "bus"
DEFAULT_DAYS, MOST_DAYS = 365, 3650

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
#: A token is 256 bits of chance: nobody guesses it, so one round of SHA-256 keeps it as well as many would.
_BYTES = 32
#: Tokens are made and revoked by a shell.
_SHELL = Author("administrateur")


def roles() -> frozenset[str]:
    """Return the roles that a token may have: those of `superset/policies` that read figures."""
    return rights.current().api_roles


def add(name: str, role: str = "", days: int = DEFAULT_DAYS, *, sends: Collection[str] = ()) -> str:
    """Make a token and return it: it is shown once and kept nowhere.

    Args:
        name: What it is for, `tableau-de-bord-33`; never a person.
        role: What it sees, as in Superset: `national`, `departement-FR-33`, `region-gendarmerie-GN-NAQ`; nothing where
            none is given.
        days: How long it is good.
        sends: Platforms whose records it may send.

    Raises:
        ExpectedFailure: name or role is not one, its territory does not exist, the term is none, the name is taken.
    """
    if not _NAME.fullmatch(name):
        raise ExpectedFailure(f"{name!r} is no name of a token.", "Use small letters, digits and dashes.")
    if name == BUS:
        raise ExpectedFailure(f"{name!r} is the sender of what comes over the bus.", "Choose another name.")
    unknown = sorted(set(sends) - {platform.name for platform in PLATFORMS if platform.is_sendable})
    if unknown:
        raise ExpectedFailure(
            f"No records are sent of {', '.join(unknown)}.", "Name platforms of `ingestion/platforms.py`."
        )
    if not role and not sends:
        raise ExpectedFailure("The token would open nothing.", "Give --role to read figures, --sends to send records.")
    if role and role not in roles():
        raise ExpectedFailure(
            f"{role!r} is no role that reads figures, or its territory does not exist.",
            "Use one of Superset's: national, departement-FR-33, region-FR-NAQ, region-gendarmerie-GN-NAQ.",
        )
    if not 1 <= days <= MOST_DAYS:
        raise ExpectedFailure(f"A token cannot be good for {days} days.", f"Give 1 to {MOST_DAYS} days.")
    token = secrets.token_urlsafe(_BYTES)
    today = _today()
    with database.turn(f"token {name}"):
        if ApiToken.objects.filter(name=name).exists():
            raise ExpectedFailure(f"There is a token {name} already.", "Revoke it first, or choose another name.")
        expires_on = today + timedelta(days=days)
        ApiToken.objects.create(
            name=name,
            sha256=_hash(token),
            role=role,
            sends=tuple(sorted(sends)),
            created_on=today,
            expires_on=expires_on,
        )
        acts.record(_SHELL, "jeton créé", ("jeton", name), ", ".join(filter(None, (role, *sorted(sends)))))
    return token


def holders() -> list[ApiToken]:
    """Return the tokens that were made, by name."""
    return list(ApiToken.objects.all())


def revoke(name: str) -> None:
    """Make a token worthless from now on.

    Raises:
        ExpectedFailure: there is none of that name.
    """
    with database.turn(f"token {name}"):
        gone, _ = ApiToken.objects.filter(name=name).delete()
        if not gone:
            raise ExpectedFailure(f"There is no token {name}.", "`cyberimpact api token list` shows those there are.")
        acts.record(_SHELL, "jeton révoqué", ("jeton", name))


def holder_of(token: str, today: date | None = None) -> ApiToken | None:
    """Return whose token it is; None for one that is unknown, revoked or too old."""
    return ApiToken.objects.filter(sha256=_hash(token), expires_on__gte=today or _today()).first()


def named(name: str, today: date | None = None) -> ApiToken | None:
    """Return the token of a name; None for one that is unknown, revoked or too old."""
    if not _NAME.fullmatch(name):
        return None
    return ApiToken.objects.filter(name=name, expires_on__gte=today or _today()).first()


def signing_secret(holder: ApiToken | None) -> str:
    """Return the secret by which the holder of a token signs what it sends; one that nobody has for nobody.

    It derives from the token's hash and a key that is not in the database: who reads the database cannot sign.

    Raises:
        ExpectedFailure: the key is not set.
    """
    key = settings.require(links.KEY_SETTING).encode()
    token = holder.sha256 if holder else secrets.token_hex(_BYTES)
    return webhook_signature.secret_of(hmac.digest(key, f"sender {token}".encode(), hashlib.sha256))


def _today() -> date:
    return datetime.now(UTC).date()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
