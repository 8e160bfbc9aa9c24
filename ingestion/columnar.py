"""Loads large Parquet files column by column: what is surely good goes a fast lane, the rest record by record.

What a value must be is the contract's business. Here it is said a second time, in SQL, and only where that is sure to
give the same value; a record that SQL is not sure of is held to the contract like that of any other file.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import dlt
import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from dlt.common.schema import Schema
from dlt.extract import DltResource, DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from ingestion import quarantine
from ingestion.contract import CHANGED_FORMAT, GENERATION, Field, Header, Table, choose_table
from ingestion.errors import ExpectedFailure
from ingestion.intake import Intake, Origin, Progress
from ingestion.locks import writer_lock
from ingestion.parsers import FIRST_YEAR, LAST_YEAR, count, flag, free_text, pseudonym, text, utc_time
from ingestion.pipelines import explain, open_pipeline, table_resource
from ingestion.platforms import Platform
from ingestion.privacy import pseudonymise, redact_many
from ingestion.records import Record
from ingestion.reports import LOAD_LOG, EntityReport, LoadReport, log_rows
from ingestion.settings import home
from ingestion.sql import literal
from ingestion.tables import ensure, is_empty, lookup

#: Rows in memory at once, in each step; DuckDB spreads the slices of a batch over its threads.
BATCH_ROWS, SLICE_ROWS = 40_000, 10_000

#: Batches whose texts are being redacted while the next is read.
AHEAD = 2

#: Texts that a process redacts at a time; with fewer than so many in a batch, starting processes would take longer.
TEXTS, FEW_TEXTS = 2_500, 10_000
PROCESSES = 2

#: Of DuckDB, while it reads and while it loads; Arrow, dlt and Python come on top.
MEMORY = "600MB"

#: Rows that one statement of the load inserts.
JOB_ROWS = 1_000_000

#: Random bytes in the identifier that dlt wants of a row.
ID_BYTES = 10

#: What of a content hash is compared: as many digits as fit in eight bytes.
_MARK = "('0x' || left(_content_hash, 15))::bigint"

#: Records that may take the slow lane, where they are held in memory, and how many go at once.
MOST_DOUBTFUL, RECORDS = 250_000, 5_000

#: What is not a single space between two words: white space as Python knows it, which RE2 knows by other names.
_ODD = r"[\t-\r\x1c-\x1f\x85\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
_SPACES = rf" *{_ODD}(?:{_ODD}| )*|  +"

#: SQL of the canonical value of a column `{c}`; null where it is not sure to be good.
_PARSERS: Mapping[Callable, str] = {
    text: "{c}",
    free_text: (
        f"case when regexp_matches({{c}}, '{_ODD}|  ')"
        f" then nullif(trim(regexp_replace({{c}}, '{_SPACES}', ' ', 'g')), '') else {{c}} end"
    ),
    pseudonym: "{c}",
    count: "case when {c} >= 0 and try_cast({c} as bigint) = {c} then try_cast({c} as bigint) end",
    flag: "{c}",
    utc_time: f"case when year({{c}}::timestamptz) between {FIRST_YEAR} and {LAST_YEAR} then {{c}}::timestamptz end",
}

#: Types of a Parquet column that hold the fields of a type.
_ACCEPTED: Mapping[str, tuple[Callable[[pa.DataType], bool], ...]] = {
    "text": (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer),
    "bigint": (pa.types.is_integer, pa.types.is_floating),
    "boolean": (pa.types.is_boolean,),
    "timestamp": (pa.types.is_timestamp,),
}

_UNKNOWN = "unknown to the contract, and of a Parquet file only the columns that it knows are taken"


def redacted(texts: pa.Array) -> pa.Array:
    """Return texts redacted; in another process, where there are many."""
    return pa.array(redact_many(texts.to_pylist()), pa.string())


def pseudonyms(identifiers: pa.Array) -> pa.Array:
    return pa.array([pseudonymise(identifier) for identifier in identifiers.to_pylist()], pa.string())


@dataclass(frozen=True)
class Protection:
    """What is done to personal fields before anything is written; replaced in measurements only.

    Attributes:
        texts: Takes texts, none of them null and each once; a function of a module, since other processes call it.
        identifiers: Takes identifiers, none of them null and each once.
        in_processes: Whether texts are worth sending to other processes, where there are many.
    """

    texts: Callable[[pa.Array], pa.Array] = redacted
    identifiers: Callable[[pa.Array], pa.Array] = pseudonyms
    in_processes: bool = True


PROTECTION = Protection()


def load_parquet(platform: Platform, file: Path, progress: Progress, protection: Protection = PROTECTION) -> LoadReport:
    """Load a Parquet file whose columns are the fields of a table, in memory that does not grow with the file.

    Loading again writes nothing; a process killed at any moment leaves a state from which the next load completes.

    Args:
        platform: Its module says its own parsers in SQL in `COLUMNAR`, as `_PARSERS` does the shared ones. Its table
            has no rule, no composite key and no alternative fields.
        file: Read where it lies.
        progress: Called after each batch with the number of its records.
        protection: What is done to personal fields.

    Raises:
        ExpectedFailure: the file cannot be read, a required column is missing, one has another type than declared, or
            too many records break the contract.
    """
    module = import_module(f"ingestion.{platform.name}")
    parquet = ParquetFile.open(file, platform.name, module.CONTRACT, {**_PARSERS, **module.COLUMNAR})
    database = home().database(platform.database)
    with writer_lock(database), _bounded_memory():
        ensure(platform, module.CONTRACT)
        _forget_interrupted_append(platform, parquet.table, database)
        is_first = is_empty(database, platform.dataset, parquet.table)
        name = _appending(platform) if is_first else f"{platform.name}_columnar"
        pipeline = open_pipeline(name, platform.dataset, database)
        intake = Intake(parquet.table, parquet.origin, lookup(platform, parquet.table), progress)
        intake.generation = parquet.header.generation
        intake.dropped_columns.update(parquet.header.dropped)
        intake.dropped_columns.update(dict.fromkeys(parquet.header.unknown, _UNKNOWN))
        rows = table_resource(parquet.table, map(_identified, _Lanes(platform, parquet, intake, protection).rows()))
        if is_first:  # there is nothing to merge with
            rows.apply_hints(write_disposition="append")
        _run(pipeline, intake, rows)
    return LoadReport(platform.name, parquet.origin, (EntityReport.of(intake),))


def _appending(platform: Platform) -> str:
    """Return the pipeline that appends: what it leaves behind is told from what can be done again without harm."""
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


def _run(pipeline: dlt.Pipeline, intake: Intake, rows: DltResource) -> None:
    """Read, quarantine, then load, as `ingestion.loading` does, but with row identifiers that are made here."""
    log = table_resource(LOAD_LOG, map(_identified, log_rows([intake])))
    try:
        pipeline.extract(DltSource(Schema(pipeline.pipeline_name), pipeline.pipeline_name, [rows, log]))
        quarantine.write(intake)
        pipeline.activate()
        with _settings(NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID="false"):
            pipeline.normalize()
        pipeline.load()
    except PipelineStepFailed as failure:
        raise explain(failure, intake.origin.where) from failure
    quarantine.release_superseded(intake)


def _identified(rows: pa.Table) -> pa.Table:
    """Add the row identifiers of dlt, which else rewrites the whole file to add them."""
    digits = secrets.token_hex(ID_BYTES * rows.num_rows)
    identifiers = [digits[start : start + 2 * ID_BYTES] for start in range(0, len(digits), 2 * ID_BYTES)]
    return rows.append_column(pa.field("_dlt_id", pa.string(), nullable=False), pa.array(identifiers, pa.string()))


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


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file and what SQL makes of its columns.

    Attributes:
        path: The file.
        origin: Its name, hash and size.
        table: The contract that knows most of its columns.
        header: What that makes of them.
        parsers: Parser of a field to SQL.
    """

    path: Path
    origin: Origin
    table: Table
    header: Header
    parsers: Mapping[Callable, str]

    @classmethod
    def open(
        cls, path: Path, platform: str, contract: Sequence[Table], parsers: Mapping[Callable, str]
    ) -> "ParquetFile":
        """Open a file and hold its columns to the contract.

        Raises:
            ExpectedFailure: as `load_parquet`.
        """
        where = f"{platform}, file {path.name}"
        try:
            schema = pq.read_schema(path)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except (OSError, pa.ArrowException) as problem:
            reason = getattr(problem, "strerror", None) or "it is no whole Parquet file"
            raise ExpectedFailure(
                f"{where}: the file cannot be read ({reason}).",
                "Nothing was loaded: check the file, or export it again.",
            ) from None
        table = choose_table(contract, schema.names, where)
        header = table.understand(schema.names, where)
        for label, declared in header.columns.items():
            kind = schema.field(label).type
            if not pa.types.is_null(kind) and not any(accepts(kind) for accepts in _ACCEPTED[declared.type]):
                raise ExpectedFailure(
                    f"{where}: the column {label!r} holds {kind} where {declared.type} is declared.", CHANGED_FORMAT
                )
        return cls(path, Origin(platform, "file", path.name, digest, path.stat().st_size), table, header, parsers)

    @cached_property
    def fields(self) -> Mapping[str, tuple[str, Field]]:
        """The fields that the file has, by name, each with its label."""
        return {declared.name: (label, declared) for label, declared in self.header.columns.items()}

    @property
    def scan(self) -> str:
        return f"read_parquet({literal(str(self.path))}, file_row_number = true)"

    @property
    def given(self) -> str:
        """SQL of the file's rows by field; texts are trimmed, empty ones null."""
        columns = (
            f"nullif(trim({_quoted(label)}::varchar), '') as {_quoted(name)}"
            if declared.type == "text"
            else f"{_quoted(label)} as {_quoted(name)}"
            for name, (label, declared) in self.fields.items()
        )
        return f"select file_row_number, {', '.join(columns)} from {self.scan}"  # noqa: S608 (labels are quoted)

    @property
    def raw(self) -> str:
        """SQL of the file's rows under their labels, as texts, numbers and truth values."""
        columns = (
            f"{_quoted(label)}::varchar as {_quoted(label)}" if declared.type == "timestamp" else _quoted(label)
            for label, declared in self.fields.values()
        )
        return f"select file_row_number, {', '.join(columns)} from {self.scan}"  # noqa: S608 (labels are quoted)

    @property
    def said(self) -> str:
        """SQL of the rows, each with the canonical values of its fields as `said_<field>`."""
        values = (
            f"{_on(self.parsers[declared.parse], name)} as {_said(name)}" for name, (_, declared) in self.fields.items()
        )
        return f"select *, {', '.join(values)} from ({self.given})"  # noqa: S608 (labels are quoted)

    @property
    def is_sure(self) -> str:
        """SQL that tells whether the contract accepts a row of `said` for sure, with its texts as they are."""
        checks = (
            f"(said.{_said(name)} is not null or said.{_quoted(name)} is null)"
            if declared.nullable
            else f"said.{_said(name)} is not null"
            for name, (_, declared) in self.fields.items()
        )
        texts = ", ".join(
            f"said.{_quoted(name)}"
            for name, (_, declared) in self.fields.items()
            if declared.type == "text" and declared.parse is not free_text
        )
        return f"{' and '.join(checks)} and not regexp_matches(concat_ws('|', {texts}), '{_ODD}|  ')"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _on(sql: str, name: str) -> str:
    """Return SQL on a column; `format` would trip over the braces of regular expressions."""
    return sql.replace("{c}", _quoted(name))


def _said(name: str) -> str:
    return _quoted(f"said_{name}")


class _Lanes:
    """The two ways of the rows of a file into one intake.

    Args:
        platform: Where they go.
        parquet: The file.
        intake: Counts them, and takes the slow ones itself.
        protection: What is done to personal fields.
    """

    def __init__(self, platform: Platform, parquet: ParquetFile, intake: Intake, protection: Protection) -> None:
        self._platform = platform
        self._parquet = parquet
        self._intake = intake
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
                connection.execute("set timezone = 'UTC'; set preserve_insertion_order = false")
                other = connection.cursor()  # the first one is busy with the file, row by row
                waiting = frozenset(entry.record_key for entry in quarantine.entries(self._platform.name))
                executor = _LazyProcesses(stack)
                for batch in _ahead(self._started(connection, executor)):
                    self._notice_released(batch, waiting)
                    yield self._changed(other, batch)
                yield from self._slow(other)
        except duckdb.IOException as problem:
            raise ExpectedFailure(
                f"{self._parquet.origin.where}: the file cannot be read to its end ({type(problem).__name__}).",
                "Nothing was loaded: export it again.",
            ) from None

    # ---- the fast lane

    def _started(self, connection: duckdb.DuckDBPyConnection, executor: "_LazyProcesses") -> "Iterator[_Protecting]":
        """Read the file; remember the doubtful rows, and begin to protect the others."""
        reader = connection.execute(self._question(connection)).to_arrow_reader(BATCH_ROWS)
        for read in reader:
            batch = pa.Table.from_batches([read])
            self._doubtful += batch.filter(~pc.field("is_sure"))["file_row_number"].to_pylist()
            if len(self._doubtful) > MOST_DOUBTFUL:
                self._refuse(connection.cursor())
            sure = batch.filter(pc.field("is_sure")).drop_columns(["is_sure", "file_row_number"])
            yield _Protecting(sure.combine_chunks(), self._parquet, self._protection, executor)

    def _question(self, connection: duckdb.DuckDBPyConnection) -> str:
        """Return the SQL of the rows: canonical values, whether they are sure, and a mark of what the database has."""
        parquet, table, dataset = self._parquet, self._parquet.table, self._platform.dataset
        key = _quoted(table.key)
        connection.execute(
            f"create temp table repeated as select hash({key}) as mark from ({parquet.given})"  # noqa: S608
            f" where {key} is not null group by 1 having count(*) > 1"
        )
        content = [f.name for f in table.fields if f.name != GENERATION.name]
        absent = [name for name in content if name not in parquet.fields]
        columns = ", ".join(
            f"known.{_quoted(name)}" if name in absent else f"said.{_said(name)} as {_quoted(name)}" for name in content
        )
        kept = "".join(f", {_quoted(name)}" for name in absent)
        return (
            f"with known as (select {key}, {_MARK} as mark{kept} from {dataset}.{table.name}"  # noqa: S608
            f" where _dlt_load_id in (select load_id from {dataset}._dlt_loads where status = 0))"
            f" select file_row_number, {columns}, known.mark as known_mark, coalesce("
            f"{parquet.is_sure} and hash(said.{_said(table.key)}) not in (select mark from repeated), false) as is_sure"
            f" from ({parquet.said}) as said left join known on known.{key} = said.{_said(table.key)}"
        )

    def _changed(self, connection: duckdb.DuckDBPyConnection, batch: pa.Table) -> pa.Table:
        """Return the rows of a protected batch that are new or say something else than the database, and count all."""
        intake = self._intake
        compared = self._compared(connection, batch)
        found = {state["values"]: state["counts"] for state in compared["state"].value_counts().to_pylist()}
        intake.rows_read += compared.num_rows
        intake.rows_new += found.get("new", 0)
        intake.rows_updated += found.get("updated", 0)
        intake.rows_unchanged += found.get("unchanged", 0)
        intake.progress(compared.num_rows)
        changed = compared.filter(pc.field("state") != "unchanged")
        if GENERATION.name in self._parquet.table.field_names:
            changed = changed.append_column(GENERATION.name, pa.repeat(intake.generation, changed.num_rows))
        schema = self._parquet.table.arrow_schema
        return changed.select(schema.names).cast(schema)

    def _compared(self, connection: duckdb.DuckDBPyConnection, batch: pa.Table) -> pa.Table:
        """Return a batch with the content hash of each row and its state: `new`, `updated` or `unchanged`."""
        slices = pa.Table.from_batches(batch.to_batches(SLICE_ROWS), batch.schema)
        hashed = connection.from_arrow(slices).project(f"*, sha256({_canonical(self._parquet.table)}) as _content_hash")
        state = f"case when known_mark is null then 'new' when known_mark = {_MARK} then 'unchanged' else 'updated' end"
        return hashed.project(f"*, {state} as state").to_arrow_table()

    def _notice_released(self, batch: pa.Table, waiting: frozenset[str | None]) -> None:
        """Remember which records in quarantine this load brings whole."""
        if waiting:
            keys = batch[self._parquet.table.key].to_pylist()
            self._intake.accepted.update((key, ("", 0)) for key in keys if key in waiting)

    # ---- the slow lane

    def _slow(self, connection: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
        """Hold the doubtful records to the contract one by one, in the order of the file."""
        records = self._records(connection)
        while batch := list(islice(records, RECORDS)):
            yield self._intake.take(batch)

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
        self._intake.rows_read = 0
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
    """A batch whose texts are being redacted; equal values are protected once.

    Args:
        batch: Canonical values but for the personal fields, each column in one chunk.
        parquet: Tells the fields.
        protection: What is done to them.
        executor: Takes the texts when there are many.
    """

    def __init__(self, batch: pa.Table, parquet: ParquetFile, protection: Protection, executor: _LazyProcesses) -> None:
        self._batch = batch
        self._begun: dict[str, list[Callable[[], pa.Array]]] = {}
        self._indices: dict[str, pa.Array] = {}
        for name, (_, declared) in parquet.fields.items():
            if declared.parse not in {free_text, pseudonym} or not batch.num_rows:
                continue
            encoded = batch[name].chunk(0).dictionary_encode()
            self._indices[name] = encoded.indices
            is_much = protection.in_processes and len(encoded.dictionary) >= FEW_TEXTS
            if declared.parse is free_text and is_much:
                self._begun[name] = [
                    executor.submit(protection.texts, encoded.dictionary.slice(start, TEXTS)).result
                    for start in range(0, len(encoded.dictionary), TEXTS)
                ]
            else:
                protect = protection.texts if declared.parse is free_text else protection.identifiers
                self._begun[name] = [partial(protect, encoded.dictionary)]

    def finish(self) -> pa.Table:
        """Return the batch once all is protected."""
        table = self._batch
        for name, parts in self._begun.items():
            values = pa.concat_arrays([part() for part in parts])
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, values.take(self._indices[name]))
        return table


def _ahead(batches: Iterable[_Protecting]) -> Iterator[pa.Table]:
    """Yield batches in their order, while the texts of the next ones are being redacted."""
    begun: deque[_Protecting] = deque()
    for batch in batches:
        begun.append(batch)
        if len(begun) > AHEAD:
            yield begun.popleft().finish()
    while begun:
        yield begun.popleft().finish()


def _canonical(table: Table) -> str:
    """Return SQL of the text whose SHA-256 is the content hash: the JSON that `intake.content_hash` writes.

    Control characters whose code has a letter, such as 1A, are spelled otherwise: a record that holds one is written
    once more when it comes another way.
    """
    pieces = []
    for number, declared in enumerate(f for f in table.fields if f.name != GENERATION.name):
        name = declared.name.replace("'", "''")
        pieces.append(f"'{', ' if number else '{'}\"{name}\": '")
        pieces.append(_on(_JSON[declared.type], declared.name))
    return f"concat({', '.join(pieces)}, '}}')"


#: SQL of a value as JSON.
_JSON: Mapping[str, str] = {
    "text": "coalesce(to_json({c})::varchar, 'null')",
    "bigint": "coalesce({c}::varchar, 'null')",
    "boolean": "coalesce({c}::varchar, 'null')",
    # From microseconds, since what knows of time zones costs five times as much.
    "timestamp": (
        "coalesce('\"' || if(epoch_us({c}) % 1000000 = 0, make_timestamp(epoch_us({c}))::varchar,"
        " strftime(make_timestamp(epoch_us({c})), '%Y-%m-%d %H:%M:%S.%f')) || '+00:00\"', 'null')"
    ),
}
