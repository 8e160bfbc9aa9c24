"""Records over HTTP: who may send, what is taken, and what the sender learns."""

import gzip
import json
import threading
import time
from datetime import timedelta

import pytest
from django.db import connections
from django.test import Client, RequestFactory, override_settings

from core.clock import now
from core.errors import ExpectedFailure
from ingestion.engine import sent
from operations import tokens, webhook_signature
from operations.inbox import deliveries, loading, sealing
from operations.models import Delivery
from tests.mentions import mention
from web import identity, receiving

pytestmark = pytest.mark.usefixtures("home")

ADDRESS = "/api/in/listening/mentions"


@pytest.fixture
def client() -> Client:
    return Client(headers={"Host": "127.0.0.1"})


@pytest.fixture
def bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.add('esb', sends=['listening'])}"}


def post(client, content, headers, media_type="application/json", address=ADDRESS):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return client.post(address, body, content_type=media_type, headers=headers)


def test_what_is_sent_is_durable_and_its_outcome_can_be_asked(client, bearer):
    answer = post(client, [mention("a"), mention("b", source_platform="minitel")], bearer)
    assert answer.status_code == 202, answer.content
    told = answer.json()
    assert (told["records"], told["state"], told["outcome"]) == (2, "waiting", None)
    address = told["receipt"].partition("8091")[2]
    assert client.get(address, headers=bearer).json() == told
    loading.load_waiting("listening")
    later = client.get(address, headers=bearer).json()
    assert later["state"] == "loaded"
    assert (later["outcome"]["accepted"], later["outcome"]["quarantined"]) == (1, 1)
    other = {"Authorization": f"Bearer {tokens.add('autre', sends=['listening'])}"}
    assert client.get(address, headers=other).status_code == 404
    assert client.get(address).status_code == 401


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("application/x-ndjson", b"\n".join(json.dumps(mention(key)).encode() for key in "ab")),
        ("text/csv; charset=utf-8", b"mention_id,source_platform,published_at\na,x,2026-10-01\nb,x,2026-10-01\n"),
        ("application/cloudevents+json", json.dumps(
            {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": [mention("a"), mention("b")]}
        ).encode()),
    ],
)  # fmt: skip
def test_every_form_is_taken_compressed_or_not(client, bearer, media_type, content):
    for number, (body, coding) in enumerate(((content, {}), (gzip.compress(content), {"Content-Encoding": "gzip"}))):
        answer = post(client, body, bearer | coding | {"Idempotency-Key": f"{number}"}, media_type)
        assert (answer.status_code, answer.json()["records"]) == (202, 2)
    assert Delivery.objects.count() == 2


def test_a_repeated_key_gives_the_same_receipt_and_other_records_none(client, bearer):
    key = bearer | {"Idempotency-Key": "lot-7"}
    first = post(client, [mention("a")], key).json()
    assert post(client, [mention("a")], key).json() == first
    assert post(client, [mention("b")], key).status_code == 409
    assert Delivery.objects.count() == 1


def signed(content: bytes, secret: str, *, at=None, identifier="msg-1", sender="esb") -> dict[str, str]:
    return {"Webhook-Sender": sender, **webhook_signature.headers(secret, identifier, at or now(), content)}


@pytest.fixture
def secret(monkeypatch) -> str:
    monkeypatch.setenv("CYBERIMPACT_LINK_KEY", "a key of tests")
    tokens.add("esb", sends=["listening"])
    return tokens.signing_secret(tokens.named("esb"))


def test_a_signature_is_as_good_as_the_token(client, secret):
    content = json.dumps([mention("a")]).encode()
    answer = post(client, content, signed(content, secret))
    assert answer.status_code == 202, answer.content
    replayed = post(client, content, signed(content, secret))  # within the tolerance: the same delivery
    assert replayed.json() == answer.json()
    address = answer.json()["receipt"].partition("8091")[2]
    assert client.get(address, headers=signed(b"", secret, identifier="ask-1")).json() == answer.json()


def test_a_signature_that_is_wrong_old_or_of_another_clock_is_refused(client, secret):
    content = json.dumps([mention("a")]).encode()
    other = webhook_signature.secret_of(b"another key")
    fakes = [
        signed(content, other),
        signed(content + b" ", secret),
        signed(content, secret, at=now() - timedelta(minutes=6)),
        signed(content, secret, at=now() + timedelta(minutes=6)),
        signed(content, secret, sender="inconnu"),
        signed(content, secret) | {"webhook-id": "msg-2"},
        signed(content, secret) | {"webhook-timestamp": "demain"},
        {"Webhook-Sender": "esb"},
    ]
    assert [post(client, content, headers).status_code for headers in fakes] == [401] * len(fakes)
    skewed = signed(content, secret, at=now() - timedelta(minutes=4))
    assert post(client, content, skewed).status_code == 202


def test_standard_webhooks_own_example():
    """The example of the specification, https://github.com/standard-webhooks/standard-webhooks."""
    secret, identifier = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    given = {
        "webhook-id": identifier,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    at = now().fromtimestamp(1614265330, now().tzinfo)
    assert webhook_signature.problem_of(secret, given, b'{"test": 2432232314}', at) is None


def test_no_token_is_taken_for_the_bus():
    with pytest.raises(ExpectedFailure):
        tokens.add("bus", sends=["listening"])


def test_who_may_send_what(client, bearer):
    reader = {"Authorization": f"Bearer {tokens.add('lecteur', 'national')}"}
    assert post(client, [mention("a")], {}).status_code == 401
    assert post(client, [mention("a")], reader).status_code == 401
    assert post(client, [mention("a")], bearer, address="/api/in/jdma/reviews").status_code == 403
    assert post(client, [mention("a")], bearer, address="/api/in/listening/nothing").status_code == 404
    assert post(client, [mention("a")], bearer, address="/api/in/..%2f..%2fetc/passwd").status_code in (403, 404)
    assert client.get("/api/kpi", headers=bearer).status_code == 401  # who only sends reads no figures
    tokens.revoke("esb")
    assert post(client, [mention("a")], bearer).status_code == 401
    assert Delivery.objects.count() == 0


def test_what_cannot_be_read_is_refused_with_its_reason(client, bearer):
    bomb = gzip.compress(b"[" + b" " * (deliveries.MOST_BYTES + 1))
    cases = [
        (b"{", {}, 400),
        (b"x", {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"[]" * 1000)[:-9], {"Content-Encoding": "gzip"}, 400),
        (b"x", {"Content-Encoding": "br"}, 400),
        (bomb, {"Content-Encoding": "gzip"}, 413),
        (b" " * (deliveries.MOST_BYTES + 1), {}, 413),
        (b'[{"a": 1}]', {"Idempotency-Key": "k" * 201}, 400),
    ]
    for content, headers, status in cases:
        answer = post(client, content, bearer | headers)
        assert answer.status_code == status, content[:9]
        assert answer.json()["error"]
    assert Delivery.objects.count() == 0


def test_senders_wait_where_too_much_waits(client, bearer, monkeypatch):
    assert post(client, [mention("a")], bearer).status_code == 202
    monkeypatch.setattr(deliveries, "MOST_WAITING_BYTES", 1)
    full = post(client, [mention("b")], bearer)
    assert (full.status_code, full.headers["Retry-After"]) == (503, str(receiving.RETRY_SECONDS))


def test_a_body_that_no_database_keeps_is_refused_with_its_reason(client, bearer):
    event = {"specversion": "1.0", "id": "\x00", "source": "/esb", "type": "mention", "data": mention("a")}
    whole = gzip.compress(json.dumps(mention("a")).encode())
    cases = [
        (rb'{"text": "\ud800"}', {}),
        (rb'[{"\uDFFF": 1}]', {}),
        (b'{"likes": NaN}', {}),
        (b'{"likes": -Infinity}', {}),
        (json.dumps(event).encode(), {}),
        (json.dumps(event | {"id": "k" * 3000}).encode(), {}),
        (whole + whole, {"Content-Encoding": "gzip"}),  # of which the second would be lost
    ]
    for content, headers in cases:
        answer = post(client, content, bearer | headers)
        assert (answer.status_code, bool(answer.json()["error"])) == (400, True), content[:40]
    assert post(client, rb'{"text": "\ud83d\ude00"}', bearer).status_code == 202
    assert Delivery.objects.count() == 1


def test_more_records_than_a_load_can_hold_are_refused(client, bearer, monkeypatch):
    monkeypatch.setattr(sent, "MOST_RECORDS", 3)
    bodies = {
        "application/json": json.dumps([{}] * 4),
        "application/x-ndjson": "{}\n" * 4,
        "text/csv": "a\n" + "1\n" * 9,
    }
    for media_type, body in bodies.items():
        assert post(client, body.encode(), bearer, media_type).status_code == 413, media_type
    assert post(client, [{}] * 3, bearer).status_code == 202


def test_a_name_that_stands_twice_among_many_is_found_at_once(client, bearer):
    names = [*range(100_000), 99_999]
    began = time.process_time()
    answer = post(client, b"{" + b",".join(b'"%d":0' % name for name in names) + b"}", bearer)
    assert (answer.status_code, "'99999'" in answer.json()["error"]) == (400, True)
    assert time.process_time() - began < 5


def test_a_replay_of_a_signed_request_is_the_same_delivery_whatever_else_it_says(client, secret):
    content = json.dumps([mention("a")]).encode()
    headers = signed(content, secret)
    first = post(client, content, headers | {"Idempotency-Key": "one"})
    again = post(client, content, headers | {"Idempotency-Key": "two"})
    assert (first.status_code, again.json()) == (202, first.json())
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize("seconds", ["9" * 400, "9" * 5_000])
def test_a_time_that_no_clock_shows_is_refused(client, secret, seconds):
    headers = signed(b"[]", secret) | {"webhook-timestamp": seconds}
    assert post(client, b"[]", headers).status_code == 401


def test_no_header_buys_more_requests_than_a_sender_has(client, secret, monkeypatch):
    bearer = {"Authorization": f"Bearer {tokens.add('autre', sends=['listening'])}"}
    monkeypatch.setattr("web.middleware.Limits.READINGS", 3)
    by_token = [post(client, [{}], bearer | {"Cookie": f"{identity.COOKIE}={n}"}).status_code for n in range(4)]
    assert by_token == [202, 202, 202, 429]
    content = b"[{}]"
    headers = [signed(content, secret) | {"Authorization": f"Bearer {n}"} for n in range(4)]
    assert [post(client, content, each).status_code for each in headers] == [202, 202, 202, 429]


def test_who_guesses_tokens_has_the_requests_of_an_address_and_takes_none_from_others(client, bearer, monkeypatch):
    monkeypatch.setattr("web.middleware.Limits.READINGS", 4)
    assert post(client, [{}], bearer).status_code == 202
    guesses = [post(client, [{}], {"Authorization": f"Bearer {number}"}).status_code for number in range(6)]
    assert guesses == [401, 401, 401, 401, 429, 429]
    assert client.get("/api/kpi", headers={"Authorization": "Bearer 7"}).status_code == 429
    assert [post(client, [{}], bearer).status_code for _ in range(4)] == [202, 202, 202, 429]


def test_who_guesses_through_the_proxy_takes_no_requests_from_other_addresses(client, monkeypatch):
    def status(forwarded: str, proto: str = "https") -> int:
        headers = {"X-Forwarded-Proto": proto, "X-Forwarded-For": forwarded}
        return client.get("/api/kpi", headers=headers).status_code

    monkeypatch.setattr("web.middleware.Limits.READINGS", 2)
    with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
        assert [status(f"198.51.100.{number}, 192.0.2.7") for number in range(3)] == [401, 401, 429]
        assert status("192.0.2.8") == 401
        assert [status(f"192.0.2.{number}", "http") for number in range(9, 12)] == [401, 401, 429]


def test_no_answer_tells_whether_a_sender_exists(client, secret):
    tokens.add("lecteur", "national")
    content = json.dumps([mention("a")]).encode()
    other = webhook_signature.secret_of(b"another key")
    wrong = [{}, {"at": now() - timedelta(days=1)}, {"identifier": ""}]
    for how in wrong:
        answers = [
            post(client, content, signed(content, other, sender=name, **how)) for name in ("esb", "lecteur", "personne")
        ]
        assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}
        receipts = [
            client.get("/api/in/receipts/1", headers=signed(b"", other, sender=name, **how))
            for name in ("esb", "lecteur", "personne")
        ]
        assert {(answer.status_code, answer.content) for answer in receipts} == {(401, receipts[0].content)}
    old = post(client, content, signed(content, secret, at=now() - timedelta(minutes=6)))
    assert "plus de 5 minutes" in old.json()["error"], "who can sign learns that the clock is off"


def test_what_no_database_keeps_is_refused(client, bearer, monkeypatch):
    """PostgreSQL keeps no text with a zero byte."""
    assert post(client, [mention("a")], bearer | {"Idempotency-Key": "a\0b"}).status_code == 400
    assert client.get("/api/in/receipts/a%00b", headers=bearer).status_code == 400
    monkeypatch.setenv("CYBERIMPACT_LINK_KEY", "a key of tests")
    other = webhook_signature.secret_of(b"another key")
    assert post(client, b"[{}]", signed(b"[{}]", other, sender="esb\0")).status_code == 401
    event = {"specversion": "1.0", "id": "\0", "source": "s", "type": "t", "data": [mention("a")]}
    assert post(client, event, bearer, "application/cloudevents+json").status_code == 400


def test_a_sender_that_fills_its_share_leaves_room_for_others(client, bearer, monkeypatch):
    other = {"Authorization": f"Bearer {tokens.add('autre', sends=['listening'])}"}
    monkeypatch.setattr(deliveries, "MOST_OF_A_SENDER_BYTES", 100)
    content = json.dumps([mention("a", text="x" * 100)]).encode()
    assert [post(client, content, bearer).status_code for _ in range(2)] == [202, 503]
    assert post(client, content, other).status_code == 202
    monkeypatch.setattr(deliveries, "MOST_WAITING_BYTES", 100)
    new = {"Authorization": f"Bearer {tokens.add('nouveau', sends=['listening'])}"}
    assert post(client, content, new).status_code == 503, "together they take no more than there is"


def test_a_sender_sends_again_where_the_fault_is_not_its_own(client, bearer, home, monkeypatch):
    def fail(*_: object) -> bytes:
        raise ExpectedFailure(f"{home.root} is not as it must be.", "Correct it.")

    monkeypatch.setattr(sealing, "seal", fail)
    refused = post(client, [mention("a")], bearer)
    assert (refused.status_code, str(home.root) in refused.text) == (503, False)
    connections.close_all()
    home.operations.write_bytes(b"no database at all" * 100)
    refused = post(client, [mention("a")], bearer)
    assert (refused.status_code, "sqlite" in refused.text) == (503, False)


def test_a_body_that_arrives_slowly_holds_up_nobody(bearer, monkeypatch):
    monkeypatch.setattr(receiving, "_reading", threading.BoundedSemaphore(1))
    request = RequestFactory().post(ADDRESS, b"[{}]", content_type="application/json", headers=bearer)
    free = []

    def read(_: int) -> bytes:
        if is_free := receiving._reading.acquire(blocking=False):
            receiving._reading.release()
        free.append(is_free)
        return b"[{}]"

    request.read = read
    assert receiving.receive(request, "listening", "mentions").status_code == 202
    assert free == [True]
