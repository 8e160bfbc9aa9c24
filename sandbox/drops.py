"""Writes the stand-ins' files to the drop folders."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from sandbox.app import DroppedFile

#: What was delivered already, by file: a file that was loaded and removed is not delivered again until it changes.
DELIVERED = ".sandbox.json"


def deliver(folder: Path, files: Iterable[DroppedFile]) -> int:
    """Write the files that are new or have changed, each under its name in one step.

    Args:
        folder: Parent of the drop folders of all platforms.
        files: What the platforms have by now.

    Returns:
        How many files were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / DELIVERED
    before = json.loads(mark.read_text()) if mark.exists() else {}
    delivered = dict(before)
    for platform, name, content in files:
        key, digest = f"{platform}/{name}", hashlib.sha256(content).hexdigest()
        if delivered.get(key) == digest:
            continue
        target = folder / platform / name
        target.parent.mkdir(exist_ok=True)
        partial = target.with_name(f"{name}.part")
        partial.write_bytes(content)
        partial.replace(target)
        delivered[key] = digest
    mark.write_text(json.dumps(delivered, indent=0))
    return sum(before.get(key) != digest for key, digest in delivered.items())
