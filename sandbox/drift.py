"""Applies data faults to pages and records."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

Record = dict[str, Any]


def fault_of(request: Request) -> str:
    """Return the fault that strikes a request, one of `faults.DATA_FAULTS`; empty for none."""
    return request.scope.get("sandbox_fault", "")


def first_row(fault: str, start: int, moved: int = 1) -> int:
    """Return where a page begins after the fault of paging that was asked for.

    Args:
        fault: `duplicated_page` gives the first page again; `shifted_page` moves all pages but the first.
        start: Where the page should begin, counted from 0.
        moved: By how many rows a page is shifted: positive when rows in front were withdrawn while pages were read, so
            that some are skipped, negative when some were added, so that some come twice.
    """
    match fault:
        case "duplicated_page":
            return 0
        case "shifted_page" if start:
            return max(0, start + moved)
        case _:
            return start


def drifted(
    record: Record,
    fault: str,
    *,
    renamed: Mapping[str, str],
    flipped: Mapping[str, str],
    nested: Mapping[str, str],
    edited: Mapping[str, Any],
    added: str = "nouvelle_colonne",
) -> Record:
    """Return a record after the change that was asked for; fields that it does not have are passed over.

    Args:
        record: A record as the platform shows it.
        fault: `unknown_column`, `renamed_column`, `type_flip`, `nested_value` or `late_edit`; others change nothing.
        renamed: Field to its new name.
        flipped: Field to the text that takes the place of its number or date.
        nested: Field to the name under which its value lies inside an object.
        edited: Field to the value that its author, or a later count, gave it since.
        added: Field that nobody knows.
    """
    match fault:
        case "unknown_column":
            return {**record, added: "valeur inattendue"}
        case "renamed_column":
            return {renamed.get(name, name): value for name, value in record.items()}
        case "type_flip":
            return {name: flipped.get(name, value) for name, value in record.items()}
        case "nested_value":
            return {name: {nested[name]: value} if name in nested else value for name, value in record.items()}
        case "late_edit":
            return {name: edited.get(name, value) for name, value in record.items()}
        case _:
            return record
