"""What evidence holds is shown under the names that the SQL of a KPI reads."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import duckdb

from audit import cells, evidence
from audit.cells import Cell, Period
from core.settings import Home
from tests.audit.world import OPEN_SQL, RECORDS, definition, write_warehouse

SQL_OF_DAYS = OPEN_SQL.replace("kpi_visits__observations", "kpi_visits__days").replace(
    "count(record_key)", "sum(observed.observations)"
)
OCTOBER = Cell("visits", Period("month", date(2026, 10, 1)), "FR-33")


def test_a_kpi_that_reads_days_is_recomputed_from_its_records(home: Home) -> None:
    """Its days are not kept: they are added up from the records again, then from those of today."""
    known = replace(definition(SQL_OF_DAYS), days="kpi.kpi_visits__days")
    write_warehouse(home, sql=OPEN_SQL)
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach '{home.warehouse}' as warehouse (read_only)")
        _, manifest = evidence.write(connection, {"visits": known}, evidence.store(home))
    assert "kpi.kpi_visits__days" not in manifest["context"]

    with evidence.open_evidence(evidence.store(home), manifest, "visits") as connection:
        kept = cells.recompute(connection, known, OCTOBER)
        assert (kept.value, kept.observations) == (Decimal(2 + 3), 2)
        write_warehouse(home, [*RECORDS, ("late", "2026-10-31", "FR-33", 10)], sql=OPEN_SQL)
        evidence.open_now(connection, home.warehouse, evidence.ByRecord(known), date(2026, 10, 1), date(2026, 10, 31))
        now = cells.recompute(connection, known, OCTOBER)
        assert (now.value, now.observations) == (Decimal(2 + 3 + 10), 3)
