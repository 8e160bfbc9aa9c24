"""What others have sent: kept once, loaded as everything else, and its outcome told."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from cli.health_checks import inbox, message_bus
from cli.main import app
from core.clock import now
from core.errors import ExpectedFailure
from core.settings import Home
from ingestion.engine.sent import CSV, EVENT, JSON, JSON_LINES, UnreadableError, read
from operations.bus import broker
from operations.inbox import deliveries, loading
from operations.models import Delivery
from tests.ingestion.conftest import _capabilities_unresolved, empty_tables  # noqa: F401 - fixtures
from tests.mentions import mention

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def tables(home: Home, empty_tables: Callable[[str], Path]) -> Iterator[None]:  # noqa: F811
    """The empty tables of the platform, which take longer to make than a load, in a file that stays open."""
    home.root.mkdir(exist_ok=True)
    shutil.copy(empty_tables("listening"), home.live)
    with duckdb.connect(str(home.live)):
        yield


def send(*records, key: str | None = None, sender: str = "essai", entity: str = "mentions") -> Delivery:
    content = json.dumps(records).encode()
    [kept] = deliveries.keep([deliveries.Sent(sender, "listening", entity, read(content, JSON), content, key)])
    return kept


def loaded(home: Home, query: str) -> list[tuple]:
    with duckdb.connect(str(home.live)) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(query).fetchall()


def outcome(delivery: Delivery) -> dict:
    return Delivery.objects.get(pk=delivery.pk).outcome


# ---- bodies


EVENT_OF_ONE = {"specversion": "1.0", "id": "e-1", "source": "/esb", "type": "mention", "data": {"mention_id": "a"}}


@pytest.mark.parametrize(
    ("content", "media_type", "records", "event_key"),
    [
        ('{"a": 1}', JSON, [{"a": 1}], None),
        ('[{"a": 1}, {"b": null}]', f"{JSON}; charset=utf-8", [{"a": 1}, {"b": None}], None),
        ('\ufeff{"a": 1}\n\n{"a": 2}\n', JSON_LINES, [{"a": 1}, {"a": 2}], None),
        ('a;b\r\n1;"x;\ny"\r\n', CSV, [{"a": "1", "b": "x;\ny"}], None),
        ("a,b\n1,\n", CSV, [{"a": "1", "b": ""}], None),
        (json.dumps(EVENT_OF_ONE), EVENT, [{"mention_id": "a"}], "/esb e-1"),
        (json.dumps(EVENT_OF_ONE | {"data": [{"a": 1}, {"a": 2}]}), JSON, [{"a": 1}, {"a": 2}], "/esb e-1"),
        (json.dumps([EVENT_OF_ONE, EVENT_OF_ONE]), JSON, [{"mention_id": "a"}] * 2, None),
        (
            json.dumps({**EVENT_OF_ONE, "data": None, "data_base64": "eyJhIjogMX0="}),
            EVENT,
            [{"a": 1}],
            "/esb e-1",
        ),
    ],
)
def test_a_body_is_read_as_its_media_type_says(content, media_type, records, event_key):
    body = read(content.encode(), media_type)
    assert (body.records, body.event_key) == (records, event_key)


@pytest.mark.parametrize(
    ("content", "media_type", "said"),
    [
        (b"{}", "text/html", "media type 'text/html'"),
        (b'{"a": "\xff"}', JSON, "Byte 7 is not UTF-8"),
        (b'{"a": 1', JSON, "not JSON"),
        (b'{"a": 1, "a": 2}', JSON, "stands twice"),
        (b"[" * 100_000, JSON, "not JSON"),
        (b'{"a": 1}\n{"a": 2', JSON_LINES, "Line 2 is not JSON"),
        (b"[1]", JSON, "Record 1 is no JSON object"),
        (b"[]", JSON, "no record"),
        (b"", JSON_LINES, "no record"),
        (b"a,b\n1,2,3\n", CSV, "Line 2 has not as many cells"),
        (b"a,b\n1\n", CSV, "Line 2 has not as many cells"),
        (b"a,a\n1,2\n", CSV, "that of another one"),
        (b'a,b\n1,"2\n', CSV, "is not CSV"),
        (json.dumps(EVENT_OF_ONE | {"specversion": "0.3"}).encode(), EVENT, "another version"),
        (json.dumps(EVENT_OF_ONE | {"data": "text"}).encode(), EVENT, "is no record"),
        (json.dumps(EVENT_OF_ONE | {"data_base64": "%"}).encode(), EVENT, "not base64"),
    ],
)
def test_a_body_that_cannot_be_read_says_why(content, media_type, said):
    with pytest.raises(UnreadableError, match=said):
        read(content, media_type)


# ---- keeping


def test_a_delivery_is_kept_once_for_its_key():
    first = send(mention("a"), key="k")
    assert send(mention("a"), key="k").delivery_id == first.delivery_id
    assert send(mention("a"), key="k", sender="autre").delivery_id != first.delivery_id
    assert send(mention("a")).delivery_id != send(mention("a")).delivery_id  # without a key, the table's key decides
    with pytest.raises(deliveries.UsedKeyError):
        send(mention("b"), key="k")
    assert Delivery.objects.count() == 4


def test_the_same_key_twice_in_one_batch_is_one_delivery():
    content = b'{"a": 1}'
    one = deliveries.Sent("essai", "listening", "mentions", read(content, JSON), content, "k")
    first, second = deliveries.keep([one, one])
    assert first.delivery_id == second.delivery_id
    assert Delivery.objects.count() == 1


def test_nothing_is_taken_where_too_much_waits_or_the_disk_is_full(monkeypatch):
    send(mention("a"))
    deliveries.refuse_full("autre")
    monkeypatch.setattr(deliveries, "MOST_WAITING_BYTES", 10)
    with pytest.raises(deliveries.FullError, match="wait to be loaded"):
        deliveries.refuse_full("autre")
    monkeypatch.setattr(deliveries, "MOST_WAITING_BYTES", 1 << 30)
    monkeypatch.setattr(deliveries, "FREE_BYTES", 1 << 60)
    with pytest.raises(deliveries.FullError, match="disk"):
        deliveries.refuse_full("autre")


def test_a_full_disk_keeps_nothing_of_a_batch(home):
    from django.db import connection

    send(mention("a"))
    with connection.cursor() as cursor:
        cursor.execute("pragma page_count")
        cursor.execute(f"pragma max_page_count = {cursor.fetchone()[0] + 1}")
    with pytest.raises(ExpectedFailure, match="inutilisable"):
        send(mention("b"), mention("c", text="x" * 100_000))
    with sqlite3.connect(home.operations) as other:
        assert other.execute("select count(*) from inbox").fetchone() == (1,)
    connection.close()


# ---- loading


@pytest.mark.usefixtures("tables")
def test_what_was_sent_is_loaded_redacted_in_order_and_forgotten(home):
    first = send(mention("a", text="Appelez Jean au 06 12 34 56 78", author_id="jdupont"), mention("b"))
    second = send(mention("a", collected_at="2026-10-01T09:00:00Z", text="Plus tard"), mention("c"))
    volume = {"vendor": "v", "vendor_query": "q", "bin_start": "2026-10-01T08:00:00Z", "bin_interval": "hour"}
    send(volume | {"mentions": 7, "breakdown": "total", "breakdown_value": "total"}, entity="volumes")
    written = b"".join(file.read_bytes() for file in home.root.glob("operations.sqlite*"))
    assert b"06 12 34 56 78" not in written  # what was sent waits sealed
    [report] = loading.load_waiting("listening")
    assert report.total("rows_new") == 4
    assert loaded(home, "select mention_id, text from raw_listening.mentions order by 1") == [
        ("a", "Plus tard"),
        ("b", "La brigade a bien répondu."),
        ("c", "La brigade a bien répondu."),
    ]
    assert loaded(home, "select mentions from raw_listening.volumes") == [(7,)]
    assert outcome(first) == outcome(second) == {"accepted": 2, "quarantined": 0, "reasons": []}
    assert set(Delivery.objects.values_list("state", "body")) == {("loaded", None)}
    log = loaded(home, "select origin_kind, entity, rows_read from raw_listening.load_log order by entity")
    assert log == [("inbox", "mentions", 4), ("inbox", "volumes", 1)]
    assert loading.load_waiting("listening") == []


@pytest.mark.usefixtures("tables")
def test_a_reason_holds_nothing_that_a_database_refuses():
    """PostgreSQL keeps no zero byte; the name of a column may have one."""
    delivery = send({"a\0b": "1"}, mention("b"))
    loading.load_waiting("listening")
    [reason] = outcome(delivery)["reasons"]
    assert reason.startswith("record 1: ")
    assert "a\ufffdb" in reason


@pytest.mark.usefixtures("tables")
def test_what_was_sealed_for_one_delivery_is_not_read_as_another_and_holds_up_none():
    first, second = send(mention("a")), send(mention("b"))
    Delivery.objects.filter(pk=second.pk).update(body=Delivery.objects.get(pk=first.pk).body)
    [report] = loading.load_waiting("listening")
    assert report.total("rows_new") == 1
    second.refresh_from_db()
    assert second.state == Delivery.State.REFUSED
    assert f"{second.delivery_id} was sealed with another key" in outcome(second)["reasons"][0]
    assert deliveries.retry("listening") == 1


@pytest.mark.usefixtures("tables")
def test_what_was_sealed_with_another_key_waits_for_it(monkeypatch):
    send(mention("a"))
    with monkeypatch.context() as patch:
        patch.setenv("CYBERIMPACT_PSEUDONYM_KEY", "another key")
        with pytest.raises(ExpectedFailure, match="another key"):
            loading.load_waiting("listening")
    [report] = loading.load_waiting("listening")
    assert report.total("rows_new") == 1


@pytest.mark.usefixtures("tables")
def test_a_load_that_is_repeated_changes_nothing(home, monkeypatch):
    send(mention("a"), mention("faux", source_platform="minitel"))
    monkeypatch.setattr(deliveries, "settle", lambda *_: None)  # as if the process had died before its note
    loading.load_waiting("listening")
    before = loaded(home, "select * from raw_listening.mentions") + loaded(home, "select * from quarantine.listening")
    [report] = loading.load_waiting("listening")
    assert (report.total("rows_new"), report.total("rows_unchanged")) == (0, 1)
    after = loaded(home, "select * from raw_listening.mentions") + loaded(home, "select * from quarantine.listening")
    assert len(before) == len(after) == 2
    assert before[0] == after[0]


@pytest.mark.usefixtures("tables")
def test_what_breaks_the_contract_is_in_quarantine_and_its_sender_learns_why(home):
    good = send(mention("a"))
    bad = send(
        mention("b", source_platform="minitel"),
        mention("c"),
        mention("d", published_at=None),
        mention("e", likes=[1]),
        mention("f", likes=True),
        {},
    )
    loading.load_waiting("listening")
    assert outcome(good)["quarantined"] == 0
    told = outcome(bad)
    assert (told["accepted"], told["quarantined"]) == (1, 5)
    assert [reason.partition(":")[0] for reason in told["reasons"]] == [f"record {n}" for n in (1, 3, 4, 5, 6)]
    assert "source_platform" in told["reasons"][0]
    assert "published_at" in told["reasons"][1]
    assert "likes holds a list" in told["reasons"][2]
    assert "minitel" not in json.dumps(told)
    assert loaded(home, "select record_key from quarantine.listening order by line") == [
        ("b",), ("d",), ("e",), ("f",), (None,),
    ]  # fmt: skip
    assert loaded(home, "select mention_id from raw_listening.mentions order by 1") == [("a",), ("c",)]


@pytest.mark.usefixtures("tables")
def test_many_records_with_one_fault_are_set_aside_and_stop_nobody(home):
    send(*(mention(f"faux {n}", source_platform="minitel") for n in range(30)))
    send(mention("a"))
    loading.load_waiting("listening")
    assert loaded(home, "select count(*) from quarantine.listening") == [(30,)]
    assert loaded(home, "select mention_id from raw_listening.mentions") == [("a",)]


@pytest.mark.usefixtures("tables")
def test_a_delivery_on_which_the_load_breaks_holds_up_nobody(home, monkeypatch):
    before, poison, after = send(mention("a")), send(mention("poison")), send(mention("b"))
    checked = loading.load_sent

    def breaking(name, sent, **rest):
        if any(record["mention_id"] == "poison" for record in sent["mentions"]):
            sent = {"mentions": [*sent["mentions"], None]}  # which is no record, and breaks the load
        return checked(name, sent, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(loading, "load_sent", breaking)
        loading.load_waiting("listening")
    assert loaded(home, "select mention_id from raw_listening.mentions order by 1") == [("a",), ("b",)]
    states = {d.delivery_id: (d.state, d.body is not None) for d in Delivery.objects.all()}
    assert states[before.delivery_id] == states[after.delivery_id] == ("loaded", False)
    assert states[poison.delivery_id] == ("refused", True)
    assert "breaks on it" in outcome(poison)["reasons"][0]
    assert deliveries.retry("listening") == 1


def test_what_was_settled_long_ago_is_forgotten():
    old, lately, waiting = send(mention("a")), send(mention("b")), send(mention("c"))
    deliveries.settle([(old, deliveries.State.LOADED, {})], now() - timedelta(days=31))
    deliveries.settle([(lately, deliveries.State.LOADED, {})], now() - timedelta(days=29))
    deliveries.forget(now())
    assert {d.delivery_id for d in Delivery.objects.all()} == {lately.delivery_id, waiting.delivery_id}


# ---- who looks after it


def test_doctor_names_what_waits_for_long_and_what_a_load_broke_on():
    assert list(inbox()) == []
    lately, old = send(mention("a")), send(mention("b"))
    assert [(each.subject, each.state) for each in inbox()] == [("inbox of listening", "ok")]
    Delivery.objects.filter(pk=old.pk).update(received_at=now() - timedelta(hours=1))
    [late] = inbox()
    assert (late.state, late.remedy) == ("late", "cyberimpact load listening")
    assert late.detail.startswith("2 deliveries wait")
    deliveries.settle([(lately, deliveries.State.REFUSED, {})], now())
    [broken] = inbox()
    assert (broken.state, broken.detail) == ("broken", "a load broke on 1 deliveries")


def test_doctor_says_that_the_bus_is_away(monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_BUS_URL", "amqp://essai:secret@127.0.0.1:1//")
    [found] = message_bus()
    assert (found.subject, found.state) == ("bus", "broken")
    assert "secret" not in found.line()


@pytest.mark.parametrize("url", ["https://bus.example", "amqp://a:secret@bus.example/v", "amqps:///v"])
def test_an_address_of_a_bus_that_is_none_or_leads_abroad_in_the_clear_is_refused(monkeypatch, url):
    monkeypatch.setenv("CYBERIMPACT_BUS_URL", url)
    with pytest.raises(ExpectedFailure, match="CYBERIMPACT_BUS_URL") as refused:
        broker.url()
    assert "secret" not in str(refused.value)


def test_the_inbox_on_the_command_line():
    send(mention("a"), mention("b"))
    listed = CliRunner().invoke(app, ["inbox", "list"])
    assert listed.exit_code == 0, listed.output
    [row] = [line for line in listed.stdout.splitlines() if "listening" in line]
    assert row.replace("│", " ").split()[:5] == ["listening", "mentions", "2", "1", "0"]
    assert "0 deliveries of listening" in CliRunner().invoke(app, ["inbox", "retry", "listening"]).stdout


def test_no_more_records_are_loaded_together_than_memory_holds(monkeypatch):
    monkeypatch.setattr(deliveries, "MOST_RECORDS_TOGETHER", 4)
    kept = [send(*[{}] * count) for count in (3, 1, 1, 9, 1)]
    taken = []
    while waiting := deliveries.first_waiting("listening", 1 << 20):
        taken.append([delivery.records for delivery in waiting])
        deliveries.settle([(delivery, Delivery.State.LOADED, {}) for delivery in waiting], now())
    assert taken == [[3, 1], [1], [9], [1]]
    assert len(kept) == sum(map(len, taken))
