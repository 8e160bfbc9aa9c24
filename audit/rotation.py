"""Rotates the key that signs publications."""

from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import keyring, ledger, signing
from audit.keyring import RetiredKey
from audit.verifying import verify
from core.errors import ExpectedFailure
from core.settings import Home


def new_key(home: Home) -> Ed25519PrivateKey:
    """Return a new signing key that vouches for the current one up to the last publication that it signed.

    Raises:
        ExpectedFailure: the ledger is not intact.
    """
    key, former = Ed25519PrivateKey.generate(), signing.private_key()
    if former:
        confirm(home, former.public_key(), key)
    return key


def confirm(home: Home, former: Ed25519PublicKey, key: Ed25519PrivateKey) -> RetiredKey | None:
    """Write down that a key vouches for what a former one has signed, and return that; None where it signed nothing.

    Args:
        home: The home.
        former: The key that is, or was, replaced.
        key: The private key that takes its place.

    Raises:
        ExpectedFailure: the ledger is not intact: the new key would vouch for what was tampered with.
    """
    signed = [entry for entry in ledger.entries(home) if entry.key == signing.fingerprint(former)]
    if not signed:
        return None
    verdict = verify(home, public_keys=[former, key.public_key()])
    if verdict.problems:
        raise ExpectedFailure(
            f"Le registre n'est pas intact, la clé ne peut pas être remplacée : {verdict.problems[0]}",
            "Lancez `cyberimpact audit verify` et faites-en part au responsable de la plateforme.",
        )
    return keyring.retire(home, former, key, signed[-1].reference, datetime.now(UTC))
