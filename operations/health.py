"""The checks of the installation that both `cyberimpact doctor` and Dagster make."""

import shutil
from typing import NamedTuple

from core.finding import Finding
from core.settings import Home
from ingestion.platforms import Platform

#: What the platform needs to start.
FREE_BYTES = 2 * 1024**3

BUILD_AGAIN = "cyberimpact build"


def load_again(platform: Platform) -> str:
    return f"cyberimpact load {platform.name}"


def load_file_again(platform: Platform) -> str:
    return f"cyberimpact load {platform.name} --file …, which says what is wrong; then correct or remove the file"


class Room(NamedTuple):
    """The disk of a home, in bytes.

    Attributes:
        free: What is free.
        needed: What the next publication or purge may need: each makes a copy of the largest database beside it.
    """

    free: int
    needed: int


def room(home: Home) -> Room:
    needed = FREE_BYTES + max((file.stat().st_size for file in (home.warehouse, home.live) if file.exists()), default=0)
    return Room(shutil.disk_usage(home.root).free, needed)


def disk(home: Home) -> Finding:
    """Check that the disk of a home has room."""
    if not home.root.exists():
        return Finding("disk", "ok", "the home is empty")
    free, needed = room(home)
    detail = f"{free / 1024**3:.1f} GB free, {needed / 1024**3:.1f} GB needed"
    if free >= needed:
        return Finding("disk", "ok", detail)
    return Finding("disk", "broken", detail, "free some space, or move CYBERIMPACT_HOME to a larger disk")
