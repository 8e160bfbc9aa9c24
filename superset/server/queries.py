"""Runs Superset's queries of DuckDB in workers, with deadlines, memory limits and cancellation.

Settings, in the environment:

* `CYBERIMPACT_QUERY_CHART_SECONDS` (30), `CYBERIMPACT_QUERY_SQL_LAB_SECONDS` (60): how long a query may last.
* `CYBERIMPACT_QUERY_MEMORY_MB` (1024): what the process of one query may take.
* `CYBERIMPACT_QUERY_TOTAL_MB` (4096): what all of them on this machine may take at once; the others wait.
* `CYBERIMPACT_QUERY_RESULT_MB` (64): how large an answer may be.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sql_reading
from flask import g
from query_connection import Connection, QueryFailure, creator
from query_slots import Slots
from query_workers import Limits, Workers
from sqlalchemy.engine.url import URL

#: Queries that an account may have in one process of the server, waiting ones included: more than a browser asks at
#: once, and half of the threads.
_PENDING = 8


def _number(name: str, default: int) -> int:
    text = os.environ.get(f"CYBERIMPACT_QUERY_{name}") or str(default)
    if not text.isdecimal() or not int(text):
        raise SystemExit(f"CYBERIMPACT_QUERY_{name} is {text!r}: set it to a whole number above 0, or remove it.")
    return int(text)


CHART_SECONDS = _number("CHART_SECONDS", 30)
SQL_LAB_SECONDS = _number("SQL_LAB_SECONDS", 60)
_MEMORY_MB = _number("MEMORY_MB", 1024)
_PLACES = max(1, _number("TOTAL_MB", 4096) // _MEMORY_MB)

workers = Workers(
    Slots(Path(os.environ["SUPERSET_HOME"]) / "queries", _PLACES, _PENDING),
    Limits(_MEMORY_MB << 20, _number("RESULT_MB", 64) << 20),
)


def in_worker(
    url: URL, params: dict[str, Any], username: str | None, _security_manager: Any, source: Any
) -> tuple[URL, dict[str, Any]]:
    """Have connections to a DuckDB file made by a worker: Superset's `DB_CONNECTION_MUTATOR`."""
    if url.get_backend_name() == "duckdb":
        config = params.pop("connect_args", {}).get("config", {})
        seconds = SQL_LAB_SECONDS if getattr(source, "name", "") == "SQL_LAB" else CHART_SECONDS
        params["creator"] = creator(workers, os.path.realpath(url.database), config, username or "", seconds)
    return url, params


def install(renamed: Mapping[str, str]) -> None:
    """Teach Superset's DuckDB to stop a query, to say in French why one failed, and to read SQL as DuckDB does.

    Args:
        renamed: By the former name of a table, `schema.table`, its name today.
    """
    from superset.db_engine_specs.duckdb import DuckDBEngineSpec

    sql_reading.install(renamed)
    DuckDBEngineSpec.get_cancel_query_id = classmethod(_name_query)
    DuckDBEngineSpec.prepare_cancel_query = classmethod(_prepare_stop)
    DuckDBEngineSpec.cancel_query = classmethod(_stop)
    DuckDBEngineSpec.extract_error_message = classmethod(_message(DuckDBEngineSpec.extract_error_message))


def _name_query(_spec: type, cursor: Any, _query: Any) -> str | None:
    connection = cursor.connection
    return connection.token() if isinstance(connection, Connection) else None


def _prepare_stop(_spec: type, query: Any) -> None:
    """Note that a query is stopped, before it is: it then ends as stopped, not as failed.

    Raises:
        SupersetSecurityException: it is somebody else's.
    """
    from superset.constants import QUERY_CANCEL_KEY, QUERY_EARLY_CANCEL_KEY

    from superset import db

    _check_owner(query)
    query.status = "stopped"
    if QUERY_CANCEL_KEY not in query.extra:  # it still waits for its place
        query.set_extra_json_key(QUERY_EARLY_CANCEL_KEY, True)
    db.session.commit()


def _check_owner(query: Any) -> None:
    from superset.errors import ErrorLevel, SupersetError, SupersetErrorType
    from superset.exceptions import SupersetSecurityException

    from superset import security_manager

    is_administrator = security_manager.is_admin() or any(role.name == "administrateur" for role in g.user.roles)
    if query.user_id != g.user.id and not is_administrator:
        raise SupersetSecurityException(
            SupersetError(
                message="Cette requête est celle d'un autre compte.",
                error_type=SupersetErrorType.QUERY_SECURITY_ACCESS_ERROR,
                level=ErrorLevel.ERROR,
            )
        )


def _stop(_spec: type, _cursor: Any, _query: Any, cancel_query_id: str) -> bool:
    workers.slots.stop(cancel_query_id)
    return True  # what no longer runs has stopped


def _message(usual: Any) -> Any:
    def extract(_spec: type, error: Exception) -> str:
        return str(error) if isinstance(error, QueryFailure) else usual(error)

    return extract
