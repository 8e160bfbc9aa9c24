"""What senders are promised of each table, as JSON Schema and as Open Data Contract Standard, made from its contract.

A published contract is narrower than what the load accepts: other labels, and numbers as text, are read too.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from core.errors import ExpectedFailure
from ingestion.engine.contract import DUCKDB_TYPES, Field, Table
from ingestion.platforms import PLATFORMS, Platform

Document = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ODCS_VERSION = "v3.1.0"

#: A number may be sent as text, which keeps its digits.
_JSON_TYPES = {
    "text": ["string"],
    "bigint": ["integer", "string"],
    "boolean": ["boolean", "string"],
    "double": ["number", "string"],
    "decimal": ["number", "string"],
    "timestamp": ["string"],
}
_LOGICAL_TYPES = {
    "text": "string",
    "bigint": "integer",
    "boolean": "boolean",
    "double": "number",
    "decimal": "number",
    "timestamp": "timestamp",
}


class Contract(NamedTuple):
    """The contract of one table with those who send its records."""

    platform: Platform
    table: Table

    @property
    def name(self) -> str:
        return f"{self.platform.name}.{self.table.name}"

    @property
    def sent(self) -> list[Field]:
        """The fields that a sender fills."""
        return [field for field in self.table.fields if not field.filled_by_load]

    @property
    def key(self) -> tuple[str, ...]:
        """The fields that identify a record."""
        return self.table.key_parts or (self.table.key,)


def contracts() -> Iterator[Contract]:
    """Yield the contract of each table that can be sent, in the order of the registry."""
    for platform in PLATFORMS:
        if platform.is_sendable:
            for table in platform.connector.CONTRACT:
                yield Contract(platform, table)


def contract(name: str) -> Contract:
    """Return a contract by name, `perceval.daily_reports`.

    Raises:
        ExpectedFailure: there is none of that name.
    """
    for found in contracts():
        if found.name == name:
            return found
    raise ExpectedFailure(f"There is no contract {name!r}.", "`cyberimpact contract list` shows those there are.")


def json_schema(found: Contract) -> Document:
    """Return the JSON Schema (2020-12) of one record."""
    table = found.table
    schema: Document = {
        "$schema": DIALECT,
        "$id": f"urn:cyberimpact:contract:{found.name}:{table.version}",
        "title": found.name,
        "description": table.description,
        "version": table.version,
        "type": "object",
        "properties": {field.name: _property(field) for field in found.sent},
        "required": [field.name for field in found.sent if field.required],
        "x-key": list(found.key),
        "x-never-kept": [{"labels": list(group.labels), "reason": group.reason} for group in table.dropped],
    }
    if table.any_of:
        schema["allOf"] = [{"anyOf": [{"required": [name]} for name in group]} for group in table.any_of]
    return schema


def _property(field: Field) -> Document:
    nothing = ["null"] if field.nullable else []
    described: Document = {"description": field.description, "type": [*_JSON_TYPES[field.type], *nothing]}
    if spellings := _spellings(field):
        described["enum"] = [*spellings, *(None for _ in nothing)]
    if field.labels:
        described["x-labels"] = list(field.labels)
    return described


def _spellings(field: Field) -> tuple[str, ...]:
    """Return the values of a closed list (`parsers.choice`); none where the field takes others too."""
    return getattr(field.parse, "spellings", ())


def odcs(found: Contract) -> Document:
    """Return the contract as Open Data Contract Standard 3.1."""
    platform, table = found
    return {
        "apiVersion": ODCS_VERSION,
        "kind": "DataContract",
        "id": f"urn:cyberimpact:contract:{found.name}",
        "name": found.name,
        "version": table.version,
        "status": "active",
        "domain": platform.pillar,
        "dataProduct": platform.title,
        "description": {"purpose": table.description, "limitations": _limitations(table)},
        "tags": [platform.pillar, platform.sensitivity],
        "team": {"name": platform.owner},
        "authoritativeDefinitions": [{"type": "businessDefinition", "url": platform.docs}],
        "schema": [
            {
                "name": table.name,
                "physicalName": f"{platform.dataset}.{table.name}",
                "physicalType": "table",
                "logicalType": "object",
                "description": table.description,
                "properties": [_odcs_property(field, found.key) for field in found.sent],
            }
        ],
        "slaProperties": list(_promises(platform)),
    }


def _limitations(table: Table) -> str:
    """Return, in sentences, what is not kept and of which fields one at least is needed."""
    sentences = ["A record that breaks the contract is set aside with its reason; the others are loaded."]
    sentences += [f"Never kept: {', '.join(group.labels)} ({group.reason})." for group in table.dropped]
    sentences += [f"At least one of: {', '.join(group)}." for group in table.any_of]
    return " ".join(sentences)


def _odcs_property(field: Field, key: tuple[str, ...]) -> Document:
    described: Document = {
        "name": field.name,
        "description": field.description,
        "logicalType": _LOGICAL_TYPES[field.type],
        "physicalType": DUCKDB_TYPES[field.type],
        "required": not field.nullable,
    }
    if field.name in key:
        described |= {"primaryKey": True, "primaryKeyPosition": key.index(field.name) + 1}
    custom: Mapping[str, Any] = {"acceptedValues": list(_spellings(field)), "acceptedLabels": list(field.labels)}
    if properties := [{"property": name, "value": value} for name, value in custom.items() if value]:
        described["customProperties"] = properties
    return described


def _promises(platform: Platform) -> Iterator[Document]:
    hours = platform.late_after.total_seconds() / 3600
    yield {"property": "latency", "value": hours, "unit": "h", "driver": "operational"}
    if platform.retention:
        yield {"property": "retention", "value": platform.retention.days, "unit": "d", "driver": "regulatory"}
    if platform.cron:
        yield {"property": "frequency", "value": platform.cron, "schedule": platform.cron, "scheduler": "cron"}
