"""The tables of a copy about itself: what its publication and former ones changed, and where its columns come from."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from audit import ledger, lineage, publication_metadata, report
from audit.definitions import KpiDefinition
from audit.lineage import Column, Edge, Kind, LineageGraph
from audit.publication_metadata import PublicationMetadata, Table
from core.errors import ExpectedFailure
from core.settings import Home
from tests.audit.world import RECORDS, record, write_warehouse

LEDGER = {
    "publication": "bigint", "published_at": "timestamp", "code_version": "varchar", "kpi_code": "varchar",
    "period_type": "varchar", "territory_code": "varchar", "value": "decimal(18, 6)", "is_withheld": "boolean",
    "change": "varchar",
}  # fmt: skip
FIELD = Column("platform", "audience.hourly_visits", "m_visits")
RAW = Column("raw", "raw_audience.hourly_visits", "visits")
MART = Column("marts", "visibility.fct_visit", "visits")
KPI = Column("kpi", "kpi.kpi_visits", "value")
CHART = Column("chart", "visits", "valeur")
EDGES = [Edge(FIELD, RAW), Edge(RAW, MART), Edge(MART, KPI), Edge(KPI, CHART)]
SITE = RAW._replace(name="site")
JOIN = Edge(SITE, MART.rows, Kind.JOIN)


def table(types: dict[str, str]) -> Table:
    return Table("L'apostrophe d'une table.", types, dict.fromkeys(types, "L'apostrophe."))


def add(home: Home, tmp_path: Path, given: PublicationMetadata, protected: tuple[str, ...] = ()) -> Path:
    copy = tmp_path / "copy.duckdb"
    publication_metadata.add(copy, home, given, ledger.entries(home), protected)
    return copy


def rows(copy: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(copy), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def published(home: Home) -> Home:
    write_warehouse(home)
    record(home, 0)
    write_warehouse(home, [*RECORDS, ("f", "2026-10-02", "FR-33", 1)])
    record(home, 1)
    return home


def test_the_copy_holds_what_each_publication_changed(published: Home, tmp_path: Path) -> None:
    copy = add(published, tmp_path, PublicationMetadata({"kpi_ledger": table(LEDGER)}))
    assert rows(
        copy,
        "select publication, published_at::varchar, value, change from audit.kpi_ledger "
        "where territory_code = 'FR-33' and period_type = 'month' and value > 5 order by 1",
    ) == [(2, "2026-11-02 05:00:00", Decimal(6), "changed")]
    assert rows(copy, "select publication, count(kpi_code) from audit.kpi_ledger group by 1 order by 1") == [
        (1, 16),
        (2, 4),
    ]
    assert rows(copy, "select comment from duckdb_tables() where table_name = 'kpi_ledger'") == [
        ("L'apostrophe d'une table.",)
    ]


def test_former_figures_of_a_kpi_with_small_cells_are_not_shown(published: Home, tmp_path: Path) -> None:
    copy = add(published, tmp_path, PublicationMetadata({"kpi_ledger": table(LEDGER)}), ("visits",))
    assert rows(copy, "select distinct value, is_withheld from audit.kpi_ledger") == [(None, True)]


def test_changes_and_checks_are_named_for_a_reader(published: Home, tmp_path: Path) -> None:
    tables = {"kpi_ledger": table({**LEDGER, "kpi_label": "varchar"}), "check_result": table({"label": "varchar"})}
    labels = {"visits": "Visites", "check": "valeurs admises"}
    with duckdb.connect(str(published.warehouse)) as warehouse:
        warehouse.execute(
            "create or replace table audit.build_status as "
            "select * from (values ('test', 'check'), ('model', 'fct_visit')) as t (resource_type, name)"
        )
    copy = add(published, tmp_path, PublicationMetadata(tables, labels=labels))
    assert rows(copy, "select distinct kpi_label from audit.kpi_ledger") == [("Visites",)]
    assert rows(copy, "select label from audit.check_result order by 1") == [("fct_visit",), ("valeurs admises",)]


def test_publications_of_long_ago_are_not_shown(
    published: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(published, 60)
    monkeypatch.setenv("CYBERIMPACT_LEDGER_MONTHS", "1")
    copy = add(published, tmp_path, PublicationMetadata({"kpi_ledger": table(LEDGER)}))
    assert rows(copy, "select count(publication) from audit.kpi_ledger") == [(0,)]  # the third changed nothing


def test_a_table_without_rows_has_its_columns(published: Home, tmp_path: Path) -> None:
    types = {"day": "date", "times": "bigint"}
    copy = add(published, tmp_path, PublicationMetadata({"access_day": table(types)}, {"access_day": []}))
    assert rows(copy, "select column_name, data_type from duckdb_columns() where table_name = 'access_day'") == [
        ("day", "DATE"),
        ("times", "BIGINT"),
    ]


def test_a_column_is_followed_both_ways(published: Home) -> None:
    given = publication_metadata.lineage_rows(LineageGraph([*EDGES, EDGES[0], JOIN]))
    assert [(row["to_column"], row["kind"], row["kind_title"]) for row in given if row["from_column"] == "site"] == [
        ("*", "join", "Jointure")
    ]
    metadata = PublicationMetadata(
        {"lineage_column": table(dict.fromkeys(given[0], "varchar"))}, {"lineage_column": given}
    )
    folder = published.published / "daily" / "p-1"
    folder.mkdir(parents=True)
    (folder.parent / "current").symlink_to("p-1")
    publication_metadata.add(folder / "serving.duckdb", published, metadata, ledger.entries(published), ())
    with duckdb.connect(str(folder / "serving.duckdb")) as connection:
        connection.execute(
            "create table audit.publication as "
            "select 'p-1' as publication_id, timestamptz '2026-11-01 05:00:00+00' as published_at"
        )
    found = lineage.read(published)
    assert (found.publication_id, found.published_at) == ("p-1", datetime(2026, 11, 1, 5, tzinfo=UTC))
    assert found.graph.edges == sorted([*EDGES, JOIN])
    assert found.graph.upstream(KPI) == [EDGES[2], EDGES[1], EDGES[0]]
    assert found.graph.downstream(MART) == [EDGES[2], EDGES[3]]
    assert found.graph.origins(KPI) == {RAW}
    assert found.graph.entering(KPI) == {FIELD, RAW, MART}
    assert {column for column in found.graph.deciding(KPI) if column.layer == "raw"} == {SITE, RAW.rows}
    assert list(report.lineage_lines(found.graph, "visits"))[:2] == [
        "# numerator",
        "aucune colonne : ce chiffre n'existe pas pour cet indicateur",
    ]
    assert "Données brutes raw_audience.hourly_visits.site : décide des lignes comptées" in report.lineage_lines(
        found.graph, "visits"
    )
    with pytest.raises(ExpectedFailure, match="Connus : visits"):
        list(report.lineage_lines(found.graph, "visit"))


def test_a_step_has_a_row_for_each_indicator_that_it_feeds() -> None:
    made_of_both = [["platform", str(FIELD), "raw", str(RAW)]]
    given = [kpi("Visites", [*made_of_both, ["marts", str(MART), "kpi", str(KPI)]]), kpi("Part", made_of_both)]
    rows = publication_metadata.lineage_rows(LineageGraph(EDGES), given)
    assert {(row["from_layer"], row["kpi_label"]) for row in rows} == {
        ("platform", "Visites"), ("platform", "Part"), ("raw", None), ("marts", "Visites"), ("kpi", None),
    }  # fmt: skip
    assert len(rows) == 5


def kpi(label: str, steps: list[list[str]]) -> KpiDefinition:
    return KpiDefinition({"label": label}, "kpi.kpi", "", "", [], {}, {}, [], {}, steps)


def test_a_layer_without_a_french_name_is_shown_by_its_own() -> None:
    [row] = publication_metadata.lineage_rows(LineageGraph([Edge(Column("new", "a.b", "c"), KPI)]))
    assert (row["from_title"], row["to_title"]) == ("new", "Indicateurs")


def test_before_a_publication_no_column_has_a_way(home: Home) -> None:
    with pytest.raises(ExpectedFailure, match="Rien n'a encore été publié"):
        lineage.read(home)


def test_a_dataset_has_the_first_day_of_its_table_where_the_copy_has_it(published: Home, tmp_path: Path) -> None:
    copy = tmp_path / "copy.duckdb"
    with duckdb.connect(str(copy)) as connection:
        connection.execute("create schema kpi")
        connection.execute("create table kpi.figures as select unnest([date '2025-03-02', date '2025-01-31']) as day")
    given = [{"dataset": name, "since": None} for name in ("figures", "absent", "undated")]
    times = {"figures": ("kpi.figures", "day"), "absent": ("kpi.absent", "day")}
    declared = {"dataset_metric": table({"dataset": "varchar", "since": "date"})}
    add(published, tmp_path, PublicationMetadata(declared, {"dataset_metric": given}, times=times))
    assert rows(copy, "select dataset, since::varchar from audit.dataset_metric order by 1") == [
        ("absent", None),
        ("figures", "2025-01-31"),
        ("undated", None),
    ]
