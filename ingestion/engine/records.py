"""Records as a file or a platform gives them, before validation."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Records that are validated together: enough that one look into the database serves many.
BATCH_ROWS = 20_000


@dataclass(slots=True)
class Record:
    """One record of a file or of an answer.

    Attributes:
        position: Physical line on which it begins, or its rank in the answer, from 1.
        values: Label to value; of a damaged record, the labels that could be read.
        problem: Why it cannot be used, `None` when it can.
        is_cut: The file ends within this record: it was truncated.
    """

    position: int
    values: Mapping[str, Any]
    problem: str | None = None
    is_cut: bool = False


@dataclass(slots=True)
class Block:
    """Whole records that follow each other under one header, by column.

    Attributes:
        positions: Physical line on which each begins.
        columns: Label to the values of all records.
    """

    positions: Sequence[int]
    columns: Mapping[str, Sequence[Any]]


def one_by_one(pieces: Iterable[Record | Block]) -> Iterator[Record]:
    """Yield each record on its own."""
    for piece in pieces:
        if isinstance(piece, Record):
            yield piece
            continue
        for position, values in zip(piece.positions, zip(*piece.columns.values(), strict=True), strict=True):
            yield Record(position, dict(zip(piece.columns, values, strict=True)))


def in_batches(pieces: Iterable[Record | Block], most: int) -> Iterator[list[Record | Block]]:
    """Yield pieces in lists of about `most` records."""
    batch: list[Record | Block] = []
    count = 0
    for piece in pieces:
        batch.append(piece)
        count += 1 if isinstance(piece, Record) else len(piece.positions)
        if count >= most:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch
