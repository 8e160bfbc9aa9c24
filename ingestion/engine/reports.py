"""Reports of a load: for its reader, and as a row of the load log."""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from core.errors import first_of
from ingestion.engine.contract import Field, Row, Table
from ingestion.engine.files import NO_REPAIRS, Repairs
from ingestion.engine.validation import Origin, TableValidator, content_hash

LOAD_LOG = Table(
    name="load_log",
    key="load_key",
    description="One row per load and table: what was read, from where, and what became of it.",
    fields=(
        Field("load_key", "Identifier of the load and table.", nullable=False),
        Field("origin", "File name, or address without query.", nullable=False),
        Field("origin_kind", "'file', 'api', 'window', 'inbox' or 'quarantine'.", nullable=False),
        Field("sha256", "SHA-256 of the file's bytes."),
        Field("size_bytes", "Size of the file.", type="bigint"),
        Field("entity", "Table that was loaded.", nullable=False),
        Field("generation", "Header generation."),
        Field("rows_read", "Records read.", type="bigint", nullable=False),
        Field("rows_new", "Records with a key not known before.", type="bigint", nullable=False),
        Field("rows_updated", "Records whose content changed.", type="bigint", nullable=False),
        Field("rows_unchanged", "Records equal to what was known.", type="bigint", nullable=False),
        Field("rows_quarantined", "Records that broke the contract.", type="bigint", nullable=False),
        Field("rows_replaced", "Records that another one of the same key and load replaced.", type="bigint"),
        Field("rows_outdated", "Records older than what was known of their key: not loaded.", type="bigint"),
        Field("rows_reverted", "Rows that an earlier export than the one they came from changed.", type="bigint"),
        Field("last_day", "Last day that the records cover, ISO 8601, where it is known."),
        Field("repaired_characters", "Characters of the file that were repaired.", type="bigint"),
        Field("unknown_columns", "JSON list of the columns that the contract does not know.", nullable=False),
        Field("dropped_columns", "JSON list of the columns that were not kept.", nullable=False),
        Field("started_at", "Start of the load.", type="timestamp", nullable=False),
        Field("finished_at", "End of the reading.", type="timestamp", nullable=False),
    ),
)


@dataclass(frozen=True)
class EntityReport:
    """The outcome of the records of one table."""

    entity: str
    generation: str | None
    rows_read: int
    rows_new: int
    rows_updated: int
    rows_unchanged: int
    rows_quarantined: int
    unknown_columns: tuple[str, ...]
    dropped_columns: Mapping[str, str]
    rows_replaced: int = 0
    rows_outdated: int = 0
    changed_lines: tuple[int, ...] = ()
    reverted_lines: tuple[int, ...] = ()
    last_day: date | None = None

    @property
    def rows_reverted(self) -> int:
        return len(self.reverted_lines)

    @classmethod
    def of(cls, validator: TableValidator) -> "EntityReport":
        return cls(
            entity=validator.table.name,
            generation=validator.generation,
            rows_read=validator.rows_read,
            rows_new=validator.rows_new,
            rows_updated=validator.rows_updated,
            rows_unchanged=validator.rows_unchanged,
            rows_quarantined=len(validator.quarantined),
            unknown_columns=tuple(sorted(validator.unknown_columns)),
            dropped_columns=dict(sorted(validator.dropped_columns.items())),
            rows_replaced=validator.rows_replaced,
            rows_outdated=validator.rows_outdated,
            changed_lines=tuple(validator.updated_positions),
            reverted_lines=tuple(validator.reverted_positions()),
            last_day=validator.last_day,
        )

    def remarks(self) -> Iterator[str]:
        """Yield what a reader must know of rows whose versions no date of modification orders."""
        if self.changed_lines:
            yield (
                f"{self.entity}: {len(self.changed_lines)} rows changed by {_lines(self.changed_lines)}; no date tells"
                " which version is newer, so the one loaded last holds"
            )
        if self.reverted_lines:
            yield (
                f"{self.entity}: {len(self.reverted_lines)} rows changed to an older value by"
                f" {_lines(self.reverted_lines)}: this file ends on {self.last_day}, before the export that they came"
                " from; load the newer file again if its values are right"
            )


@dataclass(frozen=True)
class LoadReport:
    """What a load did.

    Attributes:
        platform: Name of the platform.
        origin: Where the records came from.
        entities: What became of them, per table.
        problems: Sentences that say why the load is not complete; empty when it is.
        repaired: Characters of the file that were repaired, and where the first one stands.
        remarks: What the platform did not give this time, though the load is complete: a listing that is closed.
        cursors: Up to where an address was read, by table.
    """

    platform: str
    origin: Origin
    entities: tuple[EntityReport, ...]
    problems: tuple[str, ...] = ()
    repaired: Repairs = NO_REPAIRS
    remarks: tuple[str, ...] = ()
    cursors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def repaired_characters(self) -> int:
        return self.repaired.count

    @property
    def complete(self) -> bool:
        return not self.problems

    def total(self, count: str) -> int:
        """Return a count such as `rows_new` over all tables."""
        return sum(getattr(entity, count) for entity in self.entities)

    def summary(self) -> str:
        """Return the one line that ends a load."""
        always = ("read", "new", "updated", "unchanged", "quarantined")
        counts = ", ".join(
            f"{self.total(f'rows_{name}')} {name}"
            for name in (*always, "replaced", "outdated")
            if name in always or self.total(f"rows_{name}")
        )
        unknown = sorted({name for entity in self.entities for name in entity.unknown_columns})
        reasons: dict[str, list[str]] = defaultdict(list)
        for entity in self.entities:
            for name, reason in entity.dropped_columns.items():
                reasons[reason].append(name)
        dropped = "; ".join(f"{', '.join(dict.fromkeys(names))} ({reason})" for reason, names in reasons.items())
        notes = [*self.remarks, *(remark for entity in self.entities for remark in entity.remarks())]
        if self.repaired:
            notes.insert(0, f"{self.origin.name}: {self.repaired}")
        remarks = "".join(f"; note: {note}" for note in notes)
        return (
            f"{self.platform}: {counts}; unknown columns: {', '.join(unknown) or 'none'}; dropped: {dropped or 'none'}"
            f"{remarks}"
        )


def refusals(origin: Origin, entities: Sequence[EntityReport]) -> tuple[str, ...]:
    """Return the sentence that ends a load of which every record was refused; nothing for any other."""
    read = sum(entity.rows_read for entity in entities)
    if not read or sum(entity.rows_quarantined for entity in entities) < read:
        return ()
    sentence = (
        f"{origin.where}: every record was refused ({read} of {read}), nothing was loaded."
        f" `cyberimpact quarantine list {origin.platform}` gives the reason of each."
    )
    return (sentence,)


#: Lines that a report names; of more, it gives the number.
MOST_LINES = 20


def _lines(positions: Sequence[int]) -> str:
    """Return line numbers for a sentence."""
    return f"{'line' if len(positions) == 1 else 'lines'} {first_of(positions, MOST_LINES)}"


def log_rows(validators: Sequence[TableValidator], repaired: int = 0) -> Iterator[pa.Table]:
    """Yield the rows of `load_log`; evaluated after its rows were read, and loaded in one package with them."""
    load_key, finished_at = uuid.uuid4().hex, datetime.now(UTC)
    for validator in validators:
        report, origin = EntityReport.of(validator), validator.origin
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
            "rows_replaced": report.rows_replaced,
            "rows_outdated": report.rows_outdated,
            "rows_reverted": report.rows_reverted,
            "last_day": report.last_day and report.last_day.isoformat(),
            "repaired_characters": repaired,
            "unknown_columns": json.dumps(report.unknown_columns, ensure_ascii=False),
            "dropped_columns": json.dumps(tuple(report.dropped_columns), ensure_ascii=False),
            "started_at": validator.started_at,
            "finished_at": finished_at,
        }
        yield LOAD_LOG.arrow([(*row.values(), content_hash(row))])
