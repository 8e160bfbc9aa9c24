"""Who gets the alert of a signal, when, in which words; a killed sender loses none and repeats one recognisably."""

import http.server
import json
import os
import signal as signals
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli import health_checks
from core.settings import CHECKOUT, Home
from operations.alerts import writing
from operations.alerts.dispatch import concerned, dispatch
from operations.alerts.signals import find, read
from operations.models import FIRST_WAIT
from operations.subscriptions import Subscription
from tests.analytics.signalling import ENTRY, FLOOD, other, publish, subscribe
from tests.operations.mailserver import Mailbox

NOON = datetime(2026, 11, 24, 11, tzinfo=UTC)
NIGHT = datetime(2026, 11, 24, 23, tzinfo=UTC)  # midnight in Paris


@pytest.fixture(autouse=True)
def settings(home: Home, local_smtp: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - a home of its own
    monkeypatch.setenv("CYBERIMPACT_LINK_KEY", "a key of thirty-two bytes at least.")
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_URL", "https://bi.example")
    monkeypatch.setenv("CYBERIMPACT_WEB_URL", "https://liens.example")


def rows(home: Home, columns: str) -> list[tuple]:
    with closing(sqlite3.connect(home.operations)) as connection:
        return connection.execute(f"select {columns} from outbox order by created_at, alert_id").fetchall()


# ---- what is said


def test_the_mail_says_what_where_since_when_how_sure_and_where_to_look(home, box, monkeypatch) -> None:
    publish(home, [FLOOD])
    subscribe(monkeypatch, home, ENTRY)
    assert dispatch(home, NOON).messages == 1
    [arrived] = box.messages
    assert arrived["Subject"] == "[ÉLEVÉE] Crue – Eure : hausse soudaine"
    assert arrived["To"] == "permanence@unite.example"
    text = arrived.get_body(("plain",)).get_content()
    for expected in (
        "Quoi : Crue (climatique), hausse soudaine",
        "Où : Eure (FR-27)",
        "Depuis : 24/11/2026 à\u00a019\u00a0h\u00a005, dernière alarme 24/11/2026 à\u00a019\u00a0h\u00a020",
        "Pas un hasard : 99\u202f% : 42 observés pour 2,4 attendus (seuil 9 ; référence : 28 jours)",
        "Gravité : élevée, 67 points sur 100 : 18 fois l'attendu (24), rythme horaire × 3 (14), portée",
        "125\u202f000 (14), 2 territoires ou réseaux de plus (5), nouveauté 6,1 (5), 62\u202f% de ton négatif (5)",
        "Mots nouveaux : iton, évacuation",
        "- « Crue à Évreux, la <départementale> est fermée » (x)",
        "https://bi.example/superset/dashboard/veille/",
        "Page du signal : https://liens.example/veille/5f2d7c1e90ab44d1",
        "Écarter : https://liens.example/verdict/",
    ):
        assert expected in text, text
    page = arrived.get_body(("html",)).get_content()
    assert "la &lt;départementale&gt; est fermée" in page, "what a citizen wrote is text, never markup"
    assert 'name="viewport"' in page
    assert 'href="https://liens.example/veille/5f2d7c1e90ab44d1"' in page


def test_nothing_of_the_recipient_is_kept_in_clear(home, box, monkeypatch) -> None:
    publish(home, [FLOOD])
    subscribe(monkeypatch, home, ENTRY)
    dispatch(home, NOON)
    assert box.messages
    kept = b"".join(file.read_bytes() for file in home.root.glob("operations.sqlite*"))
    assert b"permanence" not in kept


def test_without_a_key_alerts_leave_without_links(home, box, monkeypatch) -> None:
    monkeypatch.setattr("operations.alerts.links.are_possible", lambda: False)
    publish(home, [FLOOD])
    subscribe(monkeypatch, home, ENTRY)
    dispatch(home, NOON)
    [arrived] = box.messages
    assert "/verdict/" not in arrived.as_string()


def test_a_signal_that_the_copy_has_forgotten_is_told_still(home, box, monkeypatch) -> None:
    publish(home, [FLOOD])
    subscribe(monkeypatch, home, ENTRY)
    box.answer = "451 later"
    assert len(dispatch(home, NOON).failures) == 1
    publish(home, [], build="2")
    box.answer = "250 OK"
    assert dispatch(home, NOON + FIRST_WAIT).messages == 1
    [arrived] = box.messages
    assert "n'est plus dans la copie publiée" in arrived.get_body(("plain",)).get_content()


def test_the_dashboard_that_an_alert_leads_to_is_one_of_the_bundle() -> None:
    assert (CHECKOUT / "superset" / "bundle" / "dashboards" / f"{writing.DASHBOARD}.yaml").is_file()


# ---- whom, and when


@pytest.mark.parametrize(
    ("wanted", "place", "expected"),
    [
        ({}, "FR-27", True),
        ({"territories": frozenset({"FR-27"})}, "FR-27", True),
        ({"territories": frozenset({"FR-33"})}, "FR-27", False),
        ({"territories": frozenset({"FR-NOR"})}, "FR-27", True),
        ({"territories": frozenset({"GN-NOR"})}, "FR-27", True),
        ({"territories": frozenset({"FR-27"})}, "FR-NOR", True),
        ({"territories": frozenset({"FR-33"})}, "FR-NOR", False),
        ({"territories": frozenset({"FR-33"})}, "FR", True),
        ({"minimum_severity": 3}, "FR-27", True),
        ({"minimum_severity": 4}, "FR-27", False),
        ({"kinds": frozenset({"rumeur"})}, "FR-27", False),
        ({"kinds": frozenset({"rumeur", "climatique"})}, "FR-27", True),
    ],
)
def test_who_is_concerned(wanted: dict[str, Any], place: str, expected: bool) -> None:
    around = {"FR-27": frozenset({"FR-NOR", "GN-NOR"}), "FR-33": frozenset({"FR-NAQ", "GN-NAQ"})}
    subscription = Subscription("r", "veille", "mail", "a@b.example", frozenset({"signals"}), **wanted)
    assert concerned(subscription, other(1, territory_code=place), around) is expected


def test_what_is_closed_and_what_was_told_is_not_told(home, box, monkeypatch) -> None:
    publish(home, [FLOOD, other(1, status="closed", closed_at=NOON)])
    subscribe(monkeypatch, home, ENTRY)
    assert dispatch(home, NOON).messages == 1
    assert dispatch(home, NOON + timedelta(hours=1)).messages == 0
    assert len(box.messages) == 1


def test_what_is_only_watched_is_silent_until_it_is_sure(home, box, monkeypatch) -> None:
    publish(home, [replace(FLOOD, status="watch")])
    subscribe(monkeypatch, home, ENTRY)
    assert dispatch(home, NOON).messages == 0
    publish(home, [FLOOD], build="2")
    assert dispatch(home, NOON).messages == 1
    assert [message["Subject"] for message in box.messages] == ["[ÉLEVÉE] Crue – Eure : hausse soudaine"]


def test_alerts_of_one_moment_leave_together_the_gravest_first(home, box, monkeypatch) -> None:
    publish(home, [other(1, severity=2), other(2, severity=4), other(3, severity=1)])
    subscribe(monkeypatch, home, ENTRY)
    assert dispatch(home, NOON).messages == 1
    [arrived] = box.messages
    assert arrived["Subject"] == "3 signaux, dont [CRITIQUE] Crue – Eure : hausse soudaine"
    text = arrived.get_body(("plain",)).get_content()
    assert text.index("CRITIQUE") < text.index("MODÉRÉE") < text.index("FAIBLE")


def test_quiet_hours_hold_all_but_the_gravest_and_end(home, box, monkeypatch) -> None:
    publish(home, [other(1), other(2, severity=4), other(3)])
    subscribe(monkeypatch, home, ENTRY | {"quiet_hours": "22:00-06:30"})
    assert dispatch(home, NIGHT).messages == 1
    assert box.messages[0]["Subject"].startswith("[CRITIQUE]")
    assert dispatch(home, NIGHT + timedelta(hours=6, minutes=29)).messages == 0
    assert dispatch(home, NIGHT + timedelta(hours=6, minutes=30)).messages == 1
    assert box.messages[1]["Subject"].startswith("2 signaux")


def test_a_signal_that_becomes_the_gravest_wakes_whoever_sleeps(home, box, monkeypatch) -> None:
    """Moderate at midnight, it waits; critical ten minutes later, it leaves at once, as it is now."""
    entry = ENTRY | {"quiet_hours": "22:00-06:30"}
    subscribe(monkeypatch, home, entry)
    publish(home, [replace(FLOOD, severity=2)])
    assert dispatch(home, NIGHT).messages == 0
    publish(home, [replace(FLOOD, severity=4)], build="2")
    assert dispatch(home, NIGHT + timedelta(minutes=10)).messages == 1
    [arrived] = box.messages
    assert arrived["Subject"].startswith("[CRITIQUE]")


def test_a_signal_that_was_told_is_told_once_more_when_it_becomes_the_gravest(home, box, monkeypatch) -> None:
    subscribe(monkeypatch, home, ENTRY)
    for rank, severity in enumerate((2, 3, 4, 4)):
        publish(home, [replace(FLOOD, severity=severity)], build=str(rank))
        dispatch(home, NOON + timedelta(minutes=rank))
    assert [message["Subject"].split()[0] for message in box.messages] == ["[MODÉRÉE]", "[CRITIQUE]"]
    assert len({message["Message-ID"] for message in box.messages}) == 2


def test_an_alert_that_waited_says_that_its_signal_has_ended(home, box, monkeypatch) -> None:
    entry = ENTRY | {"quiet_hours": "22:00-06:30"}
    subscribe(monkeypatch, home, entry)
    publish(home, [FLOOD])
    assert dispatch(home, NIGHT).messages == 0
    publish(home, [replace(FLOOD, status="closed", closed_at=NIGHT)], build="2")
    assert dispatch(home, NIGHT + timedelta(hours=8)).messages == 1
    [arrived] = box.messages
    assert "Fin : calmé le 25/11/2026 à\u00a000\u00a0h\u00a000" in arrived.get_body(("plain",)).get_content()


def test_beyond_the_cap_alerts_wait_for_the_hour_and_leave_together(home, box, monkeypatch) -> None:
    subscribe(monkeypatch, home, ENTRY | {"cap_per_hour": 2})
    for minute in range(5):
        publish(home, [other(number) for number in range(minute + 1)], build=str(minute))
        dispatch(home, NOON + timedelta(minutes=minute))
    assert len(box.messages) == 2
    assert dispatch(home, NOON + timedelta(minutes=61)).messages == 1
    assert box.messages[2]["Subject"].startswith("3 signaux")


def test_two_recipients_are_told_apart(home, box, monkeypatch) -> None:
    publish(home, [FLOOD])
    subscribe(monkeypatch, home, ENTRY, ENTRY | {"recipient": "cellule", "address": "cellule@unite.example"})
    box.refused = {"cellule@unite.example"}
    done = dispatch(home, NOON)
    assert (done.messages, len(done.failures)) == (1, 1)
    assert "unite.example" not in done.failures[0]
    assert sorted(row[0] is None for row in rows(home, "sent_at")) == [False, True]


def test_a_server_that_is_down_is_tried_ever_later_until_it_answers(home, box, monkeypatch) -> None:
    publish(home, [FLOOD])
    subscribe(monkeypatch, home, ENTRY)
    box.answer = "451 later"
    dispatch(home, NOON)
    assert rows(home, "attempts, sent_at") == [(1, None)]
    dispatch(home, NOON + FIRST_WAIT - timedelta(seconds=1))
    assert rows(home, "attempts") == [(1,)], "not before its time"
    dispatch(home, NOON + FIRST_WAIT)
    dispatch(home, NOON + 2 * FIRST_WAIT)
    assert rows(home, "attempts") == [(2,)], "the second wait is longer"
    box.answer = "250 OK"
    assert dispatch(home, NOON + 3 * FIRST_WAIT).messages == 1
    assert rows(home, "attempts, last_error, sent_at is null") == [(3, None, 0)]
    assert len(box.messages) == 1


# ---- the other channels


@contextmanager
def web(statuses: list[int]) -> Iterator[tuple[int, list[tuple[str, str, dict, dict]]]]:
    """Serve the statuses one after the other, and keep method, path, headers and JSON of each request."""
    got: list[tuple[str, str, dict, dict]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def take(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            got.append((self.command, self.path, dict(self.headers), body))
            self.send_response(statuses.pop(0) if statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_PUT = take  # noqa: N815

        def log_message(self, *_: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1], got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_webhook_gets_json_with_a_key_that_a_repeat_shares(home, monkeypatch) -> None:
    publish(home, [FLOOD])
    with web([503, 204]) as (port, got):
        subscribe(monkeypatch, home, ENTRY | {"channel": "webhook", "address": f"http://127.0.0.1:{port}/hook"})
        assert "status 503" in dispatch(home, NOON).failures[0]
        assert dispatch(home, NOON + FIRST_WAIT).messages == 1
    first, second = got
    assert first[2]["Idempotency-Key"] == second[2]["Idempotency-Key"] == second[3]["id"]
    [signal] = second[3]["signals"]
    assert (signal["signal_id"], signal["severity"], signal["territory_code"]) == (FLOOD.signal_id, 3, "FR-27")
    assert signal["opened_at"] == "2026-11-24T18:05:00+00:00"
    assert signal["page"] == "https://liens.example/veille/5f2d7c1e90ab44d1"
    assert signal["verdict_links"].keys() == {"vu", "confirmé", "écarté"}


def test_a_room_gets_an_event_whose_transaction_a_repeat_shares(home, monkeypatch) -> None:
    publish(home, [FLOOD])
    monkeypatch.setenv("CYBERIMPACT_MATRIX_TOKEN", "a-token")
    with web([500, 200]) as (port, got):
        address = f"http://127.0.0.1:{port}/!salle:matrix.example"
        subscribe(monkeypatch, home, ENTRY | {"channel": "matrix", "address": address})
        assert "a-token" not in dispatch(home, NOON).failures[0]
        assert dispatch(home, NOON + FIRST_WAIT).messages == 1
    (method, path, headers, body), again = got[0], got[1]
    assert method == "PUT"
    assert path.startswith("/_matrix/client/v3/rooms/%21salle%3Amatrix.example/send/m.room.message/")
    assert path == again[1]
    assert headers["Authorization"] == "Bearer a-token"
    assert body["msgtype"] == "m.text"
    assert "42 observés" in body["body"]
    assert "style=" not in body["formatted_body"]


# ---- death in between


KILLED = """
import sys
from datetime import datetime
from core.settings import home
from operations.alerts.dispatch import dispatch
dispatch(home(), datetime.fromisoformat(sys.argv[1]))
"""


def dispatched_elsewhere(moment: datetime) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", KILLED, moment.isoformat()], cwd=CHECKOUT)


def killing(box: Mailbox, when: str) -> dict[str, subprocess.Popen[bytes]]:
    """Make the mailbox kill the process that sends, before or after it has taken the mail."""
    victim: dict[str, subprocess.Popen[bytes]] = {}
    take, name = box.handle_DATA, box.handle_RCPT

    async def after(*arguments: Any) -> str:
        answer = await take(*arguments)
        os.kill(victim["process"].pid, signals.SIGKILL)
        return answer

    async def before(*arguments: Any) -> str:
        os.kill(victim["process"].pid, signals.SIGKILL)
        return await name(*arguments)

    if when == "after":
        box.handle_DATA = after  # type: ignore[method-assign]
    else:
        box.handle_RCPT = before  # type: ignore[method-assign]
    return victim


@pytest.mark.parametrize(("when", "arrived"), [("before", 1), ("after", 2)])
def test_a_kill_loses_nothing_and_repeats_only_what_is_recognised(home, box, monkeypatch, when, arrived) -> None:
    """Killed after the server has taken the mail and before that is recorded: the one possible repeat."""
    publish(home, [FLOOD, other(1)])
    subscribe(monkeypatch, home, ENTRY)
    victim = killing(box, when)
    victim["process"] = dispatched_elsewhere(NOON)
    assert victim["process"].wait(60) == -signals.SIGKILL
    assert rows(home, "attempts, sent_at") == [(1, None)] * 2, "written down before it was sent"
    for name in ("handle_DATA", "handle_RCPT"):
        box.__dict__.pop(name, None)
    publish(home, [FLOOD, other(1), other(2)], build="2")  # what comes later does not change what was begun
    assert dispatch(home, NOON + FIRST_WAIT).messages == 2
    assert dispatch(home, NOON + timedelta(hours=1)).messages == 0
    names = [message["Message-ID"] for message in box.messages]
    assert len(names) == arrived + 1
    assert len(set(names)) == 2
    assert all(row[0] for row in rows(home, "sent_at"))
    assert {message["Subject"][:9] for message in box.messages} == {"2 signaux", "[ÉLEVÉE] "}


def test_the_doctor_names_what_no_server_has_taken(home, box, monkeypatch) -> None:
    assert [finding.state for finding in health_checks.alerts()] == ["ok"]
    publish(home, [FLOOD])
    subscribe(monkeypatch, home, ENTRY)
    box.answer = "451 later"
    dispatch(home, NOON)  # a day that has passed
    findings = {finding.subject: finding for finding in health_checks.alerts()}
    assert findings["alert by mail"].state == "late"
    assert "code 451" in findings["alert by mail"].remedy
    monkeypatch.setenv("CYBERIMPACT_SMTP_HOST", "")
    monkeypatch.setattr("operations.alerts.links.are_possible", lambda: False)
    findings = {finding.subject: finding.state for finding in health_checks.alerts()}
    assert (findings["mail"], findings["CYBERIMPACT_LINK_KEY"]) == ("broken", "late")
    subscribe(monkeypatch, home, ENTRY | {"channel": "fax"})
    assert [finding.state for finding in health_checks.alerts()] == ["broken"]


def test_the_doctor_says_that_mail_goes_to_the_sandbox(box, monkeypatch) -> None:  # noqa: ARG001 - a mail server
    def said() -> list[str]:
        return [finding.detail for finding in health_checks.alerts() if finding.subject == "mail"]

    assert said() == []
    monkeypatch.setenv("CYBERIMPACT_MAILBOX_PORT", os.environ["CYBERIMPACT_SMTP_PORT"])
    assert said() == ["goes to the sandbox's mailbox, and to no person"]
    monkeypatch.setenv("CYBERIMPACT_SMTP_HOST", "mail.example")
    assert said() == []
    monkeypatch.setenv("CYBERIMPACT_SMTP_PORT", "none")
    assert said() == ["CYBERIMPACT_SMTP_PORT is 'none'."]


def test_only_one_process_sends_at_a_time(home, box, monkeypatch) -> None:
    import fcntl

    publish(home, [FLOOD])
    subscribe(monkeypatch, home, ENTRY)
    home.locks.mkdir(parents=True)
    with (home.locks / "alerts.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert dispatch(home, NOON).messages == 0
    assert box.messages == []
    assert dispatch(home, NOON).messages == 1


# ---- reading


def test_signals_are_read_as_they_were_published(home) -> None:
    assert read(home) == []
    publish(home, [FLOOD])
    [found] = read(home)
    assert found.opened_at == FLOOD.opened_at
    assert found.terms == FLOOD.terms
    assert found.examples[0]["text"] == FLOOD.examples[0]["text"]
    assert find(home, FLOOD.signal_id[:6]) == found


@pytest.mark.parametrize(("share", "said"), [(0.9999, "99\u202f%"), (0.5, "50\u202f%"), (0.001, "1\u202f%")])
def test_nothing_is_ever_certain(share: float, said: str) -> None:
    assert writing.percent(share) == said
