"""Finds which contracts with senders differ between a git revision and the checkout, and whether that is declared."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from cli.revisions import added_lines, extracted, git
from core.errors import ExpectedFailure
from ingestion import contracts
from ingestion.contracts import Document

CHANGELOG = "docs/contracts-changelog.md"
#: The contracts and all that they may import.
PARTS = ("analytics", "core", "ingestion", "privacy", "warehouse")
_PRINTED = """
import json
from ingestion.contracts import contracts, json_schema
print(json.dumps({found.name: json_schema(found) for found in contracts()}))
"""


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


def compare(former: str) -> list[Change]:
    """Return what differs between a revision and the checkout.

    Raises:
        ExpectedFailure: there is no such revision, or its contracts cannot be read.
    """
    here = {found.name: contracts.json_schema(found) for found in contracts.contracts()}
    return changes(schemas_of(former), here)


def schemas_of(revision: str) -> Mapping[str, Any]:
    """Return the JSON Schemas of a revision by name; none of one from before contracts were published."""
    if not git("ls-tree", "--name-only", revision, "ingestion/contracts.py"):
        return {}
    with extracted(revision, PARTS) as tree:
        printed = subprocess.run([sys.executable, "-c", _PRINTED], cwd=tree, capture_output=True, check=False)
    if printed.returncode:
        raise ExpectedFailure(
            f"The contracts of {revision} cannot be read: {printed.stderr.decode(errors='replace').strip()[-300:]}",
            "Compare with another revision.",
        )
    return json.loads(printed.stdout)


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
    for name in (name for name in fields if name in kept):
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
    elif before is not None and after is not None:
        yield from (("breaks", f"{name} no longer takes {one!r}") for one in before if one not in after)
        yield from (("adds", f"{name} takes {one!r}") for one in after if one not in before)


def undeclared(changes: Iterable[Change], former: str) -> Iterator[str]:
    """Yield what is left to declare of changes since a revision: a version, and a line where one breaks a sender."""
    added = added_lines(CHANGELOG, former)
    for change in changes:
        if not change.is_versioned:
            rises = "first" if change.breaks else "second"
            yield f"{change.name}: raise the {rises} number of its version in its contract."
        if change.breaks and not any(f"`{change.name}`" in line for line in added):
            yield f"{change.name}: add a line to {CHANGELOG} with its name in backticks."
