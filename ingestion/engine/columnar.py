"""Loads large Parquet files by column: SQL takes the rows that are surely valid, Python takes the others.

SQL repeats the contract only where it is certain to give the same value; every other record is validated in Python, as
in any other file.
"""

import json
import os
import secrets
import shutil
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import dlt
import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.schema import Schema
from dlt.extract import DltResource, DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from core import disk
from core.errors import ExpectedFailure
from core.locks import writer_lock
from core.settings import home
from ingestion.engine import quarantine, raw_lake
from ingestion.engine.contract import GENERATION, Table
from ingestion.engine.parquet import PARSERS, ParquetFile, canonical, quoted, said_column
from ingestion.engine.parsers import free_text, identifier, pseudonym, redacted_text
from ingestion.engine.pipelines import explain, table_resource
from ingestion.engine.records import Record
from ingestion.engine.reports import LOAD_LOG, EntityReport, LoadReport, log_rows, refusals
from ingestion.engine.tables import ensure, is_empty, later_exports, lookup, raw_pipeline
from ingestion.engine.validation import ProgressCallback, TableValidator
from ingestion.platforms import Platform
from privacy import pseudonymise, redact

#: Rows in memory at once, in each step.
BATCH_ROWS = 122_880

#: Batches that are being read, each in a thread of its own: DuckDB streams a result from a single one.
READERS = 2

#: Batches whose texts are being redacted while the one before is written.
AHEAD = 1

#: Texts that a process redacts at a time; with fewer than so many in a batch, starting processes would take longer.
TEXTS, FEW_TEXTS = 10_000, 10_000
PROCESSES = 2

#: Of DuckDB, while it reads and while it loads; Arrow, dlt and Python come on top.
MEMORY = "450MB"

#: Rows that one statement of the load inserts.
JOB_ROWS = 10_000_000

#: Random bytes in the identifier that dlt wants of a row.
ID_BYTES = 10

#: What of a content hash is compared: as many digits as fit in eight bytes.
_MARK = "('0x' || left(_content_hash, 15))::bigint"

#: Records that may take the slow lane, where they are held in memory, and how many go at once.
MOST_DOUBTFUL, RECORDS = 250_000, 5_000

_UNKNOWN = "unknown to the contract, and of a Parquet file only the columns that it knows are taken"


def redacted(texts: pa.Array) -> pa.Array:
    """Return texts redacted, each once; in another process, where there are many."""
    return _each_once(redact, texts)


def pseudonyms(identifiers: pa.Array) -> pa.Array:
    """Return the pseudonyms of identifiers, each computed once."""
    return _each_once(pseudonymise, identifiers)


def checked_identifiers(identifiers: pa.Array) -> pa.Array:
    """Return identifiers of records, those of persons as pseudonyms; only what may be one is looked at."""
    options = pc.MatchSubstringOptions(MAY_BE_PERSONAL)
    may_be = pc.call_function("match_substring_regex", [identifiers], options)
    if True not in may_be.unique().to_pylist():
        return identifiers
    return _each_once(identifier, identifiers)


def _each_once(protect: Callable[[str], str], values: pa.Array) -> pa.Array:
    encoded = values.dictionary_encode()
    return pa.array(map(protect, encoded.dictionary.to_pylist()), pa.string()).take(encoded.indices)


#: What an identifier of a person has: a sign, two words, or the digits of a line, a NIR or a card. For RE2.
MAY_BE_PERSONAL = (
    r"[@&%:\s]|[^\x00-\x7f]|[A-Za-z]{2}[_.+-]+[A-Za-z]{2}|(?:^|[^0-9])(?:0[1-9]|33|0033)[0-9]|[0-9][ ._/-][0-9]"
    r"|(?:^|[^0-9A-Za-z])[A-Za-z]{2}-?[0-9]{3}-?[A-Za-z]{2}(?:$|[^0-9A-Za-z])|(?:^|[^0-9])(?:[0-9]{13,16})(?:$|[^0-9])"
    r"|[A-Za-z]{2}[0-9]{2}[A-Z0-9]{10}"
)


@dataclass(frozen=True)
class Protection:
    """What is done to personal fields before anything is written; replaced in measurements only.

    Attributes:
        texts: Takes texts, and leaves null what is null; a function of a module, since other processes call it.
        identifiers: Takes identifiers, and leaves null what is null.
        in_processes: Whether texts are worth sending to other processes, where there are many.
    """

    texts: Callable[[pa.Array], pa.Array] = redacted
    identifiers: Callable[[pa.Array], pa.Array] = pseudonyms
    in_processes: bool = True


PROTECTION = Protection()


def load_parquet(
    platform: Platform, file: Path, progress: ProgressCallback, protection: Protection = PROTECTION
) -> LoadReport:
    """Load a Parquet file whose columns are the fields of a table, in memory that does not grow with the file.

    Loading again writes nothing; a process killed at any moment leaves a state from which the next load completes.

    Args:
        platform: Its module says its own parsers in SQL in `COLUMNAR`, as `PARSERS` does the shared ones. Its table
            has no rule, no composite key and no alternative fields.
        file: Read where it lies.
        progress: Called after each batch with the number of its records.
        protection: What is done to personal fields.

    Raises:
        ExpectedFailure: the file cannot be read, a required column is missing, one has another type than declared, or
            too many records break the contract.
    """
    module = platform.connector
    parquet = ParquetFile.open(file, platform.name, module.CONTRACT, {**PARSERS, **module.COLUMNAR})
    database = home().database(platform.database)
    with writer_lock(database), disk.explained(), _bounded_memory():
        ensure(platform, module.CONTRACT)
        if raw_lake.holds(platform):  # every load appends there, and one that is resumed writes the same files again
            is_first = False
        else:
            _forget_interrupted_append(platform, parquet.table, database)
            is_first = is_empty(database, platform.dataset, parquet.table)
        validator = TableValidator(
            parquet.table,
            parquet.origin,
            lookup(platform, parquet.table),
            progress,
            later_exports=later_exports(platform, parquet.table, parquet.origin.sha256),
        )
        validator.generation = parquet.header.generation
        validator.dropped_columns.update(parquet.header.named_dropped)
        validator.dropped_columns.update(dict.fromkeys(parquet.header.named_unknown, _UNKNOWN))
        rows = table_resource(parquet.table, map(_identified, _Lanes(platform, parquet, validator, protection).rows()))
        if is_first:  # there is nothing to merge with
            rows.apply_hints(write_disposition="append")
        with raw_pipeline(platform, _appending(platform) if is_first else f"{platform.name}_columnar") as pipeline:
            _run(pipeline, validator, rows)
    report = EntityReport.of(validator)
    return LoadReport(platform.name, parquet.origin, (report,), refusals(parquet.origin, (report,)))


def _appending(platform: Platform) -> str:
    """Return the name of the pipeline that appends: a load that it leaves unfinished cannot be repeated safely."""
    return f"{platform.name}_first"


def _forget_interrupted_append(platform: Platform, table: Table, database: Path) -> None:
    """Undo what a dead process appended: to end it would do it twice, if it had come to its end unnoticed."""
    folder = home().dlt / _appending(platform)
    begun = [package.name for package in folder.glob("load/normalized/*")]
    if begun:
        with duckdb.connect(str(database)) as connection:
            connection.execute(
                f"delete from {platform.dataset}.{table.name} where _dlt_load_id in (select unnest(?))"  # noqa: S608
                f" and _dlt_load_id not in (select load_id from {platform.dataset}._dlt_loads where status = 0)",
                [begun],
            )
    shutil.rmtree(folder, ignore_errors=True)


def _run(pipeline: dlt.Pipeline, validator: TableValidator, rows: DltResource) -> None:
    """Read, quarantine, then load, as `ingestion.engine.loading` does, but with row identifiers that are made here."""
    log = table_resource(LOAD_LOG, map(_identified, log_rows([validator])))
    try:
        pipeline.extract(DltSource(Schema(pipeline.pipeline_name), pipeline.pipeline_name, [rows, log]))
        quarantine.write(validator)
        pipeline.activate()
        with _settings(NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID="false"):
            pipeline.normalize()
        pipeline.load()
    except PipelineStepFailed as failure:
        raise explain(failure, validator.origin.where) from failure
    quarantine.release_superseded(validator)


def _identified(rows: pa.Table) -> pa.Table:
    """Add the row identifiers of dlt, which else rewrites the whole file to add them."""
    length = 2 * ID_BYTES
    ends = np.arange(0, (rows.num_rows + 1) * length, length, dtype=np.int32)
    digits = secrets.token_hex(ID_BYTES * rows.num_rows).encode()
    identifiers = pa.StringArray.from_buffers(rows.num_rows, pa.py_buffer(ends), pa.py_buffer(digits))
    return rows.append_column(pa.field("_dlt_id", pa.string(), nullable=False), identifiers)


@contextmanager
def _settings(**settings: str) -> Generator[None]:
    """Configure dlt for a while: it reads the environment."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _bounded_memory() -> AbstractContextManager[None]:
    """Keep dlt's DuckDB within `MEMORY`, and one load job within `JOB_ROWS`: by default both take what there is."""
    config = {"memory_limit": MEMORY, "preserve_insertion_order": False}
    return _settings(
        DESTINATION__DUCKDB__CREDENTIALS__GLOBAL_CONFIG=json.dumps(config),
        DATA_WRITER__FILE_MAX_ITEMS=str(JOB_ROWS),
        DATA_WRITER__COMPRESSION="none",  # it is read once, at once: to unpack it costs half of its reading
        LOAD__WORKERS="1",
    )


class _Lanes:
    """The two ways of the rows of a file into one validator.

    Args:
        platform: Where they go.
        parquet: The file.
        validator: Counts them, and takes the slow ones itself.
        protection: What is done to personal fields.
    """

    def __init__(
        self, platform: Platform, parquet: ParquetFile, validator: TableValidator, protection: Protection
    ) -> None:
        self._platform = platform
        self._parquet = parquet
        self._validator = validator
        self._protection = protection
        self._doubtful: list[int] = []

    def rows(self) -> Iterator[pa.Table]:
        """Yield the rows that the database does not have yet, or has otherwise: first the fast ones, then the slow.

        Raises:
            ExpectedFailure: the file cannot be read to its end, or too many of its records are doubtful.
        """
        database = home().database(self._platform.database)
        spill = home().dlt / f"{self._platform.name}_spill"
        try:
            with ExitStack() as stack:
                stack.callback(shutil.rmtree, spill, ignore_errors=True)
                connection = stack.enter_context(duckdb.connect(str(database)))
                connection.execute(f"set memory_limit = '{MEMORY}'; set temp_directory = '{spill}'")
                connection.execute("set global timezone = 'UTC'; set preserve_insertion_order = false")
                hashing = stack.enter_context(duckdb.connect(config={"threads": 1}))  # which keeps the order of rows
                readers = stack.enter_context(ThreadPoolExecutor(READERS))
                processes = _LazyProcesses(stack)
                waiting = frozenset(entry.record_key for entry in quarantine.entries(self._platform.name))
                self._note_what_is_known(connection)
                connection.execute("set threads = 1")
                read = _ahead(self._asked(connection, readers), READERS - 1)
                protecting = (self._protecting(connection, batch, processes) for batch in read)
                for batch in _ahead(protecting, AHEAD):
                    self._notice_released(batch, waiting)
                    yield self._changed(hashing, batch)
                yield from self._slow(connection)
        except duckdb.IOException as problem:
            raise ExpectedFailure(
                f"{self._parquet.origin.where}: the file cannot be read to its end ({type(problem).__name__}).",
                "Nothing was loaded: export it again.",
            ) from None

    # ---- the fast lane

    def _note_what_is_known(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Note the keys that the file repeats, and which of its rows the database has, for all threads to see."""
        parquet, table, dataset = self._parquet, self._parquet.table, self._platform.dataset
        key = quoted(table.key)
        kept = "".join(f", {quoted(name)}" for name in self._absent)
        connection.execute("attach ':memory:' as noted")
        connection.execute(
            f"create table noted.repeated as select hash({key}) as mark from ({parquet.given})"  # noqa: S608
            f" where {key} is not null group by 1 having count(*) > 1"
        )
        connection.execute(
            f"create table noted.known as select file_row_number, {_MARK} as mark, {self._order} as row_order{kept}"  # noqa: S608
            f" from (select file_row_number, {key} from ({parquet.given})) join"
            f" (select {key}, _content_hash, {self._order}{kept} from {dataset}.{table.name} where _dlt_load_id in"
            f" (select load_id from {dataset}._dlt_loads where status = 0)) using ({key}) order by 1"
        )

    @cached_property
    def _absent(self) -> list[str]:
        """The fields that the file lacks, whose stored values stay."""
        return [
            name for name in self._parquet.table.field_names if name not in (*self._parquet.fields, GENERATION.name)
        ]

    @cached_property
    def _order(self) -> str:
        """What orders two versions of a row: its date of modification, else the load that wrote it."""
        version = self._parquet.table.versioned_by
        return quoted(version) if version and version in self._parquet.fields else "_dlt_load_id"

    @cached_property
    def _question(self) -> str:
        """SQL of the rows: canonical values, whether they are sure, and a mark of what the database has."""
        parquet, table = self._parquet, self._parquet.table
        columns = ", ".join(
            f"known.{quoted(name)}" if name in self._absent else f"said.{said_column(name)} as {quoted(name)}"
            for name in table.field_names
            if name != GENERATION.name
        )
        return (
            f"select said.file_row_number, {columns}, known.mark as known_mark, row_order as known_order, coalesce("  # noqa: S608
            f"{parquet.is_sure} and hash(said.{said_column(table.key)}) not in (select mark from noted.repeated),"
            f" false) as is_sure from ({parquet.said}) as said left join noted.known as known using (file_row_number)"
        )

    def _asked(self, connection: duckdb.DuckDBPyConnection, readers: Executor) -> Iterator[Callable[[], pa.Table]]:
        """Ask for the batches of the file, one after the other."""
        for start in range(0, self._parquet.rows, BATCH_ROWS):
            yield readers.submit(self._read, connection.cursor(), start).result

    def _read(self, connection: duckdb.DuckDBPyConnection, start: int) -> pa.Table:
        with connection:
            end = start + BATCH_ROWS
            return connection.sql(
                f"{self._question} where said.file_row_number >= {start} and said.file_row_number < {end}"
            ).to_arrow_table()

    def _protecting(
        self, connection: duckdb.DuckDBPyConnection, batch: pa.Table, processes: "_LazyProcesses"
    ) -> Callable[[], pa.Table]:
        """Remember the doubtful rows of a batch, and begin to protect the others."""
        doubtful = batch.filter(~pc.field("is_sure"))
        self._doubtful += doubtful["file_row_number"].to_pylist()
        if len(self._doubtful) > MOST_DOUBTFUL:
            self._refuse(connection)
        sure = batch.filter(pc.field("is_sure")) if doubtful.num_rows else batch
        sure = sure.drop_columns(["is_sure"])
        return _Protecting(sure, self._parquet, self._protection, processes).finish

    def _changed(self, connection: duckdb.DuckDBPyConnection, batch: pa.Table) -> pa.Table:
        """Return the rows of a protected batch that are new or differ from the database, and count all outcomes."""
        validator = self._validator
        compared = self._compared(connection, batch)
        found = {state["values"]: state["counts"] for state in compared["state"].value_counts().to_pylist()}
        validator.rows_read += batch.num_rows
        validator.rows_new += found.get("new", 0)
        validator.rows_updated += found.get("updated", 0)
        validator.rows_unchanged += found.get("unchanged", 0)
        validator.rows_outdated += found.get("outdated", 0)
        validator.progress(batch.num_rows)
        if self._parquet.table.dated_by in self._parquet.fields:
            validator.note_days([pc.call_function("max", [batch[self._parquet.table.dated_by]]).as_py()])
        changed = batch.append_column("_content_hash", compared["_content_hash"])
        changed = changed.append_column("state", compared["state"])
        if found.keys() & {"unchanged", "outdated"}:  # filtering copies
            changed = changed.filter(pc.field("state").isin(["new", "updated"]))
        if self._order == "_dlt_load_id" and "updated" in found:
            self._note_updates(changed.filter(pc.field("state") == "updated"))
        if GENERATION.name in self._parquet.table.field_names:
            changed = changed.append_column(GENERATION.name, pa.repeat(validator.generation, changed.num_rows))
        schema = self._parquet.table.arrow_schema
        return changed.select(schema.names).cast(schema)

    def _note_updates(self, updated: pa.Table) -> None:
        rows = updated.select([self._parquet.table.key, "file_row_number", "known_order"])
        for key, number, load_id in zip(*(column.to_pylist() for column in rows.columns), strict=True):
            self._validator.note_update(key, number + 1, load_id)

    def _compared(self, connection: duckdb.DuckDBPyConnection, batch: pa.Table) -> pa.Table:
        """Return the content hash of each row of a batch and its state: `new`, `updated`, `outdated` or `unchanged`."""
        content = f"md5({canonical(self._parquet.table)}) as _content_hash"
        outdated = "false"
        if self._order != "_dlt_load_id":
            outdated = f"known_order is not null and ({self._order} is null or {self._order} < known_order)"
        state = (
            f"case when known_mark is null then 'new' when {outdated} then 'outdated'"
            f" when known_mark = {_MARK} then 'unchanged' else 'updated' end as state"
        )
        hashed = connection.from_arrow(batch).project(f"*, {content}")
        return hashed.project(f"_content_hash, {state}").to_arrow_table()

    def _notice_released(self, batch: pa.Table, waiting: frozenset[str | None]) -> None:
        """Remember which records in quarantine this load brings whole."""
        if waiting:
            keys = batch[self._parquet.table.key].to_pylist()
            self._validator.released.update(key for key in keys if key in waiting)

    # ---- the slow lane

    def _slow(self, connection: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
        """Validate the doubtful records one by one, in the order of the file."""
        records = self._records(connection)
        while batch := list(islice(records, RECORDS)):
            self._validator.validate(batch)
        yield from self._validator.changes()

    def _records(self, connection: duckdb.DuckDBPyConnection) -> Iterator[Record]:
        if not self._doubtful:
            return
        found = connection.execute(
            f"{self._parquet.raw} where file_row_number in (select unnest(?)) order by 1", [self._doubtful]
        )
        for rows in found.to_arrow_reader(RECORDS):
            for row in rows.to_pylist():
                yield Record(row.pop("file_row_number") + 1, row)

    def _refuse(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Say why so many records are doubtful.

        Raises:
            ExpectedFailure: always.
        """
        self._doubtful = self._doubtful[:RECORDS]
        self._validator.rows_read = 0
        for _ in self._slow(connection):
            pass
        raise ExpectedFailure(
            f"{self._parquet.origin.where}: more than {MOST_DOUBTFUL} records break the contract or repeat a key.",
            "Nothing was loaded: export the file again, or load it in parts.",
        )


class _LazyProcesses:
    """Processes that are started when the first work comes, and end with the load.

    Args:
        stack: Ends them.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._executor: Executor | None = None

    def submit(self, work: Callable[[pa.Array], pa.Array], values: pa.Array) -> Future[pa.Array]:
        if self._executor is None:
            processes = ProcessPoolExecutor(PROCESSES, get_context("spawn"))
            self._stack.callback(processes.shutdown, wait=True, cancel_futures=True)
            self._executor = processes
        return self._executor.submit(work, values)


class _Protecting:
    """A batch whose texts are being redacted.

    Args:
        batch: Canonical values but for the personal fields.
        parquet: Tells the fields.
        protection: What is done to them.
        executor: Takes the texts when there are many.
    """

    def __init__(self, batch: pa.Table, parquet: ParquetFile, protection: Protection, executor: _LazyProcesses) -> None:
        self._batch = batch
        self._begun: dict[str, list[Callable[[], pa.Array]]] = {}
        for name, (_, declared) in parquet.fields.items():
            if declared.parse not in {free_text, redacted_text, identifier, pseudonym}:
                continue
            values = batch[name].combine_chunks()
            if declared.parse is identifier:
                self._begun[name] = [partial(checked_identifiers, values)]
            elif declared.parse is pseudonym:
                self._begun[name] = [partial(protection.identifiers, values)]
            elif protection.in_processes and len(values) >= FEW_TEXTS:
                self._begun[name] = [
                    executor.submit(protection.texts, values.slice(start, TEXTS)).result
                    for start in range(0, len(values), TEXTS)
                ]
            else:
                self._begun[name] = [partial(protection.texts, values)]

    def finish(self) -> pa.Table:
        """Return the batch once all is protected."""
        table = self._batch
        for name, parts in self._begun.items():
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, pa.chunked_array([part() for part in parts], pa.string()))
        return table


def _ahead(begun: Iterable[Callable[[], pa.Table]], most: int) -> Iterator[pa.Table]:
    """Yield what was begun in its order, while no more than `most` further ones are under way."""
    waiting: deque[Callable[[], pa.Table]] = deque()
    for finish in begun:
        waiting.append(finish)
        if len(waiting) > most:
            yield waiting.popleft()()
    while waiting:
        yield waiting.popleft()()
