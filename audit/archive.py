"""Archives published figures before a purge erases the records behind them.

A purge removes rows older than the retention of their platform, and the next build would lose their figures.
Before it does, the figures of every period that it touches are copied from the published copy into `archive.kpi_value`
of the warehouse, once: from then on they are final, and `kpi.kpi_value` takes them, not what is left to count.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path

import duckdb

from audit import evidence, keyring, ledger, rewriting
from audit.copies import published_copy
from audit.evidence import ARCHIVE
from audit.ledger import COORDINATES, FIGURES
from core.clock import PARIS
from core.content_store import digest_of
from core.errors import ExpectedFailure
from core.locks import writer_lock
from core.settings import Home
from core.sql import literal
from ingestion.platforms import PLATFORMS

_COLUMNS = ", ".join((*COORDINATES, *FIGURES))


def keep(home: Home, now: datetime) -> int:
    """Copy the published figures of the periods that a purge touches, and return how many rows were copied.

    Args:
        home: The home; nothing is copied before its first publication.
        now: The moment of the purge, with its time zone.

    Raises:
        ExpectedFailure: the published copy is not as it was published, and figures are to be taken from it.
    """
    copy = published_copy(home)
    entries = ledger.entries(home)
    if copy is None or not entries or not home.warehouse.exists():
        return 0
    limits = limits_of(raw_tables(home), now)
    if not limits:
        return 0
    _check(home, copy, entries)
    with writer_lock(home.warehouse), duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(f"attach {literal(str(copy))} as published (read_only)")
        connection.execute(f"create schema if not exists {ARCHIVE.partition('.')[0]}")
        connection.execute(
            f"create table if not exists {ARCHIVE} as select {_COLUMNS}, null::timestamp as archived_at"  # noqa: S608
            " from published.kpi.kpi_value limit 0"
        )
        connection.execute("create temp table limits (kpi_code varchar, last_day date)")
        connection.executemany("insert into limits values (?, ?)", [*limits.items()])
        [(rows,)] = connection.execute(
            f"""
            insert into {ARCHIVE}
            select {_COLUMNS}, ?::timestamp as archived_at
            from published.kpi.kpi_value
            inner join limits using (kpi_code)
            where
                period_start <= last_day
                and (kpi_code, period_type, period_start) not in (
                    select (kpi_code, period_type, period_start) from {ARCHIVE}
                )
            """,  # noqa: S608 - names of ours
            [now.replace(tzinfo=None)],
        ).fetchall()
        connection.execute("detach published")
    return rows


def _check(home: Home, copy: Path, entries: Iterable[ledger.Entry]) -> None:
    """Refuse a copy that was altered since its publication: after archiving, nothing could detect it."""
    entry = next((entry for entry in entries if entry.publication_id == copy.parent.name), None)
    signed = rewriting.expected_copy(home, entry, keyring.trusted(home)) if entry else None
    if entry is None or (signed and signed["sha256"] != digest_of(copy)):
        raise ExpectedFailure(
            f"The published copy {copy.parent.name} is not as it was published; its figures were not archived, and "
            "nothing was erased.",
            "Ask `cyberimpact audit verify` what was changed, publish again, then purge.",
        )


def raw_tables(home: Home) -> dict[str, list[str]]:
    """Return the raw tables upstream of each KPI, by code, as the last publication has recorded them."""
    store = evidence.store(home)
    manifest = store.read_json(ledger.entries(home)[-1].facts["manifest"])
    return {code: list(evidence.definition_of(store, manifest, code).raw_tables) for code in manifest["kpis"]}


def limits_of(tables: Mapping[str, Iterable[str]], now: datetime) -> dict[str, date]:
    """Return by KPI the last day whose records a purge erases; KPIs that lose none are left out."""
    last_days = expiring(now)
    limits = {code: [last_days[table] for table in read if table in last_days] for code, read in tables.items()}
    return {code: max(days) for code, days in limits.items() if days}


def expiring(now: datetime) -> dict[str, date]:
    """Return by raw table the last day whose rows a purge erases.

    What the live file forgets stays in the warehouse, unless its contract says that it expires there too.
    """
    return {
        f"{platform.dataset}.{table.name}": (now - platform.retention).astimezone(PARIS).date()
        for platform in PLATFORMS
        if platform.retention is not None
        for table in platform.connector.CONTRACT
        if table.dated_by is not None and (platform.database == "warehouse" or table.archived_in is not None)
    }


def is_archived(connection: duckdb.DuckDBPyConnection, code: str, period_type: str, period_start: date) -> bool:
    """Return whether a figure comes from the archive of opened evidence, not from records."""
    try:
        found = connection.execute(
            f"select 1 from {evidence.quoted(ARCHIVE)}"  # noqa: S608 - a name of ours
            " where kpi_code = ? and period_type = ? and period_start = ? limit 1",
            [code, period_type, period_start],
        )
    except duckdb.CatalogException:  # published before there was an archive
        return False
    return found.fetchone() is not None
