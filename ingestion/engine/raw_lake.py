"""Raw tables in a lake: Parquet files that loads append, shown by views of the platform's DuckDB file.

`<lake>/raw_<platform>/<table>/load_id=<load>/<file>.parquet` is written by dlt's `filesystem` destination, which notes
each load that has ended in `_dlt_loads/`. The DuckDB file keeps a register of the files of these loads, and one view
per table over them: the newest row of each key, as a merge would have left it. Files of a load that has not ended are
in no view. Nothing changes a file but `remove`, which retention and erasure call.
"""

import hashlib
import json
from collections.abc import Container, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from fsspec.utils import tokenize

from core import disk, settings
from core.content_store import digest_of, flush
from core.errors import ExpectedFailure, first_of
from core.sql import literal
from ingestion.engine.contract import DUCKDB_TYPES, Table
from ingestion.engine.reports import LOAD_LOG
from ingestion.platforms import PLATFORMS, Platform, platform

#: Platforms whose raw tables lie in the lake, separated by commas; none by default.
PLATFORMS_SETTING = "CYBERIMPACT_RAW_LAKE_PLATFORMS"
#: Folder or fsspec address of the lake; `raw_lake/` in the home by default.
ADDRESS_SETTING = "CYBERIMPACT_RAW_LAKE"

#: Protocols that both fsspec and DuckDB know; all but `file` need DuckDB's extension httpfs.
DUCKDB_READS = frozenset({"file", "s3", "gcs"})
#: What dlt writes first into the folder of a platform.
INIT = "init"
LOADS = "_dlt_loads"
#: Where a file is written before it takes the place of another one; a file of that name was left by a dead purge.
WRITING = ".writing"

#: The register of the files. `state` is what a listing says of a file: while it is the same, its bytes are. A file that
#: is being rewritten may have either digest; the empty one is that of a file that is being removed.
REGISTER = "_lake_files"
_BOOKS = """
    create schema if not exists {schema};
    create table if not exists {schema}._dlt_loads (
        load_id varchar, schema_name varchar, status bigint, inserted_at timestamptz, schema_version_hash varchar
    );
    create table if not exists {schema}._lake_files (
        file varchar, entity varchar, load_id varchar, state varchar, sha256 varchar, next_sha256 varchar
    )
"""
_REMOVED = ""
_SHOWN = 3


def holds(chosen: Platform) -> bool:
    """Return whether the raw tables of a platform lie in the lake.

    Raises:
        ExpectedFailure: the setting names a platform that is unknown.
    """
    names = [name.strip() for name in settings.get(PLATFORMS_SETTING, "").split(",")]
    return chosen.name in {platform(name).name for name in names if name}


def tables() -> dict[str, tuple[Platform, Table]]:
    """Return the tables that lie in the lake, by name, as `raw_listening.mentions`."""
    return {
        f"{chosen.dataset}.{table.name}": (chosen, table)
        for chosen in PLATFORMS
        if holds(chosen)
        for table in chosen.connector.CONTRACT
    }


def address() -> str:
    """Return the folder or the fsspec address of the lake."""
    return settings.get(ADDRESS_SETTING, str(settings.home().raw_lake)).rstrip("/")


def show(chosen: Platform, contract: Iterable[Table]) -> None:
    """Bring the register up to the loads that have ended, and the views up to the register.

    The caller holds the writer lock of the platform's database.

    Raises:
        ExpectedFailure: the lake cannot be reached, or a file of it is not as its load or the last purge has left it.
    """
    lake = Lake.of(chosen)
    with duckdb.connect(str(settings.home().database(chosen.database))) as connection:
        connection.execute("begin")
        lake.refresh(connection)
        lake.create_views(connection, contract)
        connection.execute("commit")


def make_folder() -> None:
    """Make the folder of the lake.

    Raises:
        ExpectedFailure: it cannot be made.
    """
    files, root = url_to_fs(address())
    with reached():
        files.makedirs(root, exist_ok=True)


def check_place(connection: duckdb.DuckDBPyConnection, chosen: Platform) -> None:
    """Check that the raw tables of a platform lie where the setting has them, and nowhere else.

    Args:
        connection: The platform's database.
        chosen: The platform.

    Raises:
        ExpectedFailure: they lie elsewhere, or a move has not ended.
    """
    if holds(chosen) and has_rows(connection, chosen):
        raise ExpectedFailure(
            f"The raw tables of {chosen.name} have rows in the database, and {PLATFORMS_SETTING} names it.",
            f"Run `cyberimpact raw move {chosen.name}`, or take it out of {PLATFORMS_SETTING}.",
        )
    if not holds(chosen) and is_table(connection, chosen, REGISTER):
        raise ExpectedFailure(
            f"The raw tables of {chosen.name} lie in the lake, and {PLATFORMS_SETTING} does not name it.",
            f"Name it there again, or run `cyberimpact raw move {chosen.name}`, which takes them into the database.",
        )


def has_rows(connection: duckdb.DuckDBPyConnection, chosen: Platform) -> bool:
    """Return whether a raw table of a platform has rows in its database."""
    return any(
        connection.execute(f'select 1 from {chosen.dataset}."{table.name}" limit 1').fetchall()  # noqa: S608
        for table in (*chosen.connector.CONTRACT, LOAD_LOG)
        if is_table(connection, chosen, table.name)
    )


def is_table(connection: duckdb.DuckDBPyConnection, chosen: Platform, name: str) -> bool:
    """Return whether a raw table of a platform, or the register of its files, is a table of its database."""
    names = "(database_name, schema_name, table_name) = (current_database(), ?, ?)"
    query = f"select 1 from duckdb_tables() where {names}"  # noqa: S608
    return bool(connection.execute(query, [chosen.dataset, name]).fetchall())


def remove(
    connection: duckdb.DuckDBPyConnection, chosen: Platform, table: Table, condition: str, values: Sequence[Any]
) -> tuple[int, list[str]]:
    """Rewrite the files that hold rows to be removed, or rows that newer ones have replaced.

    A process that dies in between leaves each file as it was or as it is to be.

    Args:
        connection: The platform's database, for writing.
        chosen: The platform.
        table: The table.
        condition: SQL of the rows to be removed, in the names of the columns.
        values: Of the parameters in it.

    Returns:
        The rows that the view loses, and the files that were rewritten or removed.

    Raises:
        ExpectedFailure: as `show`.
    """
    lake = Lake.of(chosen)
    lake.refresh(connection)
    rows = lake.versions(connection, table, located=True)
    newest = f'max(_dlt_load_id) over (partition by "{table.key}")'
    connection.execute(
        "create or replace temp table gone as select filename, file_row_number, is_newest from (select filename,"  # noqa: S608
        f" file_row_number, ({condition}) as is_meant, _dlt_load_id = {newest} as is_newest from ({rows}))"
        " where is_meant or not is_newest",
        values,
    )
    [(lost,)] = connection.execute("select count(*) from gone where is_newest").fetchall()
    files = [name for (name,) in connection.execute("select distinct filename from gone order by 1").fetchall()]
    for name in files:
        lake.rewrite(connection, name)
    lake.create_views(connection, [table])
    return lost, files


def versions(connection: duckdb.DuckDBPyConnection, chosen: Platform, table: Table) -> str:
    """Return SQL of all rows of a table in the lake, those that newer ones have replaced included."""
    return Lake.of(chosen).versions(connection, table)


def sweep(connection: duckdb.DuckDBPyConnection, chosen: Platform) -> None:
    """Remove what a dead load or a dead purge has left in the lake: no view shows it, and no load will end it."""
    lake = Lake.of(chosen)
    lake.refresh(connection)
    kept = {file for (file,) in connection.execute(f"select file from {lake.register}").fetchall()}  # noqa: S608
    for file in lake.listing():
        is_data = file.endswith(".parquet") and not file.startswith("_dlt")
        if (is_data and file not in kept) or file.endswith(WRITING):
            lake.files.rm_file(lake.path(file))


def holding(chosen: Platform, text: str) -> Iterator[str]:
    """Yield the files of the lake in which a text stands, in a value or in their bytes."""
    lake = Lake.of(chosen)
    with duckdb.connect(":memory:") as connection:
        for file in lake.listing():
            found = text.encode() in lake.files.cat_file(lake.path(file))
            if not found and file.endswith(".parquet"):  # its values are compressed
                query = (
                    f"select 1 from read_parquet({literal(lake.url(file))}) as r where contains(r::varchar, ?) limit 1"  # noqa: S608
                )
                found = bool(connection.execute(query, [text]).fetchall())
            if found:
                yield lake.url(file)


class Holding(NamedTuple):
    """A file of the lake that holds records somebody looks for.

    Attributes:
        file: Its path below the lake, `raw_<platform>/<table>/load_id=<load>/<file>.parquet`.
        load_id: The load that wrote it.
        sha256: Of its bytes, as its load or the last purge has left them.
        records: How many of the records are in it.
    """

    file: str
    load_id: str
    sha256: str
    records: int


def locate(chosen: Platform, table: Table, columns: Iterable[str], keys: pa.Table) -> list[Holding]:
    """Return the files that hold the newest row of some records of a table, in the order of their loads.

    The caller holds the writer lock of the platform's database.

    Args:
        chosen: The platform; its tables need not lie in the lake.
        table: The table.
        columns: Those that may hold a key.
        keys: The keys, in the column `record_key`, as they are or after a prefix `platform|`.

    Raises:
        ExpectedFailure: the lake cannot be reached.
    """
    lake = Lake.of(chosen)
    database = settings.home().database(chosen.database)
    if not database.exists():
        return []
    with duckdb.connect(str(database), read_only=True) as connection:
        if not is_table(connection, chosen, REGISTER):
            return []
        connection.register("behind", keys)
        meant = " or ".join(
            f'"{column}"::varchar in (select record_key from behind union all'  # noqa: S608
            " select substr(record_key, instr(record_key, '|') + 1) from behind)"
            for column in columns
        )
        with reached():
            found = connection.execute(
                f"""
                with newest as (
                    select filename from ({lake.versions(connection, table, located=True)}) where {meant}
                    qualify row_number() over (partition by "{table.key}" order by _dlt_load_id desc) = 1
                )
                select filename, count(*) from newest group by filename
                """  # noqa: S608
            ).fetchall()
        register = connection.execute(f"select file, load_id, sha256 from {lake.register}").fetchall()  # noqa: S608
    number = dict(found)
    held = [
        Holding(f"{chosen.dataset}/{file}", load, sha256, number.get(lake.url(file), 0))
        for file, load, sha256 in register
    ]
    return sorted((holding for holding in held if holding.records), key=lambda holding: (holding.load_id, holding.file))


class Changes(NamedTuple):
    """What has changed of the files of a platform.

    Attributes:
        changed: Files that are missing, or not as their load or the last purge has left them.
        differing: How many of those that were recorded have another digest now or are gone, and the register agrees: a
            purge leaves them so, and so does whoever edits the register.
    """

    changed: list[str]
    differing: int


def compare(chosen: Platform, recorded: Mapping[str, str]) -> Changes | None:
    """Compare the files of a platform with the register and with a record of them.

    Nothing is written. The caller holds the writer lock of the platform's database.

    Args:
        chosen: The platform.
        recorded: The SHA-256 of files at some moment, by path below the platform's folder.

    Returns:
        What has changed; None where the tables are back in the database.

    Raises:
        ExpectedFailure: the files or their register cannot be read.
    """
    lake = Lake.of(chosen)
    with reached():
        with duckdb.connect(str(settings.home().database(chosen.database)), read_only=True) as connection:
            names = {file.partition("/")[0] for file in recorded}
            in_database = all(is_table(connection, chosen, name) for name in names)
            if in_database and not is_table(connection, chosen, REGISTER):
                return None
            query = f"select file, state, sha256, next_sha256 from {lake.register}"  # noqa: S608
            known = [_File(*row) for row in connection.execute(query).fetchall()]
        listed = lake.listing()
        digests = {file.name: lake.digest_now(file, listed.get(file.name)) for file in known}
    changed = [file.name for file in known if digests[file.name] not in (file.sha256, file.next_sha256)]
    differing = {file for file, digest in recorded.items() if digests.get(file, _REMOVED) != digest}
    return Changes(sorted(map(lake.url, changed)), len(differing.difference(changed)))


@contextmanager
def reached() -> Generator[None]:
    """Say in words what a file system or DuckDB refuses in the lake.

    Raises:
        ExpectedFailure: the lake cannot be reached or written, or its disk is full.
    """
    try:
        yield
    except ExpectedFailure:
        raise
    except Exception as problem:  # noqa: BLE001 - each file system has errors of its own
        raise disk.explain(problem) or ExpectedFailure(
            f"The lake {address()} cannot be reached: {str(problem).splitlines()[0]}.",
            f"Mount it, give this account its rights, or correct {ADDRESS_SETTING}; see docs/data-engineer.md.",
        ) from None


def load_of(file: str) -> str:
    """Return the load that wrote a file."""
    return file.partition("/load_id=")[2].partition("/")[0]


class _File(NamedTuple):
    """A line of the register."""

    name: str
    state: str
    sha256: str
    next_sha256: str | None


@dataclass(frozen=True)
class Lake:
    """The folder of a platform in the lake.

    Attributes:
        chosen: The platform.
        files: The file system.
        folder: The folder there.
    """

    chosen: Platform
    files: AbstractFileSystem
    folder: str

    @classmethod
    def of(cls, chosen: Platform) -> "Lake":
        try:
            files, root = url_to_fs(address())
        except (ImportError, ValueError) as problem:
            raise ExpectedFailure(
                f"{ADDRESS_SETTING} is {address()}, which cannot be opened: {problem}.",
                "Give a folder, or an address of a file system whose package is installed, such as s3fs for s3://.",
            ) from None
        if not DUCKDB_READS.intersection([files.protocol] if isinstance(files.protocol, str) else files.protocol):
            raise ExpectedFailure(
                f"{ADDRESS_SETTING} is {address()}, which cannot be read by DuckDB, which shows the lake.",
                f"Give a folder, or an address that begins with {' or '.join(sorted(DUCKDB_READS - {'file'}))}://.",
            )
        return cls(chosen, files, f"{root.rstrip('/')}/{chosen.dataset}")

    @cached_property
    def is_local(self) -> bool:
        return isinstance(self.files, LocalFileSystem)

    @property
    def register(self) -> str:
        return f"{self.chosen.dataset}.{REGISTER}"

    def path(self, file: str) -> str:
        """Return where a file lies in the file system."""
        return f"{self.folder}/{file}"

    def url(self, file: str) -> str:
        """Return what DuckDB calls a file."""
        return self.path(file) if self.is_local else self.files.unstrip_protocol(self.path(file))

    def listing(self, below: str = "") -> dict[str, Mapping[str, Any]]:
        """Return what the file system says of each file, by its path below the folder.

        Args:
            below: The part of the folder that is listed; all of it by default.

        Raises:
            ExpectedFailure: the lake cannot be reached.
        """
        with reached():
            self.files.invalidate_cache()
            found = self.files.find(self.path(below).rstrip("/"), detail=True)
        return {path.removeprefix(f"{self.folder}/"): said for path, said in found.items()}

    # ---- the register

    def refresh(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Register the files of the loads that have ended since, and check the others.

        Raises:
            ExpectedFailure: a file is not as its load or the last purge has left it.
        """
        listed = self.listing()
        connection.execute(_BOOKS.format(schema=self.chosen.dataset))
        [(number,)] = connection.execute(f"select count(*) from {self.register}").fetchall()  # noqa: S608
        if number and INIT not in listed:
            raise ExpectedFailure(
                f"The lake {address()} holds nothing of {self.chosen.name}, of which {number} files were there.",
                f"Mount it, restore it, or correct {ADDRESS_SETTING}.",
            )
        ended = self._ended(connection, listed)
        query = f"select file, state, sha256, next_sha256 from {self.register}"  # noqa: S608
        known = [_File(*row) for row in connection.execute(query).fetchall()]
        changed = [problem for file in known if (problem := self._check(connection, file, listed.get(file.name)))]
        if changed:
            raise ExpectedFailure(
                f"Files of {self.chosen.name} in the lake are not as they were written: {first_of(changed, _SHOWN)}.",
                "Restore them from a backup. Where one is lost, remove the note of its load,"
                f" {self.url(LOADS)}/*__<load_id>.jsonl, and load these days again.",
            )
        for file in listed.keys() - {file.name for file in known}:
            entity, load_id = file.partition("/load_id=")[0], load_of(file)
            if load_id in ended and file.endswith(".parquet") and self._has_rows(file):
                row = [file, entity, load_id, tokenize(listed[file]), self._digest(file)]
                connection.execute(f"insert into {self.register} values (?, ?, ?, ?, ?, null)", row)  # noqa: S608

    def _ended(self, connection: duckdb.DuckDBPyConnection, listed: Iterable[str]) -> set[str]:
        """Return the loads that have ended, and note them in the database; one whose note was removed never was."""
        notes = {Path(file).stem.rpartition("__")[2]: file for file in listed if file.startswith(f"{LOADS}/")}
        table = f"{self.chosen.dataset}.{LOADS}"
        for book in (table, self.register):
            connection.execute(f"delete from {book} where load_id not in (select unnest(?::varchar[]))", [[*notes]])  # noqa: S608
        ended = {load_id for (load_id,) in connection.execute(f"select load_id from {table}").fetchall()}  # noqa: S608
        for load_id in notes.keys() - ended:
            try:
                note = json.loads(self.files.cat_file(self.path(notes[load_id])))
            except ValueError:  # a load that died while it noted its end
                continue
            names = ("load_id", "schema_name", "status", "inserted_at", "schema_version_hash")
            connection.execute(f"insert into {table} values (?, ?, ?, ?, ?)", [note[name] for name in names])  # noqa: S608
            ended.add(load_id)
        return ended

    def _check(
        self, connection: duckdb.DuckDBPyConnection, file: "_File", said: Mapping[str, Any] | None
    ) -> str | None:
        """Return what is wrong with a file of the register, None where nothing is."""
        digest = self.digest_now(file, said)
        if digest not in (file.sha256, file.next_sha256):
            return f"{self.url(file.name)} {'has other bytes' if digest else 'is missing'}"
        if said is None:
            self._forget(connection, file.name)
        elif tokenize(said) != file.state or file.next_sha256 is not None:
            self._note(connection, file.name, digest, tokenize(said))
        return None

    def digest_now(self, file: "_File", said: Mapping[str, Any] | None) -> str:
        """Return the digest of a file, that of a missing one where it is; bytes are read if the listing has changed."""
        if said is None:
            return _REMOVED
        is_same = tokenize(said) == file.state and file.next_sha256 is None
        return file.sha256 if is_same else self._digest(file.name)

    def _note(self, connection: duckdb.DuckDBPyConnection, file: str, digest: str, state: str) -> None:
        connection.execute(
            f"update {self.register} set sha256 = ?, state = ?, next_sha256 = null where file = ?",  # noqa: S608
            [digest, state, file],
        )

    def _plan(self, connection: duckdb.DuckDBPyConnection, file: str, digest: str) -> None:
        connection.execute(f"update {self.register} set next_sha256 = ? where file = ?", [digest, file])  # noqa: S608

    def _forget(self, connection: duckdb.DuckDBPyConnection, file: str) -> None:
        connection.execute(f"delete from {self.register} where file = ?", [file])  # noqa: S608

    def _has_rows(self, file: str) -> bool:
        """Return whether a file has rows: a load that changes nothing leaves one without, which `sweep` removes."""
        with self.files.open(self.path(file), "rb") as opened:
            return bool(pq.read_metadata(opened).num_rows)

    def _digest(self, file: str) -> str:
        with self.files.open(self.path(file), "rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()

    # ---- rows

    def versions(self, connection: duckdb.DuckDBPyConnection, table: Table, *, located: bool = False) -> str:
        """Return SQL of all rows of a table, those that newer ones have replaced included.

        Args:
            connection: The platform's database.
            table: The table.
            located: Whether the rows tell their file and their number in it.
        """
        query = f"select file from {self.register} where entity = ? order by file"  # noqa: S608
        files = [self.url(file) for (file,) in connection.execute(query, [table.name]).fetchall()]
        columns = {declared.name: DUCKDB_TYPES[declared.type] for declared in table.fields}
        columns |= dict.fromkeys(("_content_hash", "_dlt_load_id", "_dlt_id"), "VARCHAR")
        columns |= {"filename": "VARCHAR", "file_row_number": "BIGINT"} if located else {}
        names = ", ".join(f'"{name}"' for name in columns)
        # Gives the columns that no file has, and those of a table that has no file.
        typed = ", ".join(f'null::{kind} as "{name}"' for name, kind in columns.items())
        rows = f"select {typed} where false"
        if files:
            options = "union_by_name = true, hive_partitioning = false"
            options += ", filename = true, file_row_number = true" if located else ""
            listed = ", ".join(map(literal, files))
            rows += f" union all by name select * from read_parquet([{listed}], {options})"  # noqa: S608
        return f"select {names} from ({rows})"  # noqa: S608

    def newest(self, connection: duckdb.DuckDBPyConnection, table: Table) -> str:
        """Return SQL of the newest row of each key."""
        of_key = f'select ("{table.key}", max(_dlt_load_id)) from versions group by "{table.key}"'  # noqa: S608
        return (
            f"with versions as not materialized ({self.versions(connection, table)})"  # noqa: S608
            f' select * from versions where ("{table.key}", _dlt_load_id) in ({of_key})'
        )

    def create_views(self, connection: duckdb.DuckDBPyConnection, contract: Iterable[Table]) -> None:
        """Show the newest row of each key of each table.

        Raises:
            ExpectedFailure: DuckDB cannot read the lake, or a table of that name has rows.
        """
        for table in contract:
            name = f'{self.chosen.dataset}."{table.name}"'
            with reached():  # an extension, a secret or a right may be missing, or the files are not Parquet
                self._drop_empty_table(connection, table.name)
                connection.execute(f"create or replace view {name} as {self.newest(connection, table)}")

    def _drop_empty_table(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        table = f'{self.chosen.dataset}."{name}"'
        if is_table(connection, self.chosen, name) and not connection.execute(f"from {table} limit 1").fetchall():
            connection.execute(f"drop table {table}")

    def refuse_other_rows(self, known: Container[str]) -> None:
        """Check that the folder holds rows of known loads only.

        Raises:
            ExpectedFailure: it holds others.
        """
        others = [
            file
            for file in self.listing()
            if file.endswith(".parquet") and load_of(file) not in known and self._has_rows(file)
        ]
        if others:
            raise ExpectedFailure(
                f"The lake {address()} holds rows of {self.chosen.name} that the database never had:"
                f" {first_of(others, _SHOWN)}.",
                f"Correct {ADDRESS_SETTING}, or move this folder away: {self.folder}.",
            )

    def begin(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Begin with an empty folder and an empty register."""
        connection.execute(f"drop table if exists {self.register}")
        connection.execute(_BOOKS.format(schema=self.chosen.dataset))
        self.clear()

    def clear(self) -> None:
        """Remove the folder."""
        with reached():
            if self.files.exists(self.folder):
                self.files.rm(self.folder, recursive=True)

    def add(self, connection: duckdb.DuckDBPyConnection, table: Table) -> None:
        """Write the rows of a table of the database as files, one for each load."""
        with reached():
            connection.execute(
                f'copy (select *, _dlt_load_id as load_id from {self.chosen.dataset}."{table.name}") to'  # noqa: S608
                f" {literal(self.url(table.name))}"
                " (format parquet, compression zstd, partition_by (load_id), overwrite_or_ignore)"
            )
        self._flush(table.name)

    def note_loads(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Note the loads that the database has as ended, in the manner of dlt."""
        columns = "load_id, schema_name, status, inserted_at::varchar as inserted_at, schema_version_hash"
        loads = connection.execute(f"select {columns} from {self.chosen.dataset}.{LOADS}").to_arrow_table()  # noqa: S608
        with reached():
            self.files.makedirs(self.path(LOADS), exist_ok=True)
            for load in loads.to_pylist():
                note = self.path(f"{LOADS}/{load['schema_name']}__{load['load_id']}.jsonl")
                self.files.pipe_file(note, json.dumps(load).encode())
        self._flush(LOADS)

    def _flush(self, below: str) -> None:
        if self.is_local:
            for path in (Path(self.path(below)), *Path(self.path(below)).rglob("*")):
                flush(path)

    def rewrite(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Write a file without the rows that the table `gone` lists, or remove it where none is left.

        Args:
            connection: The platform's database.
            name: What DuckDB calls the file.
        """
        file = name.removeprefix(self.url(""))
        with self._beside(file) as fresh:
            [(rows,)] = connection.execute(
                f"copy (select * exclude (file_row_number) from read_parquet({literal(name)}, file_row_number = true,"  # noqa: S608
                " hive_partitioning = false) where file_row_number not in (select file_row_number from gone where"
                f" filename = {literal(name)})) to {literal(str(fresh))} (format parquet, compression zstd)"
            ).fetchall()
            digest = digest_of(fresh) if rows else _REMOVED
            self._plan(connection, file, digest)
            if not rows:
                self.files.rm_file(self.path(file))
                self._forget(connection, file)
                return
            if self.is_local:
                flush(fresh)
                fresh.replace(self.path(file))
                flush(fresh.parent)
            else:
                self.files.put_file(str(fresh), self.path(file))
            self._note(connection, file, digest, tokenize(self.listing(file.rpartition("/")[0])[file]))

    @contextmanager
    def _beside(self, file: str) -> Generator[Path]:
        """Yield where a file is written before it takes the place of another: beside it, if that is on this disk."""
        # Where a purge removes what a process that dies has left there.
        place = settings.home().dlt
        place.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=place, prefix=f"{self.chosen.name}_") as scratch:
            fresh = Path(f"{self.path(file)}{WRITING}") if self.is_local else Path(scratch) / "rows.parquet"
            try:
                yield fresh
            finally:
                fresh.unlink(missing_ok=True)
