"""Signs and verifies what the ledger states, with Ed25519."""

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from core import settings
from core.content_store import canonical
from core.errors import ExpectedFailure

SETTING, FILE_SETTING = "CYBERIMPACT_LEDGER_SIGNING_KEY", "CYBERIMPACT_LEDGER_SIGNING_KEY_FILE"

_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


def private_key() -> Ed25519PrivateKey | None:
    """Return the key that signs publications, None where there is none.

    Raises:
        ExpectedFailure: the setting is no key, or its file is absent or in the home.
    """
    text, source = settings.get(SETTING), SETTING
    if file := settings.get(FILE_SETTING):
        text, source = _read_private(Path(file).expanduser().resolve()), FILE_SETTING
    if not text:
        return None
    try:
        seed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return Ed25519PrivateKey.from_private_bytes(seed)
    except ValueError:
        raise ExpectedFailure(
            f"{source} ne donne pas une clé de signature.",
            "`cyberimpact audit key new` en crée une : 32 octets en base64 (URL), 43 caractères.",
        ) from None


def _read_private(file: Path) -> str:
    if file.is_relative_to(settings.home().root):
        raise ExpectedFailure(
            f"{FILE_SETTING} désigne un fichier de CYBERIMPACT_HOME.",
            "Placez la clé ailleurs : qui peut écrire les données ne doit pas pouvoir les signer.",
        )
    try:
        return file.read_text().strip()
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "ce n'est pas du texte"
        raise ExpectedFailure(
            f"Le fichier de {FILE_SETTING} est illisible : {reason}.", "Corrigez le chemin ou les droits."
        ) from None


def seed_of(key: Ed25519PrivateKey) -> str:
    """Return the seed of a private key, in base64url without padding."""
    return base64.urlsafe_b64encode(key.private_bytes_raw()).decode().rstrip("=")


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a public key in DER, as `openssl pkey -pubin -outform der` writes it."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def pem(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def public_keys_in(text: bytes) -> list[Ed25519PublicKey]:
    """Return the public keys in a text, PEM, with or without other text around them."""
    try:
        found = [load_pem_public_key(block) for block in _PEM.findall(text)]
    except ValueError:
        return []
    return [key for key in found if isinstance(key, Ed25519PublicKey)]


def read_public_keys(file: Path) -> list[Ed25519PublicKey]:
    """Return the public keys in a file; see `public_keys_in`.

    Raises:
        ExpectedFailure: it cannot be read, or holds none.
    """
    try:
        keys = public_keys_in(file.read_bytes())
    except OSError:
        keys = []
    if not keys:
        raise ExpectedFailure(
            f"{file} ne contient pas de clé publique Ed25519.",
            "Donnez ce qu'affiche `cyberimpact audit key show` (format PEM).",
        )
    return keys


def sign(key: Ed25519PrivateKey, kind: str, content: Mapping[str, Any]) -> dict[str, str]:
    """Return the fingerprint of the key (`key`) and its signature in hexadecimal digits (`signature`).

    Args:
        key: The private key.
        kind: What the content is; a signature of one kind is none of another.
        content: What is signed.
    """
    return {"key": fingerprint(key.public_key()), "signature": key.sign(_message(kind, content)).hex()}


def is_valid(key: Ed25519PublicKey, kind: str, content: Mapping[str, Any], signature: str) -> bool:
    try:
        key.verify(bytes.fromhex(signature), _message(kind, content))
    except (InvalidSignature, ValueError):
        return False
    return True


def _message(kind: str, content: Mapping[str, Any]) -> bytes:
    return canonical({"kind": kind, "content": content})
