"""Signed, expiring links by which an operator gives a verdict from an alert.

A link is a JSON Web Token (RFC 7519, HS256): it holds the alert, the verdict and the expiry.
It names neither a person nor an address.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from core import settings
from operations.alerts.outbox import derived

KEY_SETTING = "CYBERIMPACT_LINK_KEY"

#: An alert that nobody has answered for so long is no longer news.
VALID_FOR = timedelta(days=7)

_ALGORITHM = "HS256"
_AUDIENCE = "cyberimpact:verdict"


class RefusedLinkError(Exception):
    """A link that is refused; its text is the reason in French, for the person who clicked."""


@dataclass(frozen=True)
class Link:
    """What a link gives.

    Attributes:
        link_id: Its identifier, by which its use is remembered.
        alert_id: The alert that it came with.
        verdict: `vu`, `confirmé` or `écarté`.
        role: Role of whom it was sent to.
    """

    link_id: str
    alert_id: str
    verdict: str
    role: str


def are_possible() -> bool:
    """Return whether links can be signed: without a key, alerts leave without them."""
    return settings.get(KEY_SETTING) is not None


def address(alert_id: str, verdict: str, role: str, since: datetime) -> str:
    """Return the link that gives a verdict; the same arguments give the same link.

    Args:
        alert_id: The alert that it goes out with.
        verdict: The verdict that it gives.
        role: Role of whom it goes to.
        since: When the alert was written: from then on it is valid for `VALID_FOR`.

    Raises:
        ExpectedFailure: no key is set.
    """
    claims = {
        "aud": _AUDIENCE,
        "exp": int((since + VALID_FOR).timestamp()),
        "jti": derived(alert_id, verdict),
        "alert": alert_id,
        "verdict": verdict,
        "role": role,
    }
    token = jwt.encode(claims, settings.require(KEY_SETTING), algorithm=_ALGORITHM)
    return f"{settings.web_url()}/verdict/{token}"


def opened(token: str) -> Link:
    """Return what a link gives.

    Raises:
        RefusedLinkError: it was not signed here, was changed, or has expired.
        ExpectedFailure: no key is set.
    """
    try:
        claims = jwt.decode(
            token,
            settings.require(KEY_SETTING),
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            options={"require": ["exp", "jti", "aud"]},
        )
        return Link(claims["jti"], claims["alert"], claims["verdict"], claims["role"])
    except jwt.ExpiredSignatureError:
        raise RefusedLinkError("Ce lien a expiré.") from None
    except (jwt.InvalidTokenError, KeyError):
        raise RefusedLinkError("Ce lien n'est pas valable.") from None
