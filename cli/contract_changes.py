"""Finds which contracts with senders differ between a git revision and the checkout, and whether that is declared."""

import json
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from tempfile import TemporaryDirectory
from typing import Any

from cli.kpi_changes import added_lines, git
from core.errors import ExpectedFailure
from ingestion import contracts
from ingestion.contracts import Change

CHANGELOG = "docs/contracts-changelog.md"
#: The contracts and all that they may import.
PARTS = ("analytics", "core", "ingestion", "privacy", "warehouse")
_PRINTED = """
import json
from ingestion.contracts import contracts, json_schema
print(json.dumps({found.name: json_schema(found) for found in contracts()}))
"""


def compare(former: str) -> list[Change]:
    """Return what differs between a revision and the checkout.

    Raises:
        ExpectedFailure: there is no such revision, or its contracts cannot be read.
    """
    here = {found.name: contracts.json_schema(found) for found in contracts.contracts()}
    return contracts.changes(schemas_of(former), here)


def schemas_of(revision: str) -> Mapping[str, Any]:
    """Return the JSON Schemas of a revision by name; none of one from before contracts were published."""
    if not git("ls-tree", "--name-only", revision, "ingestion/contracts.py"):
        return {}
    with TemporaryDirectory(prefix="cyberimpact-revision-") as tree:
        with tarfile.open(fileobj=BytesIO(git("archive", "--format=tar", revision, *PARTS))) as archive:
            archive.extractall(tree, filter="data")
        printed = subprocess.run([sys.executable, "-c", _PRINTED], cwd=tree, capture_output=True, check=False)
    if printed.returncode:
        raise ExpectedFailure(
            f"The contracts of {revision} cannot be read: {printed.stderr.decode(errors='replace').strip()[-300:]}",
            "Compare with another revision.",
        )
    return json.loads(printed.stdout)


def undeclared(changes: Iterable[Change], former: str) -> Iterator[str]:
    """Yield what is left to declare of changes since a revision: a version, and a line where one breaks a sender."""
    added = added_lines(CHANGELOG, former)
    for change in changes:
        if not change.is_versioned:
            rises = "first" if change.breaks else "second"
            yield f"{change.name}: raise the {rises} number of its version in its contract."
        if change.breaks and not any(f"`{change.name}`" in line for line in added):
            yield f"{change.name}: add a line to {CHANGELOG} with its name in backticks."
