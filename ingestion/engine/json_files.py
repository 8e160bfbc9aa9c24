"""Reads JSON documents and JSON Lines, as platforms and extraction tools write them.

A line is a flat record, or a Singer message of which the record is taken.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from core.errors import ExpectedFailure
from ingestion.engine.records import Record
from privacy import redact_label

#: Messages of a Singer tap; only the first kind holds a record.
_MESSAGES = frozenset({"RECORD", "SCHEMA", "STATE", "ACTIVATE_VERSION", "BATCH"})

#: Begins the names of what extraction tools add to a record.
_OF_TOOLS = ("_sdc_", "_dlt_", "_airbyte_")

#: Longer names of columns are not repeated: to redact them takes long.
_MOST_LABEL = 200

AGAIN = "Nothing was loaded: check that this is the platform's file, whole, and load it again."


def is_json(text: str) -> bool:
    """Return whether a text is a JSON document or JSON Lines, by its first character."""
    return text.lstrip()[:1] in {"{", "["}


def read_records(text: str, where: str, *, is_lines: bool) -> Mapping[str | None, list[Record]]:
    """Return the records of a document, or of lines, by Singer stream; `None` for those of no stream.

    A line that is no whole object is given as a damaged record. The position of a record is its line, or its rank in a
    document.

    Args:
        text: Content of the file.
        where: Platform and file, for messages.
        is_lines: Whether the name of the file says that each line is a record; else its content decides.

    Raises:
        ExpectedFailure: a document is not whole, or holds no records.
    """
    lines = text.split("\n")
    if is_lines or _are_records(lines):
        return _by_stream(lines)
    try:
        document = json.loads(text, object_pairs_hook=without_doubles)
    except (ValueError, RecursionError) as problem:
        raise ExpectedFailure(f"{where}: the file is not whole JSON ({problem}).", AGAIN) from None
    found = _listed(document)
    if found is None:
        raise ExpectedFailure(f"{where}: the document holds no list of records.", AGAIN)
    return {None: [_checked(position, value) for position, value in enumerate(found, start=1)]}


def _are_records(lines: list[str]) -> bool:
    """Return whether each line is a record of its own: one of the first two is, of two or more."""
    written = [line for line in lines if line.strip()]
    return len(written) > 1 and any(isinstance(_loaded(line), dict) for line in written[:2])


def _loaded(line: str) -> Any:
    try:
        return json.loads(line, object_pairs_hook=without_doubles)
    except (ValueError, RecursionError):
        return None


def _by_stream(lines: list[str]) -> Mapping[str | None, list[Record]]:
    found: dict[str | None, list[Record]] = defaultdict(list)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        value = _loaded(line)
        stream = None
        if isinstance(value, dict) and value.get("type") in _MESSAGES and value.keys() & _OF_MESSAGES:
            if value["type"] != "RECORD":
                continue
            stream, value = value.get("stream"), value.get("record")
        if value is None:
            is_last = number == len(lines)  # after a line break, there would be one more
            found[stream].append(Record(number, {}, "the line is not whole JSON", is_cut=is_last))
        else:
            found[stream].append(_checked(number, value))
    return found


_OF_MESSAGES = frozenset({"stream", "record", "schema", "value", "version"})


def _checked(position: int, value: Any) -> Record:
    if not isinstance(value, dict):
        return Record(position, {}, f"a {type(value).__name__} stands where a record is expected")
    return Record(position, {name: inner for name, inner in value.items() if not name.startswith(_OF_TOOLS)})


def _listed(document: Any) -> list[Any] | None:
    """Return the list of records of a document: itself, the one list below any name, or the document as one record."""
    if isinstance(document, list):
        return document
    if not isinstance(document, dict):
        return None
    inner = (value.values() for value in document.values() if isinstance(value, dict))
    values = [*document.values(), *chain.from_iterable(inner)]
    lists = [value for value in values if isinstance(value, list) and any(isinstance(each, dict) for each in value)]
    if not lists:
        return [document] if document else None
    return lists[0] if len(lists) == 1 else None


def lifted(values: Mapping[str, Any], is_known: Callable[[str], bool]) -> dict[str, Any]:
    """Return a record whose known fields are not nested any more.

    A field of a nested record (`public_metrics: {followers_count}`), or one that a tool has flattened
    (`public_metrics__followers_count`), gets its bare name where that is known and free. A list of simple values
    becomes a text, separated by semicolons.

    Args:
        values: The record.
        is_known: Whether a contract knows a name.
    """
    flat: dict[str, Any] = {}
    for name, value in values.items():
        bare = name.rpartition("__")[2]
        if is_known(name) or not is_known(bare) or bare in values:
            bare = name
        if isinstance(value, dict) and not is_known(name):
            known = {inner: leaf for inner, leaf in value.items() if is_known(inner) and inner not in values}
            flat |= {inner: simple(leaf) for inner, leaf in known.items()}
            if value.keys() <= known.keys():
                continue
        flat[bare] = simple(value)
    return flat


def simple(value: Any) -> Any:
    """Return a truth value, or a list of simple values, as a text, and anything else as it is."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and not any(isinstance(inner, dict | list) for inner in value):
        return ";".join(str(inner) for inner in value if inner is not None)
    return value


def without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that names a key twice: JSON readers would keep the last value and say nothing."""
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        shown = repr(redact_label(twice)) if len(twice) <= _MOST_LABEL else f"of {len(twice)} characters"
        raise ValueError(f"the key {shown} stands twice in one object")
    return found
