"""The one way into the warehouse: a file or an API, held to its contract, quarantined where bad, merged where changed.

Used alike by `python -m ingestion.<platform>`, by the command line and by the orchestrator. What a platform says, and
how it is asked, stands in its own folder.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
from dlt.common.schema import Schema
from dlt.extract import DltResource, DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from ingestion import quarantine
from ingestion.contract import GENERATION, Field, Row, Table, choose_table
from ingestion.errors import ExpectedFailure
from ingestion.files import open_csv
from ingestion.intake import REPEATED, Intake, Origin, content_hash
from ingestion.locks import writer_lock
from ingestion.pipelines import explain, hints, open_pipeline, table_resource
from ingestion.platforms import Platform, platform
from ingestion.records import Record
from ingestion.settings import home

BATCH_ROWS = 5000

LOAD_LOG = Table(
    name="load_log",
    key="load_key",
    description="One row per load and table: what was read, from where, and what became of it.",
    fields=(
        Field("load_key", "Identifier of the load and table.", nullable=False),
        Field("origin", "File name, or address without query.", nullable=False),
        Field("origin_kind", "'file', 'api' or 'quarantine'.", nullable=False),
        Field("sha256", "SHA-256 of the file's bytes."),
        Field("size_bytes", "Size of the file.", type="bigint"),
        Field("entity", "Table that was loaded.", nullable=False),
        Field("generation", "Header generation."),
        Field("rows_read", "Records read.", type="bigint", nullable=False),
        Field("rows_new", "Records with a key not known before.", type="bigint", nullable=False),
        Field("rows_updated", "Records whose content changed.", type="bigint", nullable=False),
        Field("rows_unchanged", "Records equal to what was known.", type="bigint", nullable=False),
        Field("rows_quarantined", "Records that broke the contract.", type="bigint", nullable=False),
        Field("unknown_columns", "JSON list of the columns that the contract does not know.", nullable=False),
        Field("dropped_columns", "JSON list of the columns that were not kept.", nullable=False),
        Field("started_at", "Start of the load.", type="timestamp", nullable=False),
        Field("finished_at", "End of the reading.", type="timestamp", nullable=False),
    ),
)

_DUCKDB_TYPES = {"text": "VARCHAR", "bigint": "BIGINT", "timestamp": "TIMESTAMP WITH TIME ZONE"}

Progress = Callable[[int], None]


@dataclass(frozen=True)
class EntityReport:
    """What became of the records of one table."""

    entity: str
    generation: str | None
    rows_read: int
    rows_new: int
    rows_updated: int
    rows_unchanged: int
    rows_quarantined: int
    unknown_columns: tuple[str, ...]
    dropped_columns: Mapping[str, str]

    @classmethod
    def of(cls, intake: Intake) -> "EntityReport":
        return cls(
            entity=intake.table.name,
            generation=intake.generation,
            rows_read=intake.rows_read,
            rows_new=intake.rows_new,
            rows_updated=intake.rows_updated,
            rows_unchanged=intake.rows_unchanged,
            rows_quarantined=len(intake.quarantined),
            unknown_columns=tuple(sorted(intake.unknown_columns)),
            dropped_columns=dict(sorted(intake.dropped_columns.items())),
        )


@dataclass(frozen=True)
class LoadReport:
    """What a load did.

    Attributes:
        platform: Name of the platform.
        origin: Where the records came from.
        entities: What became of them, per table.
        problems: Sentences that say why the load is not complete; empty when it is.
        repaired_characters: Characters of the file that were mended.
    """

    platform: str
    origin: Origin
    entities: tuple[EntityReport, ...]
    problems: tuple[str, ...] = ()
    repaired_characters: int = 0

    @property
    def complete(self) -> bool:
        return not self.problems

    def total(self, count: str) -> int:
        """Return a count such as `rows_new` over all tables."""
        return sum(getattr(entity, count) for entity in self.entities)

    def summary(self) -> str:
        """Return the one line that ends a load."""
        counts = ", ".join(
            f"{self.total(f'rows_{name}')} {name}" for name in ("read", "new", "updated", "unchanged", "quarantined")
        )
        unknown = sorted({name for entity in self.entities for name in entity.unknown_columns})
        reasons: dict[str, list[str]] = defaultdict(list)
        for entity in self.entities:
            for name, reason in entity.dropped_columns.items():
                reasons[reason].append(name)
        dropped = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in reasons.items())
        return (
            f"{self.platform}: {counts}; unknown columns: {', '.join(unknown) or 'none'}; dropped: {dropped or 'none'}"
        )


def load(platform_name: str, *, file: Path | None = None, progress: Progress | None = None) -> LoadReport:
    """Load a file, or what is new at the platform, into the warehouse.

    Loading again changes nothing: rows are merged on their key, and equal rows are not written. When reading fails,
    nothing of it is loaded and the data loaded before stays. A process killed at any moment leaves a state from which
    the next load completes.

    Args:
        platform_name: One of `ingestion.platforms.PLATFORMS`.
        file: A file of the platform, read where it lies; the platform's API when it is not given.
        progress: Called with the number of records read so far.

    Raises:
        ExpectedFailure: the platform is unknown, the file or the answers cannot be read, or their format changed.
    """
    chosen = platform(platform_name)
    progress = progress or _no_progress
    return _load_api(chosen, progress) if file is None else _load_file(chosen, file, progress)


def ensure_tables(platform_name: str) -> None:
    """Create the raw tables of a platform, its load log and its quarantine, empty, where they do not exist.

    Raises:
        ExpectedFailure: the platform is unknown, or a column has another type in the warehouse than in the contract.
    """
    chosen = platform(platform_name)
    with writer_lock(home().warehouse):
        _ensure_tables(chosen)


def retry_quarantine(platform_name: str, *, progress: Progress | None = None) -> LoadReport:
    """Hold the records in quarantine to today's contract; load those that satisfy it and release them.

    A record of which a good version was loaded since is released without being loaded: it is older. Damaged records and
    doubles stay: only a new file can mend them.

    Returns:
        A report in which `rows_quarantined` counts the records that break the contract still.

    Raises:
        ExpectedFailure: the platform is unknown.
    """
    chosen = platform(platform_name)
    with writer_lock(home().warehouse):
        _ensure_tables(chosen)
        pipeline = open_pipeline(chosen.name, chosen.dataset)
        origin = Origin(chosen.name, "quarantine", f"quarantine.{chosen.name}")
        retries = [
            _retry(Intake(table, origin, _lookup(chosen.dataset, table), progress or _no_progress, generation), entries)
            for (table, generation), entries in _entries_by_header(chosen).items()
        ]
        intakes = [retry.intake for retry in retries]
        if any(intake.rows_read for intake in intakes):
            rows = {
                retry.intake.table: [r.rows for r in retries if r.intake.table == retry.intake.table]
                for retry in retries
            }
            _run(pipeline, [table_resource(*pair) for pair in rows.items()], intakes, _keep_quarantine)
        quarantine.release(chosen.name, [entry for retry in retries for entry in retry.released])
    return LoadReport(chosen.name, origin, tuple(EntityReport.of(intake) for intake in intakes))


def _no_progress(_: int) -> None:
    pass


def _contract(chosen: Platform) -> tuple[Table, ...]:
    return import_module(f"ingestion.{chosen.name}").CONTRACT


def _load_file(chosen: Platform, file: Path, progress: Progress) -> LoadReport:
    contract = _contract(chosen)
    csv_file = open_csv(file, chosen.name, lambda header: max(table.recognised(header) for table in contract))
    origin = Origin(chosen.name, "file", csv_file.name, csv_file.sha256, csv_file.size_bytes)
    table = choose_table(contract, csv_file.header, origin.where)
    table.understand(csv_file.header, origin.where)
    with writer_lock(home().warehouse):
        _ensure_tables(chosen)
        pipeline = open_pipeline(chosen.name, chosen.dataset)
        intake = Intake(table, origin, _lookup(chosen.dataset, table), progress)
        rows = (intake.take(batch) for batch in _batches(csv_file.records()))
        _run(pipeline, [table_resource(table, rows)], [intake], quarantine.write)
    problems = ()
    if intake.cut_at is not None:
        where = origin.at(intake.cut_at)
        problems = (f"{where}: the file is truncated. The records before are loaded: export it again and load that.",)
    return LoadReport(chosen.name, origin, (EntityReport.of(intake),), problems, csv_file.repaired)


def _load_api(chosen: Platform, progress: Progress) -> LoadReport:
    module = import_module(f"ingestion.{chosen.name}")
    tables = {table.name: table for table in module.CONTRACT}
    origin = Origin(chosen.name, "api", module.address())
    with writer_lock(home().warehouse):
        _ensure_tables(chosen)
        pipeline = open_pipeline(chosen.name, chosen.dataset)
        resources, intakes = [], []
        for resource in module.build_source().resources.values():
            table = tables[resource.name]
            intake = Intake(table, origin, _lookup(chosen.dataset, table), progress)
            resources.append(_held(resource, intake))
            intakes.append(intake)
        _run(pipeline, resources, intakes, quarantine.write)
    return LoadReport(chosen.name, origin, tuple(EntityReport.of(intake) for intake in intakes))


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    while batch := list(islice(records, BATCH_ROWS)):
        yield batch


def _held(resource: DltResource, intake: Intake) -> DltResource:
    """Return a platform's resource, whose items are pages of records, held to its contract."""

    @dlt.transformer(name=intake.table.name, **hints(intake.table))
    def held(page: Sequence[Mapping[str, Any]]) -> pa.Table:
        return intake.take([Record(position, values) for position, values in enumerate(page, intake.rows_read + 1)])

    return resource.with_name(f"{resource.name}_pages") | held


def _log(intakes: Sequence[Intake]) -> Iterator[pa.Table]:
    """Yield the log of a load; evaluated after its rows were read, and loaded in one package with them."""
    load_key, finished_at = uuid.uuid4().hex, datetime.now(UTC)
    for intake in intakes:
        report, origin = EntityReport.of(intake), intake.origin
        row: Row = {
            "load_key": f"{load_key}-{report.entity}-{report.generation}",
            "origin": origin.name,
            "origin_kind": origin.kind,
            "sha256": origin.sha256,
            "size_bytes": origin.size_bytes,
            "entity": report.entity,
            "generation": report.generation,
            "rows_read": report.rows_read,
            "rows_new": report.rows_new,
            "rows_updated": report.rows_updated,
            "rows_unchanged": report.rows_unchanged,
            "rows_quarantined": report.rows_quarantined,
            "unknown_columns": json.dumps(report.unknown_columns, ensure_ascii=False),
            "dropped_columns": json.dumps(tuple(report.dropped_columns), ensure_ascii=False),
            "started_at": intake.started_at,
            "finished_at": finished_at,
        }
        yield LOAD_LOG.arrow([{**row, "_content_hash": content_hash(row)}])


def _run(
    pipeline: dlt.Pipeline, resources: list[DltResource], intakes: Sequence[Intake], keep: Callable[[Intake], None]
) -> None:
    """Read, quarantine, then load: the rejected records are on the disk before the cursor moves past them."""
    source = DltSource(
        Schema(pipeline.pipeline_name), pipeline.pipeline_name, [*resources, table_resource(LOAD_LOG, _log(intakes))]
    )
    try:
        pipeline.extract(source)
        for intake in intakes:
            keep(intake)
        pipeline.activate()
        pipeline.normalize()
        pipeline.load()
    except PipelineStepFailed as failure:
        raise explain(failure, intakes[0].origin.where) from failure
    for intake in intakes:
        quarantine.release_superseded(intake)


def _lookup(dataset: str, table: Table) -> Callable[[Sequence[str]], dict[str, Row]]:
    """Return a function that finds, by key, the rows of completed loads."""
    query = (
        f"select * from {dataset}.{table.name} where {table.key} in (select unnest(?))"  # noqa: S608
        f" and _dlt_load_id in (select load_id from {dataset}._dlt_loads where status = 0)"
    )

    def lookup(keys: Sequence[str]) -> dict[str, Row]:
        with duckdb.connect(str(home().warehouse)) as connection:
            rows = connection.execute(query, [list(keys)]).to_arrow_table().to_pylist()
        return {row[table.key]: row for row in rows}

    return lookup


def _ensure_tables(chosen: Platform) -> None:
    contract = _contract(chosen)
    kept = quarantine.quarantine_table(chosen.name)
    found = _columns()
    raw = [table for table in (*contract, LOAD_LOG) if not _is_complete(table, chosen.dataset, found)]
    if raw:
        _create(chosen.name, chosen.dataset, raw)
    if not _is_complete(kept, quarantine.DATASET, found):
        _create(f"quarantine_{chosen.name}", quarantine.DATASET, [kept])


def _create(pipeline_name: str, dataset: str, tables: Iterable[Table]) -> None:
    resources = [table_resource(table, [table.arrow([])]) for table in tables]
    open_pipeline(pipeline_name, dataset).run(DltSource(Schema(pipeline_name), pipeline_name, resources))


def _columns() -> dict[tuple[str, str], dict[str, str]]:
    """Return the columns and types of every table of the warehouse, by schema and table."""
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    if home().warehouse.exists():
        query = "select table_schema, table_name, column_name, data_type from information_schema.columns"
        with duckdb.connect(str(home().warehouse)) as connection:
            for schema, table, column, data_type in connection.execute(query).fetchall():
                found[schema, table][column] = data_type
    return found


def _is_complete(table: Table, dataset: str, found: Mapping[tuple[str, str], Mapping[str, str]]) -> bool:
    columns = found.get((dataset, table.name), {})
    for declared in table.fields:
        if declared.name in columns and columns[declared.name] != _DUCKDB_TYPES[declared.type]:
            raise ExpectedFailure(
                f"The column {dataset}.{table.name}.{declared.name} is {columns[declared.name]} in the warehouse and"
                f" {_DUCKDB_TYPES[declared.type]} in the contract.",
                "Nothing was loaded, the data loaded before stays: give the changed column a new name in the contract.",
            )
    return all(declared.name in columns for declared in table.fields)


def _entries_by_header(chosen: Platform) -> dict[tuple[Table, str | None], list[quarantine.Entry]]:
    """Return the entries that have a payload, by table and header generation."""
    tables = {table.name: table for table in _contract(chosen)}
    groups: dict[tuple[Table, str | None], list[quarantine.Entry]] = defaultdict(list)
    for entry in quarantine.entries(chosen.name):
        if entry.payload is not None and entry.entity in tables:
            groups[tables[entry.entity], json.loads(entry.payload).get(GENERATION.name)].append(entry)
    return groups


@dataclass(frozen=True)
class _Retry:
    """Entries held to the contract again: the rows to load, and the entries that leave the quarantine."""

    intake: Intake
    rows: pa.Table
    released: list[str]


def _retry(intake: Intake, entries: Sequence[quarantine.Entry]) -> _Retry:
    loaded_since = intake.existing([entry.record_key for entry in entries if entry.record_key])
    waiting = [entry for entry in entries if entry.record_key not in loaded_since]
    payloads = [json.loads(entry.payload or "{}") for entry in waiting]
    for payload in payloads:
        payload.pop(GENERATION.name, None)
    rows = intake.take([Record(rank, payload) for rank, payload in enumerate(payloads)])
    refused = {rejected.position for rejected in intake.quarantined}
    released = [entry.quarantine_id for rank, entry in enumerate(waiting) if rank not in refused]
    released += [e.quarantine_id for e in entries if e.record_key in loaded_since and not e.reason.startswith(REPEATED)]
    return _Retry(intake, rows, released)


def _keep_quarantine(_: Intake) -> None:
    """What a retry rejects is in quarantine already."""
