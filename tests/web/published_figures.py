"""A home of one KPI with the copy that pages read, made by hand. No fixture, no test."""

from datetime import date

import duckdb

from core.settings import Home
from tests.audit.world import OPEN_SQL, SQL, record, show, write_warehouse

OTHER = "secret-of-guadeloupe"
#: What Guadeloupe counts in October: no other number of the world contains it.
SECRET = 424242

_READING = """
    create or replace table kpi.rpt_kpi as
    select
        *, 'Visites' as kpi_label, strftime(period_start, '%m/%Y') as period_label, territory_code as territory_name,
        coalesce(cast(value::bigint as varchar), 'secret statistique') as value_label, 'Ensemble' as breakdown_label,
        '–' as previous_value_label, '–' as peer_median_label, true as is_complete, false as is_held_back,
        false as is_archived, value < 10 as is_small, value::bigint || ' visites' as observations_label,
        20 as usual_low, 30 as usual_high, if(value < 10, null, 'au-dessus') as usual_position,
        value::bigint || ', au-dessus de l''habitude (20 à 30)' as reading
    from kpi.kpi_value;
    create table kpi.kpi_catalogue as
    select
        'visits' as kpi_code, 'Visites' as label, 'Visibilité' as pillar_label, 'Communication' as owner_label,
        'quotidienne' as refresh, null::varchar as held_back_note;
    create schema audit;
    create table audit.publication as select ? as publication_id
"""


def publish(home: Home, number: int, *, guarded: bool = False, late: bool = False) -> None:
    """Publish October: 2 + 3 in Gironde, 11 of nowhere, SECRET in Guadeloupe; `guarded` suppresses Guadeloupe.

    Args:
        home: The home.
        number: 0 for the first publication.
        guarded: Whether the KPI has small cells.
        late: Whether a record of 77 came in Gironde.
    """
    sql = SQL if guarded else OPEN_SQL
    rows = [
        ("b", "2026-10-01", "FR-33", 2),
        ("c", "2026-10-31", "FR-33", 3),
        (OTHER, "2026-10-15", "FR-971", SECRET),
        ("e", "2026-10-16", "ZZ", 11),
        *([("late", "2026-10-02", "FR-33", 77)] if late else []),
    ]
    write_warehouse(home, rows, sql, hidden="FR-971" if guarded else None)
    entry = record(home, number, sql)
    copy = show(home, entry.publication_id)
    with duckdb.connect(str(copy)) as connection:
        for statement in _READING.strip().split(";"):
            connection.execute(statement, [entry.publication_id] if "?" in statement else [])


def address(territory: str, part: str = "", period: date | str = "2026-10") -> str:
    return f"/chiffre/visits/{period}/{territory}{part}"
