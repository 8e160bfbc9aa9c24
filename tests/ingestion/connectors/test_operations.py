"""The platform's own records: the file that holds them, and their way into the warehouse."""

import sqlite3
from contextlib import closing

import pytest

from core.errors import ExpectedFailure
from ingestion.connectors.operations import CONTRACT
from ingestion.engine.loading import load
from privacy import pseudonymise
from tests.ingestion.conftest import ask
from tests.ingestion.engine.test_load_file import counts
from warehouse.operations_database import open_operations

TOPIC = (
    "faux_colis",
    "Faux colis",
    '"faux colis" -livré',
    "cyber",
    "listening,app_stores",
    "team:veille",
    1,
    "2026-01-02T10:00:00+01:00",
    "2026-01-02T10:00:00Z",
)
VERDICT = ("v1", "s1", "confirmé", "officier de permanence", "Rappeler le 06 12 34 56 78", "2026-01-03T10:00:00Z")
VERDICT += ("crue", "climatique", "FR-33", 3, "2026-01-03T09:00:00Z")
CRISIS = ("c1", "Crue", "climatique", "ouverte", "2026-01-03T10:00:00Z", None, "FR-33,FR-40", "crue", "team:veille")
ALERT = ("a1", "mail", "permanence@exemple.fr", "Hausse", "2026-01-03T10:00:00Z", None, 0, None)
ALERT += ("s1", "crue", "climatique", "FR-33", 3, "2026-01-03T09:00:00Z", None, None)
EVENT = ("e1", "c1", "dit", "Appel du maire au 06 12 34 56 78", "veille", "2026-01-03T11:00:00Z")


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_PSEUDONYM_KEY", "cle-du-test")


def write(home, table, *rows):
    with closing(open_operations(home.operations)) as connection, connection:
        places = ", ".join("?" * len(rows[0]))
        connection.executemany(f"insert into {table} values ({places})", rows)


def test_without_a_file_there_is_nothing_to_read_and_none_is_made(home):
    report = load("operations")
    assert counts(report) == (0, 0, 0, 0, 0)
    assert report.complete
    assert not home.operations.exists()


def test_the_file_is_opened_twice_without_losing_anything(home):
    write(home, "topics", TOPIC)
    with closing(open_operations(home.operations)) as connection:
        assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
        assert connection.execute("pragma foreign_keys").fetchone() == (1,)
        assert connection.execute("select code from topics").fetchall() == [("faux_colis",)]
        with pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT value in INTEGER column"):
            connection.execute("update topics set active = 'peut-être'")


def test_its_columns_are_those_of_the_contract(home):
    with closing(open_operations(home.operations)) as connection:
        for table in CONTRACT:
            columns = [row[1] for row in connection.execute(f"pragma table_info({table.name})")]
            assert columns == [field.name for field in table.fields if not field.filled_by_load]


def test_every_table_is_loaded_protected_and_only_once(home):
    write(home, "topics", TOPIC)
    write(home, "verdicts", VERDICT)
    write(home, "crises", CRISIS)
    write(home, "crisis_events", EVENT)
    write(home, "outbox", ALERT)
    assert counts(load("operations")) == (5, 5, 0, 0, 0)
    assert counts(load("operations")) == (5, 0, 0, 5, 0)
    assert ask(home, "select kind, note from raw_operations.crisis_events") == [
        ("dit", "Appel du maire au [TÉLÉPHONE]")
    ]
    assert ask(home, "select code, active, created_at::varchar, updated_at::varchar from raw_operations.topics") == [
        ("faux_colis", True, "2026-01-02 09:00:00+00", "2026-01-02 10:00:00+00")
    ]
    assert ask(home, "select verdict, note from raw_operations.verdicts") == [("confirmé", "Rappeler le [TÉLÉPHONE]")]
    assert ask(home, "select status, closed_at from raw_operations.crises") == [("ouverte", None)]
    assert ask(home, "select recipient, attempts from raw_operations.outbox") == [
        (pseudonymise("permanence@exemple.fr"), 0)
    ]


def test_an_alert_that_was_sent_since_is_updated(home):
    write(home, "outbox", ALERT)
    load("operations")
    with closing(open_operations(home.operations)) as connection, connection:
        connection.execute("update outbox set sent_at = '2026-01-03T10:02:00Z', attempts = 1")
    assert counts(load("operations")) == (1, 0, 1, 0, 0)
    assert ask(home, "select sent_at::varchar, attempts from raw_operations.outbox") == [("2026-01-03 10:02:00+00", 1)]


def test_contradictions_are_set_aside_with_their_reason(home):
    closed_before = (
        "c2",
        "Canicule",
        "climatique",
        "close",
        "2026-02-02T10:00:00Z",
        "2026-02-01T10:00:00Z",
        "",
        "",
        "t",
    )
    open_with_end = (
        "c3",
        "Canicule",
        "climatique",
        "ouverte",
        "2026-02-02T10:00:00Z",
        "2026-02-03T10:00:00Z",
        "",
        "",
        "t",
    )
    write(home, "verdicts", VERDICT, ("v2", "s1", "écarté", "officier", None, "2026-01-03T10:00:00Z", *VERDICT[6:]))
    write(home, "crises", CRISIS, closed_before, open_with_end)
    assert counts(load("operations")) == (5, 2, 0, 0, 3)
    assert ask(home, "select record_key, field, reason from quarantine.operations order by 1") == [
        ("c2", "closed_at", "lies before opened_at"),
        ("c3", "status", "contradicts closed_at"),
        ("v2", "note", "is empty, and a signal that is 'écarté' needs its reason"),
    ]


@pytest.mark.parametrize(("said", "kept"), [("vrai", "confirmé"), ("faux", "écarté"), ("à suivre", "vu"), ("VU", "vu")])
def test_the_older_words_of_a_verdict_mean_the_same(home, said, kept):
    write(home, "verdicts", ("v1", "s1", said, "officier", "Motif", "2026-01-03T10:00:00Z", *VERDICT[6:]))
    load("operations")
    assert ask(home, "select verdict from raw_operations.verdicts") == [(kept,)]


def test_a_damaged_file_fails_with_its_name_and_a_remedy(home):
    home.operations.write_bytes(b"no database, but long enough to be taken for one" * 40)
    with pytest.raises(
        ExpectedFailure, match=r"operations, file operations\.sqlite: .* restore it from the last backup"
    ):
        load("operations")
    with pytest.raises(ExpectedFailure, match=r"operations\.sqlite"):
        open_operations(home.operations)


def test_reading_does_not_wait_for_a_writer(home):
    write(home, "topics", TOPIC)
    with closing(open_operations(home.operations)) as writer:
        writer.execute("begin immediate")
        writer.execute("update topics set label = 'Autre'")
        assert counts(load("operations")) == (1, 1, 0, 0, 0)
        writer.rollback()
    assert ask(home, "select label from raw_operations.topics") == [("Faux colis",)]
