"""Holds the copies per right against the published copy that they were made from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from ingestion.sql import literal
from warehouse.reader_copies import DECLARATION, FOLDER
from warehouse.rights import Right

_TABLES = """
    select schema_name || '.' || table_name, list([column_name, data_type] order by column_index)
    from duckdb_columns() inner join duckdb_tables() using (database_name, schema_name, table_name)
    where database_name = ? group by all
"""
_VIEWS = "select schema_name || '.' || view_name from duckdb_views() where database_name = 'copy' and not internal"


def problems(published: Path) -> Iterator[str]:
    """Yield in French what the copies per right of a published copy have other than their right gives them."""
    copies = sorted(published.parent.glob(f"{FOLDER}/*/{published.name}"))
    if not copies:
        return
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        try:
            connection.execute(f"attach {literal(str(published))} as original (read_only)")
            connection.execute("use original")
        except (duckdb.Error, UnicodeDecodeError):
            return  # what is wrong with the published copy was said
        for copy in copies:
            for difference in _differences(connection, copy):
                yield f"Copie du droit {copy.parent.name}, modifiée depuis : {difference}."


def _differences(connection: duckdb.DuckDBPyConnection, copy: Path) -> Iterator[str]:
    try:
        right = Right.parse(copy.with_name(DECLARATION).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        yield f"{DECLARATION}, qui dit ce qu'elle contient, manque ou est illisible"
        return
    if right.key != copy.parent.name:
        yield f"{DECLARATION} dit un autre droit"
        return
    try:
        connection.execute(f"attach {literal(str(copy))} as copy (read_only)")
    except (duckdb.Error, UnicodeDecodeError):  # the second: the message of the first holds bytes of the file
        yield "le fichier n'est plus une base DuckDB lisible"
        return
    try:
        yield from _table_differences(connection, right)
    except (duckdb.Error, UnicodeDecodeError):
        yield "le fichier n'est plus lisible en entier"
    finally:
        connection.execute("detach copy")


def _table_differences(connection: duckdb.DuckDBPyConnection, right: Right) -> Iterator[str]:
    published, found = (dict(connection.execute(_TABLES, [name]).fetchall()) for name in ("original", "copy"))
    wanted = {
        table: (published[table], rows)
        for table in right.tables.keys() & published.keys()
        if (rows := _rows_of_right(connection, table, right.tables[table])) is not None
    }
    yield from (f"la vue {view} a été ajoutée" for (view,) in connection.execute(_VIEWS).fetchall())
    yield from (f"la table {table} a été retirée" for table in sorted(wanted.keys() - found.keys()))
    yield from (f"la table {table} a été ajoutée" for table in sorted(found.keys() - wanted.keys()))
    for table in sorted(wanted.keys() & found.keys()):
        rows = _rows(connection, "copy", table)
        if (found[table], rows) != wanted[table]:
            yield f"la table {table} a été modifiée ({rows[0]} lignes, {wanted[table][1][0]} selon le droit)"


def _rows_of_right(connection: duckdb.DuckDBPyConnection, table: str, condition: str | None) -> tuple[int, Any] | None:
    """Return the rows that a right gives of a table; None where its condition names a column that is not there."""
    try:
        return _rows(connection, "original", table, condition)
    except (duckdb.BinderException, duckdb.CatalogException):
        return None


def _rows(
    connection: duckdb.DuckDBPyConnection, database: str, table: str, condition: str | None = None
) -> tuple[int, Any]:
    """Return the number of rows of a table and a digest of them, whatever their order."""
    name = ".".join('"' + part.replace('"', '""') + '"' for part in (database, *table.split(".", 1)))
    where = f" where {condition}" if condition else ""
    query = f"select count(*), sum(hash(each_row)) from {name} as each_row{where}"  # noqa: S608 - the right's own text
    [found] = connection.execute(query).fetchall()
    return found
