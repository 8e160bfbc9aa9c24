"""What is new is dealt with once, a failure is left alone for a while, and dbt that is warm answers as dbt does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from queue import Queue

import dagster as dg
import pytest
from supersync.errors import Unreachable

from analytics.signals.topics import Topic
from core.errors import ExpectedFailure
from core.settings import CHECKOUT, Home
from ingestion.connectors import listening
from ingestion.engine.sent import JSON, read
from ingestion.platforms import platform
from operations import crises, topics
from operations.acts import Author
from operations.inbox import deliveries
from orchestration import maintenance, microbatch
from orchestration.microbatch import News, Outlook
from tests.e2e.line import wait_for
from tests.handmade import write_copy
from warehouse import dbt_server, offsite, published

LISTENING, CHAT = platform("listening"), platform("brigade_numerique")
LONG = 3600.0
WATCHING = Author("veille")


def send(platform: str, entity: str) -> None:
    """Put a delivery into the inbox."""
    content = b'{"a": 1}'
    deliveries.keep([deliveries.Sent("essai", platform, entity, read(content, JSON), content)])


class Address:
    """Stands for the address of the listening vendor: what it answers, and how often it was asked."""

    def __init__(self) -> None:
        self.found = 1
        self.asked = 0
        self.down = False

    def ask(self, since: datetime) -> int:
        assert since.tzinfo is not None
        self.asked += 1
        if self.down:
            raise ExpectedFailure("It is down.", "Wait.")
        return self.found


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Address:
    made = Address()
    monkeypatch.setattr(listening, "found_since", made.ask)
    return made


@pytest.fixture
def outlook(home: Home, address: Address) -> Outlook:  # noqa: ARG001 - a home of its own
    made = Outlook()
    made.seen(made.look(LONG))
    return made


def test_an_address_is_news_when_it_has_more(outlook: Outlook, address: Address) -> None:
    assert not outlook.look(LONG)
    address.found = 2
    news = outlook.look(LONG)
    assert news.addresses == [LISTENING]
    assert outlook.look(LONG).addresses == [LISTENING], "until a batch has dealt with it"
    outlook.seen(news)
    assert not outlook.look(LONG)


def test_an_address_that_is_down_is_left_alone_for_a_while(
    outlook: Outlook, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    address.down, address.found = True, 2
    assert not outlook.look(LONG)
    asked = address.asked
    assert not outlook.look(LONG)
    assert address.asked == asked
    address.down = False
    monkeypatch.setattr(
        microbatch.time, "monotonic", lambda: time.perf_counter() + 10 * microbatch.TROUBLED_SECONDS + LONG
    )
    assert outlook.look(10 * LONG).addresses == [LISTENING]


def test_a_failure_that_lasts_is_logged_once(outlook: Outlook, address: Address, monkeypatch, caplog) -> None:
    monkeypatch.setattr(microbatch, "TROUBLED_SECONDS", 0.0)
    for down in (True, True, False, True):
        address.down = down
        outlook.look(LONG)
    assert [record.getMessage() for record in caplog.records] == ["It is down. Wait."] * 2


def test_a_batch_without_news_loads_from_an_address_that_answers(outlook: Outlook, address: Address) -> None:
    """A load of nothing says that the source is silent; without one it would be our loads that are late."""
    waited = outlook.look(0.0)
    assert (waited.addresses, waited.others) == ([LISTENING], ["time"])
    address.down = True
    assert outlook.look(0.0).addresses == []
    assert outlook.look(0.0).others == ["time"]


def test_a_file_is_news_once_it_rests_and_is_not_tried_twice(outlook: Outlook, home: Home) -> None:
    folder = home.drop / CHAT.name
    folder.mkdir(parents=True)
    file = folder / "contacts.csv"
    file.write_text("half")
    assert not outlook.look(LONG), "it may still be written"
    file.write_text("half and more")
    assert not outlook.look(LONG)
    news = outlook.look(LONG)
    assert news.files == [(CHAT, file)]
    outlook.seen(news)
    assert not outlook.look(LONG), "what was refused waits for somebody"
    time.sleep(0.02)
    file.write_text("mended")
    outlook.look(LONG)
    assert outlook.look(LONG).files == [(CHAT, file)]


def test_what_was_sent_is_news_until_a_batch_has_tried_it_and_again_after_a_while(
    outlook: Outlook, monkeypatch: pytest.MonkeyPatch
) -> None:
    send("listening", "mentions")
    send("jdma", "reviews")  # of no live platform: Dagster's sensor loads it
    news = outlook.look(LONG)
    assert news.sent == ["listening"]
    assert str(news) == "inbox of listening"
    outlook.seen(news)
    assert not outlook.look(LONG)
    send("listening", "mentions")
    assert outlook.look(LONG).sent == ["listening"]
    outlook.seen(outlook.look(LONG))
    later = time.perf_counter() + 10 * microbatch.TROUBLED_SECONDS + LONG
    monkeypatch.setattr(microbatch.time, "monotonic", lambda: later)
    assert outlook.look(10 * LONG).sent == ["listening"], "a load that failed is tried again"


def test_a_topic_is_news(outlook: Outlook) -> None:
    topics.add(Topic("crue", "Crue", "crue", "climatique", "team:veille"), WATCHING)
    news = outlook.look(LONG)
    assert news.others == ["topics"]
    outlook.seen(news)
    assert not outlook.look(LONG)
    topics.end("crue", WATCHING)
    assert outlook.look(LONG).others == ["topics"]


def test_a_crisis_is_news_when_it_is_opened_written_down_and_closed(outlook: Outlook) -> None:
    crisis = crises.open_crisis(
        author=WATCHING,
        topics=["inondation"],
        territories=["FR-27"],
        title="Crue",
        kind="climatique",
        owner="team:veille",
    )
    for decide in (
        lambda: None,
        lambda: crises.note(crisis.crisis_id, "Pont fermé", kind="fait", author=WATCHING),
        lambda: crises.close(crisis.crisis_id, WATCHING),
    ):
        decide()
        news = outlook.look(LONG)
        assert news.others == ["crises"]
        outlook.seen(news)
        assert not outlook.look(LONG)


def test_a_daily_publication_is_news_once(outlook: Outlook, home: Home) -> None:
    """The effects of running actions in the live copy wait for no mention."""
    write_copy(home, "create table t as select 1 as n")
    news = outlook.look(LONG)
    assert news.others == ["publication"]
    outlook.seen(news)
    assert not outlook.look(LONG)


def test_silence_is_news_after_a_while(outlook: Outlook) -> None:
    assert outlook.look(0.0).others == ["time"]


@pytest.mark.parametrize(
    ("news", "failing", "expected"),
    [
        (News(addresses=[LISTENING]), "", ["micro_batch_listening"]),
        (News(others=["time"]), "", ["live"]),
        (News(files=[(CHAT, Path("a.csv"))]), "load_brigade_numerique", ["load_brigade_numerique", "live"]),
        (
            News(addresses=[LISTENING], files=[(CHAT, Path("a.csv"))]),
            "micro_batch_listening",
            ["load_brigade_numerique", "micro_batch_listening"],
        ),
    ],
)
def test_a_batch_runs_what_the_news_asks_for(
    outlook: Outlook, monkeypatch: pytest.MonkeyPatch, news: News, failing: str, expected: list[str]
) -> None:
    done: list[str] = []

    def run(job: str, config: dict | None = None) -> bool:  # noqa: ARG001
        done.append(job)
        return job != failing

    monkeypatch.setattr(microbatch, "run", run)
    outlook.look(LONG)
    microbatch.batch(outlook, news)
    assert done == expected


def test_the_first_batch_waits_for_the_first_publication_and_for_something_live(
    home: Home, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    outlook, shown = Outlook(), {}
    monkeypatch.setattr(microbatch.published, "current", lambda _, name: shown.get(name))
    address.down = True
    file = home.drop / CHAT.name / "contacts.csv"
    file.parent.mkdir(parents=True)
    file.write_text("whole")
    assert [microbatch.is_empty(outlook) for _ in range(3)] == [True] * 3
    assert address.asked == 0, "the home is being filled"
    shown[published.DAILY] = file
    assert [microbatch.is_empty(outlook) for _ in range(2)] == [True, False], "a file must rest for a look"
    file.unlink()
    assert microbatch.is_empty(outlook), "nothing live has come"
    shown[published.LIVE] = file
    assert not microbatch.is_empty(outlook)


#: One run follows the other, and each lasts.
RUNS = """
import time
import dagster as dg
from orchestration import microbatch

@dg.op
def last():
    print("begun", flush=True)
    time.sleep(600)

@dg.job
def batch():
    last()

def loop():
    while True:
        batch.execute_in_process(raise_on_error=False)

microbatch.watch_loop = loop
microbatch.watch()
"""


def test_a_stop_ends_the_process_while_a_run_lasts() -> None:
    command = [sys.executable, "-c", RUNS]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"begun\n"
            process.terminate()
            assert process.wait(20) == -signal.SIGTERM
        finally:
            process.kill()


# ---- dbt that is warm


def test_who_loads_the_graph_knows_the_warm_dbt(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    class StoppedError(Exception):
        pass

    def stop(_: Outlook) -> bool:
        raise StoppedError

    known: Queue[str | None] = Queue()
    monkeypatch.setenv(dbt_server.SOCKET_SETTING, "")
    for module, name in ((microbatch.logs, "configure"), (microbatch, "tell"), (microbatch, "hold_subscriptions")):
        monkeypatch.setattr(module, name, lambda: None)
    monkeypatch.setattr(microbatch.service_manager, "report", lambda *_: None)
    monkeypatch.setattr(microbatch, "look_out", lambda: known.put(os.environ[dbt_server.SOCKET_SETTING]))
    monkeypatch.setattr(microbatch, "is_empty", stop)
    with pytest.raises(StoppedError):
        microbatch.watch_loop()
    assert known.get(timeout=20) == str(home.run / "dbt.sock")


STARTED = "import sys, pathlib, warehouse.dbt_server as w; w._warm = lambda: None; w.serve(pathlib.Path(sys.argv[1]))"


@pytest.fixture
def warm_server(tmp_path: Path) -> Iterator[Path]:
    """A server that has parsed nothing: what it runs must not need a manifest."""
    path = tmp_path / "dbt.sock"
    with subprocess.Popen([sys.executable, "-c", STARTED, str(path)], cwd=CHECKOUT) as process:
        try:
            wait_for(lambda: dbt_server.is_ready(path), 30)
            yield path
        finally:
            process.kill()


def asked(path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("cyberimpact-dbt"), *arguments]
    environment = os.environ | {dbt_server.SOCKET_SETTING: str(path)} | variables
    return subprocess.run(
        command,
        env=environment,
        cwd=path.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_a_warm_dbt_answers_like_dbt_and_outlives_its_callers(warm_server: Path) -> None:
    assert warm_server.stat().st_mode & 0o077 == 0, "whoever reaches it runs code as us"
    version = asked(warm_server, "--version")
    assert version.returncode == 0
    assert "installed: 1.12" in version.stdout
    wrong = asked(warm_server, "nonsense")
    assert (wrong.returncode, "nonsense" in wrong.stdout) == (2, True)
    command = [Path(sys.executable).with_name("cyberimpact-dbt"), "--version"]
    with subprocess.Popen(
        command, env=os.environ | {dbt_server.SOCKET_SETTING: str(warm_server)}, stdout=subprocess.DEVNULL
    ) as caller:
        caller.send_signal(signal.SIGKILL)
    assert asked(warm_server, "--version").returncode == 0


# ---- what is forgotten


def test_runs_of_micro_batches_are_forgotten_once_they_are_old() -> None:
    @dg.op
    def nothing() -> None: ...

    def job(name: str) -> dg.JobDefinition:
        return dg.JobDefinition(name=name, graph_def=dg.GraphDefinition(name=name, node_defs=[nothing]))

    with dg.DagsterInstance.ephemeral() as instance:
        for name in ("micro_batch_listening", "live", "build", "live"):
            assert job(name).execute_in_process(instance=instance).success
        last = instance.get_run_records()[0].create_timestamp
        assert maintenance.forget(instance, last + maintenance.REMEMBERED) == 2
        assert sorted(run.job_name for run in instance.get_runs()) == ["build", "live"]


def test_accounts_are_asked_for_again_whatever_goes_wrong(monkeypatch, caplog) -> None:
    failures = [Unreachable("Superset does not answer.", "Start it."), ExpectedFailure("No.", "Set it."), ValueError()]
    answers = iter([*failures, KeyboardInterrupt()])

    def ask() -> None:
        raise next(answers)

    monkeypatch.setattr(microbatch.accounts, "hold", ask)
    monkeypatch.setattr(microbatch, "ACCOUNTS_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        microbatch.hold_subscriptions()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "ERROR"]
    assert "Superset does not answer." in caplog.text


def test_the_operations_are_copied_elsewhere_when_it_is_time_and_where_backups_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []
    monkeypatch.setattr(microbatch, "run", done.append)
    monkeypatch.setattr(microbatch, "COPY_SECONDS", 0.5)
    monkeypatch.setenv(offsite.ADDRESS, "")
    copies = microbatch.RecentBackups()
    copies.send_if_due()
    assert done == []
    monkeypatch.setenv(offsite.ADDRESS, "file:///mnt/backups")
    copies.send_if_due(), copies.send_if_due()
    assert done == ["backup_recent"]
    time.sleep(0.6)
    copies.send_if_due()
    assert done == ["backup_recent"] * 2
    monkeypatch.setattr(microbatch, "run", lambda name: (done.append(name), time.sleep(0.2)))
    time.sleep(0.6)
    copies.send_if_due()
    time.sleep(0.6)
    copies.send_if_due()
    assert done == ["backup_recent"] * 3, "a store that takes 0.2 s is not asked again for 2 s"
