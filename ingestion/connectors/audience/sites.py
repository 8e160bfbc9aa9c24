"""The sites that are measured and their tools, from `config/sites.yml`."""

from dataclasses import dataclass, fields
from datetime import date

from ingestion.configuration import SITES, Entry, entries

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
    found: dict[str, Site] = {}
    for entry in entries(SITES, "sites"):
        site = _site(entry)
        if site.name in found:
            raise entry.wrong(f"{site.name} is declared twice")
        found[site.name] = site
    return tuple(found.values())


def _site(entry: Entry) -> Site:
    unknown = entry.values.keys() - {field.name for field in fields(Site)}
    if unknown:
        raise entry.wrong(f"{', '.join(sorted(unknown))} means nothing here")
    if entry.values.get("tool") not in TOOLS:
        raise entry.wrong(f"its tool must be {' or '.join(TOOLS)}")
    expected = {"name": str, "site_id": int, "since": date}
    for name, kind in expected.items():
        if not isinstance(entry.values.get(name), kind):
            raise entry.wrong(f"{name} must be a {kind.__name__}")
    return Site(**entry.values)
