"""Stores rejected records, redacted, and lists and releases them."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from ingestion.engine.contract import Field, Row, Table
from ingestion.engine.pipelines import open_pipeline, table_resource
from ingestion.engine.validation import Quarantined, TableValidator, content_hash
from ingestion.platforms import database

DATASET = "quarantine"


def quarantine_table(platform_name: str) -> Table:
    return Table(
        name=platform_name,
        key="quarantine_id",
        description="A record that broke its contract, as far as it may be kept.",
        fields=(
            Field("quarantine_id", "Hash of the origin, the record and the reason.", nullable=False),
            Field("entity", "Table for which the record was meant.", nullable=False),
            Field("origin", "File name, or address without query.", nullable=False),
            Field("line", "Physical line of the file, or rank in the answer.", type="bigint"),
            Field("record_key", "Key of the record, where it can be read."),
            Field("field", "Field that broke the contract."),
            Field("reason", "What is wrong with it.", nullable=False),
            Field("value", "Its value, redacted."),
            Field("payload", "JSON object of the declared fields, redacted; empty when the record is damaged."),
            Field("quarantined_at", "When it was last met.", type="timestamp", nullable=False),
        ),
    )


@dataclass(frozen=True)
class Entry:
    """A row of `quarantine.<platform>`; the fields are described in `quarantine_table`."""

    quarantine_id: str
    entity: str
    origin: str
    line: int | None
    record_key: str | None
    field: str | None
    reason: str
    value: str | None
    payload: str | None
    quarantined_at: datetime


def write(validator: TableValidator) -> None:
    """Write what an validator rejected; the same record with the same fault stays one row however often it is met."""
    if not validator.quarantined:
        return
    table = quarantine_table(validator.origin.platform)
    now = datetime.now(UTC)
    rows = {row[0]: row for row in (_row(validator, rejected, now) for rejected in validator.quarantined)}
    pipeline = open_pipeline(f"quarantine_{table.name}", DATASET, database(table.name))
    pipeline.run(table_resource(table, [table.arrow([*rows.values()])]))


def _row(validator: TableValidator, rejected: Quarantined, now: datetime) -> tuple[Any, ...]:
    origin, reason = validator.origin, rejected.rejection
    payload = None if rejected.payload is None else json.dumps(rejected.payload, ensure_ascii=False, sort_keys=True)
    # in an answer the rank of a record changes from day to day, its key does not
    known = None if origin.kind == "file" else rejected.record_key or payload
    place, record = (origin.name, known) if known else (origin.sha256 or origin.name, str(rejected.position))
    identity = json.dumps([place, validator.table.name, record, reason.field, reason.reason])
    row: Row = {
        "quarantine_id": hashlib.sha256(identity.encode()).hexdigest(),
        "entity": validator.table.name,
        "origin": origin.name,
        "line": rejected.position,
        "record_key": rejected.record_key,
        "field": reason.field,
        "reason": reason.reason,
        "value": reason.value,
        "payload": payload,
        "quarantined_at": now,
    }
    return (*row.values(), content_hash(row))


def entries(platform_name: str) -> list[Entry]:
    """Return what is in quarantine for a platform, oldest first.

    The caller holds the writer lock of the platform's database: DuckDB lets nobody read a file that another process
    writes.
    """
    file = database(platform_name)
    if not file.exists():
        return []
    columns = ", ".join(Entry.__dataclass_fields__)
    query = f'select {columns} from {DATASET}."{platform_name}" order by quarantined_at, entity, line'  # noqa: S608
    with duckdb.connect(str(file)) as connection:
        try:
            rows = connection.execute(query).to_arrow_table().to_pylist()
        except duckdb.CatalogException:
            return []
    return [Entry(**row) for row in rows]


def release(platform_name: str, quarantine_ids: Iterable[str]) -> None:
    """Remove entries; the caller holds the writer lock of the platform's database."""
    ids = list(quarantine_ids)
    if not ids:
        return
    statement = f'delete from {DATASET}."{platform_name}" where quarantine_id in (select unnest(?))'  # noqa: S608
    with duckdb.connect(str(database(platform_name))) as connection:
        connection.execute(statement, [ids])


def release_superseded(validator: TableValidator) -> None:
    """Remove the entries whose record this validator accepted, and that it did not quarantine itself."""
    release(
        validator.origin.platform,
        [
            entry.quarantine_id
            for entry in entries(validator.origin.platform)
            if entry.entity == validator.table.name
            and (entry.record_key in validator.accepted or entry.record_key in validator.released)
            and entry.quarantined_at < validator.started_at
        ],
    )
