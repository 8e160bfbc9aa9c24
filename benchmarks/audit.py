"""Measures `trace` and `audit verify` on millions of mentions and a year of daily publications.

Run it as `python -m benchmarks.audit [--mentions N] [--publications N]`. DuckDB makes the observations of one KPI in a
warehouse of its own. The first publication writes all the evidence; each later one changes the values of a few days in
the ledger and rests on the same evidence, which is how most months of a year are shared.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import copy_digests, ledger, signing
from audit.cells import Cell, Period
from audit.definitions import KpiDefinition
from audit.publication_metadata import PublicationMetadata
from audit.readers import OPERATOR
from audit.recording import Recorder
from audit.tracing import trace
from audit.verifying import verify
from core.settings import Home

T = TypeVar("T")

DAYS, FIRST_DAY = 400, date(2025, 10, 1)
CHANGED_DAYS = 3

SQL = """
    select
        'mentions' as kpi_code, periods.period_type, periods.period_start, levels.territory_level,
        levels.level_code as territory_code, 'total' as breakdown_dimension, 'total' as breakdown_value,
        cast(sum(numerator) as decimal(38, 6)) as numerator, cast(null as decimal(38, 6)) as denominator,
        cast(sum(numerator) as decimal(18, 6)) as value, cast(sum(records) as bigint) as observations,
        false as is_suppressed
    from (
        select occurred_on, territory_code, sum(numerator) as numerator, count(record_key) as records
        from "warehouse"."kpi"."kpi_mentions__observations"
        group by all
    ) as observed
    inner join "warehouse"."reference"."bridge_calendar_period" as periods on observed.occurred_on = periods.date_day
    inner join "warehouse"."reference"."bridge_territory_level" as levels using (territory_code)
    group by all
"""

#: One KPI of mentions, spread over days and a hundred départements of ten regions.
WAREHOUSE = """
    create schema kpi; create schema reference; create schema audit; create schema raw_platforms;
    create table kpi.kpi_mentions__observations as
    select
        md5('mention' || i) as record_key, cast(date '{first}' + cast(i % {days} as integer) as date) as occurred_on,
        'FR-' || hash(i) % 100 as territory_code, cast(1 as bigint) as numerator, cast(null as bigint) as denominator
    from range({mentions}) as numbers (i);
    create table reference.bridge_calendar_period as
    select cast(day as date) as date_day, kind as period_type, cast(date_trunc(kind, day) as date) as period_start
    from
        range(timestamp '{first}', timestamp '{first}' + to_days({days}), interval 1 day) as days (day),
        (values ('day'), ('week'), ('month'), ('quarter'), ('year')) as kinds (kind);
    create table reference.bridge_territory_level as
    select 'FR-' || n as territory_code, unnest(['departement', 'region', 'nation']) as territory_level,
        unnest(['FR-' || n, 'R-' || n % 10, 'FR']) as level_code
    from range(100) as numbers (n);
    create table audit.build_status as
    select 'model.c.fct_mention' as unique_id, 'success' as status, 'i' as invocation_id, now() as finished_at;
    create table raw_platforms.loads as
    select 'listening' as platform, 'mentions' as entity, 'l' as load_key, now() as finished_at, 'api' as origin,
        null as sha256, 1 as rows_read, 1 as rows_new, 0 as rows_updated, 0 as rows_quarantined;
    create table kpi.kpi_value as {sql};
"""


def definition() -> KpiDefinition:
    return KpiDefinition(
        kpi={"code": "mentions", "label": "Mentions", "grain": {"breakdowns": []}},
        relation="kpi.kpi_mentions",
        sql=SQL,
        observations="kpi.kpi_mentions__observations",
        context=["reference.bridge_calendar_period", "reference.bridge_territory_level"],
        models={},
        checks={},
        raw_tables=["raw_listening.mentions"],
        columns={},
        steps=[],
        shown=[],
    )


def timed(label: str, work: Callable[[], T]) -> T:
    begun, worked = time.perf_counter(), time.process_time()
    done = work()
    elapsed, processor = time.perf_counter() - begun, time.process_time() - worked
    print(f"{label}: {elapsed:.2f} s elapsed, {processor:.2f} s of processor time", flush=True)
    return done


def facts(number: int) -> dict[str, Any]:
    at = datetime(2026, 11, 5, 5, tzinfo=UTC) + timedelta(days=number)
    return {
        "publication_id": f"p{number}",
        "published_at": at.isoformat(),
        "data_as_of": None,
        "code_version": "benchmark",
    }


def publish_again(home: Home, first: ledger.Entry, publications: int) -> None:
    """Record publications that change the values of a few days each; the last is what readers see."""
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create temp table shown as from kpi.kpi_value")
        for number in range(1, publications):
            day = FIRST_DAY + timedelta(days=number % (DAYS - CHANGED_DAYS))
            connection.execute(
                "update shown set value = value + 1 where period_start between ? and ?",
                [day, day + timedelta(days=CHANGED_DAYS - 1)],
            )
            merged = {**first.facts, **facts(number)}
            draft = ledger.prepare(connection, home, merged, "shown")
            if number < publications - 1:
                ledger.commit(ledger.finish(draft))
        file = home.published / "daily" / f"p{number}" / "serving.duckdb"
        file.parent.mkdir(parents=True)
        connection.execute(f"attach '{file}' as copy; create schema copy.kpi")
        connection.execute("create table copy.kpi.kpi_value as from shown; detach copy")
    digests = timed("digests of the copy", lambda: copy_digests.of_copy(file))
    ledger.commit(ledger.finish(draft, digests))
    (home.published / "daily" / "current").symlink_to(file.parent.name)


def size_of(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.audit", description=__doc__)
    parser.add_argument("--mentions", type=int, default=10_000_000)
    parser.add_argument("--publications", type=int, default=365)
    options = parser.parse_args(arguments)
    os.environ[signing.SETTING] = signing.seed_of(Ed25519PrivateKey.generate())
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        with duckdb.connect(str(home.warehouse)) as connection:
            connection.execute(WAREHOUSE.format(first=FIRST_DAY, days=DAYS, mentions=options.mentions, sql=SQL))
        recorder = Recorder({"mentions": definition()}, "benchmark", PublicationMetadata({}))
        draft = timed("first publication", lambda: recorder.prepare(home, facts(0)))
        first = ledger.commit(ledger.finish(draft))
        timed(f"{options.publications - 1} more", lambda: publish_again(home, first, options.publications))
        print(f"evidence {size_of(home.evidence):.0f} MB, ledger {size_of(home.ledger):.0f} MB")
        month = Cell("mentions", Period("month", date(2026, 3, 1)), "FR-33")
        year = Cell("mentions", Period("year", date(2026, 1, 1)), "FR")
        before = first.published_at.date()
        assert timed(
            "trace of a month of a département", lambda: trace(home, OPERATOR, month, before)
        ).recomputation.agrees
        of_year = timed("trace of a year of the nation", lambda: trace(home, OPERATOR, year, before))
        assert of_year.recomputation.agrees
        assert not timed("verify", lambda: verify(home)).problems
        print(f"largest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
