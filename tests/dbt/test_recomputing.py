"""What evidence holds is enough: the compiled SQL of a KPI gives its published figures from it, to the last digit."""

from pathlib import Path

from audit import cells, evidence
from audit.cells import Cell, Period
from audit.definitions import definitions
from audit.lineage import LineageGraph
from core.content_store import Store
from tests.dbt.conftest import Built

#: Cells of each KPI, period type and suppression that are recomputed: chosen by a hash, the same in each run.
CHOSEN = """
    select kpi_code, period_type, period_start, territory_level, territory_code, breakdown_dimension, breakdown_value
    from kpi.kpi_value
    qualify row_number() over (partition by kpi_code, period_type order by hash(period_start, territory_code)) = 1
"""


def test_evidence_gives_every_kpi_back(built: Built, tmp_path: Path) -> None:
    known = definitions(built.manifest, {}, LineageGraph(()), [])
    kept = Store(tmp_path)
    with built.connection.cursor() as connection:
        connection.execute("use warehouse")
        _, manifest = evidence.write(connection, known, kept)
    assert set(manifest["kpis"]) == {code for (code,) in built.rows("select kpi_code from kpi.kpi_catalogue")}
    compared = set()
    for code, period_type, start, level, *rest in built.rows(CHOSEN):
        cell = Cell(code, Period(period_type, start), *rest)
        published = cells.read(built.connection, "kpi.kpi_value", cell)
        months = evidence.months_of(cell.period.start, cell.period.last)
        with evidence.open_evidence(kept, manifest, code, months) as connection:
            assert cells.recompute(connection, known[code], cell) == published
            if not published.is_suppressed:
                counted, parameters = cells.records(known[code], evidence.quoted(known[code].observations), cell, level)
                [(number,)] = connection.execute(f"select count(record_key) from ({counted})", parameters).fetchall()
                assert number == published.observations
        compared.add(code)
    assert {"answer_rate", "experiences", "positive_share", "response_time_p90"} <= compared
