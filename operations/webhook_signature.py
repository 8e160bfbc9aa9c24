"""Signatures of webhooks as Standard Webhooks has them: HMAC-SHA256 over identifier, time and body.

The headers are `webhook-id`, `webhook-timestamp` (seconds since 1970) and `webhook-signature` (`v1,` and base64).
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

#: How far the clock of a sender may be off; what is older is refused, as it may be a replay.
TOLERANCE = timedelta(minutes=5)
#: How long a key may be, as Standard Webhooks says.
KEY_BYTES = range(24, 65)
_MOST_DIGITS = 12
_PREFIX, _VERSION = "whsec_", "v1,"


def secret_of(key: bytes) -> str:
    """Return a key as senders are given it."""
    return _PREFIX + base64.b64encode(key).decode()


def is_secret(text: str) -> bool:
    """Return whether a text is a secret as `secret_of` writes it, of 24 to 64 bytes."""
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError:
        return False
    return text.startswith(_PREFIX) and len(key) in KEY_BYTES


def headers(secret: str, identifier: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that sign a body.

    Args:
        secret: As `secret_of` writes it.
        identifier: The same whenever the same is sent again.
        at: When it is sent.
        body: Its bytes, as they are sent.
    """
    seconds = str(int(at.timestamp()))
    signature = _signature(secret, identifier, seconds, body)
    return {"webhook-id": identifier, "webhook-timestamp": seconds, "webhook-signature": signature}


def problem_of(secret: str, given: Mapping[str, str], body: bytes, now: datetime) -> str | None:
    """Return what is wrong with the signature of a body, None where it is right.

    Only who can sign learns more than that it is wrong.

    Args:
        secret: As `secret_of` writes it.
        given: The headers that came with it, by their names in small letters.
        body: Its bytes, as they came.
        now: The present.
    """
    identifier, seconds, signatures = (given.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature"))
    if not identifier or not signatures or not seconds.isascii() or not seconds.isdecimal():
        return "webhook-id, webhook-timestamp (secondes) ou webhook-signature manque."
    right = _signature(secret, identifier, seconds, body).encode()
    if not any(hmac.compare_digest(right, each.encode()) for each in signatures.split(" ")):
        return "L'expéditeur est inconnu, ou la signature n'est pas celle de ce contenu."
    if len(seconds) > _MOST_DIGITS or abs(int(seconds) - now.timestamp()) > TOLERANCE.total_seconds():
        minutes = TOLERANCE // timedelta(minutes=1)
        return f"webhook-timestamp s'écarte de plus de {minutes} minutes de l'heure du serveur."
    return None


def _signature(secret: str, identifier: str, seconds: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{identifier}.{seconds}.".encode() + body
    return _VERSION + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
