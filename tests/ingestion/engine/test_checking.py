"""A file is validated without a load: the same outcome as a load, and no database."""

import subprocess
import sys

import pytest

from ingestion.engine import checking
from ingestion.engine.checking import Cause, Check, CheckedTable, Fault, check
from ingestion.engine.loading import load
from ingestion.platforms import platform

HEADER = "stats_id;stats_debut_declaration;stats_fin_declaration;stats_dpt_unite;stats_pers_physique;stats_pers_morale"
GOOD = "{};2025-01-10 10:00;2025-01-10 10:20;33;1;0"
LINES = (HEADER, GOOD.format("D1"), "D2;2025-02-30 10:00;;33;1;0", "D3;2025-01-10 10:00;;ZZZ;1;0", GOOD.format("D4"))
pytestmark = pytest.mark.usefixtures("home")
PRE_PLAINTE = platform("pre_plainte")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "declarations.csv"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


def test_it_says_line_by_line_what_a_load_would_set_aside_and_opens_no_database(empty_home, file):
    found = check(PRE_PLAINTE, file)
    assert found.tables == (CheckedTable("declarations", 2, 2, "", ""),)
    assert found.faults == (
        Fault(3, "declarations", "stats_debut_declaration", "is not a date of the calendar", "2025-02-30 10:00"),
        Fault(4, "declarations", "stats_dpt_unite", "is not the code of a département", "ZZZ"),
    )
    assert Cause("declarations", "stats_dpt_unite", "is not the code of a département", 1) in found.causes
    assert (found.failure, found.looks_like, found.cut_at) == (None, None, None)
    assert not empty_home.warehouse.exists()


def test_a_load_of_the_file_has_the_outcome_that_the_check_said(file):
    found, report = check(PRE_PLAINTE, file), load("pre_plainte", file=file)
    assert (found.sha256, found.accepted, found.set_aside) == (
        report.origin.sha256,
        report.total("rows_new"),
        report.total("rows_quarantined"),
    )


def test_a_value_is_redacted(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("\n".join((*LINES, "D5;2025-01-10 10:00;;06 12 34 56 78;1;0")) + "\n", encoding="utf-8")
    assert "06 12" not in str(check(PRE_PLAINTE, file))


def test_a_file_of_another_platform_is_recognised(file):
    found = check(platform("perceval"), file)
    assert found.failure
    assert found.looks_like == "pre_plainte"


def test_what_is_no_export_of_any_platform_looks_like_none(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("a;b\n1;2\n", encoding="utf-8")
    found = check(PRE_PLAINTE, file)
    assert found.failure
    assert found.looks_like is None


def test_a_file_that_is_cut_says_where(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("\n".join((HEADER, GOOD.format("D1"), "D2;2025-01-10 1")), encoding="utf-8")
    assert (check(PRE_PLAINTE, file).cut_at, check(PRE_PLAINTE, file).accepted) == (3, 1)


def test_the_first_faults_are_listed_and_all_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "MOST_FAULTS", 2)
    file = tmp_path / "x.csv"
    bad = [GOOD.format(f"B{rank}").replace(";33;", ";ZZZ;") for rank in range(5)]
    file.write_text("\n".join((HEADER, GOOD.format("D1"), *bad)) + "\n", encoding="utf-8")
    found = check(PRE_PLAINTE, file)
    assert [fault.line for fault in found.faults] == [3, 4]
    assert (found.causes[0].rows, found.set_aside) == (5, 5)


def test_a_process_of_its_own_writes_the_same_report(file, tmp_path):
    report = tmp_path / "report.json"
    subprocess.run([sys.executable, "-m", "ingestion.engine.checking", "pre_plainte", file, report], check=True)
    assert Check.read(report) == check(PRE_PLAINTE, file)
