"""Records that somebody has sent: read from the body of a message or a request, and held against their table.

A body is JSON (a record, or a list of them), JSON Lines or CSV. A record may lie in a CloudEvents 1.0 envelope.
"""

import base64
import csv
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from core.errors import ExpectedFailure
from ingestion.engine.contract import Table
from ingestion.engine.json_files import without_doubles
from ingestion.engine.records import Record

JSON, JSON_LINES, CSV = "application/json", "application/x-ndjson", "text/csv"
EVENT, EVENTS = "application/cloudevents+json", "application/cloudevents-batch+json"
#: Media types that are read, by all of their names.
MEDIA_TYPES: Mapping[str, str] = {
    **{name: name for name in (JSON, JSON_LINES, CSV)},
    EVENT: JSON,
    EVENTS: JSON,
    "application/jsonl": JSON_LINES,
    "application/ndjson": JSON_LINES,
}
#: Records of one body: the smallest take many times their bytes while they are loaded.
MOST_RECORDS = 200_000
MOST_KEY = 200
_GZIP = 16 + zlib.MAX_WBITS
#: Half of a character, which JSON can write and UTF-8 cannot; whole ones are two halves.
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_ENVELOPE = frozenset({"specversion", "id", "source", "type"})


class UnreadableError(ExpectedFailure):
    """A body that holds no records that can be read."""


class TooLargeError(UnreadableError):
    """A body that is larger than is taken at once."""


@dataclass(frozen=True)
class Body:
    """What a body holds.

    Attributes:
        records: Its records, in their order.
        event_key: What identifies it where it is one CloudEvent: source and identifier.
    """

    records: list[dict[str, Any]]
    event_key: str | None = None

    def as_lines(self) -> bytes:
        """Return the records as JSON Lines."""
        return "\n".join(json.dumps(record, ensure_ascii=False) for record in self.records).encode()


def records_of(lines: bytes) -> Iterator[dict[str, Any]]:
    """Yield the records that `Body.as_lines` has written."""
    return map(json.loads, filter(None, lines.split(b"\n")))


def unpacked(content: bytes, coding: str | None, most_bytes: int) -> bytes:
    """Return a body without its compression.

    Args:
        content: The body as it came.
        coding: As in `Content-Encoding`; a character set, which message buses put there, is no compression.
        most_bytes: What it may be once it is unpacked.

    Raises:
        TooLargeError: it is larger; no more of it was unpacked.
        UnreadableError: it is not compressed as it says.
    """
    bare = (coding or "identity").strip().lower()
    plain = content
    if bare == "gzip":
        stream = zlib.decompressobj(_GZIP)
        try:
            plain = stream.decompress(content, most_bytes + 1)
        except zlib.error:
            raise UnreadableError("It is not gzip.", "Send it whole, compressed as it says.") from None
        if len(plain) <= most_bytes and not stream.eof:
            raise UnreadableError("The gzip is not whole.", "Send it whole.")
        if stream.unused_data:
            raise UnreadableError("Something follows the gzip.", "Compress the whole body at once.")
    elif bare not in ("identity", "utf-8", "utf8", "binary"):
        raise UnreadableError(f"The coding {bare[:40]!r} is not read.", "Send gzip, or nothing compressed.")
    if len(plain) > most_bytes:
        raise TooLargeError(f"It is larger than {most_bytes >> 20} MiB.", "Send it in several parts.")
    return plain


def read(content: bytes, media_type: str) -> Body:
    """Read a body.

    Args:
        content: The body, in UTF-8, not compressed.
        media_type: As in `Content-Type`, with or without parameters.

    Raises:
        UnreadableError: the media type is unknown, or the body is not what it says.
    """
    bare = media_type.partition(";")[0].strip().lower()
    if bare not in MEDIA_TYPES:
        known = ", ".join(MEDIA_TYPES)
        raise UnreadableError(f"The media type {bare[:80]!r} is not read.", f"Send one of {known}.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise UnreadableError(f"Byte {problem.start} is not UTF-8.", "Send UTF-8.") from None
    found = {JSON: _json, JSON_LINES: _lines, CSV: _csv}[MEDIA_TYPES[bare]](text)
    if not found.records:
        raise UnreadableError("There is no record in it.", "Send at least one.")
    if len(found.records) > MOST_RECORDS:
        raise TooLargeError(f"It holds more than {MOST_RECORDS} records.", "Send it in several parts.")
    return found


def usable_key(key: str) -> str:
    """Return what identifies a delivery.

    Raises:
        UnreadableError: it is too long, or holds characters that no database keeps.
    """
    if len(key) > MOST_KEY or not key.isprintable():
        raise UnreadableError(
            f"The identifier is longer than {MOST_KEY} characters, or holds control characters.", "Give a shorter one."
        )
    return key


def _json(text: str) -> Body:
    document = _parsed(text, "The body")
    if isinstance(document, dict) and document.keys() >= _ENVELOPE:
        return Body(_first(_unwrapped([document])), f"{document['source']} {document['id']}")
    return Body(_first(_unwrapped(document if isinstance(document, list) else [document])))


def _lines(text: str) -> Body:
    lines = ((rank, line) for rank, line in enumerate(io.StringIO(text, newline="\n"), start=1) if line.strip())
    return Body(_first(_unwrapped(_parsed(line, f"Line {rank}") for rank, line in lines)))


def _csv(text: str) -> Body:
    first = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text), delimiter=max(";,\t", key=first.count), strict=True)
    try:
        labels = [label.strip() for label in rows.fieldnames or ()]
        if len(set(labels)) < len(labels) or not all(labels):
            raise UnreadableError("A column of the header has no name, or that of another one.", "Correct it.")
        records = []
        for row in islice(rows, MOST_RECORDS + 1):
            if None in row or None in row.values():
                raise UnreadableError(f"Line {rows.line_num} has not as many cells as the header.", "Correct it.")
            records.append({label.strip(): value for label, value in row.items()})
    except csv.Error as problem:
        raise UnreadableError(
            f"Line {rows.line_num} is not CSV ({problem}).", "Quote cells as RFC 4180 says."
        ) from None
    return Body(records)


def _first(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records up to one more than a body may hold, so that no more are in memory."""
    return list(islice(records, MOST_RECORDS + 1))


def _parsed(text: str, what: str) -> Any:
    try:
        found = json.loads(text, object_pairs_hook=without_doubles, parse_constant=_refuse_constant)
        if _HALF.search(text):
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise UnreadableError(f"{what} holds half of a character (\\ud800 to \\udfff).", "Write it whole.") from None
    except (ValueError, RecursionError) as problem:
        raise UnreadableError(f"{what} is not JSON ({problem}).", "Send it whole, each name once.") from None
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _unwrapped(values: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Yield the records of values, of which each is a record or an envelope around one or more."""
    for rank, value in enumerate(values, start=1):
        if not isinstance(value, dict):
            raise UnreadableError(f"Record {rank} is no JSON object.", "Send objects: field to value.")
        if not value.keys() >= _ENVELOPE:
            yield value
            continue
        if value["specversion"] != "1.0":
            raise UnreadableError(f"Event {rank} is of another version of CloudEvents.", "Send version 1.0.")
        data = _data(value, rank)
        for record in data if isinstance(data, list) else [data]:
            if not isinstance(record, dict):
                raise UnreadableError(f"The data of event {rank} is no record.", "Send an object, or a list of them.")
            yield record


def _data(event: Mapping[str, Any], rank: int) -> Any:
    if "data_base64" not in event:
        return event.get("data")
    try:
        return _parsed(base64.b64decode(event["data_base64"], validate=True).decode(), f"The data of event {rank}")
    except (ValueError, TypeError):
        raise UnreadableError(f"The data of event {rank} is not base64 of UTF-8.", "Correct it.") from None


def each_checked(table: Table, records: Iterable[Mapping[str, Any]], where: str) -> Iterator[Record]:
    """Yield records for validation; one that lacks a column or nests a value has a problem of its own.

    In an export either is a change of the platform, and ends the load.
    """
    return (_checked(table, rank, values, where) for rank, values in enumerate(records, start=1))


def _checked(table: Table, rank: int, values: Mapping[str, Any], where: str) -> Record:
    if not values:
        return Record(rank, values, "it is empty")
    try:
        header = table.understand(tuple(values), where)
    except ExpectedFailure as failure:
        return Record(rank, values, failure.what.removeprefix(f"{where}: ").rstrip("."))
    for label, declared in header.columns.items():
        value = values[label]
        if isinstance(value, dict | list) or (isinstance(value, bool) and declared.type != "boolean"):
            return Record(rank, values, f"the column {declared.name} holds a {type(value).__name__}")
    return Record(rank, values)
