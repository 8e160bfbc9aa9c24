"""What evidence holds is enough: the compiled SQL of a KPI gives its published figures from it, to the last digit."""

from pathlib import Path

import duckdb
import pytest

from audit import cells, evidence
from audit.cells import Cell, Period
from audit.definitions import definitions
from audit.lineage import LineageGraph
from core.content_store import Store
from ingestion.engine import raw_lake
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


def test_sums_by_day_give_mentions_back(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where mentions lie in the lake: a day has a row for each list of topics, and nobody reads a mention."""
    monkeypatch.setenv(raw_lake.PLATFORMS_SETTING, "listening")
    known = definitions(built.manifest, {}, LineageGraph(()), [])["mentions"]
    kept = Store(tmp_path)
    with duckdb.connect(":memory:") as connection:
        connection.execute("attach ':memory:' as warehouse; use warehouse")
        connection.execute(
            "create schema kpi; create schema reference; create schema audit; create schema raw_platforms"
        )
        for relation in (*known.context, *evidence.HISTORY):
            rows = built.connection.execute(f"from {evidence.quoted(relation)}").to_arrow_table()
            connection.register("rows", rows)
            connection.execute(f"create table {relation} as from rows")
        connection.execute(
            "create table kpi.kpi_mentions__days as select date '2024-02-27' + (i % 5)::int as occurred_on,"
            " ['FR-33', 'FR-971', 'ZZ'][1 + i % 3] as territory_code, ['x', 'press'][1 + i % 2] as network,"
            " i as numerator, null::bigint as denominator, i as observations from range(1, 200) as t(i);"
            "create view kpi.kpi_mentions__observations as select error('a mention was read')"
        )
        connection.execute("create table raw_platforms.lake_files as select 'listening' as platform")
        published = connection.execute(f"from ({known.sql}) order by all").fetchall()
        _, manifest = evidence.write(connection, {"mentions": known}, kept)
    with evidence.open_evidence(kept, manifest, "mentions") as connection:
        assert connection.execute(f"from ({known.sql}) order by all").fetchall() == published
        [(rows, mentions)] = connection.execute(
            "select count(*), sum(observations) from warehouse.kpi.kpi_mentions__observations"
        ).fetchall()
    assert (rows, mentions) == (30, sum(range(1, 200)))
    assert len(published) > 100
