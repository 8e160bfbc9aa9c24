"""Validates a file against the contract of a platform as a load does, without a database.

`python -m ingestion.engine.checking PLATFORM FILE REPORT` writes the report as JSON; its memory is bound.
"""

import json
import resource
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Self

from core.errors import ExpectedFailure
from ingestion.engine.files import exported_day
from ingestion.engine.parsed_file import ParsedFile, open_file
from ingestion.engine.records import BATCH_ROWS, in_batches, one_by_one
from ingestion.engine.validation import Origin, TableValidator
from ingestion.platforms import PLATFORMS, Platform, platform

#: What the process may take: a file of 64 MiB takes 0.7 GiB.
MOST_MEMORY_BYTES = 4 << 30
#: Of more records that are set aside, the report gives the number by reason only.
MOST_FAULTS = 5_000
#: A larger file is not opened as one of other platforms, one after the other.
MOST_RECOGNISED_BYTES = 16 << 20


class Fault(NamedTuple):
    """Why a record would be set aside; its value is redacted."""

    line: int
    entity: str
    field: str
    reason: str
    value: str


class CheckedTable(NamedTuple):
    """What a load would make of the records of one table; a record that repeats another one is accepted too."""

    entity: str
    accepted: int
    set_aside: int
    unknown_columns: str
    dropped_columns: str


class Cause(NamedTuple):
    """A reason for which records would be set aside, and how many."""

    entity: str
    field: str
    reason: str
    rows: int


@dataclass(frozen=True)
class Check:
    """What a load of a file would do.

    Attributes:
        sha256: Of its bytes; empty where it cannot be opened.
        tables: What it holds.
        causes: Why records would be set aside, the most frequent first.
        faults: The first of these records, in the order of the file.
        failure: Why nothing of it would be loaded, and what to do; None where something would.
        looks_like: The platform of which it is an export, where that is another one.
        repaired_characters: Characters that were not UTF-8 and were read as cp1252.
        cut_at: The line in which the file is cut, None where it is whole.
    """

    sha256: str = ""
    tables: tuple[CheckedTable, ...] = ()
    causes: tuple[Cause, ...] = ()
    faults: tuple[Fault, ...] = ()
    failure: tuple[str, str] | None = None
    looks_like: str | None = None
    repaired_characters: int = 0
    cut_at: int | None = None

    @property
    def accepted(self) -> int:
        return sum(table.accepted for table in self.tables)

    @property
    def set_aside(self) -> int:
        return sum(table.set_aside for table in self.tables)

    @classmethod
    def read(cls, report: Path) -> Self:
        """Return the check that was written to a report."""
        found = json.loads(report.read_text(encoding="utf-8"))
        kinds = {"tables": CheckedTable, "causes": Cause, "faults": Fault}
        rows = {name: tuple(kind(*row) for row in found.pop(name)) for name, kind in kinds.items()}
        return cls(**found, **rows)


def check(chosen: Platform, file: Path) -> Check:
    """Return what a load of a file would do, whatever is wrong with it."""
    try:
        found = _checked(chosen, open_file(chosen, file))
    except ExpectedFailure as failure:
        found = Check(failure=(failure.what, failure.remedy))
    except MemoryError:
        return Check(failure=(f"{chosen.name}: the file takes too much memory.", "Split it by period."))
    if found.accepted or file.stat().st_size > MOST_RECOGNISED_BYTES:
        return found
    return replace(found, looks_like=_recognised(file, chosen))


def _checked(chosen: Platform, parsed: ParsedFile) -> Check:
    """Validate all records.

    Raises:
        ExpectedFailure: a column is missing, or no record satisfies some field.
    """
    validators = [_validator(chosen, parsed, rank) for rank in range(len(parsed.parts))]
    for validator, part in zip(validators, parsed.parts, strict=True):
        for batch in in_batches(part.records, BATCH_ROWS):
            validator.validate(batch)
            list(validator.changes())
    faults = sorted(fault for validator in validators for fault in _faults(validator))
    causes = Counter((fault.entity, fault.field, fault.reason) for fault in faults)
    return Check(
        sha256=parsed.sha256,
        tables=tuple(map(_table, validators)),
        causes=tuple(Cause(*cause, rows) for cause, rows in causes.most_common()),
        faults=tuple(faults[:MOST_FAULTS]),
        repaired_characters=parsed.repaired.count,
        cut_at=min((v.cut_at for v in validators if v.cut_at is not None), default=None),
    )


def _validator(chosen: Platform, parsed: ParsedFile, rank: int) -> TableValidator:
    origin = Origin(chosen.name, "file", parsed.name, parsed.sha256, parsed.size_bytes, exported_day(parsed.name))
    return TableValidator(parsed.parts[rank].table, origin, lambda _, __: {}, lambda _: None)


def _faults(validator: TableValidator) -> Iterator[Fault]:
    for record in validator.quarantined:
        reason = record.rejection
        yield Fault(record.position, validator.table.name, reason.field or "", reason.reason, reason.value or "")


def _table(validator: TableValidator) -> CheckedTable:
    return CheckedTable(
        validator.table.name,
        validator.rows_read - len(validator.quarantined),
        len(validator.quarantined),
        ", ".join(sorted(validator.unknown_columns)),
        ", ".join(sorted(validator.dropped_columns)),
    )


def _recognised(file: Path, chosen: Platform) -> str | None:
    """Return the platform whose contract the first record of a file satisfies, None where there is none."""
    others = (entry for entry in PLATFORMS if entry.drops and entry != chosen)
    return next((entry.name for entry in others if _satisfies(entry, file)), None)


def _satisfies(entry: Platform, file: Path) -> bool:
    try:
        parsed = open_file(entry, file)
        for rank, part in enumerate(parsed.parts):
            validator = _validator(entry, parsed, rank)
            validator.validate(islice(one_by_one(part.records), 1))
            if validator.accepted:
                return True
    except ExpectedFailure:
        return False
    return False


def main(arguments: Sequence[str]) -> None:
    """Check a file in this process, and write the report in one piece."""
    name, file, report = arguments
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    found: dict[str, Any] = asdict(check(platform(name), Path(file)))
    part = Path(report).with_suffix(".part")
    part.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    part.replace(report)


if __name__ == "__main__":
    main(sys.argv[1:])
