"""Reads and purges the operations database, in SQLite or in PostgreSQL; `operations` alone makes and changes it."""

import os
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    MetaData,
    NullPool,
    String,
    Table,
    cast,
    create_engine,
    delete,
    inspect,
    or_,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from core import settings
from core.errors import ExpectedFailure
from core.settings import Home

#: How long a reader or writer waits for another one before it gives up.
BUSY_SECONDS = 30.0

PAGE_ROWS = 1000

Page = list[dict[str, Any]]

#: What a row of a table must fulfil.
Condition = Callable[[Table], ColumnElement[bool]]


def name(home: Home) -> str:
    """Return what a message calls the database: the file, or the engine of the server."""
    return "PostgreSQL" if settings.operations_url() else home.operations.name


def exists(home: Home) -> bool:
    """Return whether there is a database: a server is taken to have one, a file may never have been made."""
    return settings.operations_url() is not None or home.operations.exists()


@contextmanager
def opened(home: Home, *, writing: bool = False) -> Generator[Connection]:
    """Connect to the database, in one transaction that ends with the block.

    Raises:
        ExpectedFailure: the database cannot be reached or read, or stays locked.
    """
    engine = _engine(home, writing=writing)
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as problem:
        raise _explained(home, problem) from None


def _engine(home: Home, *, writing: bool) -> Engine:
    url = settings.operations_url()
    if url:
        return create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    return create_engine("sqlite://", creator=lambda: _file(home, writing=writing), poolclass=NullPool)


def _file(home: Home, *, writing: bool) -> sqlite3.Connection:
    mode = "rw" if writing else "ro"
    connection = sqlite3.connect(f"{home.operations.as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS)
    if writing:
        connection.execute("pragma secure_delete = on")
    return connection


def pages(home: Home, table: str, columns: Collection[str] = ()) -> Iterator[Page]:
    """Yield the rows of a table in the order of its first column; none where it was never made.

    Times are ISO 8601 texts with their offset, whatever the engine.

    Args:
        home: The home.
        table: Name of the table.
        columns: Names of columns, those that the table lacks left out; all of them by default.

    Raises:
        ExpectedFailure: the database cannot be reached or read, or stays locked.
    """
    if not exists(home):
        return
    with opened(home) as connection:
        found = reflected(connection, table)
        if found is None:
            return
        chosen = [column for column in found.columns if not columns or column.name in columns]
        rows = connection.execute(select(*chosen).order_by(*_key(found))).mappings()
        while page := [_plain(row) for row in rows.fetchmany(PAGE_ROWS)]:
            yield page


def rows(home: Home, table: str, columns: Collection[str] = ()) -> Page:
    """Return the rows of a table at once; see `pages`."""
    return [row for page in pages(home, table, columns) for row in page]


def reflected(connection: Connection, table: str) -> Table | None:
    """Return a table as the database has it, None where it has none of that name."""
    if not inspect(connection).has_table(table):
        return None
    return Table(table, MetaData(), autoload_with=connection, resolve_fks=False)


def tables(home: Home) -> list[str]:
    """Return the names of all tables that hold records."""
    if not exists(home):
        return []
    with opened(home) as connection:
        return sorted(set(inspect(connection).get_table_names()) - {"django_migrations", "sqlite_sequence"})


def remove(home: Home, conditions: Mapping[str, Condition]) -> dict[str, int]:
    """Delete rows, what refers to them, and what is left of them in the file.

    Args:
        home: The home.
        conditions: By table, what a row must fulfil to go; tables that do not exist are left out.

    Returns:
        Rows that went, by table.

    Raises:
        ExpectedFailure: the database cannot be reached or written, or stays locked.
    """
    if not exists(home):
        return {}
    removed: Counter[str] = Counter()
    with opened(home, writing=True) as connection:
        for table, condition in conditions.items():
            found = reflected(connection, table)
            if found is not None:
                removed.update(_remove(connection, found, condition(found)))
    _forget(home)
    return dict(removed)


def _remove(connection: Connection, table: Table, chosen: ColumnElement[bool]) -> dict[str, int]:
    removed = {}
    for other in inspect(connection).get_table_names():
        for key in inspect(connection).get_foreign_keys(other):
            if key["referred_table"] == table.name:
                child = Table(other, MetaData(), autoload_with=connection, resolve_fks=False)
                [own], [referred] = key["constrained_columns"], key["referred_columns"]
                gone = select(table.columns[referred]).where(chosen)
                found = connection.execute(delete(child).where(child.columns[own].in_(gone)))
                removed[other] = found.rowcount
    return {**removed, table.name: connection.execute(delete(table).where(chosen)).rowcount}


def _forget(home: Home) -> None:
    """Free what deleted rows have left: SQLite keeps them in free pages and in its log, PostgreSQL in its tables."""
    engine = _engine(home, writing=True)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("vacuum")
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
    except DBAPIError as problem:
        raise _explained(home, problem) from None


def older(column: str, before: datetime) -> Condition:
    """Return the condition that a time lies before an instant; an empty one does not."""

    def condition(table: Table) -> ColumnElement[bool]:
        is_text = isinstance(table.columns[column].type, String)  # of version 0.1.0
        return table.columns[column] < (before.isoformat() if is_text else before)

    return condition


def holding(text: str) -> Condition:
    """Return the condition that any column of a row holds a text."""
    return lambda table: or_(*(cast(column, String).contains(text, autoescape=True) for column in table.columns))


def _key(table: Table) -> list[Column[Any]]:
    return list(table.primary_key.columns)


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: _instant(value) if isinstance(value, datetime) else value for name, value in row.items()}


def _instant(value: datetime) -> str:
    """Return an instant in UTC; SQLite keeps no offset."""
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def _explained(home: Home, problem: DBAPIError) -> ExpectedFailure:
    said = str(problem.orig).partition("\n")[0]
    remedy = (
        "Un autre processus l'écrit : recommencez quand il aura fini."
        if "locked" in said
        else "Vérifiez le serveur, ou les droits du fichier ; s'il est abîmé, rétablissez la dernière sauvegarde."
    )
    return ExpectedFailure(f"La base des opérations ({name(home)}) ne peut pas être utilisée ({said}).", remedy)


def dump(url: str, file: Path) -> None:
    """Save a PostgreSQL database as of one transaction, in the custom format of `pg_dump`.

    Args:
        url: Its address; what it holds, a password for one, reaches `pg_dump` by the environment.
        file: Where to.

    Raises:
        ExpectedFailure: `pg_dump` is absent, or cannot read the database or write the file.
    """
    from psycopg.pq import Conninfo  # the driver is loaded where PostgreSQL is used

    program = shutil.which("pg_dump") or next(
        map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"), reverse=True)), None
    )
    if program is None:
        raise ExpectedFailure("`pg_dump` is not installed.", "Install Debian's postgresql-client.")
    given = {
        option.envvar.decode(): option.val.decode()
        for option in Conninfo.parse(url.encode())
        if option.envvar and option.val
    }
    command = [program, "--format=custom", "--no-password", f"--file={file}"]
    done = subprocess.run(command, env=os.environ | given, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it does not say why"])[0]
        raise ExpectedFailure(
            f"The database of {file.stem} on PostgreSQL cannot be saved: {reason}",
            "Start the server, give `pg_dump` its version, or free space.",
        )
    with file.open("rb") as written:
        os.fsync(written.fileno())
