"""Loads a file or an API into a database: parsing, validation, quarantine, merge.

`python -m ingestion <platform>`, the command line and the orchestrator all use it.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.schema import Schema
from dlt.extract import DltResource, DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from core import disk
from core.errors import ExpectedFailure
from core.locks import writer_lock
from core.settings import home
from ingestion.engine import quarantine, tables
from ingestion.engine.contract import GENERATION, Table
from ingestion.engine.files import exported_day
from ingestion.engine.parsed_file import open_file
from ingestion.engine.pipelines import PAGES, cursors, explain, table_resource
from ingestion.engine.records import BATCH_ROWS, Block, Record, in_batches
from ingestion.engine.reports import LOAD_LOG, EntityReport, LoadReport, log_rows, refusals
from ingestion.engine.sent import each_checked
from ingestion.engine.validation import Origin, ProgressCallback, TableValidator
from ingestion.engine.windows import ONE_DAY, Window, allowed
from ingestion.platforms import Platform, platform


def load(platform_name: str, *, file: Path | None = None, progress: ProgressCallback | None = None) -> LoadReport:
    """Load a file, or what is new at the platform, into the warehouse.

    Loading again changes nothing: rows are merged on their key, and equal rows are not written. When reading fails,
    nothing of it is loaded and the data loaded before stays. A process killed at any moment leaves a state from which
    the next load completes.

    Args:
        platform_name: One of `ingestion.platforms.PLATFORMS`.
        file: A file of the platform, read where it lies; the platform's API when it is not given.
        progress: Called after each page, or batch of a file, with the number of its records:
            see `ingestion.engine.progress`.

    Raises:
        ExpectedFailure: the platform is unknown, the file or the answers cannot be read, or their format changed.
    """
    chosen = platform(platform_name)
    progress = progress or _no_progress
    if file is None:
        return _load_api(chosen, progress)
    if file.suffix == ".parquet" and hasattr(chosen.connector, "COLUMNAR"):
        from ingestion.engine.columnar import load_parquet  # what it stands on is needed for this one format only

        return load_parquet(chosen, file, progress)
    return _load_file(chosen, file, progress)


def load_everything(platform_name: str, *, progress: ProgressCallback | None = None) -> LoadReport:
    """Load all that a platform's address has, as a first load would; the next load goes on from there.

    What the platform no longer has stays as it was.

    Args:
        platform_name: As `load`.
        progress: As `load`.

    Raises:
        ExpectedFailure: as `load`.
    """
    chosen = platform(platform_name)
    source, origin = _address(chosen).build_source, Origin(chosen.name, "api", _address(chosen).address())
    with _prepared(chosen) as pipeline:
        with pipeline.managed_state() as state:
            state["sources"] = {}  # where it was: a load that fails leaves the state in the database as it is
        return _read(chosen, pipeline, source(), origin, progress or _no_progress)


def load_window(
    platform_name: str, asked: Window, *, progress: ProgressCallback | None = None
) -> Iterator[tuple[Window, LoadReport]]:
    """Load some days of a platform again, month by month, and yield each month once it is in the database.

    It neither reads nor moves what tells the next load where to go on. What was asked before a failure stays loaded.

    Args:
        platform_name: As `load`.
        asked: The days.
        progress: As `load`.

    Raises:
        ExpectedFailure: as `load`, or the platform cannot be asked for these days; it says from where to go on.
    """
    chosen = platform(platform_name)
    window = allowed(chosen, asked)
    for month in window.months():
        try:
            source, where = chosen.connector.build_window(month), f"{chosen.connector.address()} {month}"
            with _prepared(chosen) as pipeline:
                origin = Origin(chosen.name, "window", where)
                report = _read(chosen, pipeline, source, origin, progress or _no_progress)
        except ExpectedFailure as failure:
            if month.start > window.start:
                failure.remedy += (
                    f" The days from {window.start} to {month.start - ONE_DAY} are loaded; go on with"
                    f" `cyberimpact load {chosen.name} --from {month.start} --to {window.end}`."
                )
            raise
        yield month, report


@dataclass(frozen=True)
class Refusal:
    """A record that was sent and is in quarantine: its rank among those of its table, from 1, and why."""

    entity: str
    rank: int
    reason: str


def load_sent(
    platform_name: str,
    sent: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    sha256: str,
    size_bytes: int,
    progress: ProgressCallback | None = None,
) -> tuple[LoadReport, list[Refusal]]:
    """Load records that somebody has sent, as `load` does those of a file; what breaks the contract is quarantined.

    Args:
        platform_name: As `load`.
        sent: The records by table, in the order in which they came.
        sha256: Of all that was sent.
        size_bytes: Of all that was sent.
        progress: As `load`.

    Returns:
        The report, and the records that are in quarantine now.

    Raises:
        ExpectedFailure: the platform or a table is unknown, or the database cannot be written.
    """
    chosen = platform(platform_name)
    origin = Origin(chosen.name, "inbox", "inbox", sha256, size_bytes)
    with _prepared(chosen) as pipeline:
        validators = [_validator(chosen, chosen.table(name), origin, progress or _no_progress) for name in sent]
        resources = [
            table_resource(
                validator.table, _validated(validator, each_checked(validator.table, sent[name], origin.where))
            )
            for name, validator in zip(sent, validators, strict=True)
        ]
        _run(pipeline, resources, validators, quarantine.write)
    reports = tuple(EntityReport.of(validator) for validator in validators)
    refused = [
        Refusal(
            validator.table.name, each.position, " ".join(filter(None, (each.rejection.field, each.rejection.reason)))
        )
        for validator in validators
        for each in validator.quarantined
    ]
    return LoadReport(chosen.name, origin, reports), refused


def ensure_tables(platform_name: str) -> None:
    """Create the raw tables of a platform, its load log and its quarantine, empty, where they do not exist.

    Raises:
        ExpectedFailure: the platform is unknown, or a column has another type in the warehouse than in the contract.
    """
    chosen = platform(platform_name)
    with writer_lock(home().database(chosen.database)):
        tables.ensure(chosen, chosen.connector.CONTRACT)


def retry_quarantine(platform_name: str, *, progress: ProgressCallback | None = None) -> LoadReport:
    """Validate the records in quarantine against the current contract; load those that pass, and release them.

    A record of which a good version was loaded since is released without being loaded: it is older. Damaged records
    stay: only a new file can replace them.

    Returns:
        A report in which `rows_quarantined` counts the records that break the contract still.

    Raises:
        ExpectedFailure: the platform is unknown.
    """
    chosen = platform(platform_name)
    with _prepared(chosen) as pipeline:
        origin = Origin(chosen.name, "quarantine", f"quarantine.{chosen.name}")
        retries = [
            _retry(
                TableValidator(table, origin, tables.lookup(chosen, table), progress or _no_progress, generation),
                entries,
            )
            for (table, generation), entries in _entries_by_header(chosen).items()
        ]
        validators = [retry.validator for retry in retries]
        if any(validator.rows_read for validator in validators):
            rows = {
                retry.validator.table: [r.rows for r in retries if r.validator.table == retry.validator.table]
                for retry in retries
            }
            _run(pipeline, [table_resource(*pair) for pair in rows.items()], validators, _keep_quarantine)
        quarantine.release(chosen.name, [entry for retry in retries for entry in retry.released])
    return LoadReport(chosen.name, origin, tuple(EntityReport.of(validator) for validator in validators))


def _no_progress(_: int) -> None:
    pass


@contextmanager
def _prepared(chosen: Platform) -> Generator[dlt.Pipeline]:
    """Hold the database of a platform, with its tables in it, and give the pipeline that writes them."""
    database = home().database(chosen.database)
    with writer_lock(database), disk.explained():
        tables.ensure(chosen, chosen.connector.CONTRACT)
        with tables.raw_pipeline(chosen, chosen.name) as pipeline:
            yield pipeline


def _load_file(chosen: Platform, file: Path, progress: ProgressCallback) -> LoadReport:
    parsed = open_file(chosen, file)
    exported_on = exported_day(parsed.name)
    origin = Origin(chosen.name, "file", parsed.name, parsed.sha256, parsed.size_bytes, exported_on)
    with _prepared(chosen) as pipeline:
        validators = [_validator(chosen, part.table, origin, progress) for part in parsed.parts]
        resources = [
            table_resource(part.table, _validated(validator, part.records))
            for part, validator in zip(parsed.parts, validators, strict=True)
        ]
        _run(pipeline, resources, validators, quarantine.write, parsed.repaired.count)
    cuts = sorted({validator.cut_at for validator in validators if validator.cut_at is not None})
    problems = tuple(
        f"{origin.at(cut)}: the file is truncated. The records before are loaded: export it again and load that."
        for cut in cuts
    )
    reports = tuple(EntityReport.of(validator) for validator in validators)
    return LoadReport(chosen.name, origin, reports, (*problems, *refusals(origin, reports)), parsed.repaired)


def _load_api(chosen: Platform, progress: ProgressCallback) -> LoadReport:
    source, origin = _address(chosen).build_source, Origin(chosen.name, "api", _address(chosen).address())
    with _prepared(chosen) as pipeline:
        return _read(chosen, pipeline, source(), origin, progress)


def _address(chosen: Platform) -> ModuleType:
    """Return the connector of a platform that has an address.

    Raises:
        ExpectedFailure: it has none.
    """
    if not hasattr(chosen.connector, "build_source"):
        raise ExpectedFailure(
            f"{chosen.name} has no address to read: its files come to drop/{chosen.name}/.",
            f"Give one with --file, or put it there and run `cyberimpact load {chosen.name}`.",
        )
    return chosen.connector


def _read(
    chosen: Platform, pipeline: dlt.Pipeline, source: DltSource, origin: Origin, progress: ProgressCallback
) -> LoadReport:
    """Load what a source of a platform yields."""
    by_name = {table.name: table for table in chosen.connector.CONTRACT}
    resources, validators = [], []
    with _remarks(chosen) as remarks:
        for resource in source.resources.values():
            validator = _validator(chosen, by_name[resource.name], origin, progress)
            resources += _validated_pages(resource, validator)
            validators.append(validator)
        _run(pipeline, resources, validators, quarantine.write)
    reports = tuple(EntityReport.of(validator) for validator in validators)
    return LoadReport(
        chosen.name,
        origin,
        reports,
        refusals(origin, reports),
        remarks=tuple(dict.fromkeys(remarks)),
        cursors=cursors(pipeline),
    )


@contextmanager
def _remarks(chosen: Platform) -> Generator[list[str]]:
    """Yield the list that collects the warnings of a platform's modules, for the report of the load."""
    remarks: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: remarks.append(record.getMessage().removeprefix(f"{chosen.name}: "))
    logger = logging.getLogger(f"ingestion.connectors.{chosen.name}")
    logger.addHandler(handler)
    try:
        yield remarks
    finally:
        logger.removeHandler(handler)


def _validator(chosen: Platform, table: Table, origin: Origin, progress: ProgressCallback) -> TableValidator:
    later_exports = tables.later_exports(chosen, table, origin.sha256)
    return TableValidator(table, origin, tables.lookup(chosen, table), progress, later_exports=later_exports)


def _validated(validator: TableValidator, records: Iterable[Record | Block]) -> Iterator[pa.Table]:
    for batch in in_batches(records, BATCH_ROWS):
        validator.validate(batch)
    yield from validator.changes()


def _validated_pages(resource: DltResource, validator: TableValidator) -> tuple[DltResource, DltResource]:
    """Return a platform's resource, whose pages of records are checked, and the resource of what is to be written.

    The second one is read after the first: dlt reads resources in their order.
    """

    @dlt.transformer(name=f"{validator.table.name}_checked")
    def checked(page: Sequence[Mapping[str, Any]]) -> None:
        validator.validate([Record(position, values) for position, values in enumerate(page, validator.rows_read + 1)])

    pages = resource.with_name(f"{resource.name}{PAGES}") | checked
    return pages, table_resource(validator.table, validator.changes())


def _run(
    pipeline: dlt.Pipeline,
    resources: list[DltResource],
    validators: Sequence[TableValidator],
    keep: Callable[[TableValidator], None],
    repaired: int = 0,
) -> None:
    """Read, quarantine, then load: the rejected records are on the disk before the cursor moves past them."""
    source = DltSource(
        Schema(pipeline.pipeline_name),
        pipeline.pipeline_name,
        [*resources, table_resource(LOAD_LOG, log_rows(validators, repaired))],
    )
    try:
        pipeline.extract(source)
        for validator in validators:
            keep(validator)
        pipeline.activate()
        pipeline.normalize()
        pipeline.load()
    except PipelineStepFailed as failure:
        raise explain(failure, validators[0].origin.where) from failure
    for validator in validators:
        quarantine.release_superseded(validator)


def _entries_by_header(chosen: Platform) -> dict[tuple[Table, str | None], list[quarantine.Entry]]:
    """Return the entries that have a payload, by table and header generation."""
    by_name = {table.name: table for table in chosen.connector.CONTRACT}
    groups: dict[tuple[Table, str | None], list[quarantine.Entry]] = defaultdict(list)
    for entry in quarantine.entries(chosen.name):
        if entry.payload is not None and entry.entity in by_name:
            groups[by_name[entry.entity], json.loads(entry.payload).get(GENERATION.name)].append(entry)
    return groups


@dataclass(frozen=True)
class _Retry:
    """Entries that were validated again: the rows to load, and the entries that leave the quarantine."""

    validator: TableValidator
    rows: pa.Table
    released: list[str]


def _retry(validator: TableValidator, entries: Sequence[quarantine.Entry]) -> _Retry:
    loaded_since = validator.existing([entry.record_key for entry in entries if entry.record_key], ())
    waiting = [entry for entry in entries if entry.record_key not in loaded_since]
    payloads = [json.loads(entry.payload or "{}") for entry in waiting]
    for payload in payloads:
        payload.pop(GENERATION.name, None)
    validator.validate([Record(rank, payload) for rank, payload in enumerate(payloads)])
    refused = {rejected.position for rejected in validator.quarantined}
    released = [entry.quarantine_id for rank, entry in enumerate(waiting) if rank not in refused]
    released += [entry.quarantine_id for entry in entries if entry.record_key in loaded_since]
    return _Retry(validator, pa.concat_tables(validator.changes()), released)


def _keep_quarantine(_: TableValidator) -> None:
    """What a retry rejects is in quarantine already."""
