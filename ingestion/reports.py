"""What a load did: the report for its reader, and the row that the log of loads keeps. Loads nothing itself."""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from ingestion.contract import Field, Row, Table
from ingestion.intake import Intake, Origin, content_hash

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
        remarks: What the platform did not give this time, though the load is complete: a listing that is closed.
    """

    platform: str
    origin: Origin
    entities: tuple[EntityReport, ...]
    problems: tuple[str, ...] = ()
    repaired_characters: int = 0
    remarks: tuple[str, ...] = ()

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
        dropped = "; ".join(f"{', '.join(dict.fromkeys(names))} ({reason})" for reason, names in reasons.items())
        remarks = "".join(f"; note: {remark}" for remark in self.remarks)
        return (
            f"{self.platform}: {counts}; unknown columns: {', '.join(unknown) or 'none'}; dropped: {dropped or 'none'}"
            f"{remarks}"
        )


def log_rows(intakes: Sequence[Intake]) -> Iterator[pa.Table]:
    """Yield the rows of `load_log`; evaluated after its rows were read, and loaded in one package with them."""
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
