"""Reads one record against a contract."""

from collections.abc import Mapping
from typing import Any

from ingestion.engine.contract import Rejection, Row, Table


def read_one(table: Table, record: Mapping[str, Any], where: str = "test") -> Row | Rejection:
    """Return the canonical row of a record, or why it is rejected."""
    given = {label: [value] for label, value in record.items()}
    reading = table.read(given, table.understand(tuple(record), where), lambda _: where)
    return reading.rejections.get(0) or {name: value for name, [value] in reading.columns.items()}
