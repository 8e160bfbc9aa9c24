"""One line of the register, as a form gives it: the same rules, the same file."""

import csv
import io
from collections.abc import Mapping

from ingestion.connectors.prevention_actions.contract import ACTIONS, MANDATORY, MISSING
from ingestion.connectors.prevention_actions.template import COLUMNS, Column
from ingestion.engine.contract import Field, RejectedError, Row

#: A line by the name of its fields; what is empty is absent or an empty text.
Line = Mapping[str, str]


def fields() -> list[tuple[Field, Column]]:
    """Return the fields of a line in the order of the template, each with its column there."""
    return [(field, column) for column in COLUMNS if (field := ACTIONS.field_of(column.label))]


def problems(line: Line) -> dict[str, str]:
    """Return what is wrong with a line: by field, the end of the sentence "cette valeur …"."""
    row: Row = {}
    found = {}
    for field, _ in fields():
        given = " ".join(line.get(field.name, "").split())
        try:
            row[field.name] = field.parse(given) if given else None
        except ValueError as problem:
            found[field.name] = str(problem)
            continue
        if row[field.name] is None and field.name in MANDATORY:
            found[field.name] = MISSING
    if not found:
        try:
            ACTIONS.rule(row)
        except RejectedError as problem:
            found[str(problem.rejection.field)] = problem.rejection.reason
    return found


def as_file(line: Line) -> bytes:
    """Return a register that holds one line, as CSV."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    writer.writerow(column.label for _, column in fields())
    writer.writerow(line.get(field.name, "") for field, _ in fields())
    return buffer.getvalue().encode("utf-8-sig")
