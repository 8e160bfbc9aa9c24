"""Which sites are measured, and with which tool, as `sites.yml` declares them. Asking a tool belongs elsewhere."""

from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from ingestion.errors import ExpectedFailure

SITES_FILE = Path(__file__).with_name("sites.yml")

TOOLS = ("piano", "matomo")


@dataclass(frozen=True)
class Site:
    """A site, or the part of one, whose audience is read.

    Attributes:
        name: How it is called everywhere in the platform.
        tool: One of `TOOLS`.
        site_id: Its number in the tool.
        since: First day that is read.
        page_contains: Only visits of pages whose name contains this; all when it is empty.
    """

    name: str
    tool: str
    site_id: int
    since: date
    page_contains: str = ""

    @property
    def state_key(self) -> str:
        """What is remembered of the site belongs to this: another number or filter is read from the start."""
        return f"{self.tool}|{self.site_id}|{self.page_contains}"


def declared_sites() -> tuple[Site, ...]:
    """Return the declared sites.

    Raises:
        ExpectedFailure: an entry is incomplete, unknown or declared twice.
    """
    entries = yaml.safe_load(SITES_FILE.read_text(encoding="utf-8"))["sites"]
    found = tuple(_site(rank, entry) for rank, entry in enumerate(entries, start=1))
    names = [site.name for site in found]
    for rank, name in enumerate(names):
        if name in names[:rank]:
            raise _broken(rank + 1, f"{name} is declared twice")
    return found


def _site(rank: int, entry: dict[str, Any]) -> Site:
    unknown = entry.keys() - {field.name for field in fields(Site)}
    if unknown:
        raise _broken(rank, f"{', '.join(sorted(unknown))} means nothing here")
    if entry.get("tool") not in TOOLS:
        raise _broken(rank, f"its tool must be {' or '.join(TOOLS)}")
    expected = {"name": str, "site_id": int, "since": date}
    for name, kind in expected.items():
        if not isinstance(entry.get(name), kind):
            raise _broken(rank, f"{name} must be a {kind.__name__}")
    return Site(**entry)


def _broken(rank: int, why: str) -> ExpectedFailure:
    return ExpectedFailure(
        f"audience, file {SITES_FILE.name}, entry {rank}: {why}.", "Correct the entry and load again."
    )
