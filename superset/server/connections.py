"""Chooses the database file of a query: the copy of what its user may read."""

import logging
import sys
from pathlib import Path
from typing import Any

import queries
from flask import g
from sqlalchemy.engine.url import URL
from superset.errors import ErrorLevel, SupersetError, SupersetErrorType
from superset.exceptions import SupersetSecurityException

# The platform's code comes last, and for this package only: beside it lie its own dependencies, where it is installed.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from warehouse import rights
from warehouse.reader_copies import CopyError, path_for
from warehouse.rights import EVERYTHING, AccessError, PolicyError, Right

sys.path.pop()

logger = logging.getLogger(__name__)


def right(security_manager: Any) -> Right:
    """Return the right of the user of the request, empty without a login. It is computed once per request.

    Raises:
        PolicyError: the policies cannot be read.
    """
    user = g.get("user")
    if user is None or user.is_anonymous:
        return Right()
    known = g.get("right_of_user")
    if known is None or known[0] != user.id:
        names = {role.name for role in security_manager.get_user_roles(user)}
        known = g.right_of_user = user.id, rights.current().right(names)
    return known[1]


def cache_key(security_manager: Any) -> str:
    """Return what keeps the kept answers of one right from those of another; never empty."""
    try:
        return f"right {right(security_manager).key}"
    except PolicyError as failure:
        raise _refusal("Les règles d'accès sont illisibles.", failure) from None


def choose(
    url: URL, params: dict[str, Any], username: str | None, security_manager: Any, source: Any
) -> tuple[URL, dict[str, Any]]:
    """Have a worker open the file that the user of the request may read: Superset's `DB_CONNECTION_MUTATOR`.

    Nothing of what the request says is looked at. A database that is no published copy is for the platform's own
    account.

    Raises:
        SupersetSecurityException: the user may read nothing, or the copy cannot be had.
    """
    try:
        path = _path(url, right(security_manager))
    except AccessError as failure:
        raise _refusal("Ce compte ne peut pas lire ces données pour le moment.", failure) from None
    url = url.set(database=str(path)) if path else url
    return queries.in_worker(url, params, username, security_manager, source)


def _path(url: URL, granted: Right) -> Path | None:
    """Return the file that a right opens in place of a published copy; None for another database."""
    if url.get_backend_name() == "duckdb" and url.database and Path(url.database).parent.name == "current":
        return path_for(Path(url.database), granted)
    if granted != EVERYTHING:
        raise CopyError("The database is no published copy.", "Ask for the published ones.")
    return None


def _refusal(message: str, failure: AccessError) -> SupersetSecurityException:
    logger.warning("A query is refused: %s", failure)
    return SupersetSecurityException(
        SupersetError(
            message=f"{message} Réessayez ; si cela dure, adressez-vous à l'administrateur de cyberimpact.",
            error_type=SupersetErrorType.DATABASE_SECURITY_ACCESS_ERROR,
            level=ErrorLevel.ERROR,
        )
    )
