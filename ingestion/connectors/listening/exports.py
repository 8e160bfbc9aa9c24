"""Opens export files of listening vendors: CSV through a column map, JSON Lines of neutral records."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from core.errors import ExpectedFailure
from core.normalize_text import fold
from core.settings import get
from ingestion.connectors.listening.contract import MENTIONS, identifier
from ingestion.engine.contract import Table, shown
from ingestion.engine.files import name_of, open_csv
from ingestion.engine.parsed_file import Adapt, ParsedFile, Part, parse_tabular, parsed_csv
from ingestion.engine.parsers import paris_time
from ingestion.engine.records import Record

MAP_SETTING = "CYBERIMPACT_LISTENING_COLUMN_MAP"
MAPS = Path(__file__).with_name("column_maps")

_PARIS, _UTC = "Europe/Paris", "UTC"
_TIMES = tuple(field.name for field in MENTIONS.fields if field.type == "timestamp")
_REQUIRED = {field.name: None for field in MENTIONS.fields if field.required}


@dataclass(frozen=True)
class ColumnMap:
    """How a vendor's columns map to the neutral record.

    Attributes:
        vendor: Who exports so.
        timezone: Of times without offset: `Europe/Paris` or `UTC`.
        columns: Folded label to neutral field.
        values: Neutral field to the vendor's folded values and the neutral ones.
    """

    vendor: str
    timezone: str
    columns: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]

    def recognised(self, header: Iterable[str]) -> int:
        """Count the labels of a header that this map knows."""
        return sum(fold(label) in self.columns for label in header)

    def neutral(self, record: Record) -> Record:
        """Return a record in neutral words; a label that the map does not know stays, for the contract to validate."""
        values: dict[str, Any] = {"vendor": self.vendor, **_REQUIRED}
        for label, value in record.values.items():
            name = self.columns.get(fold(label), label)
            values[name] = self._value(name, value)
        if not values["mention_id"]:
            values["mention_id"] = identifier(values.get("url"))
        return replace(record, values=values)

    def _value(self, name: str, value: Any) -> Any:
        if not isinstance(value, str) or not value.strip():
            return value
        if name in _TIMES and self.timezone == _PARIS:
            return _as_instant(value)
        return self.values.get(name, {}).get(fold(value), value)


def _as_instant(value: str) -> str:
    """Return a time of Paris as ISO 8601 with its offset; what is no time stays, for the contract to validate."""
    try:
        return paris_time(" ".join(value.split())).isoformat()
    except ValueError:
        return value


def read_map(path: Path) -> ColumnMap:
    """Read a column map.

    Raises:
        ExpectedFailure: it cannot be read, is no YAML, or names a field that the neutral record does not have.
    """
    where = f"listening, column map {path.name}"
    remedy = f"Correct it after the example of {MAPS.name}/visibrain.yml, or unset {MAP_SETTING}."
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        columns = {fold(str(label)): str(name) for label, name in found["columns"].items()}
        values = {
            str(name): {fold(str(theirs)): str(ours) for theirs, ours in pairs.items()}
            for name, pairs in (found.get("values") or {}).items()
        }
        column_map = ColumnMap(str(found["vendor"]), str(found.get("timezone", _UTC)), columns, values)
    except OSError as problem:
        raise ExpectedFailure(f"{where}: it cannot be read ({problem.strerror}).", remedy) from None
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as problem:
        raise ExpectedFailure(f"{where}: it is not a column map ({type(problem).__name__}).", remedy) from None
    accepted = {*MENTIONS.field_names, *(label for group in MENTIONS.dropped for label in group.labels)}
    strange = sorted({*columns.values(), *values} - accepted)
    if strange:
        raise ExpectedFailure(f"{where}: the neutral record has no field {', '.join(strange)}.", remedy)
    if column_map.timezone not in {_PARIS, _UTC}:
        raise ExpectedFailure(f"{where}: the timezone is {column_map.timezone!r}, not {_PARIS} or {_UTC}.", remedy)
    return column_map


def column_maps() -> tuple[ColumnMap, ...]:
    """Return the user's map, where there is one, and those of the project.

    Raises:
        ExpectedFailure: as `read_map`.
    """
    own = get(MAP_SETTING)
    paths = [*([Path(own).expanduser()] if own else []), *sorted(MAPS.glob("*.yml"))]
    return tuple(read_map(path) for path in paths)


#: A neutral record in a CSV file needs no map.
_NEUTRAL = ColumnMap("file", _UTC, {fold(name): name for name in MENTIONS.field_names}, {})


def open_file(path: Path) -> ParsedFile:
    """Open an export: CSV whose labels a column map knows, or JSON and JSON Lines of neutral records.

    Raises:
        ExpectedFailure: the file cannot be read, or no map knows its header.
    """
    if path.suffix in {".jsonl", ".ndjson"}:
        return _json_lines(path)
    if path.suffix == ".json":
        return parse_tabular(path, "listening", [MENTIONS], _identified)
    maps = (*column_maps(), _NEUTRAL)
    file = open_csv(path, "listening", lambda header: max(known.recognised(header) for known in maps))
    where = f"listening, file {file.name}"
    chosen = max(maps, key=lambda known: known.recognised(file.header))
    labels = _labels(chosen, file.header)
    if chosen.recognised(file.header) < len(_REQUIRED):
        raise ExpectedFailure(
            f"{where}: no column map knows the header (it begins: {shown(file.header)[:80]!r}).",
            f"Nothing was loaded: write a column map for this export, and name it in {MAP_SETTING} (.env).",
        )
    MENTIONS.understand(labels, where)
    return parsed_csv(file, Part(MENTIONS, map(chosen.neutral, file.records())))


def _labels(chosen: ColumnMap, header: Sequence[str]) -> tuple[str, ...]:
    """Return the neutral header; the identifier can be made of the address, and what is no column is filled."""
    named = [chosen.columns.get(fold(label), label) for label in header]
    has_address = "url" in named and "mention_id" not in named
    return (*named, *(["mention_id"] if has_address else []))


def _identified(_labels: Sequence[str], _where: str) -> Sequence[tuple[Table | None, Adapt]]:
    return [(None, lambda values: [{"mention_id": identifier(values.get("url")), **values}])]


def _json_lines(path: Path) -> ParsedFile:
    where = f"listening, file {name_of(path)}"
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
    except OSError as problem:
        raise ExpectedFailure(
            f"{where}: the file cannot be read ({problem.strerror}).", "Check its path and that you may read it."
        ) from None
    if not size:
        raise ExpectedFailure(f"{where}: the file is empty.", "Nothing was loaded: export it again.")
    return ParsedFile(name_of(path), digest, size, (Part(MENTIONS, _lines(path)),))


def _lines(path: Path) -> Iterator[Record]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _line(number, line)


def _line(number: int, line: bytes) -> Record:
    is_cut = not line.endswith(b"\n")
    try:
        found = json.loads(line)
    except ValueError:
        return Record(number, {}, "the line is not whole JSON", is_cut)
    if not isinstance(found, dict):
        return Record(number, {}, f"the line is a {type(found).__name__} instead of an object")
    topics = found.get("topics")
    if isinstance(topics, list):
        found["topics"] = ";".join(map(str, topics))
    found.setdefault("mention_id", identifier(found.get("url")))
    return Record(number, {**_REQUIRED, **found})
