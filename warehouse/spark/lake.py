"""The lake: one folder of Parquet files per table, which Spark reads and writes and DuckDB sees as views.

`<home>/lake/<target>/<schema>/<table>/` holds what is built. What a build takes in from DuckDB files lies beside it,
under `taken_in`: raw tables, the other target's published copy, decisions of operators, and the books of the build.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from core.errors import ExpectedFailure
from core.settings import Home
from core.sql import literal

#: A timestamp without a zone, as all are in DuckDB here, is INT96 in Spark's files.
TYPES = {"VARCHAR": "string"}
TAKEN_IN = "taken_in"
#: Beginning of the folder there, in which a Python model reads and writes until it ends.
MADE_BY = "made_by."
VERSIONS = "__versions"


class Lake(NamedTuple):
    """The lake of a target.

    Attributes:
        folder: Where its tables lie.
        namespace: What the names of its databases in Spark's catalogue begin with: homes that share a cluster, and the
            two targets, share no table.
    """

    folder: Path
    namespace: str

    def database(self, schema: str, catalog: str | None = None) -> str:
        """Return the database of Spark that holds a schema, of the target's own catalog or of another."""
        return "_".join(filter(None, (self.namespace, catalog, schema)))

    def name(self, schema: str, table: str, catalog: str | None = None) -> str:
        """Return the name of a table in Spark's SQL."""
        return f"`{self.database(schema, catalog)}`.`{table}`"

    def schema_folder(self, database: str) -> Path:
        return self.folder / database.removeprefix(f"{self.namespace}_")

    def table_folder(self, schema: str, table: str) -> Path:
        return self.schema_folder(self.database(schema)) / table

    def scan(self, schema: str, table: str, partitions: int = 0) -> str | None:
        """Return DuckDB's SQL of the rows of a table; None where it has no file."""
        return scan_of(self.table_folder(schema, table), partitions)


class TakenIn(NamedTuple):
    """A table that a build takes in.

    Attributes:
        catalog: Its catalog in DuckDB, None for that of the target.
        schema: Its schema.
        table: Its name.
        columns: Its columns with their types.
        folder: Of its file; a table of other columns lies in another folder.
        is_known: Whether the folder was there before.
        problem: Why it cannot be read; empty where it can.
    """

    catalog: str | None
    schema: str
    table: str
    columns: Mapping[str, str]
    folder: Path
    is_known: bool
    problem: str = ""


def lake_of(home: Home, target: str) -> Lake:
    return Lake(home.lake / target, f"{namespace(home)}_{target}")


def namespace(home: Home) -> str:
    """Return what the names of a home's databases begin with, which no other home's do."""
    return f"cyberimpact_{digest(str(home.root))}"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def scan_of(folder: Path, partitions: int = 0) -> str | None:
    """Return DuckDB's SQL of the rows of a folder of files; None where it has none.

    Only the files of the folder, or of its partitions, count: what a job that was killed has left lies deeper.

    Args:
        folder: The folder.
        partitions: By how many columns the table is partitioned.
    """
    files = "/".join(["*=*"] * partitions + ["*.parquet"])
    if next(folder.glob(files), None) is None:
        return None
    return f"read_parquet({literal(f'{folder}/{files}')}, union_by_name = true, hive_partitioning = {partitions > 0})"


def take_in(
    connection: duckdb.DuckDBPyConnection, lake: Lake, catalog: str, tables: Iterable[tuple[str | None, str, str]]
) -> Iterator[TakenIn]:
    """Write tables that DuckDB shows as Parquet files; one that is not there is left out.

    Args:
        connection: Has everything attached that a build reads.
        lake: The lake.
        catalog: Of the target's own file.
        tables: Catalog (None for the target's own), schema and name of each.
    """
    query = "select database_name, schema_name, table_name, column_name, data_type from duckdb_columns()"
    known: dict[tuple[str, str, str], dict[str, str]] = {}
    for database, schema, table, column, kind in connection.execute(query).fetchall():
        known.setdefault((database, schema, table), {})[column] = TYPES.get(kind, kind)
    for own, schema, table in tables:
        columns = known.get((own or catalog, schema, table))
        if columns is None:
            continue
        name = ".".join(filter(None, (own, schema, table)))
        folder = lake.folder / TAKEN_IN / f"{name}-{digest(repr(columns))}"
        taken = TakenIn(own, schema, table, columns, folder, folder.exists())
        try:
            write(connection, f'select * from "{own or catalog}"."{schema}"."{table}"', folder)  # noqa: S608 - names
        except duckdb.Error as refused:
            taken = taken._replace(problem=str(refused))
        yield taken


def write(connection: duckdb.DuckDBPyConnection, query: str, folder: Path) -> None:
    """Write the rows of a query as the one file of a folder, which is there in full or as it was."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    connection.execute(f"copy ({query}) to {literal(str(partial / 'rows.parquet'))} (format parquet, compression zstd)")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def show_table(connection: duckdb.DuckDBPyConnection, lake: Lake, node: Mapping[str, Any]) -> None:
    """Show a table of the lake in the file of its target, under its own name and with its descriptions.

    Args:
        connection: Is in the catalog of the file, for writing.
        lake: The lake.
        node: The model or seed, as the manifest has it.
    """
    schema, name = node["schema"], node.get("alias") or node["name"]
    by = node["config"].get("partition_by") or []
    rows = lake.scan(schema, name, 1 if isinstance(by, str) else len(by))
    columns = node["columns"] if node["config"].get("contract", {}).get("enforced") else {}
    listed = ", ".join(f'cast("{key}" as {column["data_type"]}) as "{key}"' for key, column in columns.items())
    if rows:
        show(connection, node, f"select {listed or '*'} from {rows}")  # noqa: S608 - names of the manifest
    elif columns:
        nulls = (f'cast(null as {column["data_type"]}) as "{key}"' for key, column in columns.items())
        show(connection, node, f"select {', '.join(nulls)} where false")


def show_archive(connection: duckdb.DuckDBPyConnection, lake: Lake, node: Mapping[str, Any]) -> None:
    """Show the newest row of each key of an archive, as the materialization `archive` does in Spark's catalogue.

    Raises:
        ExpectedFailure: the file has rows that the lake has not.
    """
    schema, name, key = node["schema"], node["name"], node["config"]["unique_key"]
    rows = lake.scan(schema, versions_of(name))
    if rows is None:
        show_table(connection, lake, node)
        return
    query = f"select {', '.join(node['columns'])} from {rows} qualify {recency(key)} = 1"  # noqa: S608 - names of the manifest
    if is_table(connection, schema, name):
        lost = f'select {key} from "{schema}"."{name}" where {key} not in (select {key} from ({query})) limit 1'  # noqa: S608
        if connection.execute(lost).fetchone():
            raise ExpectedFailure(
                f"{schema}.{name} has rows that the lake has not; it was left as it is.",
                f"Move {lake.table_folder(schema, versions_of(name))} away and build again: Spark then takes them in.",
            )
    show(connection, node, query)


def written_as(node: Mapping[str, Any]) -> tuple[str, str]:
    """Return schema and name of the table in which Spark writes the rows of a model or seed."""
    name = node.get("alias") or node["name"]
    return node["schema"], versions_of(name) if node["config"]["materialized"] == "archive" else name


def recency(key: str) -> str:
    """Return SQL of the place of a version among those of its key, 1 for the newest, as `macros/archive.sql` has it."""
    return f"row_number() over (partition by {key} order by archived_by_build desc)"


def versions_of(archive: str) -> str:
    """Return the table of an archive in which each build adds its rows (`macros/archive.sql`)."""
    return f"{archive}{VERSIONS}"


def is_versions(table: str) -> bool:
    return table.endswith(VERSIONS)


def show(connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any], query: str) -> None:
    """Show rows under the name of a model or seed, and describe them."""
    schema, name = node["schema"], node.get("alias") or node["name"]
    shown = f'"{schema}"."{name}"'
    connection.execute(f'create schema if not exists "{schema}"')
    if is_table(connection, schema, name):
        connection.execute(f"drop table {shown}")  # what DuckDB as the engine had built
    connection.execute(f"create or replace view {shown} as {query}")
    columns = {column for (column, *_) in connection.execute(f"describe {shown}").fetchall()}
    described = [f"comment on view {shown} is {literal(node['description'])}"] if node.get("description") else []
    described += [
        f'comment on column {shown}."{key}" is {literal(column["description"])}'
        for key, column in node["columns"].items()
        if key in columns and column.get("description")
    ]
    connection.execute("; ".join(described))


def is_table(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    """Return whether the file has a table of that name that is its own, not a view of the lake."""
    query = (
        "select 1 from duckdb_tables() where database_name = current_database() and schema_name = ? and table_name = ?"
    )
    return connection.execute(query, [schema, name]).fetchone() is not None
