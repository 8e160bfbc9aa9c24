"""Cybermalveillance.gouv.fr and 17Cyber: aggregated assistance cases. Its contract and its reading."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ingestion.contract import Table
from ingestion.cybermalveillance.contract import CASES, CONTRACT
from ingestion.delivery import Delivery, csv_delivery, json_delivery

__all__ = ["CONTRACT", "open_file"]

_PLATFORM = "cybermalveillance"


def open_file(path: Path) -> Delivery:
    """Open a drop of aggregated cases: JSON by its name, CSV otherwise.

    Raises:
        ExpectedFailure: the file cannot be read, or is not of the platform.
    """
    if path.suffix.lower() == ".json":
        return json_delivery(path, _PLATFORM, _read)
    return csv_delivery(path, _PLATFORM, CONTRACT)


def _read(document: Any) -> Iterable[tuple[Table, Iterable[Mapping[str, Any]]]]:
    """Return the cases of a document: a list of them, or an object with one list under any name [inferred].

    All get the names that any has: what one lacks is empty, so that it is quarantined alone.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(document, dict):
        (document,) = (value for value in document.values() if isinstance(value, list))
    if not isinstance(document, list) or not all(isinstance(case, dict) for case in document):
        raise TypeError("a list of cases is expected")
    names = dict.fromkeys(name for case in document for name in case)
    return [(CASES, [{name: case.get(name) for name in names} for case in document])]
