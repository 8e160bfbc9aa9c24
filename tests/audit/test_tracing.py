"""A figure is followed to its source as it was shown on a day, recomputed, and its changes are explained."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

from audit import cells, evidence, ledger, report
from audit.cells import Cell, Figures, Period, period
from audit.copies import Evaluations
from audit.history import history
from audit.readers import OPERATOR, Reader
from audit.tracing import PublishedCell, Sources, compare, find, sources, trace
from core.errors import ExpectedFailure
from core.locks import writer_lock
from core.settings import Home
from ingestion.engine import raw_lake
from ingestion.engine.loading import load
from tests.audit.world import OPEN_SQL, RECORDS, SQL, record, show, write_warehouse
from tests.ingestion.engine.test_columnar import mention, parquet
from warehouse.rights import EVERYTHING

OCTOBER = Period("month", date(2026, 10, 1))
GIRONDE = Cell("visits", OCTOBER, "FR-33")


def figures(value: int, observations: int) -> Figures:
    return Figures(Decimal(value), None, Decimal(value), observations, is_suppressed=False)


@pytest.fixture
def published(home: Home) -> Home:
    write_warehouse(home)
    record(home, 0)
    return home


def test_a_trace_tells_everything_and_agrees(published: Home) -> None:
    found = trace(published, OPERATOR, GIRONDE)
    assert found.shown.figures == found.recomputation.figures == found.recomputation.today.figures == figures(5, 2)
    assert found.records.number == 2
    assert report.load_row(found.provenance.loads[0])[:3] == ("audience", "hourly_visits", "load-1")
    assert found.provenance.models[0].relation == "visibility.fct_visit"
    assert report.model_row(found.provenance.models[0])[4:] == (1, 2)
    assert found.provenance.checks == [("small", "warn")]
    text = report.as_text(found)
    assert "égal au dernier chiffre" in text
    assert "raw_audience.hourly_visits.visits" in text


def test_records_are_given_page_by_page(home: Home) -> None:
    write_warehouse(home, [(f"r{number:02}", "2026-10-02", "FR-33", 1) for number in range(45)], OPEN_SQL)
    record(home, 0, OPEN_SQL)
    pages = [trace(home, OPERATOR, GIRONDE, page=number) for number in (1, 2, 3)]
    assert [key for found in pages for key in found.records.keys] == [f"r{number:02}" for number in range(45)]
    assert {(found.records.number, found.records.pages) for found in pages} == {(45, 3)}
    assert "Page : 3 sur 3" in report.as_text(pages[2])
    for none in (0, 4):
        with pytest.raises(ExpectedFailure, match="Donnez une page de 1 à 3"):
            trace(home, OPERATOR, GIRONDE, page=none)


def test_keys_that_would_count_small_cells_are_not_given(published: Home) -> None:
    found = trace(published, OPERATOR, GIRONDE)
    assert (found.records.number, found.records.keys) == (2, [])
    assert "non montrées" in report.as_text(found)


def test_an_earlier_day_is_shown_as_it_was(published: Home) -> None:
    write_warehouse(published, [*RECORDS, ("f", "2026-10-02", "FR-33", 1)])
    record(published, 1)
    assert trace(published, OPERATOR, GIRONDE).shown.figures == figures(6, 3)
    earlier = trace(published, OPERATOR, GIRONDE, date(2026, 11, 1))
    assert earlier.shown.figures == earlier.recomputation.figures == figures(5, 2)
    assert (earlier.recomputation.today.figures, earlier.recomputation.today.late) == (figures(6, 3), 1)
    with pytest.raises(ExpectedFailure, match=r"Rien n'était publié le 31/10/2026"):
        trace(published, OPERATOR, GIRONDE, date(2026, 10, 31))


@pytest.mark.parametrize(
    ("records", "sql", "cause"),
    [
        ([*RECORDS, ("f", "2026-10-02", "FR-33", 1)], SQL, "données tardives : 1 enregistrement(s) arrivé(s)"),
        ([("b", "2026-10-01", "FR-33", 9), *RECORDS[2:]], SQL, "correction : 1 enregistrement(s) modifié(s)"),
        (RECORDS[2:], SQL, "retrait : 1 enregistrement(s) disparu(s)"),
        (RECORDS, SQL.replace("sum(numerator)", "2 * sum(numerator)"), "définition modifiée : la formule"),
    ],
)
def test_a_change_is_explained(published: Home, records: list, sql: str, cause: str) -> None:
    write_warehouse(published, records, sql)
    record(published, 1, sql)
    first, second = history(published, OPERATOR, GIRONDE)
    assert first.causes == ()
    assert len(second.causes) == 1
    assert second.causes[0].startswith(cause)


def test_records_are_compared_of_the_days_that_differ() -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            """
            create table former as from (values
                ('same', date '2026-10-01', 1), ('moved', date '2026-10-01', 1), ('twice', date '2026-10-02', 1),
                ('twice', date '2026-10-02', 2), ('gone', date '2026-10-02', 1), ('two days', date '2026-10-03', 1),
                ('two days', date '2026-10-04', 1), ('same', date '2026-10-05', 1)
            ) as t(record_key, occurred_on, numerator);
            create table later as from (values
                ('same', date '2026-10-01', 1), ('moved', date '2026-10-06', 1), ('twice', date '2026-10-02', 2),
                ('twice', date '2026-10-02', 1), ('late', date '2026-10-02', 1), ('two days', date '2026-10-04', 1),
                ('same', date '2026-10-05', 1)
            ) as t(record_key, occurred_on, numerator);
            """
        )
        assert compare(connection, "former", "later") == (1, 1, 2)  # edited: one moved, one lost one of its days
        assert compare(connection, "later", "later") == (0, 0, 0)


def test_a_suppressed_figure_is_shown_nowhere(home: Home) -> None:
    records = [*RECORDS[:3], ("secret", "2026-10-15", "FR-971", 424242)]
    write_warehouse(home, records, hidden="FR-971")
    record(home, 0)
    found = trace(home, OPERATOR, Cell("visits", OCTOBER, "FR-971"))
    assert found.recomputation.agrees
    assert found.records.number is None
    output = report.as_text(found) + report.as_html(found) + str(report.as_json(found))
    assert "non diffusé : trop peu de victimes" in output
    assert "424242" not in output.replace("\u202f", "")
    assert "secret" not in output


def test_while_the_warehouse_is_written_the_comparison_waits(published: Home) -> None:
    with writer_lock(published.warehouse):
        found = trace(published, OPERATOR, GIRONDE)
    assert found.recomputation.agrees
    assert (
        found.recomputation.today.waits
        == "L'entrepôt est en cours d'écriture : la comparaison avec aujourd'hui attend."
    )


@pytest.mark.parametrize(
    "damage", [lambda file: file.write_bytes(file.read_bytes() + b" "), lambda file: file.unlink()]
)
def test_damaged_evidence_is_said_in_words(published: Home, damage: Callable) -> None:
    context = evidence.store(published).read_json(ledger.entries(published)[0].facts["manifest"])["context"]
    damage(evidence.store(published).path(context["audit.build_status"]["sha256"], ".parquet"))
    with pytest.raises(ExpectedFailure, match="ne peuvent plus être lues"):
        trace(published, OPERATOR, GIRONDE)


def test_the_page_lets_nothing_through(published: Home) -> None:
    page = report.as_html(trace(published, OPERATOR, GIRONDE))
    assert "Visites &lt;comptées&gt;." in page
    assert "<comptées>" not in page


def test_the_checks_of_the_chain_are_followed_in_the_copy(published: Home) -> None:
    assert trace(published, OPERATOR, GIRONDE).provenance.evaluations is None
    copy = show(published, "publication-0")
    assert "la copie publiée n'en dit rien" in report.as_text(trace(published, OPERATOR, GIRONDE))
    with duckdb.connect(str(copy)) as connection:
        connection.execute(
            """
            create schema audit;
            create table audit.check_evaluation as from (values
                ('marts/visibility/fct_visit', 'not_null', 'pass', timestamp '2026-11-01 04:00:00', 'run-1'),
                ('marts/visibility/fct_visit', 'not_null', 'fail', timestamp '2026-10-31 04:00:00', 'run-0'),
                ('raw/audience/hourly_visits', 'quarantine_is_empty', 'warn', timestamp '2026-10-30 03:00:00', 'load'),
                ('raw/jdma/reviews', 'quarantine_is_empty', 'warn', timestamp '2026-11-01 03:00:00', 'load'),
                ('marts/perception/fct_review', 'another', 'fail', timestamp '2026-11-01 03:00:00', 'run-1')
            ) as t(asset, check_name, status, evaluated_at, run_id)
            """
        )
    found = trace(published, OPERATOR, GIRONDE)
    assert found.provenance.evaluations == Evaluations(
        3,
        datetime.fromisoformat("2026-10-30T03:00"),
        [
            ("not_null", "marts/visibility/fct_visit", "fail", datetime.fromisoformat("2026-10-31T04:00"), "run-0"),
            (
                "quarantine_is_empty",
                "raw/audience/hourly_visits",
                "warn",
                datetime.fromisoformat("2026-10-30T03:00"),
                "load",
            ),
        ],
    )
    assert "3 évaluations, 2 sans succès" in report.as_text(found)


@pytest.mark.parametrize(
    ("cell", "exists"),
    [
        (Cell("visit", OCTOBER, "FR"), "Publiés : visits."),
        (Cell("visits", Period("year", date(2026, 1, 1)), "FR"), "Périodes publiées : day, month"),
        (Cell("visits", Period("month", date(2027, 1, 1)), "FR"), "Publié de 2026-09 à 2026-10 (2 périodes)."),
        (Cell("visits", OCTOBER, "FR-34"), "Territoires publiés : FR, FR-33, FR-971, ZZ."),
        (Cell("visits", OCTOBER, "FR-33", "scope", "autres"), "Ventilations publiées : total=total."),
    ],
)
@pytest.mark.parametrize("verb", [trace, history])
def test_what_does_not_exist_is_told_with_what_does(published: Home, cell: Cell, exists: str, verb: Callable) -> None:
    with pytest.raises(ExpectedFailure) as failure:
        verb(published, OPERATOR, cell)
    assert exists in str(failure.value)


@pytest.mark.parametrize(
    ("text", "period_type", "start", "last"),
    [
        ("2026", "year", date(2026, 1, 1), date(2026, 12, 31)),
        ("2026-Q4", "quarter", date(2026, 10, 1), date(2026, 12, 31)),
        ("2024-02", "month", date(2024, 2, 1), date(2024, 2, 29)),
        ("2027-W01", "week", date(2027, 1, 4), date(2027, 1, 10)),
        ("2024-02-29", "day", date(2024, 2, 29), date(2024, 2, 29)),
        ("9999", "year", date(9999, 1, 1), date.max),
        ("9999-Q4", "quarter", date(9999, 10, 1), date.max),
        ("9999-12", "month", date(9999, 12, 1), date.max),
        ("9999-W52", "week", date(9999, 12, 27), date.max),
    ],
)
def test_periods(text: str, period_type: str, start: date, last: date) -> None:
    found = period(text)
    assert (found.period_type, found.start, found.last, str(found)) == (period_type, start, last, text)


@pytest.mark.parametrize("text", ["2026-13", "2026-02-30", "2026-W54", "octobre", "2026-Q5", ""])
def test_no_period(text: str) -> None:
    with pytest.raises(ExpectedFailure, match="n'est pas une période"):
        cells.period(text)


def test_evidence_of_the_first_version_is_read_by_the_names_of_today() -> None:
    states, loads = {"sha256": "a"}, {"sha256": "b"}
    manifest = {"context": {"audit.build_node": states, "raw_platforms.loads": loads}, "kpis": {"visits": {}}}
    assert evidence.context_of(manifest, "visits") == {"audit.build_status": states, "raw_platforms.loads": loads}


FRANCE = Cell("visits", OCTOBER, "FR")
KEYS = (
    "raw_audience.hourly_visits.key",
    "raw_audience.devices.device_key",
    "raw_audience.empty.key",
    "raw_live.contacts.key",
)


@pytest.fixture
def shown(home: Home) -> PublishedCell:
    """A figure of five records, in a warehouse that has the raw rows of four of them."""
    write_warehouse(home, [*RECORDS, ("audience|f", "2026-10-20", "FR-33", 1)], OPEN_SQL)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(
            """
            create schema raw_audience;
            create table raw_audience.hourly_visits as from (values ('b'), ('c'), ('f'), ('g')) as t(key);
            create table raw_audience.devices as from (values ('d'), ('b|')) as t(device_key);
            create table raw_audience.empty (key varchar);
            """
        )
    record(home, 0, OPEN_SQL)
    found = find(home, OPERATOR, FRANCE)
    return replace(found, definition=replace(found.definition, record_columns=KEYS))


def test_the_tables_that_have_records_of_a_figure_are_named(shown: PublishedCell) -> None:
    found = sources(shown)
    assert found.records == {"raw_audience.devices": 1, "raw_audience.empty": 0, "raw_audience.hourly_visits": 3}
    assert found.unknown == 1
    [(_, said)] = report.sources_lines(found)
    assert said == (
        "1 de raw_audience.devices, aucun de raw_audience.empty, 3 de raw_audience.hourly_visits, "
        "non cherchés dans raw_live.contacts, introuvables dans les données brutes d'aujourd'hui : 1"
    )


@pytest.mark.parametrize(
    "reader", [replace(OPERATOR, verifies=False), Reader(EVERYTHING, verifies=False)], ids=["files", "page"]
)
def test_who_may_not_see_records_is_told_the_tables_alone(shown: PublishedCell, reader: Reader) -> None:
    found = sources(replace(shown, reader=reader))
    assert (found.tables, found.records) == (tuple(sorted(key.rpartition(".")[0] for key in KEYS)), None)
    [(_, said)] = report.sources_lines(found)
    assert said == "raw_audience.devices ou raw_audience.empty ou raw_audience.hourly_visits ou raw_live.contacts"


def test_keys_that_no_table_has_as_they_are_say_nothing_of_where_they_come_from(shown: PublishedCell) -> None:
    elsewhere = replace(shown.definition, record_columns=KEYS[2:])
    assert sources(replace(shown, definition=elsewhere)).records is None


def test_small_cells_are_counted_by_no_table(shown: PublishedCell) -> None:
    guarded = replace(shown.definition, context=[*shown.definition.context, "kpi.kpi_suppressed_cell"])
    assert sources(replace(shown, definition=guarded)).records is None


def test_a_warehouse_that_is_written_is_not_waited_for(shown: PublishedCell) -> None:
    with writer_lock(shown.home.warehouse):
        assert sources(shown).records is None


def test_one_table_has_every_record(shown: PublishedCell) -> None:
    alone = sources(replace(shown, definition=replace(shown.definition, record_columns=KEYS[:1])))
    assert report.sources_lines(alone) == [("D'où viennent ses enregistrements", "tous de raw_audience.hourly_visits")]


def test_the_files_of_the_lake_that_hold_records_are_named(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the records of October, the lake has b, d and a former c in one file, and the newest c in another."""
    monkeypatch.setenv(raw_lake.PLATFORMS_SETTING, "listening")
    write_warehouse(home, RECORDS, OPEN_SQL)
    record(home, 0, OPEN_SQL)
    found = find(home, OPERATOR, FRANCE)
    alone = replace(found, definition=replace(found.definition, record_columns=["raw_listening.mentions.mention_id"]))
    load("listening", file=parquet(tmp_path, [mention(n, mention_id=key) for n, key in enumerate("abcd")]))
    load("listening", file=parquet(tmp_path, [mention(9, mention_id="c", views=7), mention(8, mention_id="z")]))
    files = sorted(home.raw_lake.glob("raw_listening/mentions/load_id=*/*.parquet"))
    named = [
        f"{file.relative_to(home.raw_lake)}, enregistrements : {count}, SHA-256 {sha256(file.read_bytes()).hexdigest()}"
        for count, file in zip((2, 1), files, strict=True)
    ]
    assert report.sources_lines(sources(alone)) == [
        ("D'où viennent ses enregistrements", "tous de raw_listening.mentions"),
        *(("Fichier du lac", said) for said in named),
    ]
    assert sources(replace(alone, reader=replace(OPERATOR, verifies=False))).files == ()
    with writer_lock(home.live):
        [said] = report.lake_files(sources(alone))
    assert said == "raw_listening.mentions : fichiers non cherchés : une écriture est en cours, redemandez plus tard"


def test_raw_columns_are_listed_by_table_and_by_what_they_do(shown: PublishedCell) -> None:
    definition = replace(
        shown.definition,
        entering=["raw_audience.hourly_visits.visits", "reference.territories.population"],
        deciding=["raw_audience.devices.*", "raw_audience.hourly_visits.site", "raw_audience.hourly_visits.visits"],
    )
    section = report.columns_section(definition, Sources())
    assert section.rows == [
        ("raw_audience.devices", None, "toutes ses lignes"),
        ("raw_audience.hourly_visits", "visits", "site, visits"),
        ("reference.territories", "population", None),
    ]
    assert not section.lines


def test_a_publication_that_did_not_say_what_decides_rows_says_so(shown: PublishedCell) -> None:
    section = report.columns_section(shown.definition, sources(shown))
    assert section.lines[0] == ("Valeur", "raw_audience.hourly_visits.visits")
    assert section.lines[-1][0] == "À savoir"
    assert not section.rows
