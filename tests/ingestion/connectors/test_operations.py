"""The platform's own records: the file that holds them, and their way into the warehouse."""

import sqlite3
from contextlib import closing
from datetime import datetime

import pytest

from core.errors import ExpectedFailure
from ingestion.connectors.operations import CONTRACT
from ingestion.engine.loading import load
from operations import models
from privacy import pseudonymise
from tests.ingestion.conftest import ask
from tests.ingestion.engine.test_load_file import counts


def at(text):
    return datetime.fromisoformat(text)


TEN = at("2026-01-03T10:00:00Z")
SIGNAL = {
    "topic_code": "crue",
    "crisis_kind": "climatique",
    "territory_code": "FR-33",
    "severity": 3,
    "signal_opened_at": at("2026-01-03T09:00:00Z"),
}


def topic():
    return models.Topic(
        code="faux_colis",
        label="Faux colis",
        query='"faux colis" -livré',
        kind="cyber",
        platforms=("listening", "app_stores"),
        owner="team:veille",
        created_at=at("2026-01-02T10:00:00+01:00"),
        updated_at=at("2026-01-02T10:00:00Z"),
    )


def verdict(**changes):
    return models.Verdict(
        **{
            "verdict_id": "v1",
            "signal_id": "s1",
            "verdict": "confirmé",
            "author_role": "officier de permanence",
            "note": "Rappeler le 06 12 34 56 78",
            "decided_at": TEN,
            **SIGNAL,
            **changes,
        }
    )


def crisis(**changes):
    return models.Crisis(
        **{
            "crisis_id": "c1",
            "title": "Crue",
            "kind": "climatique",
            "opened_at": TEN,
            "territories": ("FR-33", "FR-40"),
            "topics": ("crue",),
            "owner": "team:veille",
            **changes,
        }
    )


def event():
    return models.CrisisEvent(
        event_id="e1",
        crisis_id="c1",
        number=1,
        kind="dit",
        note="Appel du maire au 06 12 34 56 78",
        author_role="veille",
        happened_at=at("2026-01-03T11:00:00Z"),
    )


def alert():
    return models.Alert(
        alert_id="a1",
        channel="mail",
        recipient="permanence@exemple.fr",
        subject="Hausse",
        created_at=TEN,
        signal_id="s1",
        **SIGNAL,
    )


def act():
    return models.Act(
        act_id="x1",
        done_at=TEN,
        role="veille",
        account="c_0123456789abcdef",
        kind="verdict",
        object_kind="signal",
        object_id="s1",
        detail="confirmé : rappeler le 06 12 34 56 78",
    )


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_PSEUDONYM_KEY", "cle-du-test")


def write(*rows):
    for row in rows:
        row.save(force_insert=True)


def test_without_a_file_there_is_nothing_to_read_and_none_is_made(home):
    report = load("operations")
    assert counts(report) == (0, 0, 0, 0, 0)
    assert report.complete
    assert not home.operations.exists()


def test_its_columns_are_those_of_the_contract(home):
    write(topic())
    kept_back = {
        "crisis_events": {"number"},
        "acts": {"result_id", "form_id", "form_digest"},
        "outbox": {"trouble_id", "event_id"},
    }
    with closing(sqlite3.connect(home.operations)) as connection:
        for table in CONTRACT:
            columns = {row[1] for row in connection.execute(f"pragma table_info({table.name})")}
            declared = {field.name for field in table.fields if not field.filled_by_load}
            assert columns - kept_back.get(table.name, set()) == declared


def test_every_table_is_loaded_protected_and_only_once(home):
    write(topic(), verdict(), crisis(), event(), alert(), act())
    assert counts(load("operations")) == (6, 6, 0, 0, 0)
    assert counts(load("operations")) == (6, 0, 0, 6, 0)
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
    write(alert())
    load("operations")
    models.Alert.objects.update(sent_at=at("2026-01-03T10:02:00Z"), attempts=1)
    assert counts(load("operations")) == (1, 0, 1, 0, 0)
    assert ask(home, "select sent_at::varchar, attempts from raw_operations.outbox") == [("2026-01-03 10:02:00+00", 1)]


def test_contradictions_are_set_aside_with_their_reason(home):
    opened_at, earlier, later = (at(f"2026-02-0{day}T10:00:00Z") for day in (2, 1, 3))
    write(
        verdict(),
        verdict(verdict_id="v2", verdict="écarté", note=None),
        crisis(),
        crisis(crisis_id="c2", status="close", opened_at=opened_at, closed_at=earlier),
        crisis(crisis_id="c3", opened_at=opened_at, closed_at=later),
    )
    assert counts(load("operations")) == (5, 2, 0, 0, 3)
    assert ask(home, "select record_key, field, reason from quarantine.operations order by 1") == [
        ("c2", "closed_at", "lies before opened_at"),
        ("c3", "status", "contradicts closed_at"),
        ("v2", "note", "is empty, and a signal that is 'écarté' needs its reason"),
    ]


@pytest.mark.parametrize(("said", "kept"), [("vrai", "confirmé"), ("faux", "écarté"), ("à suivre", "vu"), ("VU", "vu")])
def test_the_older_words_of_a_verdict_mean_the_same(home, said, kept):
    write(verdict(verdict=said))
    load("operations")
    assert ask(home, "select verdict from raw_operations.verdicts") == [(kept,)]


def test_a_damaged_file_fails_with_its_name_and_a_remedy(home):
    home.operations.write_bytes(b"no database, but long enough to be taken for one" * 40)
    with pytest.raises(ExpectedFailure, match=r"\(operations\.sqlite\) ne peut pas être utilisée .* sauvegarde"):
        load("operations")


def test_reading_does_not_wait_for_a_writer(home):
    write(topic())
    with closing(sqlite3.connect(home.operations, isolation_level=None)) as writer:
        writer.execute("begin immediate")
        writer.execute("update topics set label = 'Autre'")
        assert counts(load("operations")) == (1, 1, 0, 0, 0)
        writer.execute("rollback")
    assert ask(home, "select label from raw_operations.topics") == [("Faux colis",)]
