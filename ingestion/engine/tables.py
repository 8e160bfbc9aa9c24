"""Creates the raw tables of a platform from its contracts, and looks rows up by key."""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache, partial
from pathlib import Path

import dlt
import duckdb
from dlt.common.schema import Schema
from dlt.common.schema.utils import dlt_id_column, dlt_load_id_column

from core import home_format
from core.errors import ExpectedFailure
from core.settings import home
from ingestion.engine import quarantine, raw_lake
from ingestion.engine.contract import DUCKDB_TYPES, Row, Table
from ingestion.engine.pipelines import open_pipeline, table_resource
from ingestion.engine.reports import LOAD_LOG
from ingestion.engine.validation import LaterExports
from ingestion.platforms import Platform


def is_empty(database: Path, dataset: str, table: Table) -> bool:
    """Return whether a raw table has no row."""
    with duckdb.connect(str(database)) as connection:
        return not connection.execute(f"select 1 from {dataset}.{table.name} limit 1").fetchall()  # noqa: S608


def row_counts(chosen: Platform) -> dict[str, int]:
    """Return the rows of each raw table of a platform; the caller holds the writer lock of its database."""
    with duckdb.connect(str(home().database(chosen.database))) as connection:
        return {
            table.name: connection.execute(f"select count(*) from {chosen.dataset}.{table.name}").fetchall()[0][0]  # noqa: S608
            for table in chosen.connector.CONTRACT
        }


def lookup(chosen: Platform, table: Table) -> Callable[[Sequence[str], Sequence[str]], dict[str, Row]]:
    """Return a function that finds, by key, the rows of completed loads: `existing` of a validator.

    An empty table is asked once only: a load writes after it has read everything, and a first load has many pages.
    """
    database = home().database(chosen.database)
    always = (table.key, *([table.versioned_by] if table.versioned_by else []), "_content_hash", "_dlt_load_id")

    in_lake = raw_lake.holds(chosen)
    known_empty = cache(partial(is_empty, database, chosen.dataset, table))

    def find(keys: Sequence[str], names: Sequence[str]) -> dict[str, Row]:
        if not in_lake and known_empty():
            return {}
        columns = ", ".join(f'"{name}"' for name in dict.fromkeys((*always, *names)))
        with duckdb.connect(str(database)) as connection:
            source, newest = f"{chosen.dataset}.{table.name}", ""
            if in_lake:  # its view would look for the newest row of every key
                source = f"({raw_lake.versions(connection, chosen, table)})"
                newest = f"qualify row_number() over (partition by {table.key} order by _dlt_load_id desc) = 1"
            query = (
                f"select {columns} from {source} where {table.key} in (select unnest(?)) and _dlt_load_id in"  # noqa: S608
                f" (select load_id from {chosen.dataset}._dlt_loads where status = 0) {newest}"
            )
            rows = connection.execute(query, [list(keys)]).to_arrow_table().to_pylist()
        return {row[table.key]: row for row in rows}

    return find


def later_exports(chosen: Platform, table: Table, sha256: str | None) -> LaterExports:
    """Return a function that finds which loads of a table took a later export than a file does.

    An export is later when its records reach further, or when it was loaded after this same file had been loaded.
    """
    database = home().database(chosen.database)
    log = f"{chosen.dataset}.{LOAD_LOG.name}"
    query = (
        f"select distinct _dlt_load_id from {log} as later where entity = $entity and _dlt_load_id in"  # noqa: S608
        " (select unnest($load_ids)) and (last_day > $last_day or exists (select 1 from"
        f" {log} as same where same.sha256 = $sha256 and same.entity = $entity"
        " and same._dlt_load_id::double < later._dlt_load_id::double))"
    )

    def find(load_ids: Iterable[str], last_day: date | None) -> set[str]:
        values = {
            "entity": table.name,
            "load_ids": list(load_ids),
            "last_day": last_day and last_day.isoformat(),
            "sha256": sha256,
        }
        with duckdb.connect(str(database)) as connection:
            return {load_id for (load_id,) in connection.execute(query, values).fetchall()}

    return find


def ensure(chosen: Platform, contract: Iterable[Table]) -> None:
    """Create the raw tables of a platform, its load log and its quarantine, empty, where they do not exist.

    The caller holds the writer lock of the platform's database.

    Raises:
        ExpectedFailure: a column has another type in the database than in the contract.
    """
    database = home().database(chosen.database)
    home_format.mark(database.parent)
    kept = quarantine.quarantine_table(chosen.name)
    found = _columns(database)
    raw = [table for table in (*contract, LOAD_LOG) if not _is_complete(table, chosen.dataset, database.name, found)]
    if raw_lake.holds(chosen) or (chosen.dataset, raw_lake.REGISTER) in found:
        with duckdb.connect(str(database)) as connection:
            raw_lake.check_place(connection, chosen)
    if raw_lake.holds(chosen):
        raw_lake.show(chosen, (*contract, LOAD_LOG))
    elif raw:
        _create(chosen.name, chosen.dataset, database, raw)
    if not _is_complete(kept, quarantine.DATASET, database.name, found):
        _create(f"quarantine_{chosen.name}", quarantine.DATASET, database, [kept])


@contextmanager
def raw_pipeline(chosen: Platform, name: str) -> Generator[dlt.Pipeline]:
    """Open a pipeline that writes the raw tables of a platform, wherever they lie; the database shows what it wrote.

    Args:
        chosen: The platform; the caller holds the writer lock of its database.
        name: Of the pipeline, see `open_pipeline`.

    Raises:
        ExpectedFailure: the tables lie in the lake, and a file there is not as it was written.
    """
    database = home().database(chosen.database)
    if not raw_lake.holds(chosen):
        yield open_pipeline(name, chosen.dataset, database)
        return
    contract = (*chosen.connector.CONTRACT, LOAD_LOG)
    raw_lake.make_folder()
    pipeline = open_pipeline(name, chosen.dataset, database, raw_lake.address())
    raw_lake.show(chosen, contract)  # a load that had been interrupted may have ended
    yield pipeline
    raw_lake.show(chosen, contract)


def _create(name: str, dataset: str, database: Path, tables: Iterable[Table]) -> None:
    """Have dlt create tables and store their schema: a load without rows costs four times as much."""
    pipeline = open_pipeline(name, dataset, database)
    schema = pipeline.schemas[name] if name in pipeline.schemas else Schema(name)
    for table in tables:
        resource = table_resource(table, ()).apply_hints(columns=[dlt_load_id_column(), dlt_id_column()])
        schema.update_table(resource.compute_table_schema())
    pipeline.schemas.save_schema(schema)
    pipeline.sync_schema(name)


def _columns(database: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Return the columns and types of every table of a database, by schema and table."""
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    if database.exists():
        query = "select table_schema, table_name, column_name, data_type from information_schema.columns"
        with duckdb.connect(str(database)) as connection:
            for schema, table, column, data_type in connection.execute(query).fetchall():
                found[schema, table][column] = data_type
    return found


def _is_complete(table: Table, dataset: str, database: str, found: Mapping[tuple[str, str], Mapping[str, str]]) -> bool:
    columns = found.get((dataset, table.name), {})
    for declared in table.fields:
        if declared.name in columns and columns[declared.name] != DUCKDB_TYPES[declared.type]:
            raise ExpectedFailure(
                f"The column {dataset}.{table.name}.{declared.name} is {columns[declared.name]} in {database} and"
                f" {DUCKDB_TYPES[declared.type]} in the contract.",
                "Nothing was loaded, the data loaded before stays: give the changed column a new name in the contract.",
            )
    return all(declared.name in columns for declared in table.fields)
