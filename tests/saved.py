"""A home with everything that a backup holds."""

import sqlite3
from contextlib import closing

import duckdb
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import signing
from audit.verifying import verify
from core.settings import Home
from tests.audit.world import RECORDS, publish, write_warehouse

KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def live_home(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with everything that a backup holds: two signed publications, the second shown, and a verdict."""
    monkeypatch.setenv(signing.SETTING, signing.seed_of(KEY))
    for number in range(2):
        write_warehouse(home, [*RECORDS, *[(f"late-{n}", "2026-10-20", "FR-33", 1) for n in range(number)]])
        publish(home, number)
    with duckdb.connect(str(home.live)) as connection:
        connection.execute("create table mention as select 42 as mention_id")
    with closing(sqlite3.connect(home.operations)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table verdicts (verdict_id)")
        connection.execute("insert into verdicts values ('v-1')")
        connection.commit()
    for folder in (home.fetched, home.raw_lake / "raw_listening"):
        folder.mkdir(parents=True)
        (folder / "taken.jsonl").write_text("one\n")
    return home


def content(home: Home) -> tuple:
    """Return the content of a home, queried through its databases."""
    with duckdb.connect(str(home.warehouse), read_only=True) as warehouse:
        values = warehouse.execute("from kpi.kpi_value order by all").fetchall()
    with duckdb.connect(str(home.live), read_only=True) as live:
        mentions = live.execute("from mention").fetchall()
    with closing(sqlite3.connect(home.operations)) as operations:
        verdicts = operations.execute("select * from verdicts").fetchall()
    others = [(folder / "taken.jsonl").read_text() for folder in (home.fetched, home.raw_lake / "raw_listening")]
    return values, mentions, verdicts, others, verify(home)
