"""A publication leaves evidence and a link of the chain, the same for the same data, and nothing about a person."""

import hashlib
import hmac
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import evidence, ledger, signing
from core.settings import Home
from tests.audit.world import RECORDS, prepare, record, write_warehouse

PSEUDONYM = "p_" + "0123456789abcdef" * 2


def manifest(home: Home, entry: ledger.Entry) -> dict:
    return evidence.store(home).read_json(entry.facts["manifest"])


def rows(home: Home) -> list[tuple]:
    query = f"select territory_code, value from {ledger.state(ledger.entries(home))} where period_type = 'month'"
    return sorted(duckdb.sql(query).fetchall())


def test_a_publication_that_changes_nothing_adds_no_row_and_no_month(home: Home) -> None:
    write_warehouse(home)
    first, second = record(home, 0), record(home, 1)
    assert (first.facts["changes"], second.facts["changes"]) == (16, 0)
    assert manifest(home, first) == manifest(home, second)
    assert second.former == first.head


def test_only_the_month_that_changed_is_written_again(home: Home) -> None:
    write_warehouse(home)
    before = manifest(home, record(home, 0))["kpis"]["visits"]["months"]
    write_warehouse(home, [*RECORDS, ("f", "2026-10-02", "FR-33", 1)])
    entry = record(home, 1)
    after = manifest(home, entry)["kpis"]["visits"]["months"]
    assert after["2026-09"] == before["2026-09"]
    assert (before["2026-10"]["rows"], after["2026-10"]["rows"]) == (4, 5)
    assert entry.facts["changes"] == 4  # a new day and the month, of FR-33 and of FR


def written(home: Home, number: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record a publication and return the queries of observations whose rows were written."""
    queries = []
    write_rows = evidence.write_rows
    with monkeypatch.context() as patch:
        patch.setattr(evidence, "write_rows", lambda *given: queries.append(given[1]) or write_rows(*given))
        record(home, number)
    return sorted(query[-11:-1] for query in queries if "observed" in query)


def test_a_month_is_written_where_its_rows_its_types_or_its_file_changed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_warehouse(home)
    assert written(home, 0, monkeypatch) == ["2026-09-01", "2026-10-01"]
    write_warehouse(home, RECORDS[::-1])
    assert written(home, 1, monkeypatch) == [], "the order of rows is no change"
    write_warehouse(home, [*RECORDS, ("f", "2026-10-02", "FR-33", 1)])
    assert written(home, 2, monkeypatch) == ["2026-10-01"]
    with duckdb.connect(str(home.warehouse)) as connection:
        table = "kpi.kpi_visits__observations"
        connection.execute(f"alter table {table} alter numerator type hugeint")
    assert written(home, 3, monkeypatch) == ["2026-09-01", "2026-10-01"], "the same digits of another type"
    month = manifest(home, ledger.entries(home)[-1])["kpis"]["visits"]["months"]["2026-09"]
    evidence.store(home).path(month["sha256"], ".parquet").unlink()
    assert written(home, 4, monkeypatch) == ["2026-09-01"]
    assert evidence.store(home).path(month["sha256"], ".parquet").exists()


def test_the_ledger_tells_what_is_shown(home: Home) -> None:
    write_warehouse(home)
    record(home, 0)
    write_warehouse(home, [("b", "2026-10-01", "FR-33", 4)])
    record(home, 1)
    assert rows(home) == [("FR", 4), ("FR-33", 4)]


def test_the_order_of_rows_in_the_warehouse_leaves_no_mark(home: Home, tmp_path: Path) -> None:
    write_warehouse(home)
    other = Home(tmp_path / "other")
    write_warehouse(other, RECORDS[::-1])
    assert record(home, 0).head == record(other, 0).head


def test_a_pseudonym_is_replaced_by_its_hmac(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_PSEUDONYM_KEY", "k" * 70)  # longer than a block of SHA-256
    key = f"{PSEUDONYM}|9|vol"
    write_warehouse(home, [(key, "2026-10-01", "FR-33", 1)])
    month = manifest(home, record(home, 0))["kpis"]["visits"]["months"]["2026-10"]
    path = evidence.store(home).path(month["sha256"], ".parquet")
    expected = hmac.new(b"k" * 70, key.encode(), hashlib.sha256).hexdigest()
    assert duckdb.sql(f"select record_key from '{path}'").fetchall() == [(f"h_{expected}",)]
    files = [path for path in home.root.rglob("*") if path.is_file() and path != home.warehouse]
    assert files
    assert not [path for path in files if PSEUDONYM.encode() in path.read_bytes()]


def test_a_publication_that_dies_before_its_last_step_leaves_no_trace(home: Home) -> None:
    write_warehouse(home)
    prepare(home, 0)
    assert ledger.entries(home) == []
    entry = record(home, 1)
    assert (entry.sequence, entry.former) == (1, ledger.NO_HEAD)
    assert [path.name for path in home.ledger.iterdir()] == ["000001-publication-1"]


def test_without_a_key_a_publication_is_chained_and_not_sealed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write_warehouse(home)
    monkeypatch.setenv(signing.SETTING, "")
    assert not record(home, 0).is_sealed
    key = Ed25519PrivateKey.generate()
    monkeypatch.setenv(signing.SETTING, signing.seed_of(key))
    signed = record(home, 1)
    assert signed == ledger.read(signed.folder)
    assert signed.key == signing.fingerprint(key.public_key())
    assert signing.is_valid(key.public_key(), ledger.KIND, {"head": signed.head}, signed.signature)
    assert not signing.is_valid(key.public_key(), ledger.KIND, {"head": signed.former}, signed.signature)
    assert not signing.is_valid(key.public_key(), "removal", {"head": signed.head}, signed.signature)


def test_a_fingerprint_is_what_openssl_says(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate().public_key()
    (tmp_path / "key.pem").write_text(signing.pem(key))
    if not (openssl := shutil.which("openssl")):
        pytest.skip("openssl is not here")
    command = [openssl, "pkey", "-pubin", "-in", tmp_path / "key.pem", "-outform", "der"]
    der = subprocess.run(command, capture_output=True, check=True).stdout
    assert hashlib.sha256(der).hexdigest() == signing.fingerprint(key)
