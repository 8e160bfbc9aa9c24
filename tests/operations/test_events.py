"""Events: what happens here reaches programs at least once, in order per subject, without text or persons."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jsonschema
import pytest

from core.errors import ExpectedFailure
from core.settings import Home
from operations import crises, subscriptions, topics, troubles, verdicts, webhook_signature
from operations.acts import Author
from operations.alerts.dispatch import dispatch
from operations.events import kinds, recording
from operations.models import FIRST_WAIT, Alert, Event
from operations.topics import Topic
from operations.troubles import Cause
from tests.analytics.signalling import ENTRY, FLOOD, other, publish, subscribe
from tests.operations.test_alerts import web

NOON = datetime(2026, 11, 24, 19, tzinfo=UTC)
WATCHING = Author("veille", "c_0123456789abcdef")
SECRET = webhook_signature.secret_of(b"a secret of thirty-two bytes, ok")


@pytest.fixture(autouse=True)
def settings(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - a home of its own
    monkeypatch.setenv("CYBERIMPACT_WEB_URL", "https://pages.example")
    monkeypatch.setenv("ESB_SECRET", SECRET)


def entry(port: int, **more: Any) -> dict[str, Any]:
    return ENTRY | {"channel": "webhook", "address": f"http://127.0.0.1:{port}/", "wants": ["events"]} | more


def summary(got: list[tuple[str, str, dict, dict]]) -> list[tuple[str, str]]:
    """Return type and subject of each event that a server got; each keeps the schema."""
    for *_, body in got:
        jsonschema.validate(body, kinds.schema())
    return [(body["type"].removeprefix("cyberimpact."), body["subject"]) for *_, body in got]


def test_the_life_of_a_signal(home, monkeypatch):
    subject = f"signal/{FLOOD.signal_id}"
    with web([]) as (port, got):
        subscribe(monkeypatch, home, entry(port))
        publish(home, [FLOOD])
        dispatch(home, NOON)
        dispatch(home, NOON)  # nothing new: nothing is sent again
        publish(home, [replace(FLOOD, severity=4)], "b2")
        dispatch(home, NOON)
        verdicts.record(FLOOD, "écarté", WATCHING, "Jean Dupont se trompe, 06 12 34 56 78")
        publish(home, [replace(FLOOD, severity=4, status="closed", closed_at=NOON)], "b3")
        dispatch(home, NOON)
        dispatch(home, NOON)
    assert summary(got) == [
        ("signal.opened", subject), ("signal.escalated", subject), ("signal.judged", subject),
        ("signal.closed", subject),
    ]  # fmt: skip
    data = [body["data"] for *_, body in got]
    assert [each["severity"] for each in data] == [3, 4, 3, 4]
    assert (data[2]["verdict"], data[2]["role"]) == ("écarté", "veille")
    assert len({body["id"] for *_, body in got}) == 4
    sequences = [body["sequence"] for *_, body in got]
    assert sequences == sorted(sequences)
    assert "Dupont" not in json.dumps([body for *_, body in got])


def test_a_webhook_is_signed_and_says_what_it_is(home, monkeypatch):
    publish(home, [FLOOD])
    with web([]) as (port, got):
        other_port = {"address": f"http://127.0.0.1:{port}/autre", "recipient": "autre"}
        subscribe(
            monkeypatch, home, entry(port, secret="$ESB_SECRET"),
            entry(port, **other_port, secret="$OTHER_SECRET"),
            entry(port, address=f"http://127.0.0.1:{port}/sans", recipient="sans"),
        )  # fmt: skip
        monkeypatch.setenv("OTHER_SECRET", webhook_signature.secret_of(b"another secret of thirty-two by."))
        dispatch(home, NOON)
    by_path = {path: ({name.lower(): value for name, value in headers.items()}, body) for _, path, headers, body in got}
    assert "webhook-signature" not in by_path["/sans"][0]
    others, its = by_path["/autre"]
    assert webhook_signature.problem_of(SECRET, others, json.dumps(its, ensure_ascii=False).encode(), datetime.now(UTC))
    lower, body = by_path["/"]
    assert lower["content-type"] == "application/cloudevents+json"
    assert lower["webhook-id"] == lower["idempotency-key"] == body["id"]
    sent = json.dumps(body, ensure_ascii=False).encode()
    assert webhook_signature.problem_of(SECRET, lower, sent, datetime.now(UTC)) is None


def test_the_life_of_a_crisis_without_its_text(home, monkeypatch):
    topics.add(Topic("crue", "Crue", "crue", "climatique", "team:veille"), WATCHING)
    with web([]) as (port, got):
        subscribe(monkeypatch, home, entry(port), entry(port, recipient="ailleurs", territories=["FR-33"]))
        crisis = crises.open_crisis(
            author=WATCHING, topics=["crue"], territories=["FR-27"], title="Crue", kind=None, owner="team:veille"
        )
        crises.note(crisis.crisis_id, "Pont fermé", kind="mené", author=WATCHING)
        crises.close(crisis.crisis_id, WATCHING)
        dispatch(home)
    subject = f"crisis/{crisis.crisis_id}"
    assert summary(got) == [("crisis.opened", subject), ("crisis.written", subject), ("crisis.closed", subject)]
    assert (got[1][3]["data"]["entry"], got[1][3]["data"]["entry_kind"]) == (1, "mené")
    assert "Pont" not in json.dumps([body for *_, body in got])


def test_a_publication_and_a_late_source(home, monkeypatch):
    late = Cause("fresh jdma", "Données en retard", "Nothing was loaded.", "load", "")
    with web([]) as (port, got):
        subscribe(monkeypatch, home, entry(port))
        folder = home.published / "daily" / "20261124T030000Z"
        folder.mkdir(parents=True)
        (folder / "serving.duckdb").touch()
        (folder.parent / "current").symlink_to(folder.name)
        monkeypatch.setattr("operations.alerts.dispatch.territories_around", lambda _: {})
        troubles.record([late, Cause("fresh serving/daily", "x", "x", "x", "")], [], NOON)
        troubles.record([], [], NOON + timedelta(hours=1))
        dispatch(home)
    assert summary(got) == [
        ("source.late", "source/jdma"), ("source.back", "source/jdma"), ("publication.made", "publication/daily"),
    ]  # fmt: skip


def test_events_of_a_subject_keep_their_order_and_those_of_others_go_on(home, monkeypatch):
    first, second = other(1), other(2)
    with web([500, 200, 200]) as (port, got):
        subscribe(monkeypatch, home, entry(port))
        publish(home, [first])
        dispatch(home, NOON)  # is refused
        publish(home, [replace(first, severity=4), second], "b2")
        dispatch(home, NOON)  # the first signal is not due again yet
        dispatch(home, NOON + FIRST_WAIT)
    assert summary(got) == [
        ("signal.opened", f"signal/{first.signal_id}"),
        ("signal.opened", f"signal/{second.signal_id}"),
        ("signal.opened", f"signal/{first.signal_id}"),
        ("signal.escalated", f"signal/{first.signal_id}"),
    ]
    assert got[0][3]["id"] == got[2][3]["id"]


def test_what_a_program_refuses_holds_up_no_other_subject(home, monkeypatch):
    first, second, third = other(1), other(2), other(3)
    with web([500, 200, 200]) as (port, got):
        subscribe(monkeypatch, home, entry(port))
        publish(home, [first, second, third])
        dispatch(home, NOON)
    assert sorted(subject for _, subject in summary(got)) == sorted(
        f"signal/{one.signal_id}" for one in (first, second, third)
    )
    assert Alert.objects.exclude(sent_at=None).count() == 2


def test_who_does_not_answer_is_asked_once(home, monkeypatch):
    asked = []

    def refuse(*_: object, **__: object) -> None:
        asked.append(1)
        raise httpx.ConnectError("nobody")

    monkeypatch.setattr("operations.alerts.sending.httpx.request", refuse)
    subscribe(monkeypatch, home, entry(1))
    publish(home, [other(1), other(2)])
    dispatch(home, NOON)
    assert len(asked) == 1


@pytest.mark.parametrize("secret", ["whsec_", "whsec_a2V5", "secret", "whsec_%%"])
def test_a_setting_that_holds_no_secret_sends_nothing(home, monkeypatch, secret):
    monkeypatch.setenv("ESB_SECRET", secret)
    with web([]) as (port, got):
        subscribe(monkeypatch, home, entry(port, secret="$ESB_SECRET"))
        publish(home, [FLOOD])
        sent = dispatch(home, NOON)
    assert got == []
    assert "ESB_SECRET" in sent.failures[0]


def test_each_program_gets_its_own(home, monkeypatch):
    with web([]) as (port, got):
        subscribe(
            monkeypatch, home, entry(port, address=f"http://127.0.0.1:{port}/eure", territories=["FR-27"]),
            entry(port, address=f"http://127.0.0.1:{port}/grave", recipient="grave", minimum_severity=4),
            entry(port, address=f"http://127.0.0.1:{port}/cyber", recipient="cyber", kinds=["cyber"]),
        )  # fmt: skip
        publish(home, [FLOOD, other(2, territory_code="FR-33", severity=4), other(3, crisis_kind="cyber")])
        dispatch(home, NOON)
    assert sorted((path, body["subject"][-1]) for _, path, _, body in got) == [
        ("/cyber", "3"), ("/eure", "1"), ("/eure", "3"), ("/grave", "2"),
    ]  # fmt: skip


def test_history_is_no_news(home, monkeypatch):
    old = other(1, status="closed", closed_at=NOON - timedelta(days=2))
    lately = other(2, status="closed", closed_at=NOON - timedelta(minutes=1))
    with web([]) as (port, got):
        subscribe(monkeypatch, home, entry(port))
        publish(home, [old, lately])
        dispatch(home, NOON)
    assert [name for name, _ in summary(got)] == ["signal.opened", "signal.closed"]


def test_an_act_that_fails_leaves_no_event(monkeypatch):
    topics.add(Topic("crue", "Crue", "crue", "climatique", "team:veille"), WATCHING)

    def fails(*_: object, **__: object) -> None:
        raise ExpectedFailure("It failed.", "Again.")

    monkeypatch.setattr(recording, "record", fails)
    with pytest.raises(ExpectedFailure):
        crises.open_crisis(
            author=WATCHING, topics=["crue"], territories=["FR-27"], title="Crue", kind=None, owner="team:veille"
        )
    assert not crises.any_open()
    assert Event.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"channel": "mail", "address": "a@b.example"}, "events go to a program"),
        ({"channel": "bus", "address": "cyberimpact.events", "wants": ["events", "signals"]}, "nothing else"),
        ({"channel": "bus", "address": "https://bus.example"}, "the exchange of the bus"),
    ],
)
def test_a_subscription_that_cannot_be_served_is_refused(home, monkeypatch, changes, said):
    subscribe(monkeypatch, home, entry(1, **changes))
    with pytest.raises(ExpectedFailure, match=said):
        subscriptions.of_file()


def test_the_outbox_holds_no_address(home, monkeypatch):
    publish(home, [FLOOD])
    with web([500]) as (port, _):
        subscribe(monkeypatch, home, entry(port))
        dispatch(home, NOON)
    with closing(sqlite3.connect(home.operations)) as connection:
        rows = connection.execute("select * from outbox").fetchall()
    assert len(rows) == 1
    assert f"127.0.0.1:{port}" not in str(rows)
