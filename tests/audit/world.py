"""A warehouse of one KPI made by hand, and publications of it as the ledger records them. No fixture, no test."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from audit import copy_digests, ledger
from audit.definitions import KpiDefinition
from audit.ledger import Entry
from audit.publication_metadata import PublicationMetadata
from audit.recording import Recorder
from core.settings import Home

#: record_key, day, territory, numerator.
Record = tuple[str, str, str, int]

RECORDS: list[Record] = [
    ("a", "2026-09-30", "FR-33", 5),
    ("b", "2026-10-01", "FR-33", 2),
    ("c", "2026-10-31", "FR-33", 3),
    ("d", "2026-10-15", "FR-971", 7),
    ("e", "2026-10-16", "ZZ", 11),
]
FIRST = datetime(2026, 11, 1, 5, tzinfo=UTC)

SQL = """
    select
        'visits' as kpi_code, periods.period_type, periods.period_start, levels.territory_level,
        levels.level_code as territory_code, 'total' as breakdown_dimension, 'total' as breakdown_value,
        case when max(hidden.territory_code) is null then cast(sum(numerator) as decimal(38, 6)) end as numerator,
        cast(null as decimal(38, 6)) as denominator,
        case when max(hidden.territory_code) is null then cast(sum(numerator) as decimal(18, 6)) end as value,
        case when max(hidden.territory_code) is null then count(record_key) end as observations,
        max(hidden.territory_code) is not null as is_suppressed
    from "warehouse"."kpi"."kpi_visits__observations" as observed
    inner join "warehouse"."reference"."bridge_calendar_period" as periods on observed.occurred_on = periods.date_day
    inner join "warehouse"."reference"."bridge_territory_level" as levels using (territory_code)
    left join "warehouse"."kpi"."kpi_suppressed_cell" as hidden on levels.level_code = hidden.territory_code
    group by all
"""

#: The same of a KPI that has no small cells.
OPEN_SQL = "\n".join(line for line in SQL.splitlines() if "as hidden" not in line).replace(
    "max(hidden.territory_code)", "null"
)


def definition(
    sql: str = SQL, label: str = "Visites", unit: str = "nombre", target: float | None = None
) -> KpiDefinition:
    return KpiDefinition(
        kpi={
            "code": "visits",
            "label": label,
            "definition": "Visites <comptées>.",
            "formula": "Somme.",
            "unit": unit,
            "owner": "team:a",
            "target": target,
            "grain": {"breakdowns": []},
        },
        relation="kpi.kpi_visits",
        sql=sql,
        observations="kpi.kpi_visits__observations",
        context=[
            *(["kpi.kpi_suppressed_cell"] if "hidden" in sql else []),
            "reference.bridge_calendar_period",
            "reference.bridge_territory_level",
        ],
        models={
            "model.c.fct_visit": {
                "file": "models/fct_visit.sql",
                "relation": "visibility.fct_visit",
                "sha256": "1" * 64,
            }
        },
        checks={"test.c.not_null.1": ["model.c.fct_visit"], "test.c.small.2": ["model.c.fct_visit"]},
        raw_tables=["raw_audience.hourly_visits"],
        columns={"value": ["raw_audience.hourly_visits.visits"]},
        steps=[["raw", "raw_audience.hourly_visits.visits", "kpi", "kpi.kpi_visits.value"]],
        shown=[["Visibilité", "Visites <par mois>"]],
    )


def write_warehouse(home: Home, records: Sequence[Record] = RECORDS, sql: str = SQL, hidden: str | None = None) -> None:
    """Write the warehouse anew, with the KPI computed from these records."""
    home.root.mkdir(parents=True, exist_ok=True)
    home.warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(
            """
            create schema kpi; create schema reference; create schema audit; create schema raw_platforms;
            create table kpi.kpi_visits__observations (
                record_key varchar, occurred_on date, territory_code varchar, numerator bigint, denominator bigint
            );
            create table reference.bridge_calendar_period as
            select day::date as date_day, kind as period_type, date_trunc(kind, day)::date as period_start
            from range(timestamp '2026-09-01', timestamp '2026-12-01', interval 1 day) as days(day),
                (values ('day'), ('month')) as kinds(kind);
            create table reference.bridge_territory_level as from (values
                ('FR-33', 'departement', 'FR-33'), ('FR-971', 'departement', 'FR-971'), ('ZZ', 'unknown', 'ZZ'),
                ('FR-33', 'nation', 'FR'), ('FR-971', 'nation', 'FR'), ('ZZ', 'nation', 'FR')
            ) as t(territory_code, territory_level, level_code);
            create table kpi.kpi_suppressed_cell (territory_code varchar);
            create table audit.build_status as from (values
                ('model.c.fct_visit', 'success', 'i-1', timestamp '2026-11-01 04:00:00'),
                ('test.c.not_null.1', 'pass', 'i-1', timestamp '2026-11-01 04:00:00'),
                ('test.c.small.2', 'warn', 'i-1', timestamp '2026-11-01 04:00:00')
            ) as t(unique_id, status, invocation_id, finished_at);
            create table raw_platforms.loads as
            select
                'audience' as platform, 'hourly_visits' as entity, 'load-1' as load_key,
                timestamptz '2026-11-01 03:00:00+00' as finished_at, 'export.csv' as origin, 'ab12' as sha256,
                5 as rows_read, 5 as rows_new, 0 as rows_updated, 1 as rows_quarantined;
            """
        )
        connection.executemany("insert into kpi.kpi_visits__observations values (?, ?, ?, ?, null)", records)
        if hidden:
            connection.execute("insert into kpi.kpi_suppressed_cell values (?)", [hidden])
        connection.execute(f"create table kpi.kpi_value as {sql}")


def record(home: Home, number: int, sql: str = SQL) -> Entry:
    """Record the publication of the warehouse as it is, `number` days after the first."""
    return ledger.commit(ledger.finish(prepare(home, number, sql)))


def publish(home: Home, number: int, sql: str = SQL) -> Entry:
    """Record the publication of the warehouse with its copy, and make that what readers see."""
    draft = prepare(home, number, sql)
    file = write_copy(home, draft.publication_id)
    entry = ledger.commit(ledger.finish(draft, copy_digests.of_copy(file)))
    point(home, entry.publication_id)
    return entry


def prepare(home: Home, number: int, sql: str = SQL) -> Entry:
    facts = {
        "publication_id": f"publication-{number}",
        "published_at": (FIRST + timedelta(days=number)).isoformat(),
        "data_as_of": "2026-10-31",
        "code_version": "abc",
    }
    return Recorder({"visits": definition(sql)}, "run-1", PublicationMetadata({})).prepare(home, facts)


def show(home: Home, publication_id: str) -> Path:
    """Make a published copy of the warehouse as readers see it."""
    file = write_copy(home, publication_id)
    point(home, publication_id)
    return file


def write_copy(home: Home, publication_id: str) -> Path:
    folder = home.published / "daily" / publication_id
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "serving.duckdb")) as connection:
        connection.execute(f"attach '{home.warehouse}' as warehouse (read_only); create schema kpi")
        connection.execute("create table kpi.kpi_value as from warehouse.kpi.kpi_value")
        connection.execute("create table kpi.rpt_kpi as select *, 'Visites' as label from kpi.kpi_value")
        connection.execute("create view kpi.kpi_reading as from kpi.rpt_kpi")  # its former name
    return folder / "serving.duckdb"


def point(home: Home, target: str) -> None:
    """Let `current` point somewhere."""
    link = home.published / "daily" / "current"
    link.unlink(missing_ok=True)
    link.symlink_to(target)
