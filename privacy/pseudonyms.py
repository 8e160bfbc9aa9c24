"""Keyed pseudonyms of personal identifiers."""

import hashlib
import hmac
import re

from core.settings import require

#: The shape of every pseudonym.
PSEUDONYM = re.compile(r"p_[0-9a-f]{32}")


def pseudonymise(value: str) -> str:
    """Return a keyed pseudonym of an identifier: `p_` and 32 hexadecimal digits of its HMAC-SHA-256.

    A value that is such a pseudonym already is returned as it is, so that a record may pass twice.

    Raises:
        ExpectedFailure: `CYBERIMPACT_PSEUDONYM_KEY` is absent.
    """
    if PSEUDONYM.fullmatch(value):
        return value
    key = require("CYBERIMPACT_PSEUDONYM_KEY").encode()
    return f"p_{hmac.digest(key, value.encode(), 'sha256').hex()[:32]}"


def pseudonymise_account(username: str) -> str:
    """Return the pseudonym of an account of Superset: `c_` and 16 hexadecimal digits; what it reads and does bears it.

    Raises:
        ExpectedFailure: `CYBERIMPACT_PSEUDONYM_KEY` is absent.
    """
    key = require("CYBERIMPACT_PSEUDONYM_KEY").encode()
    return f"c_{hmac.new(key, f'superset|{username}'.encode(), hashlib.sha256).hexdigest()[:16]}"
