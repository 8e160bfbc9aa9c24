"""Adapts export files of the audience tools to the contract: tool, site and month."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.errors import ExpectedFailure
from ingestion.connectors.audience.piano import with_month
from ingestion.connectors.audience.sites import declared_sites
from ingestion.engine.contract import Table
from ingestion.engine.parsed_file import Adapt

#: Label of the visits, by which a tool is recognised.
_VISITS = {"m_visits": "piano", "nb_visits": "matomo"}


def adapter(labels: Sequence[str], where: str) -> Sequence[tuple[Table | None, Adapt]]:
    """Return how the records of a file are completed, which has no column for its tool and its site.

    Raises:
        ExpectedFailure: the site cannot be recognised.
    """
    missing: dict[str, Any] = {}
    tool = next((tool for label, tool in _VISITS.items() if label in labels), None)
    if tool and "tool" not in labels:
        missing["tool"] = tool
    if tool and "site" not in labels:
        missing["site"] = _site(tool, where)

    def complete(values: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        return [{**missing, **(with_month(values) if "date_month" in values else values)}]

    return [(None, complete)]


def _site(tool: str, where: str) -> str:
    """Return the site of a file: the one that its name holds, else the only one of its tool that is measured whole."""
    sites = [site for site in declared_sites() if site.tool == tool]
    named = [site.name for site in sites if site.name in where]
    unfiltered_sites = [site.name for site in sites if not site.page_contains]
    found = named or unfiltered_sites
    if len(found) != 1:
        raise ExpectedFailure(
            f"{where}: the records do not say which site they are of.",
            "Nothing was loaded: put the name of the site into the name of the file, or add a column 'site'. Declared:"
            f" {', '.join(site.name for site in sites) or 'none'}.",
        )
    return found[0]
