"""Creates and opens the operations database, and reads it page by page."""

import sqlite3
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from core.errors import ExpectedFailure

#: How long a reader or writer waits for another one before it gives up.
BUSY_SECONDS = 30.0

PAGE_ROWS = 1000

Page = list[dict[str, Any]]


def open_operations(path: Path) -> sqlite3.Connection:
    """Open the file for reading and writing, with its tables in it; a file that does not exist is made.

    The journal is a write-ahead log, so that readers and a writer do not wait for each other. Deleted rows are
    overwritten with zeros. The caller closes the connection.

    Args:
        path: `home().operations`.

    Raises:
        ExpectedFailure: the file is no database, or stays locked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = None
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma secure_delete = on")
        connection.executescript(files("warehouse").joinpath("operations_schema.sql").read_text("utf-8"))
    except sqlite3.Error as problem:
        if connection is not None:
            connection.close()
        raise _explained(path, problem) from None
    return connection


def pages(path: Path, table: str) -> Iterator[Page]:
    """Yield the rows of a table; none where the file was never made.

    Raises:
        ExpectedFailure: the file is no database, stays locked, or lacks the table.
    """
    if not path.exists():
        return
    try:
        with _reading(path) as connection:
            rows = connection.execute(f'select * from "{table}" order by 1')  # noqa: S608 - a name of the contract
            while page := [dict(row) for row in rows.fetchmany(PAGE_ROWS)]:
                yield page
    except sqlite3.Error as problem:
        raise _explained(path, problem) from None


def rows(path: Path, table: str, columns: Iterable[str] = ("*",)) -> Page:
    """Return the rows of a table in the order of its key; none where the file, or the table, was never made.

    Args:
        path: `home().operations`.
        table: Name of the table.
        columns: Names of columns, all of them by default.

    Raises:
        ExpectedFailure: the file is no database, stays locked, or the table lacks a column.
    """
    if not path.exists():
        return []
    try:
        with _reading(path) as connection:
            if not connection.execute("select 1 from sqlite_master where name = ?", [table]).fetchone():
                return []
            query = f'select {", ".join(columns)} from "{table}" order by 1'  # noqa: S608 - declared names
            return [dict(row) for row in connection.execute(query)]
    except sqlite3.Error as problem:
        raise ExpectedFailure(
            f"Le fichier {path.name} ne peut pas être lu ({problem}).",
            "S'il est abîmé, rétablissez-le depuis la dernière sauvegarde.",
        ) from None


@contextmanager
def _reading(path: Path) -> Generator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def _explained(path: Path, problem: sqlite3.Error) -> ExpectedFailure:
    locked = getattr(problem, "sqlite_errorcode", None) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    remedy = (
        "Another process holds it: load again when it is done."
        if locked
        else "Nothing was loaded: if the file is damaged, restore it from the last backup, or move it away."
    )
    return ExpectedFailure(f"operations, file {path.name}: the file cannot be used ({problem}).", remedy)
