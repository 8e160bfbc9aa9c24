"""A connection of SQLAlchemy to a DuckDB file, whose statements a process of `query_workers.py` executes.

`creator` makes what `create_engine(creator=…)` takes. Every text is examined by `sql_guard.py` before it runs.
"""

import contextlib
import functools
import logging
import select
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import query_worker
import sql_guard
import sql_reading
from query_slots import Busy, Slot
from query_workers import File, Worker, Workers

#: Seconds between two checks whether somebody has stopped a query.
_INTERVAL = 0.2
_DEFAULT_SCHEMA = "main"
#: What SQLAlchemy and Superset ask of a table.
_ABOUT_A_TABLE = (
    "has_table",
    "get_columns",
    "get_pk_constraint",
    "get_foreign_keys",
    "get_unique_constraints",
    "get_check_constraints",
    "get_table_comment",
)
_log = logging.getLogger(__name__)


class QueryFailure(duckdb.Error):
    """A query that was refused or ended, with its reason in French."""


class ColumnType(NamedTuple):
    """DuckDB's type of a column. It is no `str`, as DuckDB's own is none: Superset then looks at the values."""

    name: str

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return self.name == str(other)

    def __hash__(self) -> int:
        return hash(self.name)


def creator(
    workers: Workers,
    path: str | Path,
    config: Mapping[str, Any],
    user: str,
    deadline_seconds: float,
    *,
    granted: sql_guard.Granted | None = None,
) -> Callable[..., "Connection"]:
    """Return what opens a connection, for SQLAlchemy's `creator`.

    Args:
        workers: Who executes its statements.
        path: The DuckDB file.
        config: DuckDB's settings; those that make a reader harmless are set whatever it says.
        user: The account, which shares the places with the others.
        deadline_seconds: How long a connection may work, waiting for its place included.
        granted: Which tables may be read, by schema and name; by default all that the file holds.
    """
    settings = {
        **config,
        "allow_community_extensions": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "enable_external_access": False,
        "memory_limit": f"{workers.limits.memory_bytes // 2}B",
        "python_enable_replacements": False,
        "temp_directory": "",
        "lock_configuration": True,
    }
    opening = Opening(str(path), settings, user, deadline_seconds, granted)
    return lambda *_: Connection(workers, opening)


class Opening(NamedTuple):
    """What a connection opens, for whom and how long: see `creator`."""

    path: str
    config: Mapping[str, Any]
    user: str
    seconds: float
    granted: sql_guard.Granted | None


class Connection:
    """A DB-API connection. It holds a place and a worker while it executes; once it has a token, until `close`.

    So a slow reader of an answer keeps no place from others.
    """

    autocommit = None
    closed = False
    _has_token = False

    def __init__(self, workers: Workers, opening: Opening) -> None:
        self.notices: list[str] = []
        self._workers, self._opening = workers, opening
        self._deadline = 0.0
        self._slot: Slot | None = None
        self._worker: Worker | None = None
        self._file = File("", 0, 0, "")

    def cursor(self) -> "Cursor":
        return Cursor(self)

    def begin(self) -> None:
        """Do nothing: a read-only file needs no transaction."""

    def commit(self) -> None:
        """Do nothing, likewise."""

    def rollback(self) -> None:
        """Do nothing, likewise."""

    def close(self) -> None:
        self.closed = True
        self._leave(lambda worker: self._workers.give_back(self._file, worker))

    def kill(self) -> None:
        """Close the connection, and end its worker: it may be at work still."""
        self.closed = True
        self._leave(Worker.kill)

    def rest(self) -> None:
        """Give worker and place back until the next statement, unless somebody knows the token of the place."""
        if not self._has_token:
            self._leave(lambda worker: self._workers.give_back(self._file, worker))

    def _leave(self, leave: Callable[[Worker], None]) -> None:
        worker, self._worker = self._worker, None
        slot, self._slot = self._slot, None
        if worker is not None:
            leave(worker)
        if slot is not None:
            self._workers.slots.release(slot)

    def __del__(self) -> None:
        self.kill()

    def token(self) -> str:
        """Return what names this connection for `Slots.stop`; it takes its place for that."""
        self._has_token = True
        return self._take_place().token

    def check(self, sql: str) -> None:
        """Refuse a text that may not run.

        Raises:
            QueryFailure: it is refused.
        """
        if len(sql) > sql_guard.MAX_LENGTH:
            raise QueryFailure("Cette requête est trop longue, elle n'est donc pas exécutée.")
        (answer,) = self._ask({"parse": sql})
        held = self._worker.tables if self._worker else frozenset()
        granted = self._opening.granted or (lambda schema, name: (schema, name) in held)
        try:
            tables = sql_guard.check(answer["tree"], granted, {name for _, name in held})
        except sql_guard.Refusal as refusal:
            raise QueryFailure(str(refusal)) from None
        if not sql_reading.reads(sql, tables):
            raise QueryFailure("Cette requête peut être comprise de deux façons : écrivez-la plus simplement.")

    def run(self, sql: str, parameters: Sequence[Any]) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
        """Execute a statement; return its columns as name and type, and its rows.

        Raises:
            duckdb.Error: it failed.
            QueryFailure: it was ended, or its answer is too large.
        """
        columns: list[tuple[str, str]] = []
        rows: list[tuple[Any, ...]] = []
        for answer in self._ask({"sql": sql, "parameters": list(parameters)}):
            columns = answer.get("columns", columns)
            rows.extend(map(tuple, answer.get("rows", ())))
            if len(rows) * len(columns) > self._workers.limits.cells:
                self.kill()
                raise _too_large()
        return columns, rows

    def _ask(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        try:
            if self._worker is None:
                self._open()
            return self._exchange(request)
        except duckdb.Error:
            raise
        except BaseException as error:
            self.kill()
            if isinstance(error, query_worker.MessageTooLong):
                raise _too_large() from None
            if isinstance(error, (EOFError, OSError, ValueError, TypeError, KeyError)):
                _log.warning("A query worker ended or answered nonsense: %s", type(error).__name__)
                raise QueryFailure(
                    "La requête a été interrompue : le processus qui l'exécutait s'est arrêté. Réessayez ; si cela se "
                    "répète, demandez moins de données."
                ) from None
            raise

    def _open(self) -> None:
        self._take_place()
        path, config = self._opening.path, self._opening.config
        found = Path(path).stat()
        self._file = File(path, found.st_ino, found.st_mtime_ns, repr(sorted(config.items())))
        self._worker = self._workers.take(self._file)
        if self._worker is not None and not self._answers():
            self._worker.kill()
            self._worker = None
        if self._worker is None:
            self._worker = self._workers.start()
            (opened,) = self._exchange({"path": path, "config": config})
            self._worker.tables = frozenset(map(tuple, opened["tables"]))

    def _answers(self) -> bool:
        """Return whether the worker lives: one that waited for a query may have ended meanwhile."""
        try:
            return bool(self._exchange({"parse": ""}))
        except (EOFError, OSError):
            return False

    def _exchange(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        assert self._worker is not None
        answers: list[dict[str, Any]] = []
        total = 0
        for answer, size in self._worker.ask(request, self._wait):
            total += size
            if "error" in answer:
                raise self._failure(str(answer["error"]), str(answer["message"]))
            if total > self._workers.limits.result_bytes:
                raise query_worker.MessageTooLong
            answers.append(answer)
            if "sql" not in request or "done" in answer:
                break
        return answers

    def _wait(self, descriptor: int) -> None:
        """Return when there is something to read; end the worker at the deadline, or if somebody asks."""
        ready = select.poll()
        ready.register(descriptor, select.POLLIN)
        while True:
            left = self._deadline - time.monotonic()
            if left <= 0:
                self.kill()
                raise QueryFailure(
                    f"La requête a été arrêtée : elle dure plus de {self._opening.seconds:g} secondes. "
                    "Restreignez la période ou les filtres."
                )
            if ready.poll(1000 * min(left, _INTERVAL)):
                return
            if self._slot is not None and self._slot.is_stopped():
                self.kill()
                raise QueryFailure("La requête a été arrêtée à la demande.")

    def _take_place(self) -> Slot:
        if self.closed:
            raise QueryFailure("La connexion est fermée.")
        if self._slot is None:
            self._deadline = self._deadline or time.monotonic() + self._opening.seconds
            try:
                self._slot = self._workers.slots.acquire(self._opening.user, self._deadline)
            except Busy:
                raise QueryFailure("Trop de requêtes sont en cours. Réessayez dans un instant.") from None
        return self._slot

    def _failure(self, kind: str, message: str) -> duckdb.Error:
        if kind in {"OutOfMemoryException", "MemoryError"}:
            self.kill()
            return QueryFailure(
                "La requête a été arrêtée : elle demande plus de mémoire que les "
                f"{self._workers.limits.memory_bytes >> 20} Mo accordés. Demandez moins de données."
            )
        if kind == "MessageTooLong":
            self.kill()
            return _too_large()
        known = getattr(duckdb, kind, None)
        return (known if isinstance(known, type) and issubclass(known, duckdb.Error) else duckdb.Error)(message)


class Cursor:
    """A DB-API cursor, which holds the rows of its last statement."""

    arraysize = 1
    rowcount = -1

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.description: list[tuple[Any, ...]] | None = None
        self._rows: list[tuple[Any, ...]] = []

    def execute(self, statement: str, parameters: Sequence[Any] | None = None, _context: Any = None) -> None:
        """Execute a statement that may run, or one that SQLAlchemy's dialect itself sends with its parameters.

        Raises:
            duckdb.Error: it is refused, fails or is ended.
        """
        self._rows, self.description = [], None
        if parameters is not None and statement == "select current_schema()":
            columns, self._rows = [("current_schema()", "VARCHAR")], [(_DEFAULT_SCHEMA,)]
        else:
            try:
                if parameters is None or statement not in dialect_statements():
                    self.connection.check(statement)
                columns, self._rows = self.connection.run(statement, parameters or ())
            finally:
                self.connection.rest()
        self.description = [(name, ColumnType(kind), *[None] * 5) for name, kind in columns]

    def executemany(self, _statement: str, _parameters: Any = None, _context: Any = None) -> None:
        raise QueryFailure("Seules les requêtes SELECT sont exécutées.")

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(iter(self.fetchmany(1)), None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        size = self.arraysize if size is None else size
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    def fetchall(self) -> list[tuple[Any, ...]]:
        taken, self._rows = self._rows, []
        return taken

    def close(self) -> None:
        self._rows = []


def _too_large() -> QueryFailure:
    return QueryFailure("Le résultat est trop volumineux. Demandez moins de lignes ou moins de colonnes.")


@functools.cache
def dialect_statements() -> frozenset[str]:
    """Return the statements by which SQLAlchemy's dialect inspects a catalog: those that it sends about one here."""
    from sqlalchemy import create_engine, event, inspect

    sent: set[str] = set()
    engine = create_engine("duckdb:///:memory:")
    with engine.connect() as connection:
        connection.exec_driver_sql("create schema shape")
        connection.exec_driver_sql("create table shape.example (x integer)")

        @event.listens_for(engine, "before_cursor_execute")
        def _note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            sent.add(statement)

        inspect(connection).get_schema_names()
        for schema in ("shape", "memory.shape", None):
            inspect(connection).get_table_names(schema)
            inspect(connection).get_view_names(schema)
            for question in _ABOUT_A_TABLE:
                with contextlib.suppress(Exception):  # what DuckDB's catalog does not answer, nobody asks
                    getattr(inspect(connection), question)("example", schema)
    engine.dispose()
    return frozenset(sent)
