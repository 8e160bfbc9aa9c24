"""The publication itself signs what readers open: the file as it lies there, with the tables that it adds."""

import duckdb
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import ledger, signing
from audit.publication_metadata import PublicationMetadata, Table
from audit.recording import Recorder
from audit.verifying import verify
from core.settings import Home
from tests.audit.world import definition, write_warehouse
from warehouse.publication import Publication, Relation, publish

KEY = Ed25519PrivateKey.generate()
METADATA = PublicationMetadata(
    {"kpi_ledger": Table("Le registre.", {"publication": "bigint", "kpi_code": "varchar"}, {})}
)


@pytest.fixture
def published(home: Home, monkeypatch: pytest.MonkeyPatch) -> Publication:
    """The second of two publications of a warehouse made by hand."""
    monkeypatch.setenv(signing.SETTING, signing.seed_of(KEY))
    monkeypatch.setenv(signing.FILE_SETTING, "")
    write_warehouse(home)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("alter table audit.build_status add column name varchar")
        connection.execute("alter table audit.build_status add column resource_type varchar")
        connection.execute("create table audit.freshness as select date '2026-10-31' as data_as_of")
    recorder = Recorder({"visits": definition()}, "run-1", METADATA)
    made = [publish(home, [Relation("kpi", "kpi_value")], recorder=recorder) for _ in range(2)]
    return made[-1]


def test_what_was_published_is_what_was_signed(home: Home, published: Publication) -> None:
    entry = ledger.entries(home)[-1]
    assert entry.publication_id == published.publication_id
    assert entry.copy is not None
    assert {name: table["rows"] for name, table in entry.copy["tables"].items()} == {
        "audit.kpi_ledger": 16,
        "audit.publication": 1,
        "kpi.kpi_value": 16,
    }
    verdict = verify(home, entry.reference, [KEY.public_key()])
    assert (verdict.problems, verdict.remarks) == ((), ())


@pytest.mark.parametrize("table", ["audit.kpi_ledger", "audit.publication", "kpi.kpi_value"])
def test_each_table_of_the_copy_is_covered(home: Home, published: Publication, table: str) -> None:
    with duckdb.connect(str(published.file)) as connection:
        connection.execute(f"insert into {table} from {table} limit 1")
    said = f"Copie publiée {published.publication_id}, modifiée depuis : la table {table} a été modifiée"
    assert any(problem.startswith(said) for problem in verify(home).problems)


def test_an_older_build_that_is_made_current_is_an_alarm(home: Home, published: Publication) -> None:
    older = ledger.entries(home)[0].publication_id
    link = published.file.parent.with_name("current")
    link.unlink()
    link.symlink_to(older)
    [problem] = verify(home).problems
    assert problem.startswith(f"Les lecteurs voient {older}, pas la dernière publication, {published.publication_id}")
