"""What is published gives no small count of victims away to a reader who computes with all of it (`attack`)."""

from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
import pytest

from core.settings import Home
from ingestion.engine.loading import load
from sandbox import cybermalveillance, perceval
from tests.dbt import attack, few_victims, raw
from tests.dbt.attack import WIDE, Row, Territory
from tests.dbt.conftest import Built, dbt

YEAR = date(2024, 1, 1)
ALSACE = [Territory("FR-67", "FR-GES", "GN-GES"), Territory("FR-68", "FR-GES", "GN-GES")]


def give_away(connection: duckdb.DuckDBPyConnection) -> Counter[str]:
    """Check everything that is published, and return how many counts each KPI hides."""
    rows, territories = attack.published(connection)
    for row in rows:
        assert not row.is_suppressed or row[7:11] == (None,) * 4, row
    found = attack.widths(rows, territories)
    assert {key: width for key, width in found.items() if width < WIDE} == {}
    return Counter(code for code, _ in found)


def test_a_build_gives_nothing_away(built: Built) -> None:
    """Three years of few victims went through the models of the project."""
    hidden = give_away(built.connection)
    assert hidden.keys() == attack.KPIS, "nothing is hidden, hence nothing proven"


@pytest.mark.proof
def test_fifty_random_cubes_give_nothing_away(home: Home) -> None:
    raw.create_empty()
    few_victims.create(range(2000, 2050), seed=50)
    hidden = built_and_attacked(home)
    assert min(hidden[code] for code in attack.KPIS) >= 50, hidden


@pytest.mark.proof
def test_the_sandbox_gives_nothing_away(home: Home, tmp_path: Path) -> None:
    raw.create_empty()
    for platform, stand_in in (("cybermalveillance", cybermalveillance), ("perceval", perceval)):
        for name, content in stand_in.drops(17, date(2026, 11, 24)):
            (tmp_path / name).write_bytes(content)
            load(platform, file=tmp_path / name)
    assert built_and_attacked(home)["victims_assisted"]


def built_and_attacked(home: Home) -> Counter[str]:
    models = [f"+kpi_{code}" for code in sorted(attack.KPIS)]
    run = dbt("build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test", "--select", *models)
    assert run.returncode == 0, run.stdout
    with duckdb.connect(str(home.warehouse)) as connection:
        tables = " union all by name ".join(f"from kpi.kpi_{code}" for code in sorted(attack.KPIS))
        connection.execute(f"create view kpi.kpi_value as {tables}")
        return give_away(connection)


def cell(code: str, level: str, territory: str, victims: int | None, quarter: int = 1) -> Row:
    start = YEAR.replace(month=3 * quarter - 2)
    figures = (victims, None, victims, 1) if victims is not None else (None,) * 4
    return Row(code, "quarter", start, level, territory, "total", "total", *figures, victims is None)


def widths(*rows: Row) -> set[int]:
    return set(attack.widths(rows, ALSACE).values())


def test_the_reader_subtracts() -> None:
    """The proof can fail: of 30 victims in two départements, 27 in one leave exactly 3 in the other."""
    nation, region = cell("victims_assisted", "nation", "FR", 30), cell("victims_assisted", "region", "FR-GES", 30)
    shown, alone = (cell("victims_assisted", "departement", code, n) for code, n in (("FR-67", 27), ("FR-68", None)))
    assert widths(nation, region, shown, alone) == {0}
    other = cell("victims_assisted", "departement", "FR-67", None)
    assert widths(nation, region, other, alone) == {30}


def test_a_row_that_is_absent_is_a_zero() -> None:
    assert widths(
        cell("victims_assisted", "region", "FR-GES", 4),
        cell("victims_assisted", "departement", "FR-68", None),
    ) == {0}


def test_the_reader_adds_up_periods() -> None:
    """The year has 12 victims, three quarters 8, and two hidden quarters of another place nothing to add up to."""
    year = cell("perceval_reports", "departement", "FR-67", 12)._replace(period_type="year", period_start=YEAR)
    quarters = [cell("perceval_reports", "departement", "FR-67", n, q) for q, n in ((1, 8), (2, None), (3, None))]
    assert widths(year, *quarters) == {4}


def test_kpis_of_one_source_are_read_together() -> None:
    """What one KPI hides and another shows is shown; victims handed over are at most those assisted."""
    hidden = cell("victims_assisted", "departement", "FR-67", None)
    shown = cell("victims_per_10k", "departement", "FR-67", 3)
    assert widths(hidden, shown) == {0}
    share = cell("handover_share", "departement", "FR-67", None)
    assert widths(cell("victims_assisted", "departement", "FR-67", 7), share) == {7}
