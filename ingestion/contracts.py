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
#: The platform's own decisions come from its own database, not from a sender.
NOT_SENT = frozenset({"operations"})

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
        if platform.name not in NOT_SENT:
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
    """Say what is not kept, and which fields need one another."""
    said = [f"Never kept: {', '.join(group.labels)} ({group.reason})." for group in table.dropped]
    said += [f"At least one of: {', '.join(group)}." for group in table.any_of]
    return " ".join(["A record that breaks the contract is set aside with its reason; the others are loaded.", *said])


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


# -- What a change does to those who send


class Change(NamedTuple):
    """What differs of a contract: what breaks a sender, and what only adds; a table that is gone has no version."""

    name: str
    former: str
    version: str | None
    breaks: tuple[str, ...]
    adds: tuple[str, ...]

    @property
    def is_versioned(self) -> bool:
        """Whether the version says what the change does: the first number rises for a break, another for the rest."""
        if self.version is None:
            return True
        was, now = _numbers(self.former), _numbers(self.version)
        return now[0] > was[0] if self.breaks else now > was

    def lines(self) -> Iterator[str]:
        yield f"{self.name} {self.former} -> {self.version or 'gone'}"
        yield from (f"  breaks: {what}" for what in self.breaks)
        yield from (f"  adds: {what}" for what in self.adds)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def changes(former: Mapping[str, Document], later: Mapping[str, Document]) -> list[Change]:
    """Return what differs between two sets of JSON Schemas, by name; a new table changes nothing for a sender.

    A description, another order and another reason for which a column is not kept are no changes.
    """
    found = []
    for name, was in former.items():
        now = later.get(name)
        if now is None:
            found.append(Change(name, was["version"], None, ("the table is gone",), ()))
        elif differing := list(_differences(was, now)):
            breaks, adds = (tuple(what for kind, what in differing if kind == wanted) for wanted in ("breaks", "adds"))
            found.append(Change(name, was["version"], now["version"], breaks, adds))
    return found


def _differences(was: Document, now: Document) -> Iterator[tuple[str, str]]:
    fields, kept = was["properties"], now["properties"]
    yield from (("breaks", f"{name} is gone") for name in fields if name not in kept)
    yield from (("adds", f"{name}, if you have it") for name in kept if name not in fields)
    yield from (("breaks", f"{name} must be there") for name in now["required"] if name not in was["required"])
    yield from (("adds", f"{name} may be left out") for name in was["required"] if name not in now["required"])
    if was["x-key"] != now["x-key"]:
        yield "breaks", f"the key is {', '.join(now['x-key'])}, not {', '.join(was['x-key'])}"
    groups, further = was.get("allOf", []), now.get("allOf", [])
    yield from (("breaks", f"one of {_names(group)} must be there") for group in further if group not in groups)
    yield from (("adds", f"none of {_names(group)} need be there") for group in groups if group not in further)
    for name in fields.keys() & kept.keys():
        yield from _differences_of_field(name, fields[name], kept[name])


def _names(group: Document) -> str:
    return ", ".join(choice["required"][0] for choice in group["anyOf"])


def _differences_of_field(name: str, was: Document, now: Document) -> Iterator[tuple[str, str]]:
    for keyword in ("type", "x-labels"):
        before, after = was.get(keyword, []), now.get(keyword, [])
        what = "label" if keyword == "x-labels" else keyword
        yield from (("breaks", f"{name} no longer takes the {what} {one}") for one in before if one not in after)
        yield from (("adds", f"{name} takes the {what} {one}") for one in after if one not in before)
    before, after = was.get("enum"), now.get("enum")
    if after is not None and before is None:
        yield "breaks", f"{name} takes the values of a list only"
    elif after is None and before is not None:
        yield "adds", f"{name} takes any value"
    else:
        yield from (("breaks", f"{name} no longer takes {one!r}") for one in before or () if one not in (after or ()))
        yield from (("adds", f"{name} takes {one!r}") for one in after or () if one not in (before or ()))
