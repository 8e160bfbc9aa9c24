"""Digests of a published copy: of its file, which proves, and of each table, which locates a change.

Never called while this process has the copy open: closing the file would drop DuckDB's lock on it.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import duckdb

from core.content_store import canonical, digest_of
from core.sql import literal

Tables = dict[str, dict[str, Any]]


def of_copy(file: Path) -> dict[str, Any]:
    """Return what a publication signs of its copy: `sha256` of the file, `tables` by name, version of DuckDB."""
    return {"sha256": digest_of(file), "duckdb": duckdb.__version__, "tables": of_tables(file)}


def of_tables(file: Path) -> Tables:
    """Return number of rows and digest of each table of a copy, whatever the order of its rows.

    The digest of the rows is the sum of DuckDB's 64-bit hashes: fast, comparable within one version of DuckDB only, and
    no proof by itself.

    Raises:
        duckdb.Error: it is no database, or damaged.
    """
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.execute(f"attach {literal(str(file))} as copy (read_only)")
        connection.execute("set enable_external_access = false")
        columns = connection.execute(
            "select schema_name, table_name, list([column_name, data_type] order by column_index) "
            "from duckdb_columns() where database_name = 'copy' group by all"
        ).fetchall()
        views = connection.execute(
            "select schema_name || '.' || view_name, sql from duckdb_views() where database_name = 'copy' "
            "and not internal"
        ).fetchall()
        found: Tables = {name: {"rows": 0, "digest": _digest("view", sql)} for name, sql in views}
        for schema, name, described in columns:
            if f"{schema}.{name}" not in found:
                found[f"{schema}.{name}"] = of_table(connection, ("copy", schema, name), described)
    return dict(sorted(found.items()))


def of_table(connection: duckdb.DuckDBPyConnection, table: Sequence[str], columns: Any) -> dict[str, Any]:
    """Return number of rows and digest of a table, whatever the order of its rows.

    Args:
        connection: Has the database of the table attached.
        table: Its catalog, schema and name.
        columns: What describes its columns: a part of the digest.
    """
    [(rows, total)] = connection.execute(
        f"select count(*), sum(hash(each_row))::varchar from {_quoted(*table)} as each_row"  # noqa: S608 - quoted
    ).fetchall()
    return {"rows": rows, "digest": _digest(columns, rows, total)}


def _quoted(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def _digest(*content: Any) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()


def missing_and_added(known: Set[str], found: Set[str]) -> Iterator[str]:
    """Yield in French which tables a copy lacks, and which it has besides."""
    yield from (f"la table {name} a été retirée" for name in sorted(known - found))
    yield from (f"la table {name} a été ajoutée" for name in sorted(found - known))


def differences(signed: Mapping[str, Any], file: Path) -> Iterator[str]:
    """Yield in French what a copy whose file was changed has other than what was signed."""
    try:
        found = of_tables(file)
    except (duckdb.Error, UnicodeDecodeError):  # the second: the message of the first holds bytes of the file
        yield "le fichier n'est plus une base DuckDB lisible"
        return
    known: Mapping[str, Mapping[str, Any]] = signed["tables"]
    yield from missing_and_added(known.keys(), found.keys())
    if signed["duckdb"] != duckdb.__version__:
        yield f"les tables ne sont comparables qu'avec DuckDB {signed['duckdb']}, qui les a publiées"
        return
    changed = [name for name in sorted(known.keys() & found.keys()) if known[name] != found[name]]
    for name in changed:
        yield f"la table {name} a été modifiée ({found[name]['rows']} lignes, {known[name]['rows']} publiées)"
    if not changed and known.keys() == found.keys():
        yield "aucune table ne diffère : ce sont des commentaires ou d'autres octets du fichier"
