"""Evidence of what lies in the lake: sums by day and the digests of raw files, where nobody reads each record."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

from audit import evidence, ledger, report
from audit.cells import Cell, Period
from audit.history import history
from audit.publication_metadata import PublicationMetadata
from audit.readers import OPERATOR
from audit.recording import Recorder
from audit.tracing import NO_KEYS, find, trace
from audit.verifying import lake_problems
from core.locks import writer_lock
from core.settings import Home
from ingestion.engine import raw_lake
from ingestion.engine.load_log import collect_loads
from ingestion.engine.loading import load
from ingestion.engine.raw_moves import move
from ingestion.erasure import purge
from ingestion.platforms import platform
from tests.audit.test_evidence import SQL_OF_DAYS
from tests.audit.world import FIRST, RECORDS, Record, definition, write_warehouse
from tests.ingestion.engine.test_columnar import mention, parquet

GIRONDE = Cell("visits", Period("month", date(2026, 10, 1)), "FR-33")
KNOWN = replace(
    definition(SQL_OF_DAYS),
    days="kpi.kpi_visits__days",
    raw_tables=["raw_listening.mentions"],
    record_columns=["raw_listening.mentions.mention_id"],
)
#: The days, some of which have several rows as those of mentions do, one for each list of topics.
DAYS = """
    create table kpi.kpi_visits__days as
    select occurred_on, territory_code, numerator, denominator, 1::bigint as observations
    from kpi.kpi_visits__observations;
    alter table kpi.kpi_visits__observations rename to kept;
    create view kpi.kpi_visits__observations as select * from kpi.kept {};
"""
#: Whoever reads an observation fails.
UNREADABLE = "where error('a record was read')"


@pytest.fixture
def place(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose listening lies in the lake: five mentions in a file, a newer one of them in another."""
    monkeypatch.setenv(raw_lake.PLATFORMS_SETTING, "listening")
    rows = [mention(number, mention_id=key) for number, (key, *_) in enumerate(RECORDS)]
    load("listening", file=parquet(tmp_path, rows))
    load("listening", file=parquet(tmp_path, [mention(9, mention_id="c", views=7)]))
    return home


def build(home: Home, records: Sequence[Record] = RECORDS, condition: str = UNREADABLE) -> None:
    write_warehouse(home, records, SQL_OF_DAYS.replace("__days", "__observations").replace(
        "sum(observed.observations)", "count(record_key)"))  # fmt: skip
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(DAYS.format(condition))
    collect_loads()


def record(home: Home, number: int) -> None:
    facts = {
        "publication_id": f"publication-{number}",
        "published_at": FIRST.replace(day=1 + number).isoformat(),
        "data_as_of": "2026-10-31",
        "code_version": "abc",
    }
    ledger.commit(ledger.finish(Recorder({"visits": KNOWN}, "run-1", PublicationMetadata({})).prepare(home, facts)))


def raw_files(home: Home) -> list[Path]:
    return sorted(home.raw_lake.glob("raw_listening/mentions/load_id=*/*.parquet"))


def test_no_record_is_read_and_the_figure_is_computed_again_of_days(place: Home) -> None:
    build(place)
    record(place, 0)
    shown = find(place, OPERATOR, GIRONDE)
    listed = evidence.context_of(shown.manifest, "visits")[evidence.LAKE_FILES]["sha256"]
    kept = duckdb.sql(f"select file, sha256 from '{shown.store.path(listed, '.parquet')}' where entity = 'mentions'")
    assert sorted(kept.fetchall()) == sorted(
        (str(file.relative_to(place.raw_lake / "raw_listening")), sha256(file.read_bytes()).hexdigest())
        for file in raw_files(place)
    )

    build(place, condition="")
    found = trace(place, OPERATOR, GIRONDE)
    assert found.recomputation.agrees
    assert (found.shown.figures.value, found.shown.figures.observations) == (Decimal(2 + 3), 2)
    today = found.recomputation.today
    assert (today.figures, today.late, today.edited, today.gone) == (found.shown.figures, 0, 0, 0)
    assert found.records.keys == ["2026-10-01|FR-33", "2026-10-31|FR-33"]
    assert [(holding.file.partition("/")[0], holding.records) for holding in found.sources.files] == [
        ("raw_listening", 1),
        ("raw_listening", 1),
    ], "b is in the first file, the newest row of c in the second"
    assert report.records_lines(found.shown, found.records) == [
        ("Totaux journaliers", "2"),
        (
            "Enregistrements",
            f"lors de la publication, dans les fichiers bruts du lac, dont la preuve garde les empreintes ({listed})",
        ),
    ]
    with writer_lock(place.warehouse):
        assert trace(place, OPERATOR, GIRONDE).sources.not_asked == {"raw_listening.mentions": NO_KEYS}


@pytest.mark.parametrize("is_there", [True, False])
def test_a_warehouse_that_no_longer_answers_an_old_definition_is_said(place: Home, is_there: bool) -> None:
    """Another version of the code has renamed a column of the observations, or nobody has built here yet."""
    build(place, condition="")
    record(place, 0)
    with duckdb.connect(str(place.warehouse)) as connection:
        connection.execute("alter table kpi.kept rename occurred_on to happened_on")
    if not is_there:
        place.warehouse.unlink()
    found = trace(place, OPERATOR, GIRONDE)
    assert found.recomputation.agrees
    assert found.sources.files == ()
    [said] = report.lake_files(found.sources)
    assert said == f"raw_listening.mentions : fichiers non cherchés : {NO_KEYS}"
    with writer_lock(place.live):
        assert report.lake_files(trace(place, OPERATOR, GIRONDE).sources) == [said]


def test_records_that_the_lake_does_not_hold_yet_are_evidence_one_by_one(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting names listening, and nobody has moved its tables."""
    load("listening", file=parquet(tmp_path, [mention(n, mention_id=key) for n, (key, *_) in enumerate(RECORDS)]))
    monkeypatch.setenv(raw_lake.PLATFORMS_SETTING, "listening")
    build(home, condition="")
    record(home, 0)
    found = trace(home, OPERATOR, GIRONDE)
    assert (found.shown.is_by_day, found.records.keys) == (False, ["b", "c"])

    move("listening")
    collect_loads()
    record(home, 1)
    found = trace(home, OPERATOR, GIRONDE)
    assert (found.shown.is_by_day, found.records.keys) == (True, ["2026-10-01|FR-33", "2026-10-31|FR-33"])
    assert found.shown.raw_files is not None


def test_the_verification_says_that_tables_have_left_the_lake(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    build(place)
    record(place, 0)
    known = ledger.entries(place)
    monkeypatch.delenv(raw_lake.PLATFORMS_SETTING)
    move("listening")
    problems, [remark] = lake_problems(place, known)
    assert problems == []
    assert remark.startswith("Lac, listening : les tables sont revenues dans la base")
    with duckdb.connect(str(place.live)) as connection:
        connection.execute("drop table raw_listening.mentions")
    problems, [remark] = lake_problems(place, known)
    assert (problems, "non vérifiés" in remark) == ([], True), "neither files nor tables"


def test_what_changed_is_said_by_day(place: Home) -> None:
    """One more mention on the first of October, and the first on a day that had none."""
    build(place)
    record(place, 0)
    build(place, [*RECORDS, ("f", "2026-10-01", "FR-33", 10), ("g", "2026-10-20", "FR-33", 100)])
    record(place, 1)
    causes = history(place, OPERATOR, GIRONDE)[-1].causes
    assert causes == (
        "données tardives : 1 total(aux) journalier(s) arrivé(s)",
        "correction : 1 total(aux) journalier(s) modifié(s)",
    )


def test_a_month_that_did_not_change_keeps_its_file(place: Home) -> None:
    build(place)
    record(place, 0)
    first = find(place, OPERATOR, GIRONDE).files
    build(place, [*RECORDS, ("f", "2026-09-02", "FR-33", 1)])
    record(place, 1)
    later = find(place, OPERATOR, GIRONDE).files
    assert (first["2026-10"], first["2026-09"] == later["2026-09"]) == (later["2026-10"], False)


def test_the_verification_remarks_on_a_purge_and_names_what_somebody_changed(place: Home, tmp_path: Path) -> None:
    build(place)
    record(place, 0)
    known = ledger.entries(place)
    assert lake_problems(place, known) == ([], [])
    with writer_lock(place.live):
        problems, [remark] = lake_problems(place, known)
    assert (problems, "non vérifiés" in remark) == ([], True)
    beside = Home(tmp_path / "restored")
    shutil.copytree(place.evidence, beside.evidence)
    problems, [remark] = lake_problems(beside, known)
    assert (problems, "non vérifiés" in remark) == ([], True), "the lake is not that of a home restored beside"

    newest = mention(0).get("published_at") + platform("listening").retention
    purge(newest)  # the first file loses the row that a newer one has replaced
    problems, [remark] = lake_problems(place, known)
    assert problems == []
    assert remark.startswith("Lac, listening : 1 fichier(s) sur ")
    assert "purge, ou registre des fichiers modifié" in remark, "neither is proved"

    good = raw_files(place)[1].read_bytes()
    raw_files(place)[1].write_bytes(good[:-1] + b"?")
    [problem], [again] = lake_problems(place, known)
    assert problem == f"Lac : {raw_files(place)[1]} a disparu, ou n'a plus les octets de son chargement."
    assert again == remark
    raw_files(place)[1].unlink()
    assert len(lake_problems(place, known)[0]) == 1
