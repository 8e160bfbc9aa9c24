"""Opens a register of prevention actions that a gendarme filled in."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import ExpectedFailure
from core.normalize_text import fold
from ingestion.connectors.prevention_actions.contract import ACTIONS, CONTRACT, MANDATORY, day
from ingestion.engine.parsed_file import ParsedFile, Part, parse_tabular, parse_xlsx
from ingestion.engine.records import Record, one_by_one
from privacy import pseudonymise, redact

_PLATFORM = "prevention_actions"

#: Identifier of the template's example line, which is no action.
EXAMPLE = "EXEMPLE"

#: Parts of an identifier that the unit did not give: a register sent again, with a corrected cost, meets the same line.
_IDENTITY = ("unite", "date_debut", "titre")

_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


def open_file(path: Path) -> ParsedFile:
    """Open a register: XLSX by its name, CSV otherwise.

    Raises:
        ExpectedFailure: the file cannot be read or is no register; in French where its header lacks a column.
    """
    opened = parse_xlsx if path.suffix.lower() == ".xlsx" else parse_tabular
    parsed = opened(path, _PLATFORM, CONTRACT)
    parts = tuple(Part(part.table, _actions(one_by_one(part.records), parsed.name)) for part in parsed.parts)
    return replace(parsed, parts=parts)


def _actions(records: Iterable[Record], file: str) -> Iterator[Record]:
    """Yield the lines that are actions, each with an identifier, and what is wrong with the damaged ones.

    A line that repeats an identifier corrects the line before, unless unit, day or title make it another action.
    """
    seen: dict[str, tuple[int, str]] = {}
    for record in records:
        if record.problem is not None:
            yield replace(record, problem="la ligne est abîmée : nombre de colonnes faux, ou guillemet non fermé")
            continue
        names = _names(record)
        _refuse_incomplete(names, file)
        values = {name: record.values[label] for name, label in names.items()}
        given = str(values.get("identifiant") or "").strip()
        if fold(given) == fold(EXAMPLE) or not any(str(value or "").strip() for value in record.values.values()):
            continue
        identifier = _given(given) if given else _in_letters(hashlib.sha256(_identity(values).encode()).hexdigest())
        first, identity = seen.setdefault(identifier, (record.position, _identity(values)))
        yield replace(
            record,
            values={**record.values, names.get("identifiant", "identifiant"): identifier},
            problem=None
            if identity == _identity(values)
            else f"porte l'identifiant de la ligne {first}, qui est celui d'une autre action",
        )


def _names(record: Record) -> dict[str, str]:
    """Return the labels of a record by the field that they mean."""
    header = ACTIONS.understand(tuple(record.values), _PLATFORM)
    return {field.name: label for label, field in header.columns.items()}


def _refuse_incomplete(names: Mapping[str, str], file: str) -> None:
    missing = [label for name, label in MANDATORY.items() if name not in names]
    if missing:
        raise ExpectedFailure(
            f"{_PLATFORM}, fichier {file} : il manque la colonne {', '.join(f'« {label} »' for label in missing)}.",
            "Rien n'a été chargé : reprendre l'en-tête de modele_actions_prevention.xlsx et déposer à nouveau.",
        )


def _given(identifier: str) -> str:
    """Return the unit's identifier; one that could be a phone number or the like as a keyed pseudonym."""
    if redact(identifier) == identifier:
        return identifier
    return _in_letters(pseudonymise(identifier).removeprefix("p_"))


def _identity(values: Mapping[str, Any]) -> str:
    """Return what makes an action: unit, day and title."""
    parts = {name: str(values.get(name) or "").strip() for name in _IDENTITY}
    with suppress(ValueError):  # the contract refuses the line, and says why
        parts["date_debut"] = day(parts["date_debut"])
    return "|".join(fold(part) for part in parts.values())


def _in_letters(digest: str) -> str:
    """Return a digest without digits, of which a run could be taken for a phone number and redacted."""
    return f"auto-{digest[:24].translate(_LETTERS)}"
