"""Figures outlive the records that a purge takes: load, build, publish, purge, build and publish again."""

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from audit.verifying import verify
from tests.e2e.line import Line

DECLARATIONS = """\
stats_id,stats_debut_declaration,stats_fin_declaration,stats_dpt_unite,stats_pers_physique,stats_pers_morale
1,2016-02-01 10:00:00,2016-02-01 10:05:00,33,1,0
2,2016-02-02 10:00:00,2016-02-02 10:15:00,33,1,0
3,2016-03-03 10:00:00,2016-03-03 10:05:00,75C,1,0
4,2025-02-03 10:00:00,2025-02-03 10:05:00,33,1,0
"""
COUNTS = """
    select period_start::varchar, territory_code, value, is_archived from kpi.kpi_value
    where kpi_code = 'pre_complaints' and period_type = '{period}' and breakdown_dimension = 'total'
        and territory_level in ('nation', 'departement')
    order by all
"""


@pytest.mark.proof
def test_years_outlive_their_records(line: Line, tmp_path: Path) -> None:
    exported = tmp_path / "ppel.csv"
    exported.write_text(DECLARATIONS)
    line.succeed("load", "pre_plainte", "--file", str(exported))
    line.succeed("build")
    line.succeed("publish")
    months = line.rows(COUNTS.format(period="month"))
    assert [row[:3] for row in months] == [
        ("2016-02-01", "FR", Decimal(2)),
        ("2016-02-01", "FR-33", Decimal(2)),
        ("2016-03-01", "FR", Decimal(1)),
        ("2016-03-01", "FR-75C", Decimal(1)),
        ("2025-02-01", "FR", Decimal(1)),
        ("2025-02-01", "FR-33", Decimal(1)),
    ]
    assert not any(row[3] for row in months)

    line.succeed("purge")
    with duckdb.connect(str(line.home.warehouse), read_only=True) as connection:
        left = connection.execute("select stats_id from raw_pre_plainte.declarations").fetchall()
    assert len(left) == 1
    line.succeed("build")
    line.succeed("publish")

    assert [row[:3] for row in line.rows(COUNTS.format(period="month"))] == [row[:3] for row in months]
    years = line.rows(COUNTS.format(period="year"))
    assert [(start, is_archived) for start, code, _, is_archived in years if code == "FR"] == [
        ("2016-01-01", True),
        ("2025-01-01", False),
    ]
    assert verify(line.home).problems == ()
    assert "archivée" in line.succeed("trace", "pre_complaints", "--period", "2016-02")
    assert "archivée" not in line.succeed("trace", "pre_complaints", "--period", "2025-02")
