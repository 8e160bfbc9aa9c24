"""Rows that fail a check hold back their KPIs, and nothing else: one build and one publication after them."""

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from audit.verifying import verify
from tests.e2e.line import Line

DECLARATIONS = """\
stats_id,stats_debut_declaration,stats_fin_declaration,stats_dpt_unite,stats_pers_physique,stats_pers_morale
1,2025-02-01 10:00:00,2025-02-01 10:05:00,33,1,0
2,2025-02-02 10:00:00,2025-02-02 10:05:00,75C,1,0
3,2025-02-03 10:00:00,2025-02-03 10:05:00,99,1,0
"""
VALUES = "select * exclude (is_archived) from kpi.kpi_value where kpi_code in ({codes}) order by all"
OF_EXPERIENCES = "'experiences', 'positive_share', 'answer_rate'"


@pytest.mark.proof
def test_a_bad_row_holds_back_its_kpis_and_a_code_abroad_holds_back_nothing(line: Line, tmp_path: Path) -> None:
    """An experience of 1999 is on no day of the calendar; a pré-plainte of département 99 lies abroad."""
    before = line.rows(VALUES.format(codes=OF_EXPERIENCES))
    exported = tmp_path / "ppel.csv"
    exported.write_text(DECLARATIONS)
    line.succeed("load", "pre_plainte", "--file", str(exported))
    with duckdb.connect(str(line.home.warehouse)) as connection:
        connection.execute(
            "insert into raw_services_publics_plus.experiences by name select * replace ("
            " 'poison' as id_experience, '1999-01-01T10:30' as date_de_publication)"
            " from raw_services_publics_plus.experiences limit 1"
        )
    built = line.run("build")
    assert built.code == 0, built.err
    assert "experiences is held back by the check" in built.out
    assert "poison" in built.err, "the row is named"
    line.succeed("publish")

    held = dict(line.rows("select kpi_code, held_back_note from kpi.kpi_catalogue where is_held_back"))
    assert {"experiences", "positive_share", "answer_rate"} <= held.keys()
    assert "Indicateur retenu : contrôle" in held["experiences"]
    assert "valeurs du" in held["experiences"]
    assert not {"pre_complaints", "pre_complaint_duration_median", "visits"} & held.keys()
    assert line.rows(VALUES.format(codes=OF_EXPERIENCES)) == before, "readers keep what they had"
    assert (
        "(retenu : valeurs du"
        in line.rows("select any_value(kpi_label) from kpi.rpt_kpi where kpi_code = 'experiences'")[0][0]
    )

    found = line.rows(
        "select territory_code, value from kpi.kpi_value where kpi_code = 'pre_complaints' and period_type = 'month'"
        " and breakdown_dimension = 'total' and territory_level in ('nation', 'departement', 'abroad') order by 1"
    )
    assert found == [("FR", Decimal(3)), ("FR-33", Decimal(1)), ("FR-75C", Decimal(1)), ("XX", Decimal(1))]

    assert verify(line.home).problems == ()
    line.succeed("trace", "experiences", "--period", "2022")
    line.succeed("trace", "pre_complaints", "--period", "2025-02")
