"""Observations go when their time is over, and what is left says so, to whom traces a figure and to whom verifies."""

import json
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import evidence, ledger, report, retention, signing
from audit.cells import Cell, Period
from audit.history import history
from audit.readers import OPERATOR
from audit.tracing import trace
from audit.verifying import verify
from core.content_store import append_lines
from core.settings import Home
from tests.audit.world import FIRST, RECORDS, publish, record, write_warehouse

KEY = Ed25519PrivateKey.generate()
LATER = FIRST + timedelta(days=400)
GIRONDE = Cell("visits", Period("month", date(2026, 10, 1)), "FR-33")
SEPTEMBER = Cell("visits", Period("month", date(2026, 9, 1)), "FR-33")


@pytest.fixture
def published(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home of two sealed publications, 399 days apart: October was corrected, September is the same file."""
    monkeypatch.setenv(signing.SETTING, signing.seed_of(KEY))
    monkeypatch.setenv("CYBERIMPACT_EVIDENCE_MONTHS", "12")
    write_warehouse(home)
    record(home, 0)
    write_warehouse(home, [*RECORDS, ("f", "2026-10-02", "FR-33", 1)])
    publish(home, 399)
    return home


def test_only_what_nothing_recent_rests_on_goes(published: Home) -> None:
    [removal] = retention.purge(published, LATER)
    assert (removal.kpi, removal.month, removal.reason) == (
        "visits", "2026-10", "durée de conservation des preuves dépassée",
    )  # fmt: skip
    assert retention.purge(published, LATER) == []
    assert trace(published, OPERATOR, GIRONDE).recomputation.agrees
    assert trace(published, OPERATOR, SEPTEMBER, FIRST.date()).recomputation.agrees


def test_nothing_goes_before_its_time(published: Home) -> None:
    assert retention.purge(published, FIRST + timedelta(days=360)) == []


def test_the_last_publication_keeps_its_evidence_however_old(published: Home) -> None:
    retention.purge(published, datetime(2040, 1, 1, tzinfo=UTC))
    assert trace(published, OPERATOR, GIRONDE).recomputation.agrees


def test_a_trace_says_what_can_still_be_proved(published: Home) -> None:
    [removal] = retention.purge(published, LATER)
    found = trace(published, OPERATOR, GIRONDE, FIRST.date())
    assert (found.shown.figures.value, found.recomputation.figures, found.records.number) == (5, None, None)
    text = report.as_text(found)
    assert "Observations de 2026-10 : effacées le 06/12/2027 à 06 h 00 min 00 s : durée de" in text.replace(
        "\u00a0", " "
    )
    assert removal.sha256 in text
    assert "Reste prouvé : la valeur affichée" in text
    assert "Ne l'est plus : le recalcul" in text
    assert report.as_json(found)["removed"][0]["month"] == "2026-10"
    assert history(published, OPERATOR, GIRONDE)[1].causes == (
        "Les observations de l'une des deux publications ne sont plus conservées.",
    )


def test_a_purge_is_no_tampering(published: Home) -> None:
    retention.purge(published, LATER)
    verdict = verify(published)
    assert verdict.problems == ()
    [remark] = verdict.remarks
    assert remark.startswith("1 fichier(s) d'observations effacé(s) au terme de leur conservation")


def test_a_purge_cannot_be_pretended(published: Home) -> None:
    entry = ledger.entries(published)[0]
    store = evidence.store(published)
    [digest] = {d for d, _, month in retention.observations(store, entry) if month == "2026-10"}
    store.path(digest, ".parquet").unlink()
    pretended = retention.Removal(digest, "visits", "2026-10", retention.REASON, FIRST.isoformat())
    file = published.evidence / retention.RECORD

    for forged, words in (
        (pretended.signed(Ed25519PrivateKey.generate()), "dont la signature ou le sceau est faux"),
        (replace(pretended, seal="0" * 64), None),
        (pretended, "non signé(s)"),
    ):
        append_lines(file, [asdict(forged)])
        problems = verify(published).problems
        assert "000001-publication-0 : preuve de visits, 2026-10 retirée" in problems[0]
        said = f"1 effacement(s) de preuves {words}, qui n'ont pas été faits par la plateforme : visits, 2026-10."
        assert (problems[1:] == (said,)) is bool(words)
    file.unlink()
    [problem] = verify(published).problems
    assert "preuve de visits, 2026-10 retirée" in problem
    assert "sans que leur effacement soit consigné" in report.as_text(trace(published, OPERATOR, GIRONDE, FIRST.date()))


def test_a_line_cut_short_is_no_removal(published: Home) -> None:
    file = published.evidence / retention.RECORD
    file.write_text(json.dumps({"sha256": "a"})[:-2])
    assert retention.removals(published) == {}
    [removal] = retention.purge(published, LATER)
    assert retention.removals(published) == {removal.sha256: removal}
