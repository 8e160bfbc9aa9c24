"""Compares the copies per right with the published copy that they were made from."""

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from audit.copy_digests import missing_and_added
from core.sql import literal
from warehouse.reader_copies import DECLARATION, FOLDER
from warehouse.rights import Right

_TABLES = """
    select schema_name || '.' || table_name, list([column_name, data_type] order by column_index)
    from duckdb_columns() inner join duckdb_tables() using (database_name, schema_name, table_name)
    where database_name = ? group by all
"""
#: What a copy never holds: a macro named as a built-in function would be taken for it by every query of a reader.
_FOREIGN = """
    select 'vue', schema_name || '.' || view_name from duckdb_views() where database_name = 'copy' and not internal
    union all
    select 'fonction', schema_name || '.' || function_name from duckdb_functions()
    where database_name = 'copy' and not internal
    union all
    select 'séquence', schema_name || '.' || sequence_name from duckdb_sequences() where database_name = 'copy'
    union all
    select 'définition de type', schema_name || '.' || type_name from duckdb_types()
    where database_name = 'copy' and not internal
    order by all
"""


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
    except (OSError, ValueError, TypeError, RecursionError):
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
        table: right.tables[table]
        for table in right.tables.keys() & published.keys()
        if _is_in_copy(connection, table, right.tables[table])
    }
    yield from (f"la {kind} {name} a été ajoutée" for kind, name in connection.execute(_FOREIGN).fetchall())
    yield from missing_and_added(wanted.keys(), found.keys())
    salt = secrets.token_hex(16)
    for table in sorted(wanted.keys() & found.keys()):
        sides = (_rows("original", table, wanted[table]), _rows("copy", table))
        columns = published[table]
        if found[table] != columns or len({_digest(connection, columns, salt, rows) for rows in sides}) > 1:
            yield f"la table {table} a été modifiée"


def _is_in_copy(connection: duckdb.DuckDBPyConnection, table: str, condition: str | None) -> bool:
    """Return whether a copy should hold a table: not if the right's condition names a column that the table lacks."""
    try:
        connection.execute(f"select 1 {_rows('original', table, condition)} limit 0")
    except (duckdb.BinderException, duckdb.CatalogException):
        return False
    return True


def _digest(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[tuple[str, str]], salt: str, rows: str
) -> tuple[int, int]:
    """Return the number of rows and the sum of their digests, whatever their order.

    DuckDB's own hash of a row can be inverted; MD5 after an unpredictable salt cannot.
    """
    values = ", ".join(f"coalesce({_quoted(name)}::varchar, $salt), $salt" for name, _ in columns)
    query = f"select count(*), sum(md5_number_lower(concat($salt, {values}))) {rows}"
    [found] = connection.execute(query, {"salt": salt}).fetchall()
    return found


def _rows(database: str, table: str, condition: str | None = None) -> str:
    name = ".".join(map(_quoted, (database, *table.split(".", 1))))
    return f"from {name}" + (f" where {condition}" if condition else "")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
