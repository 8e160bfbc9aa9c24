"""A verdict is given once, by whoever has the link or the command line, and a look at a link gives none."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import jwt
import pytest
from django.test import Client
from typer.testing import CliRunner

from cli.main import app
from core.errors import ExpectedFailure
from core.settings import Home
from operations import verdicts
from operations.acts import Author
from operations.alerts import links, outbox
from operations.alerts.links import RefusedLinkError
from operations.models import Verdict
from operations.subscriptions import Subscription
from tests.analytics.signalling import FLOOD, other, publish

KEY = "a key of thirty-two bytes at least."
WATCHING = Author("veille")
WATCH = Subscription("permanence", "veille", "mail", "p@unite.example", frozenset({"signals"}))


@pytest.fixture(autouse=True)
def settings(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - a home of its own
    monkeypatch.setenv("CYBERIMPACT_LINK_KEY", KEY)
    monkeypatch.setenv("CYBERIMPACT_WEB_URL", "")


@pytest.fixture
def client(pages: None) -> Client:  # noqa: ARG001
    return Client(headers={"Host": "127.0.0.1"})


def send(client: Client, address: str, note: str = ""):
    """Send the form of the page."""
    return client.post(address, urlencode({"note": note}), content_type="application/x-www-form-urlencoded")


def path(verdict: str = "confirmé", since: datetime | None = None) -> str:
    """Return the path of a link of an alert that was written at an instant, now by default."""
    moment = since or datetime.now(UTC)
    outbox.put(FLOOD, WATCH, "Crue", moment)
    address = links.address(outbox.alert_id(FLOOD, WATCH), verdict, "veille", moment)
    assert address.startswith("http://127.0.0.1:8091/verdict/")
    return address.removeprefix("http://127.0.0.1:8091")


def rows() -> list[tuple]:
    columns = ("signal_id", "verdict", "author_role", "note", "topic_code", "territory_code", "severity")
    return list(Verdict.objects.values_list(*columns, "signal_opened_at"))


def test_looking_at_a_link_records_nothing_however_often(client) -> None:
    address = path()
    for _ in range(3):
        page = client.get(address)
        assert page.status_code == 200
        assert "Rien n'est encore enregistré" in page.text
        client.head(address)
    assert rows() == []


def test_the_answer_records_what_the_signal_was_and_only_once(client) -> None:
    address = path()
    assert "C'est enregistré" in send(client, address, "Vu avec le 06 12 34 56 78").text
    note = "Vu avec le [TÉLÉPHONE]"
    expected = (FLOOD.signal_id, "confirmé", "veille", note, "crue", "FR-27", 3, FLOOD.opened_at)
    assert rows() == [expected]
    again = client.post(address)
    assert (again.status_code, "déjà reçu un verdict : « confirmé »" in again.text) == (410, True)
    assert client.get(address).status_code == 410
    assert rows() == [expected]


def test_an_alert_takes_one_verdict_and_the_command_line_changes_it(home, client) -> None:
    publish(home, [FLOOD])
    moment = datetime.now(UTC)
    assert client.post(path("confirmé", moment)).status_code == 200
    for verdict in ("vu", "écarté", "confirmé"):
        for answer in (client.get(path(verdict, moment)), client.post(path(verdict, moment))):
            assert (answer.status_code, "déjà reçu un verdict : « confirmé », le " in answer.text) == (410, True)
            assert 'href="/veille"' in answer.text
    assert [row[1] for row in rows()] == ["confirmé"]
    assert run("verdict", FLOOD.signal_id, "écarté", "--note", "Exercice").exit_code == 0
    assert [row[1] for row in rows()] == ["confirmé", "écarté"]


@pytest.mark.parametrize(
    "note", ["\u200b\u200d", "\ufeff", "\u3164\u3164", "\uffa0", "\u2800", "\u00ad", "…", "\ufe0f"]
)
def test_a_reason_that_nobody_can_read_is_none(home, note) -> None:
    publish(home, [FLOOD])
    with pytest.raises(ExpectedFailure, match="demande un motif"):
        verdicts.record(FLOOD, "écarté", WATCHING, note)
    verdicts.record(FLOOD, "vu", WATCHING, note)
    assert [row[3] for row in rows()] == [None]


def test_putting_aside_needs_a_reason_and_the_link_stays_good_until_it_has_one(client) -> None:
    address = path("écarté")
    refused = send(client, address, "   ")
    assert (refused.status_code, "demande un motif" in refused.text) == (400, True)
    assert rows() == []
    assert send(client, address, "Exercice <b>annoncé</b>").status_code == 200
    assert [row[3] for row in rows()] == ["Exercice <b>annoncé</b>"]


def test_a_link_expires(client) -> None:
    old = datetime.now(UTC) - links.VALID_FOR - timedelta(seconds=1)
    for answer in (client.get(path(since=old)), client.post(path(since=old))):
        assert (answer.status_code, "a expiré" in answer.text) == (410, True)
    assert rows() == []


def forged() -> list[str]:
    token = path().rpartition("/")[2]
    claims = jwt.decode(token, KEY, algorithms=["HS256"], audience="cyberimpact:verdict")
    head, body, signature = token.split(".")
    return [
        jwt.encode(claims | {"verdict": "écarté"}, "another key of thirty-two bytes...", algorithm="HS256"),
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims | {"aud": "another"}, KEY, algorithm="HS256"),
        jwt.encode({name: value for name, value in claims.items() if name != "exp"}, KEY, algorithm="HS256"),
        f"{head}.{body[:-2]}AA.{signature}",
        f"{head}.{body}.",
        "nothing",
    ]


def test_what_was_not_signed_here_is_refused(client) -> None:
    for token in forged():
        for answer in (client.get(f"/verdict/{token}"), send(client, f"/verdict/{token}", "x")):
            assert answer.status_code == 410, token
            assert token not in answer.text
    assert rows() == []


def test_a_link_of_no_alert_gives_nothing(client) -> None:
    address = links.address("unknown", "vu", "veille", datetime.now(UTC))
    answer = client.post(address.removeprefix("http://127.0.0.1:8091"))
    assert (answer.status_code, "existe plus" in answer.text) == (410, True)
    assert rows() == []


def test_a_body_without_end_is_not_read_to_its_end(client) -> None:
    assert send(client, path(), "x" * 100_000).status_code == 413
    assert rows() == []


def test_every_answer_forbids_frames_scripts_and_caches(client) -> None:
    signed = [client.get(path()), client.get("/verdict/nothing"), send(client, path())]
    for answer in (*signed, client.get("/health"), client.get("/nothing")):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == ("no-referrer" if answer in signed else "same-origin")


def test_two_answers_at_once_give_one_verdict() -> None:
    from concurrent.futures import ThreadPoolExecutor

    moment = datetime.now(UTC)
    given = [links.opened(path(verdict, moment).rpartition("/")[2]) for verdict in ("vu", "confirmé") * 4]

    def give(link: links.Link) -> bool:
        try:
            verdicts.answer(link)
        except RefusedLinkError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(give, given)) == 1
    assert len(rows()) == 1


# ---- the command line


def run(*arguments: str):
    return CliRunner().invoke(app, ["signal", *arguments])


def test_the_command_line_lists_shows_and_judges(home) -> None:
    publish(home, [FLOOD, other(1, status="closed", closed_at=FLOOD.updated_at)])
    listed = run("list", "--json")
    [signal] = json.loads(listed.stdout)
    assert (signal["signal_id"], signal["verdict"]) == (FLOOD.signal_id, None)
    assert len(json.loads(run("list", "--all", "--json").stdout)) == 2
    assert run("verdict", FLOOD.signal_id[:6], "confirmé", "--role", "officier").exit_code == 0
    assert [(row[0], row[1], row[2]) for row in rows()] == [(FLOOD.signal_id, "confirmé", "officier")]
    shown = run("show", FLOOD.signal_id[:6]).stdout
    for expected in (
        "[ÉLEVÉE] Crue – Eure",
        "Pas un hasard : 99\u202f%",
        "officier : confirmé",
        "presse-evreux.example : 12",
    ):
        assert expected in shown
    assert json.loads(run("list", "--json").stdout)[0]["verdict"] == "confirmé"


def test_the_command_line_says_what_is_missing(home) -> None:
    publish(home, [FLOOD])
    for arguments, said in [
        (("show", "ffff"), "Aucun signal publié"),
        (("verdict", FLOOD.signal_id, "écarté"), "demande un motif"),
        (("verdict", FLOOD.signal_id, "peut-être"), "n'est pas un verdict"),
    ]:
        failed = run(*arguments)
        assert isinstance(failed.exception, ExpectedFailure)
        assert said in str(failed.exception)
    assert rows() == []
    assert run("list").exit_code == 0
