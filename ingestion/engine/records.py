"""A record as a file or a platform gives it, before validation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
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
