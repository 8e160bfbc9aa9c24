"""What is wrong with the platform is told once, with its remedy, and once more when it is well."""

from datetime import UTC, datetime, timedelta

import pytest

from core.settings import Home
from operations import troubles
from operations.alerts.dispatch import dispatch
from operations.models import Alert, Trouble
from operations.troubles import Cause
from tests.analytics.signalling import ENTRY, FLOOD, publish, subscribe
from tests.operations.mailserver import Mailbox

NOON = datetime(2026, 11, 24, 11, tzinfo=UTC)
ENGINEER = {**ENTRY, "recipient": "exploitation", "address": "exploitation@unite.example", "wants": ["operations"]}
DOWN = Cause(
    "run load_jdma",
    "Chargement en échec : Je donne mon avis",
    "jdma, address https://jdma.example/api: the platform failed (status 503), 5 times in a row.",
    "cyberimpact load jdma",
    "https://dagster.example/runs/1",
)
FULL = Cause("disk", "Disque presque plein", "1.0 GB free, 2.0 GB needed", "free some space", "")


@pytest.fixture(autouse=True)
def settings(home: Home, local_smtp: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    subscribe(monkeypatch, home, ENGINEER)


def later(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def subjects(box: Mailbox) -> list[str]:
    return [message["Subject"] for message in box.messages]


def text(box: Mailbox) -> str:
    return box.messages[-1].get_body(("plain",)).get_content()


def test_a_cause_is_told_once_and_once_more_when_it_is_well(home: Home, box: Mailbox) -> None:
    for minute in range(3):
        troubles.record([DOWN], [], later(minute))
        dispatch(home, later(minute))
    assert subjects(box) == ["[PANNE] Chargement en échec : Je donne mon avis"]
    assert box.messages[0]["To"] == "exploitation@unite.example"
    for expected in (
        "Constaté : 24/11/2026 à\u00a012\u00a0h\u00a000",
        f"Détail : {DOWN.detail}",
        "Que faire : cyberimpact load jdma",
        "Page : https://dagster.example/runs/1",
    ):
        assert expected in text(box)
    for minute in range(10, 13):
        troubles.record([], [], later(minute))
        dispatch(home, later(minute))
    assert subjects(box)[1:] == ["[RÉTABLI] Chargement en échec : Je donne mon avis"]
    assert "Rétabli : 24/11/2026 à\u00a012\u00a0h\u00a010" in text(box)
    assert "Que faire" not in text(box)
    troubles.record([DOWN], [], later(20))
    dispatch(home, later(20))
    assert subjects(box)[2:] == ["[PANNE] Chargement en échec : Je donne mon avis"], "it was well meanwhile"


def test_what_cannot_be_said_now_neither_begins_nor_ends(home: Home, box: Mailbox) -> None:
    troubles.record([], [DOWN.key], NOON)
    assert not Trouble.objects.exists()
    troubles.record([DOWN], [], NOON)
    troubles.record([], [DOWN.key], later(1))
    dispatch(home, later(1))
    assert subjects(box) == ["[PANNE] Chargement en échec : Je donne mon avis"]
    assert Trouble.objects.get().ended_at is None


def test_a_server_that_is_down_gets_it_later(home: Home, box: Mailbox) -> None:
    box.answer = "451 later"
    troubles.record([DOWN], [], NOON)
    assert dispatch(home, NOON).failures
    assert not dispatch(home, later(0.1)).failures, "not before its next attempt"
    box.answer = "250 OK"
    assert dispatch(home, later(1)).messages == 1
    first = Alert.objects.get()
    assert (first.attempts, first.sent_at) == (2, later(1))
    assert box.messages[0]["Message-ID"] == f"<{first.message_id}@cyberimpact>"


def test_both_ends_are_told_after_a_server_was_down_all_the_while(home: Home, box: Mailbox) -> None:
    box.answer = "451 later"
    troubles.record([DOWN], [], NOON)
    dispatch(home, NOON)
    troubles.record([], [], later(5))
    dispatch(home, later(5))
    box.answer = "250 OK"
    dispatch(home, later(30))
    assert sorted(subject.split("]")[0] for subject in subjects(box)) == ["[PANNE", "[RÉTABLI"]


def test_several_leave_together_and_signals_apart(home: Home, box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe(monkeypatch, home, {**ENGINEER, "wants": ["signals", "operations"]})
    publish(home, [FLOOD])
    troubles.record([DOWN, FULL], [], NOON)
    assert dispatch(home, NOON).messages == 2
    assert sorted(subjects(box)) == [
        "2 messages d'exploitation, dont [PANNE] Disque presque plein",
        "[ÉLEVÉE] Crue – Eure : hausse soudaine",
    ]


def test_who_wants_signals_only_hears_nothing(home: Home, box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe(monkeypatch, home, ENTRY)
    troubles.record([DOWN], [], NOON)
    assert dispatch(home, NOON).messages == 0
    subscribe(monkeypatch, home, ENTRY, ENGINEER)
    assert dispatch(home, later(1)).messages == 1, "who subscribes later learns what lasts"
    assert [message["To"] for message in box.messages] == ["exploitation@unite.example"]
    troubles.record([], [], later(2))
    subscribe(monkeypatch, home, {**ENGINEER, "recipient": "nouveau"})
    assert dispatch(home, later(3)).messages == 0, "of what they never heard nobody hears the end"


def test_no_message_holds_a_person_a_value_or_a_path() -> None:
    said = troubles.said(
        "/srv/home/warehouse.duckdb: write to a.martin@exemple.fr,\nCould not convert string 'Anne Martin' to INT32;"
        " https://jdma.example/api, 24/11/2026, raw/jdma/reviews"
    )
    for hidden in ("/srv", "warehouse.duckdb", "a.martin", "Anne", "\n"):
        assert hidden not in said
    for kept in ("https://jdma.example/api", "24/11/2026", "raw/jdma/reviews"):
        assert kept in said
