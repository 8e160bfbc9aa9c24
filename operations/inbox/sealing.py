"""Seals what waits in the inbox: it holds what citizens have written, as they wrote it, until a load has redacted it.

AES-256-GCM, with a key that derives from that of pseudonyms, and bound to its delivery: no sealed content can take the
place of another. What is on the disk, in the log of writes of the database
and in backups can be read by nobody who has not that key.
"""

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import ExpectedFailure
from core.settings import require

_NONCE_BYTES = 12


def seal(content: bytes, delivery_id: str) -> bytes:
    """Return a content that only `opened` makes readable, as that of one delivery.

    Raises:
        ExpectedFailure: the key of pseudonyms is absent.
    """
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher().encrypt(nonce, content, delivery_id.encode())


class UnopenedError(ExpectedFailure):
    """What was sealed is not what the key and the delivery say."""


def opened(sealed: bytes, delivery_id: str) -> bytes:
    """Return what was sealed for a delivery.

    Raises:
        UnopenedError: the key of pseudonyms is another one than it was; or the content was changed, or put into the
            place of another.
        ExpectedFailure: the key of pseudonyms is absent.
    """
    try:
        return _cipher().decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], delivery_id.encode())
    except InvalidTag:
        raise UnopenedError(
            f"The delivery {delivery_id} was sealed with another key of pseudonyms, or its row was changed since.",
            "Put the former key back, run `cyberimpact inbox retry PLATFORM`, and load it before you change the key.",
        ) from None


def _cipher() -> AESGCM:
    return AESGCM(hmac.digest(require("CYBERIMPACT_PSEUDONYM_KEY").encode(), b"inbox", "sha256"))
