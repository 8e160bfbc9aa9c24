"""Failures with real processes: a load is tried again by itself, and who wants `operations` hears what stays wrong."""

import subprocess
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from cli import supervisor
from core import settings
from core.settings import Home
from operations.models import Alert
from orchestration.run_monitoring import worker
from sandbox.app import addresses
from tests.analytics.signalling import ENTRY, subscribe
from tests.e2e.line import Line, kill_session, wait_for
from tests.e2e.test_daemon import daemon, supervised
from tests.ingestion.conftest import Sandbox
from tests.operations.mailserver import Mailbox, serving
from warehouse import dbt_project

pytestmark = pytest.mark.proof

PLATFORM = "app_stores"
JOB = f"load_{PLATFORM}"
TITLE = "Avis Google Play et App Store"
SECONDS = 600
ENGINEER = {**ENTRY, "recipient": "exploitation", "wants": ["operations"]}


@pytest.fixture
def platforms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The stand-ins, for a client that is quick to give up and a pause of a minute."""
    served = Sandbox(date(2026, 11, 20))
    served.start()
    for setting, address in addresses(served.origin).items():
        monkeypatch.setenv(setting, address)
    monkeypatch.setenv("CYBERIMPACT_HTTP_ATTEMPTS", "2")
    monkeypatch.setenv("CYBERIMPACT_HTTP_BACKOFF_SECONDS", "0.01")
    monkeypatch.setenv("CYBERIMPACT_RETRY_MINUTES", "1")
    yield served
    served.stop()


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch, home: Home) -> Iterator[Mailbox]:
    subscribe(monkeypatch, home, ENGINEER)
    mailbox = Mailbox()
    with serving(mailbox) as port:
        monkeypatch.setenv("CYBERIMPACT_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("CYBERIMPACT_SMTP_PORT", str(port))
        for name in ("USER", "PASSWORD"):
            monkeypatch.setenv(f"CYBERIMPACT_SMTP_{name}", "")
        yield mailbox


@pytest.fixture
def own(home: Home, tmp_path: Path, copy_manifests: Callable[[Home], None], monkeypatch: pytest.MonkeyPatch) -> Line:
    """An empty home, but for dbt's manifests."""
    monkeypatch.setenv("SUPERSET_SECRET_KEY", "of the test")
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", "of the test")
    copy_manifests(home)
    (tmp_path / "desk").mkdir()
    return Line(home, tmp_path / "export.csv", tmp_path / "desk")


def environment() -> dict[str, str]:
    return supervisor.environment() | dbt_project.environment()


def mail(box: Mailbox, subject: str, number: int = 1) -> str:
    """Wait for the mails of a subject, and return the text of the last one."""

    def found() -> list[str]:
        told = [message for message in box.messages if subject in message["Subject"]]
        return [message.get_body(("plain",)).get_content() for message in told] if len(told) >= number else []

    return wait_for(found, SECONDS)[-1]


def test_a_platform_that_is_down_is_tried_again_and_what_stays_wrong_is_told(
    own: Line, platforms: Sandbox, box: Mailbox
) -> None:
    with own.history() as instance, daemon(own, environment(), own.desk) as process:
        platforms.fault("server_error")
        wait_for(lambda: "SENSOR" in instance.get_daemon_heartbeats(), SECONDS)
        said = own.refuse("load", PLATFORM)
        assert "the platform failed" in said, said
        assert "retry 1 of 3" in said, said
        [first] = instance.get_runs(dg.RunsFilter(job_name=JOB))
        platforms.reset()
        [second] = wait_for(
            lambda: instance.get_runs(dg.RunsFilter(job_name=JOB, statuses=[dg.DagsterRunStatus.SUCCESS])), SECONDS
        )
        assert second.tags["dagster/parent_run_id"] == first.run_id
        assert second.tags["dagster/retry_number"] == "1"
        assert box.messages == [], "it was well before anybody had to know"

        box.answer = "451 later"
        platforms.fault("unauthorized")
        said = own.refuse("load", PLATFORM)
        assert "tried again" not in said
        [failed, *_] = instance.get_runs(dg.RunsFilter(job_name=JOB))
        wait_for(was_refused, SECONDS)
        assert box.messages == []
        box.answer = "250 OK"
        text = mail(box, f"[PANNE] Chargement en échec : {TITLE}")
        assert f"cyberimpact load {PLATFORM}" in text
        assert f"/runs/{failed.run_id}" in text
        assert str(own.home.root) not in text
        platforms.reset()
        own.succeed("load", PLATFORM)
        mail(box, f"[RÉTABLI] Chargement en échec : {TITLE}")

        platforms.fault("hang")
        hanging = own.start("load", PLATFORM)
        running = dg.RunsFilter(job_name=JOB, statuses=[dg.DagsterRunStatus.STARTED])
        [killed] = wait_for(lambda: instance.get_runs(running), SECONDS)
        wait_for(lambda: worker(instance, killed.run_id), SECONDS)
        kill_session(hanging.pid)
        hanging.communicate()
        assert "is gone: killed" in mail(box, f"[PANNE] Chargement en échec : {TITLE}", 2)

        stop_sensor("drop_jdma")
        assert "switched off" in mail(box, "[PANNE] Capteur à l'arrêt : drop_jdma")
        assert process.poll() is None


def was_refused() -> bool:
    """Return whether the server was asked to take a mail, and did not."""
    return Alert.objects.filter(sent_at=None).exclude(last_error=None).exists()


def stop_sensor(name: str) -> None:
    """Switch a sensor off, as the switch of Dagster's page does."""
    command = [
        supervisor.BIN / "dagster",
        "sensor",
        "stop",
        "-w",
        supervisor.workspace_file(),
        "-l",
        "cyberimpact",
        name,
    ]
    subprocess.run(command, env=environment(), cwd=settings.CHECKOUT, capture_output=True, check=True)


def test_who_watches_tells_that_the_daemon_is_dead(own: Line, platforms: Sandbox, box: Mailbox) -> None:  # noqa: ARG001
    """Its heartbeat is minutes old by the time that it counts as dead."""
    programs = {program.name: program for program in supervisor.programs()}
    with own.history() as instance:
        with daemon(own, environment(), own.desk):
            wait_for(lambda: "SENSOR" in instance.get_daemon_heartbeats(), SECONDS)
        with supervised(programs["watch"], own, environment(), own.desk):
            text = mail(box, "[PANNE] Dagster à l'arrêt")
    assert "SENSOR" in text
    assert [message["Subject"] for message in box.messages] == [
        "[PANNE] Dagster à l'arrêt : ni chargement, ni publication"
    ]
