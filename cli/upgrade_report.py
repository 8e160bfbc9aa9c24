"""Says which published figures an upgrade changes, and what explains each change."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from audit import ledger, publications
from audit.comparison import Kpi, compare_figures
from audit.definition_diff import Change, Definitions, differences
from audit.ledger import Entry
from cli import kpi_changes
from core import settings
from core.settings import Home
from warehouse import published

_ROW = re.compile(r"\| (\d{4}-\d\d-\d\d) \| ([^|]+) \| ([^|]+) \|")


@dataclass(frozen=True)
class Difference:
    """What the upgrade changes of the published figures of a KPI.

    Attributes:
        kpi: Which figures.
        change: What changed of its definition, None where nothing did.
        line: The last line of the journal that names it, if its definition changed.
    """

    kpi: Kpi
    change: Change | None
    line: str | None

    def lines(self) -> Iterator[str]:
        yield (
            f"{self.kpi.code}: {self.kpi.changed} figures changed, {self.kpi.added} added, {self.kpi.removed} removed."
        )
        for row in self.kpi.examples[:1]:
            yield (
                f"  {row['period_type']} {row['period_start']}, {row['territory_code']}, {row['breakdown_value']}: "
                f"{_shown(row['value_before'])} → {_shown(row['value_after'])}"
            )
        if self.change:
            yield from (f"  {text}" for text in (*self.change.meanings, *self.change.circumstances))
        yield f"  {kpi_changes.CHANGELOG}: {self.line or 'does not name it'}"


def _shown(value: object) -> str:
    return "–" if value is None else str(value)


def report(home: Home, warehouse: Path, definitions: Definitions) -> Iterator[str]:
    """Yield which published figures would differ, and what the journal says of them.

    Args:
        home: The home, as the former version has left it.
        warehouse: What this version has built of its data.
        definitions: What KPIs mean in this version.
    """
    with published.pinned(home, published.DAILY) as shown:
        entries, _ = ledger.readable(home)
        entry = next((each for each in entries if shown and each.publication_id == shown.parent.name), None)
        if shown is None or entry is None:
            yield "Nothing was published here: there are no figures to compare."
            return
        found = compared(home, entry, shown, warehouse, definitions)
    for each in found:
        yield from each.lines()
    unsaid = sum(1 for each in found if each.line is None)
    summary = f"KPIs with other figures: {len(found)}; the journal does not name {unsaid} of them."
    yield summary if found else "No published figure differs."
    if late := loaded_since(warehouse, entry.published_at):
        yield (
            f"Loaded since that publication: {', '.join(late)}; figures differ by that too. Build and publish with the "
            "former version first, to see what the upgrade alone changes."
        )


def compared(home: Home, entry: Entry, shown: Path, warehouse: Path, later: Definitions) -> list[Difference]:
    """Return what differs between a publication, whose copy is given, and what was built."""
    changes = {change.code: change for change in differences(publications.definitions(home, entry), later)}
    lines = journal((settings.CODE / kpi_changes.CHANGELOG).read_text(encoding="utf-8"))
    return [
        Difference(kpi, changes.get(kpi.code), lines.get(kpi.code) if kpi.code in changes else None)
        for kpi in compare_figures(shown, warehouse)
    ]


def journal(text: str) -> dict[str, str]:
    """Return the last line of the journal of figures that names each KPI: its date, and what changes."""
    lines: dict[str, str] = {}
    for day, codes, what in _ROW.findall(text):
        for code in re.findall(r"`(\w+)`", codes):
            lines.setdefault(code, f"{day}, {what}")
    return lines


def loaded_since(warehouse: Path, moment: datetime) -> list[str]:
    """Return the platforms of which something was loaded since a moment."""
    query = "select distinct platform from raw_platforms.loads where finished_at > ? order by 1"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return [platform for (platform,) in connection.execute(query, [moment]).fetchall()]
