"""Erases records at the end of their retention, or those of one person, down to the bytes.

DuckDB keeps the blocks of deleted rows in its file, and readers hold the published copies open. A database is therefore
rewritten without its free blocks, and swapped in one step: who has the former file open keeps it until it closes it. Of
the raw lake the files that hold such rows are rewritten (`ingestion.engine.raw_lake`).
"""

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import duckdb
from sqlalchemy import and_, not_

from core.content_store import flush
from core.errors import ExpectedFailure
from core.locks import writer_lock, writer_lock_if_free
from core.settings import Home, home
from core.sql import literal
from ingestion.engine import drop_folder, quarantine, raw_lake
from ingestion.engine.contract import Table
from ingestion.engine.reports import LOAD_LOG
from ingestion.platforms import PLATFORMS, Platform, platform
from warehouse import operations_database
from warehouse.operations_database import holding, older
from warehouse.reader_copies import forgotten
from warehouse.spark import erasing
from warehouse.spark.lake import Lake, is_table, lake_of

#: How long a rejected record stays in quarantine.
QUARANTINE_RETENTION = timedelta(days=90)

#: A file that lies in `drop/` for longer was refused, or nothing runs.
DROP_RETENTION = timedelta(days=30)

#: How long the draft of a prevention action is kept after its last change.
DRAFT_RETENTION = timedelta(days=180)

#: The published copies that are made of a database. What is live goes first: the warehouse archives from its copy.
_PUBLISHED: dict[Literal["warehouse", "live"], str] = {"live": "live", "warehouse": "daily"}

_STILL_HELD = "holds the pseudonym still: it is none of the data files; remove it, or the lines that hold it."

_PSEUDONYM = re.compile(r"p_[0-9a-f]{32}")


@dataclass(frozen=True)
class PurgeReport:
    """What a purge took out.

    Attributes:
        removed: Rows by table, as `warehouse.duckdb raw_jdma.reviews`; tables without any are left out.
        rewritten: Files that were rewritten, below the home; in the lake by their addresses.
        remaining: Files below the home that a person must look at, with the reason.
    """

    removed: Mapping[str, int]
    rewritten: tuple[str, ...]
    remaining: Mapping[str, str]

    @property
    def complete(self) -> bool:
        return not self.remaining

    def lines(self) -> Iterator[str]:
        """Yield what happened, one sentence a line."""
        yield f"{sum(self.removed.values())} rows removed; {len(self.rewritten)} files written anew."
        yield from (f"{rows} rows removed from {table}." for table, rows in sorted(self.removed.items()))
        yield from (f"{file}: {reason}" for file, reason in sorted(self.remaining.items()))


def purge(now: datetime) -> PurgeReport:
    """Remove the rows whose retention has passed, and their remains in the files.

    A row is as old as the column that its table names in `dated_by` says; where that is empty, as its last load. Tables
    that name none, and platforms without a retention, are kept. The archive of a table ages with it; derived tables
    follow with the next build; the free blocks that it leaves go with the next purge, since every purge writes the
    databases anew.

    Args:
        now: The present, with its time zone.

    Raises:
        ExpectedFailure: a database is damaged or open elsewhere without its lock, the disk is too small for a second
            copy of it, or the raw lake cannot be reached or is not as it was written. What was removed until then stays
            removed, and the next purge goes on.
    """
    place = home()
    removed: Counter[str] = Counter()
    rewritten, in_lake = [], []
    for name, target in _PUBLISHED.items():
        file = place.database(name)
        if not file.exists():
            continue
        with writer_lock(file):
            with _opened(file) as connection:
                for chosen in _platforms(name):
                    raw_lake.check_place(connection, chosen)
                    removed.update(_expire(connection, file, chosen, now))
                    in_lake += _expire_lake(connection, chosen, now, removed)
                built = lake_of(place, target)
                erasing.sweep(built)
                for chosen in PLATFORMS:
                    removed.update(_expire_archives(connection, file, chosen, now))
                    removed.update(_expire_archives_in_lake(built, target, chosen, now))
                _have_built_anew(connection, removed)
                _empty_scratch(connection)
                _forget_packages(connection, place, name)
            _rewrite(file)
        rewritten.append(file)
    removed.update(_expire_operations(place, now))
    drop_folder.sweep_uploads(now)
    remaining = {**_waiting(place, now - DROP_RETENTION), **_forget_copies(place)}
    return PurgeReport(+removed, (*_shown(place, rewritten), *in_lake), remaining)


def erase(pseudonym: str) -> PurgeReport:
    """Remove every row that holds a pseudonym, from the databases, from every published copy, and from their bytes.

    Published copies lose the rows and nothing else, so that readers go on; their figures follow with the next build and
    publication. What the platform still shows comes back with the next load: ask the platform first.

    Args:
        pseudonym: As it stands in the data, `p_` and 32 hexadecimal digits.

    Returns:
        A report in which `remaining` names every file of the home that holds the pseudonym still, and every file in
        `drop/`, which may bring the person back.

    Raises:
        ExpectedFailure: it is no pseudonym, or as `purge`.
    """
    if not _PSEUDONYM.fullmatch(pseudonym):
        raise ExpectedFailure(
            "This is no pseudonym.", "Give it as it stands in the data: p_ and 32 hexadecimal digits, in lower case."
        )
    place = home()
    removed: Counter[str] = Counter()
    rewritten, in_lake, held = [], [], {}
    removed.update(_erase_operations(place, pseudonym))  # first: a load that runs meanwhile would bring it back
    for name, target in _PUBLISHED.items():
        file = place.database(name)
        with writer_lock(file):  # also keeps a publication from being made meanwhile
            if file.exists():
                with _opened(file) as connection:
                    for chosen in _platforms(name):
                        raw_lake.check_place(connection, chosen)
                    _empty_scratch(connection)
                    removed.update(_delete_holding(connection, file.name, pseudonym))
                    for chosen in filter(raw_lake.holds, _platforms(name)):
                        in_lake += _erase_lake(connection, chosen, pseudonym, removed)
                    removed.update(_erase_built_lake(place, target, pseudonym))
                    _have_built_anew(connection, removed)
                    _forget_packages(connection, place, name)
                    held |= dict.fromkeys(_held_in_lake(name, pseudonym), _STILL_HELD)
                _rewrite(file)
                rewritten.append(file)
            for published in _copies(place.published / target):
                found = _erase_published(published, pseudonym, str(published.relative_to(place.root)))
                removed.update(found)
                rewritten += [published] if found else []
    of_copies = _forget_copies(place)  # last: one that began before the rows were deleted has copied them
    remaining = {**_waiting(place, datetime.max.replace(tzinfo=UTC)), **_still_holding(place, pseudonym), **of_copies}
    return PurgeReport(+removed, (*_shown(place, rewritten), *in_lake), remaining | held)


def _shown(place: Home, files: Iterable[Path]) -> tuple[str, ...]:
    return tuple(str(file.relative_to(place.root)) for file in files)


def _platforms(database: str) -> list[Platform]:
    return [chosen for chosen in PLATFORMS if chosen.database == database]


# ---- databases


@contextmanager
def _opened(file: Path) -> Generator[duckdb.DuckDBPyConnection]:
    """Open a database for writing, and leave it without a log when it is closed."""
    try:
        connection = duckdb.connect(str(file))
    except duckdb.IOException as problem:
        raise _unreadable(file, problem) from None
    with connection:
        connection.execute("set TimeZone = 'Europe/Paris'")  # dates that are kept as text are of Paris
        yield connection
        connection.execute("checkpoint")


def _unreadable(file: Path, problem: duckdb.Error) -> ExpectedFailure:
    return ExpectedFailure(
        f"The file {file.name} cannot be purged: {str(problem).splitlines()[0]}",
        "If another program has it open, close that; if it is damaged, restore the last backup.",
    )


def _rewrite(file: Path) -> None:
    """Rewrite a database without its free blocks, and put it in the place of the former one.

    Views name the catalog that they are in, which is the name of the file: it is attached under that name.
    """
    catalog, fresh = file.name.partition(".")[0], file.with_name(f".{file.name}.fresh")
    _refuse_full_disk(file)
    for leftover in (fresh, fresh.with_name(f"{fresh.name}.wal")):
        leftover.unlink(missing_ok=True)
    try:
        with duckdb.connect(":memory:") as connection:
            connection.execute("set temp_directory = ''")
            connection.execute(f"""attach {literal(str(file))} as "{catalog}" (read_only)""")
            connection.execute(f"attach {literal(str(fresh))} as fresh")
            connection.execute(f'copy from database "{catalog}" to fresh')
            connection.execute("checkpoint fresh")
            connection.execute("detach fresh")
    except duckdb.Error as problem:
        fresh.unlink(missing_ok=True)
        raise _unreadable(file, problem) from None
    shutil.copymode(file, fresh)
    flush(fresh)
    fresh.replace(file)
    flush(file.parent)
    shutil.rmtree(file.with_name(f"{file.name}.tmp"), ignore_errors=True)  # what a dead process had spilled


def _refuse_full_disk(file: Path) -> None:
    free, needed = shutil.disk_usage(file.parent).free, file.stat().st_size
    if free < needed:
        raise ExpectedFailure(
            f"The file {file.name} cannot be written anew: that takes {needed >> 20} MiB, and {free >> 20} are free.",
            "Free some space and purge again: the rows are removed, but their bytes are still in the file.",
        )


def _have_built_anew(connection: duckdb.DuckDBPyConnection, removed: Mapping[str, int]) -> None:
    """Have the next build make anew what lost rows and is no raw table, and what follows from it."""
    if _has(connection, "audit", "build_fingerprint", "unique_id"):
        connection.execute(
            "delete from audit.build_fingerprint where split_part(unique_id, '.', 3) in (select unnest(?))",
            [[table.rpartition(".")[2] for table, rows in removed.items() if rows]],
        )


def _deleted(connection: duckdb.DuckDBPyConnection, table: str, condition: str, values: list) -> int:
    statement = f"delete from {table} where {condition}"  # noqa: S608 - names of the catalog and of contracts, quoted
    [(rows,)] = connection.execute(statement, values).fetchall()
    return rows


# ---- retention


def _expire(connection: duckdb.DuckDBPyConnection, file: Path, chosen: Platform, now: datetime) -> dict[str, int]:
    """Delete what is too old of a platform, and return the rows by table."""
    removed = {}
    if chosen.retention is not None and not raw_lake.holds(chosen):
        for table in _dated(chosen):
            if _has(connection, chosen.dataset, table.name, table.dated_by):
                name = f'"{chosen.dataset}"."{table.name}"'
                rows = _deleted(connection, name, f"{_age(table)} < ?", [now - chosen.retention])
                removed[f"{file.name} {chosen.dataset}.{table.name}"] = rows
    if _has(connection, quarantine.DATASET, chosen.name, "quarantined_at"):
        name = f'{quarantine.DATASET}."{chosen.name}"'
        rows = _deleted(connection, name, "quarantined_at < ?", [now - QUARANTINE_RETENTION])
        removed[f"{file.name} {quarantine.DATASET}.{chosen.name}"] = rows
    return removed


def _age(table: Table) -> str:
    """Return SQL of the moment that a row is as old as."""
    return f'coalesce(try_cast("{table.dated_by}" as timestamptz), to_timestamp(_dlt_load_id::double))'


def _expire_lake(
    connection: duckdb.DuckDBPyConnection, chosen: Platform, now: datetime, removed: Counter[str]
) -> list[str]:
    """Remove what is too old of a platform in the lake, and what newer rows have replaced; return the files written."""
    if not raw_lake.holds(chosen):
        return []
    files = []
    for table in chosen.connector.CONTRACT:
        is_old, values = "false", []
        if chosen.retention is not None and table.dated_by is not None:
            is_old, values = f"{_age(table)} < ?", [now - chosen.retention]
        rows, written = raw_lake.remove(connection, chosen, table, is_old, values)
        removed[_of_lake(chosen, table)] += rows
        files += written
    return files


def _of_lake(chosen: Platform, table: Table) -> str:
    return f"lake {chosen.dataset}.{table.name}"


def _expire_archives(
    connection: duckdb.DuckDBPyConnection, file: Path, chosen: Platform, now: datetime
) -> dict[str, int]:
    """Delete what is too old of a platform in the tables that archive it, where this file has them."""
    removed = {}
    for schema, archive, condition, before in _archives(chosen, now):
        if is_table(connection, schema, archive):
            rows = _deleted(connection, f'"{schema}"."{archive}"', condition, [before])
            removed[f"{file.name} {schema}.{archive}"] = rows
    return removed


def _expire_archives_in_lake(lake: Lake, target: str, chosen: Platform, now: datetime) -> dict[str, int]:
    """Delete what is too old of a platform in the archives that Spark has appended to."""
    return {
        f"lake/{target} {schema}.{archive}": erasing.remove_archived(lake, schema, archive, condition, [before])
        for schema, archive, condition, before in _archives(chosen, now)
    }


def _archives(chosen: Platform, now: datetime) -> Iterator[tuple[str, str, str, datetime]]:
    """Yield schema, name, condition and its value of each table that archives a platform with a retention."""
    if chosen.retention is None:
        return
    before = (now - chosen.retention).astimezone(UTC).replace(tzinfo=None)
    for table in _dated(chosen):
        if table.archived_in is not None:
            schema, _, archive = table.archived_in.partition(".")
            yield schema, archive, f'"{table.dated_by}" < ?', before


def _has(connection: duckdb.DuckDBPyConnection, *column: str | None) -> bool:
    """Return whether there is a column, named by schema, table and name: a platform may never have been loaded."""
    query = "select 1 from duckdb_columns() where (schema_name, table_name, column_name) = (?, ?, ?)"
    return bool(connection.execute(query, [*column]).fetchall())


def _dated(chosen: Platform) -> list[Table]:
    contract: tuple[Table, ...] = chosen.connector.CONTRACT
    return [table for table in contract if table.dated_by is not None]


def _empty_scratch(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty the tables in which a merge lays out its rows: they hold those of the last load until the next one."""
    tables = connection.execute(
        r"select schema_name, table_name from duckdb_tables()"
        r" where schema_name like 'raw\_%\_staging' escape '\' or schema_name = ?",
        [f"{quarantine.DATASET}_staging"],
    )
    for schema, table in tables.fetchall():
        if not table.startswith("_dlt"):
            connection.execute(f'delete from "{schema}"."{table}"')  # noqa: S608 - names of the catalog, quoted


def _forget_packages(connection: duckdb.DuckDBPyConnection, place: Home, database: str) -> None:
    """Remove what a dead load left on the disk: it did not end, so the next load reads it again."""
    for chosen in _platforms(database):
        if raw_lake.holds(chosen):
            raw_lake.sweep(connection, chosen)
        for pattern in (f"{chosen.name}*", f"quarantine_{chosen.name}"):  # the columnar path has folders of its own
            for folder in place.dlt.glob(pattern):
                shutil.rmtree(folder, ignore_errors=True)


def _forget_copies(place: Home) -> dict[str, str]:
    """Remove copies of what died; name those of what runs, which removes them at its end."""
    remaining = {}
    for what, folder in place.working_copies().items():
        if not folder.exists():
            continue
        if folder == place.upgrade and place.upgrade_switching.exists():
            remaining[folder.name] = (
                "the switch of an upgrade was interrupted: repeat `cyberimpact upgrade FOLDER --switch`, then purge."
            )
            continue
        with writer_lock_if_free(folder) as is_free:
            if is_free:
                shutil.rmtree(folder)
            else:
                remaining[folder.name] = f"a {what} works on copies of the databases: purge again when it has ended."
    return remaining


def _waiting(place: Home, since: datetime) -> dict[str, str]:
    """Return the files that have lain in `drop/` since a moment or longer; they are never deleted here."""
    files = (path for path in place.drop.glob("*/*") if path.is_file())
    reason = "lies in drop/ and was not loaded: load it with --file, which says what is wrong, or remove it."
    return {
        str(path.relative_to(place.root)): reason
        for path in files
        if datetime.fromtimestamp(path.stat().st_mtime, UTC) <= since
    }


# ---- one person


def _holding(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str, str]]:
    """Yield schema, quoted name and condition of every table with a column that can hold a pseudonym."""
    query = """
        select schema_name, table_name, list(column_name)
        from duckdb_columns() join duckdb_tables() using (database_name, schema_name, table_name)
        where database_name = current_database() and (data_type like '%VARCHAR%' or data_type = 'JSON')
          and not starts_with(table_name, '_dlt')
        group by all
    """
    for schema, table, columns in connection.execute(query).fetchall():
        condition = " or ".join(f'contains("{column}"::varchar, $1)' for column in columns)
        yield f"{schema}.{table}", f'"{schema}"."{table}"', condition


def _delete_holding(connection: duckdb.DuckDBPyConnection, file: str, pseudonym: str) -> dict[str, int]:
    """Delete the rows that hold a pseudonym in any column of any table, derived ones included."""
    return {
        f"{file} {shown}": rows
        for shown, name, condition in _holding(connection)
        if (rows := _deleted(connection, name, condition, [pseudonym]))
    }


def _erase_lake(
    connection: duckdb.DuckDBPyConnection, chosen: Platform, pseudonym: str, removed: Counter[str]
) -> list[str]:
    """Remove the rows of a platform in the lake that hold a pseudonym, and return the files that were written."""
    files = []
    for table in (*chosen.connector.CONTRACT, LOAD_LOG):
        texts = [declared.name for declared in table.fields if declared.type == "text"]
        condition = " or ".join(f'contains("{name}", $1)' for name in texts)
        rows, written = raw_lake.remove(connection, chosen, table, f"coalesce({condition}, false)", [pseudonym])
        removed[_of_lake(chosen, table)] += rows
        files += written
    return files


def _erase_built_lake(place: Home, target: str, pseudonym: str) -> dict[str, int]:
    """Remove the rows of a target's lake that hold a pseudonym."""
    removed = erasing.remove_holding(lake_of(place, target), pseudonym)
    return {f"lake/{target} {table}": rows for table, rows in removed.items()}


def _held_in_lake(database: str, text: str) -> Iterator[str]:
    return (
        file for chosen in _platforms(database) if raw_lake.holds(chosen) for file in raw_lake.holding(chosen, text)
    )


def _copies(target: Path) -> list[Path]:
    """Return the published copies of a target, each once: `current` is a link to one of them."""
    builds = (path for path in target.glob("*") if path.is_dir() and not path.is_symlink())
    return sorted(file for build in builds for file in build.glob("*.duckdb"))


def _erase_published(file: Path, pseudonym: str, shown: str) -> dict[str, int]:
    """Delete the rows in a copy of the copy, which readers hold open, and put that in its place.

    The copies that were made of it for each right are forgotten; readers have them made again.
    """
    if not _is_held(file, pseudonym):
        return {}
    _refuse_full_disk(file)
    work = file.with_name(f".erasing.{os.getpid()}") / file.name
    work.parent.mkdir()
    try:
        with forgotten(file.parent):
            shutil.copyfile(file, work)
            with _opened(work) as connection:
                removed = _delete_holding(connection, shown, pseudonym)
            _rewrite(work)
            shutil.copymode(file, work)
            work.replace(file)
            flush(file.parent)
    finally:
        shutil.rmtree(work.parent, ignore_errors=True)
    return removed


def _is_held(file: Path, pseudonym: str) -> bool:
    """Return whether any row of a database that others may read holds a pseudonym."""
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            return any(
                connection.execute(f"select 1 from {name} where {condition} limit 1", [pseudonym]).fetchall()  # noqa: S608
                for _, name, condition in _holding(connection)
            )
    except duckdb.IOException as problem:
        raise _unreadable(file, problem) from None


def _still_holding(place: Home, text: str) -> dict[str, str]:
    """Return the files of the home whose bytes hold a text.

    Another process reads them: one that opened and closed a database of this process would drop its lock on it.
    """
    found = subprocess.run(
        ["grep", "--recursive", "--files-with-matches", "--text", "--fixed-strings", "--devices=skip", "--file=-", "."],
        cwd=place.root,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    return {name.removeprefix("./"): _STILL_HELD for name in found.stdout.splitlines()}


# ---- the platform's own records


def _expire_operations(place: Home, now: datetime) -> dict[str, int]:
    """Delete what is too old at the source: the next load would bring it back."""
    chosen = platform("operations")
    if chosen.retention is None:
        return {}
    before = now - chosen.retention
    conditions = {table.name: older(str(table.dated_by), before) for table in _dated(chosen)}
    conditions |= {
        "topics": lambda topics: and_(not_(topics.columns.active), older("updated_at", before)(topics)),
        "wall_accesses": older("revoked_at", before),
        "used_links": older("used_at", before),
        "action_drafts": older("updated_at", now - DRAFT_RETENTION),
    }
    return _of_operations(place, operations_database.remove(place, conditions))


def _erase_operations(place: Home, pseudonym: str) -> dict[str, int]:
    conditions = dict.fromkeys(operations_database.tables(place), holding(pseudonym))
    return _of_operations(place, operations_database.remove(place, conditions))


def _of_operations(place: Home, removed: Mapping[str, int]) -> dict[str, int]:
    return {f"{operations_database.name(place)} {table}": rows for table, rows in removed.items()}
