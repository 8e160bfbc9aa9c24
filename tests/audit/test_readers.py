"""A reader of one territory gets nothing of another one, in no part of a trace."""

import json
from datetime import date
from decimal import Decimal

import pytest

from audit import report
from audit.cells import Cell, Figures, Period
from audit.history import history
from audit.readers import OPERATOR, Reader
from audit.tracing import NotPublishedError, find, provenance, recompute, records, trace
from core.errors import ExpectedFailure
from core.settings import Home
from tests.audit.world import FIRST, OPEN_SQL, RECORDS, SQL, record, write_warehouse
from warehouse.rights import EVERYTHING, Right

OCTOBER = Period("month", date(2026, 10, 1))
NATION, GIRONDE, GUADELOUPE = (Cell("visits", OCTOBER, code) for code in ("FR", "FR-33", "FR-971"))
OF_GIRONDE = Right({"kpi.rpt_kpi": "territory_code in ('FR', 'FR-33')"})
READER, AUDITOR = Reader(OF_GIRONDE), Reader(OF_GIRONDE, verifies=True)
NATIONAL_AUDITOR = Reader(Right({"kpi.rpt_kpi": None, "audit.platform_load": None}), verifies=True)
#: What a record of Guadeloupe counts, which no other number contains.
SECRET = ("of Guadeloupe", "2026-10-15", "FR-971", 424242)


def said(*parts: object) -> str:
    return json.dumps(parts, default=str, ensure_ascii=False).replace("\u202f", "")


@pytest.fixture
def published(home: Home) -> Home:
    """October twice: b and c in Gironde, e of nowhere, and a record of Guadeloupe that changed in between."""
    rows = [*RECORDS[:3], RECORDS[4]]
    write_warehouse(home, [*rows, ("of Guadeloupe", "2026-10-15", "FR-971", 1)], OPEN_SQL)
    record(home, 0, OPEN_SQL)
    write_warehouse(home, [*rows, SECRET], OPEN_SQL)
    record(home, 1, OPEN_SQL)
    return home


@pytest.mark.parametrize("reader", [READER, AUDITOR])
@pytest.mark.parametrize("verb", [find, history])
def test_another_territory_is_as_one_that_does_not_exist(published: Home, reader: Reader, verb) -> None:
    refusals = []
    for code in ("FR-971", "FR-34"):
        with pytest.raises(NotPublishedError) as refusal:
            verb(published, reader, Cell("visits", OCTOBER, code))
        refusals.append(str(refusal.value).replace(code, ""))
    assert refusals[0] == refusals[1]
    assert "FR, FR-33." in refusals[0]
    assert "971" not in refusals[0]


def test_who_reads_no_figures_finds_none(published: Home) -> None:
    for right in (Right(), Right({"audit.platform_load": None})):
        with pytest.raises(NotPublishedError):
            find(published, Reader(right, verifies=True), GIRONDE)


def test_a_figure_of_ones_own_is_traced_whole(published: Home) -> None:
    found = trace(published, AUDITOR, GIRONDE)
    assert found.recomputation.agrees
    assert found.recomputation.today.figures == found.shown.figures
    assert found.shown.figures == Figures(Decimal(5), None, Decimal(5), 2, is_suppressed=False)
    assert (found.records.number, found.records.keys, found.records.is_part) == (2, ["b", "c"], False)


def test_of_the_nation_only_what_was_published_and_ones_own_records(published: Home) -> None:
    found = trace(published, AUDITOR, NATION)
    assert found.recomputation.agrees
    assert found.recomputation.today.figures is None
    assert "Non montré" in (found.recomputation.today.waits or "")
    assert (found.records.number, found.records.keys, found.records.is_part) == (2, ["b", "c"], True)
    everything = said(report.as_json(found), report.as_text(found), report.as_html(found))
    assert "of Guadeloupe" not in everything
    assert "FR-971" not in everything
    assert "424242" not in everything
    assert "424258" in everything  # what was published of the nation: 2 + 3 + 11 + 424 242


def test_history_of_the_nation_counts_no_records_of_elsewhere(published: Home) -> None:
    own, of_all = (history(published, reader, NATION)[1] for reader in (AUDITOR, NATIONAL_AUDITOR))
    assert own.causes == ("le détail porte sur des enregistrements que votre rôle ne lit pas",)
    assert of_all.causes == ("correction : 1 enregistrement(s) modifié(s)",)
    assert own.figures == of_all.figures
    [unchanged] = history(published, AUDITOR, GIRONDE)
    assert unchanged.figures.value == 5


def test_a_recomputation_that_differs_tells_a_bound_reader_so_and_no_value(
    published: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Figures(Decimal(31337), None, Decimal(31337), 9, is_suppressed=False)
    monkeypatch.setattr("audit.cells.recompute", lambda *_: other)
    withheld = recompute(find(published, AUDITOR, NATION))
    assert (withheld.agrees, withheld.figures, withheld.is_withheld) == (False, None, True)
    assert "DIFFÈRE" in report.verdict_of(withheld, "nombre")
    assert "31337" not in said(report.recomputed_lines(withheld, "nombre"), withheld)
    assert recompute(find(published, NATIONAL_AUDITOR, NATION)).figures == other


def test_records_and_recomputation_ask_for_verification(published: Home) -> None:
    shown = find(published, Reader(EVERYTHING), GIRONDE)
    for part in (recompute, records):
        with pytest.raises(ExpectedFailure, match="réservés aux auditeurs"):
            part(shown)


def test_what_loads_have_read_is_for_who_reads_the_table_of_loads(published: Home) -> None:
    [known] = provenance(find(published, NATIONAL_AUDITOR, GIRONDE)).loads
    assert (known.origin, known.rows_read, known.sha256) == ("export.csv", 5, "ab12")
    [unknown] = provenance(find(published, AUDITOR, GIRONDE)).loads
    assert (unknown.platform, unknown.entity, unknown.finished_at) == ("audience", "hourly_visits", known.finished_at)
    assert (unknown.origin, unknown.rows_read, unknown.sha256, unknown.load_key) == (None,) * 4


@pytest.fixture
def guarded(home: Home) -> Home:
    """A KPI that has small cells; Guadeloupe is suppressed, and a record came in Gironde between two publications."""
    write_warehouse(home, [*RECORDS[:3], RECORDS[4], SECRET], SQL, hidden="FR-971")
    record(home, 0, SQL)
    write_warehouse(home, [*RECORDS[:3], RECORDS[4], SECRET, ("late", "2026-10-02", "FR-33", 77)], SQL, hidden="FR-971")
    record(home, 1, SQL)
    return home


def test_small_cells_are_found_neither_in_records_nor_by_difference(guarded: Home) -> None:
    found = trace(guarded, NATIONAL_AUDITOR, GIRONDE)
    assert found.recomputation.agrees
    assert found.recomputation.today.figures is None
    assert (found.records.number, found.records.rows) == (3, ())
    with pytest.raises(ExpectedFailure, match="petits effectifs"):
        find(guarded, NATIONAL_AUDITOR, GIRONDE, FIRST.date())
    former, current = history(guarded, NATIONAL_AUDITOR, GIRONDE)
    assert (former.figures, former.is_withheld) == (None, True)
    assert (current.figures.value, current.causes) == (82, ())
    assert [step.figures.value for step in history(guarded, OPERATOR, GIRONDE)] == [5, 82]
    [past] = history(guarded, NATIONAL_AUDITOR, GIRONDE, FIRST.date())
    assert past.is_withheld


def test_a_suppressed_cell_gives_no_number_away(guarded: Home) -> None:
    reader = Reader(Right({"kpi.rpt_kpi": "territory_code in ('FR', 'FR-971')"}), verifies=True)
    suppressed, nation = trace(guarded, reader, GUADELOUPE), trace(guarded, reader, NATION)
    assert suppressed.shown.figures.is_suppressed
    assert suppressed.recomputation.agrees
    # That the nation counts one record of Guadeloupe would be the suppressed number itself.
    assert (suppressed.records.number, nation.records.number, nation.records.rows) == (None, None, ())
    assert nation.recomputation.today.figures is None
    everything = said(report.as_json(suppressed), report.as_text(suppressed), report.as_text(nation))
    assert "424242" not in everything
    assert report.SUPPRESSED in everything


def test_a_recomputation_that_does_not_suppress_is_shown_to_nobody(
    guarded: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "audit.cells.recompute", lambda *_: Figures(Decimal(424242), None, Decimal(424242), 1, is_suppressed=False)
    )
    found = trace(guarded, OPERATOR, GUADELOUPE)
    assert not found.recomputation.agrees
    assert "424242" not in said(report.as_json(found), report.as_text(found))
