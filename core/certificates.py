"""Says why the certificate of a server is not accepted, and how long one is still good."""

import re
import socket
import ssl
from datetime import UTC, datetime
from urllib.parse import urlsplit

from core import clock
from core.errors import ExpectedFailure, causes_of

#: The text of OpenSSL; some libraries drop the exception.
_REFUSED = re.compile(r"certificate verify failed: (.+?)\.? \(_ssl")
_HTTPS, _CONNECT_SECONDS = 443, 5


def explain(problem: BaseException, where: str) -> ExpectedFailure | None:
    """Return the failure to show where a refused certificate is among the causes of an exception, None where it is not.

    Args:
        problem: The exception.
        where: The server, in words.
    """
    reason = refusal(problem)
    if reason is None:
        return None
    return ExpectedFailure(
        f"{where}: the certificate of the server is not accepted ({reason}); nothing was sent.",
        "Ask the operator of the server to renew it, or add its authority to the file that SSL_CERT_FILE names. If the"
        f" clock of this machine is wrong, correct it: it shows {clock.now():%Y-%m-%d %H:%M} UTC.",
    )


def refusal(problem: BaseException) -> str | None:
    """Return why a certificate was refused, in OpenSSL's words; None where that is not the cause of an exception."""
    found = _REFUSED.search("\n".join(map(str, causes_of(problem))))
    return found[1] if found else None


def good_until(url: str) -> datetime:
    """Return when the certificate ends that an address of HTTPS shows.

    Raises:
        ExpectedFailure: the server does not answer, or its certificate is not accepted.
    """
    address = urlsplit(url)
    host = address.hostname or ""
    try:
        with (
            socket.create_connection((host, address.port or _HTTPS), _CONNECT_SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as connection,
        ):
            shown = connection.getpeercert() or {}
    except OSError as problem:
        raise explain(problem, url) or ExpectedFailure(
            f"{url} does not answer ({problem.strerror or type(problem).__name__}).",
            "Start the gateway there.",
        ) from None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
