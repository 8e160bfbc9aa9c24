"""Near real time: a long-lived process that loads, builds and publishes new mentions and chats, and sends alerts.

It looks for what is wrong with the platform too: it lives where Dagster's daemon has died.

Each micro-batch is an ordinary Dagster run in this process, which pays for importing and parsing once. It does not need
Dagster's daemon.
"""

import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from supersync.errors import SupersetFailure

from assets.serving.copies import key
from core import logs, service_manager, settings, traces
from core.clock import now
from core.errors import ExpectedFailure
from ingestion.engine import drop_folder
from ingestion.platforms import Platform
from operations import crises, topics
from operations.active import Lease
from operations.alerts.dispatch import dispatch
from operations.inbox import deliveries
from orchestration import instance, monitoring
from orchestration.execution import graph, run_job
from orchestration.jobs import LIVE_PLATFORMS, backup_recent, micro_batches
from orchestration.loads import inbox_config
from orchestration.sensors import Seen, dropped_files, settled
from warehouse import dbt_project, dbt_server, offsite, published
from web import accounts

log = logging.getLogger("watch")

#: Seconds between two looks for news, and the least between the end of a batch and the next; less in a crisis.
LOOK_SECONDS, REST_SECONDS = 5.0, 5.0
CRISIS_LOOK_SECONDS, CRISIS_REST_SECONDS = 2.0, 2.0

#: Seconds after which a batch is due without news: a series that falls silent is news too. It loads from an address
#: that answers: an empty load distinguishes a silent source from our own loads that are late.
IDLE_SECONDS, CRISIS_IDLE_SECONDS = 300.0, 60.0

#: Seconds until a publication is noticed, until the outbox is looked at without one, and after a failure.
ALERT_SECONDS, RETRY_SECONDS, TROUBLED_SECONDS = 1.0, 5.0, 30.0

#: Seconds after which Dagster has recorded a publication that readers see.
RECORDED_SECONDS = 3.0

#: Seconds between two questions which accounts there are: a closed one gets mail for no longer than that.
ACCOUNTS_SECONDS = 300.0

#: A process that has worked so long makes room for a new one: what leaks in libraries ends with it.
LONGEST_LIFE_SECONDS = 12 * 3600.0

#: Seconds between two copies elsewhere of the operations and the ledger: at most five minutes with a batch in between.
COPY_SECONDS = 180.0

#: A store that takes long to answer is asked the less often: batches wait at most a tenth of the time.
SLOW_STORE_FACTOR = 10

WARM_SECONDS = 300.0

#: Seconds after which a load, a build or a round of alerts counts as one that does not end. One that only waits for the
#: writer of a file begins again, and waits.
LONGEST_STEP_SECONDS = 3600.0

#: What operators decide that a batch has to show.
DECIDED = {"topics": topics.state, "crises": crises.state}

#: The live build reads which actions to follow in the daily copy: what it shows of them is empty or old until it has.
PUBLISHED = "publication"

steps = service_manager.Steps(LONGEST_STEP_SECONDS)


@dataclass
class News:
    """What is new since the last batch.

    Attributes:
        addresses: Platforms whose address has something new.
        files: Files that have come to rest in a drop folder, with their platform.
        sent: Platforms of which others have sent records.
        others: Why else a batch is due: topics or crises that changed, a daily publication, time that passed.
    """

    addresses: list[Platform] = field(default_factory=list)
    files: list[tuple[Platform, Path]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.addresses or self.files or self.sent or self.others)

    def __str__(self) -> str:
        return ", ".join(
            [
                *(p.name for p in self.addresses),
                *(f"file of {p.name}" for p, _ in self.files),
                *(f"inbox of {name}" for name in self.sent),
                *self.others,
            ]
        )


class Outlook:
    """Looks for news; news stays new until `seen` reports that a batch has processed it."""

    def __init__(self) -> None:
        self._since = datetime.now(UTC)
        self._found: dict[str, int] = {}
        self._dropped: dict[str, Seen] = {}
        self._refused: set[tuple[str, int]] = set()
        self._known: dict[str, tuple] = {}
        self._batch_at = 0.0
        self._ask_after: dict[str, float] = {}
        self._reported: dict[str, str] = {}
        self._now: dict[str, int] = {}
        self._tried: dict[str, tuple[tuple[int, int], float]] = {}

    def look(self, idle_seconds: float) -> News:
        news = News()
        is_idle = time.monotonic() - self._batch_at > idle_seconds
        for platform in LIVE_PLATFORMS:
            if platform.name in micro_batches and self._answers(platform) and (is_idle or self._has_more(platform)):
                news.addresses.append(platform)
            if platform.drops:
                news.files += [(platform, file) for file in self._rested(platform)]
        news.sent = sorted(name for name, waits in self._sent_now().items() if not self._was_tried(name, waits))
        known = self._known_now()
        news.others += [what for what in (*DECIDED, PUBLISHED) if known.get(what) != self._known.get(what)]
        if is_idle:
            news.others.append("time")
        return news

    def seen(self, news: News) -> None:
        """Take note that a batch has dealt with what was new."""
        for platform in news.addresses:
            self._found[platform.name] = self._now[platform.name]
        self._refused |= {(str(file), file.stat().st_ctime_ns) for _, file in news.files if file.exists()}
        self._tried |= {name: (waits, time.monotonic()) for name, waits in self._sent_now().items()}
        self._known, self._batch_at = self._known_now(), time.monotonic()

    def trouble(self, platform: Platform) -> None:
        """Leave an address alone for a while."""
        self._ask_after[platform.name] = time.monotonic() + TROUBLED_SECONDS

    def _answers(self, platform: Platform) -> bool:
        """Return whether an address says how much it has found, which one question asks."""
        from ingestion.connectors import listening

        if time.monotonic() < self._ask_after.get(platform.name, 0.0):
            return False
        try:
            self._now[platform.name] = listening.found_since(self._since)
        except ExpectedFailure as failure:
            if self._reported.get(platform.name) != str(failure):  # not twice a minute where it has no address at all
                log.warning("%s", failure)
            self._reported[platform.name] = str(failure)
            self.trouble(platform)
            return False
        self._reported.pop(platform.name, None)
        return True

    def _has_more(self, platform: Platform) -> bool:
        """Return whether an address has found something since the last batch."""
        return self._now[platform.name] != self._found.get(platform.name)

    def _rested(self, platform: Platform) -> Iterator[Path]:
        before = self._dropped.get(platform.name, {})
        now = self._dropped[platform.name] = dropped_files(drop_folder.folder(platform))
        for name in settled(before, now):
            if (name, now[name][1]) not in self._refused:
                yield Path(name)

    def _was_tried(self, name: str, waits: tuple[int, int]) -> bool:
        """Return whether a batch has lately tried to load just what waits in the inbox for a platform."""
        tried, at = self._tried.get(name, (None, 0.0))
        return tried == waits and time.monotonic() - at < TROUBLED_SECONDS

    @staticmethod
    def _sent_now() -> dict[str, tuple[int, int]]:
        return deliveries.waiting([platform.name for platform in LIVE_PLATFORMS])

    def _known_now(self) -> dict[str, tuple]:
        """Return what is another once operators have decided or the daily copy was published; of nothing, nothing."""
        known = {PUBLISHED: (published.current(settings.home(), published.DAILY),)}
        known |= {what: state() for what, state in DECIDED.items()}
        return {what: row for what, row in known.items() if row[0]}


class RecentBackups:
    """Sends the operations and the ledger elsewhere from time to time, where backups go; a run costs little here."""

    def __init__(self) -> None:
        self._next = -math.inf

    def send_if_due(self) -> None:
        began = time.monotonic()
        if began >= self._next and offsite.is_set():
            run(backup_recent.name)
            took = time.monotonic() - began
            self._next = began + max(COPY_SECONDS, took * SLOW_STORE_FACTOR)


def watch() -> None:
    """Watch until killed, or until the code has changed or this process has grown old; the supervisor starts the next.

    Raises:
        ExpectedFailure: dbt cannot parse the project.
    """
    # In the main thread Dagster handles SIGTERM and SIGINT itself while a run lasts: it ends the run and nothing else,
    # and the next batch begins. Elsewhere it leaves them alone, and they end the process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with ThreadPoolExecutor(1, "watch") as thread:
        thread.submit(watch_loop).result()


def watch_loop() -> None:
    """Do what `watch` does, in a thread of its own."""
    logs.configure()
    log.setLevel(logging.INFO)
    service_manager.report(steps.go_on, "watch")
    if node := settings.home().node:
        Lease(node).follow()
    began, code = time.monotonic(), dbt_project.fingerprint()
    # Known before a thread loads the graph, whose resources read it.
    os.environ[dbt_server.SOCKET_SETTING] = str(settings.home().run / "dbt.sock")
    for task in (tell, hold_subscriptions, look_out):
        threading.Thread(target=task, name=task.__name__, daemon=True).start()
    recent_backups, outlook = RecentBackups(), Outlook()
    while is_empty(outlook):
        steps.begin("watch")
        recent_backups.send_if_due()
        time.sleep(LOOK_SECONDS)
    with warm():
        while time.monotonic() - began < LONGEST_LIFE_SECONDS:
            steps.begin("watch")
            recent_backups.send_if_due()
            in_crisis = crises.any_open()
            news = outlook.look(CRISIS_IDLE_SECONDS if in_crisis else IDLE_SECONDS)
            if news:
                if dbt_project.fingerprint() != code:
                    log.info("the dbt project has changed: starting anew")
                    return
                batch(outlook, news)
                time.sleep(CRISIS_REST_SECONDS if in_crisis else REST_SECONDS)
            else:
                time.sleep(CRISIS_LOOK_SECONDS if in_crisis else LOOK_SECONDS)


def is_empty(outlook: Outlook) -> bool:
    """Return whether nothing live is published, and none is to be: the home is being filled, or nothing has come."""
    home = settings.home()
    if published.current(home, published.LIVE):
        return False
    if published.current(home, published.DAILY) is None:
        return True
    news = outlook.look(IDLE_SECONDS)
    return not (news.addresses or news.files or news.sent)


def batch(outlook: Outlook, news: News) -> None:
    """Load what is new, then build, check and publish what is live; a load that fails does not stop the rest."""
    began = time.monotonic()
    outlook.seen(news)
    for platform, file in news.files:
        run(f"load_{platform.name}", {"ops": {platform.name: {"config": {"file": str(file)}}}})
    for name in news.sent:
        run(f"load_{name}", inbox_config(name))
    jobs = [f"micro_batch_{platform.name}" for platform in news.addresses] or ["live"]
    good = [run(job) for job in jobs]
    if not all(good):
        for platform in news.addresses:
            outlook.trouble(platform)
    log.info("%s: %s in %.1f s", news, "done" if all(good) else "failed", time.monotonic() - began)


def run(job: str, config: dict | None = None) -> bool:
    """Run a job in this process, and return whether it succeeded; Dagster and the log hold its failures."""
    steps.begin("watch")
    try:
        outcome = run_job(job, config)
    except ExpectedFailure as failure:
        log.warning("%s: %s", job, failure)
        return False
    for failed in outcome.failures:
        log.warning("%s: %s", job, failed)
    return outcome.succeeded


def tell() -> None:
    """Send alerts for as long as the process lives, in a thread of its own: a slow mail server delays no batch."""
    sent, sent_at = None, 0.0
    while True:
        steps.begin("alerts")
        time.sleep(ALERT_SECONDS)
        shown = published.current(settings.home(), published.LIVE)
        if shown == sent and time.monotonic() - sent_at < RETRY_SECONDS:
            continue
        is_new, began = shown != sent, time.time()
        sent, sent_at = shown, time.monotonic()
        try:
            done = dispatch(settings.home())
        except ExpectedFailure as failure:
            log.warning("alerts: %s", failure)
            time.sleep(TROUBLED_SECONDS)
            continue
        except Exception:  # the watch goes on, and so must the alerts
            log.exception("alerts: an unexpected failure")
            time.sleep(TROUBLED_SECONDS)
            continue
        if done.messages:
            log.info("alerts: %d message(s) acknowledged", done.messages)
        if shown and is_new and traces.are_wanted():
            threading.Timer(RECORDED_SECONDS, trace_dispatch, (shown.parent.name, began, time.time())).start()


def trace_dispatch(publication_id: str, began: float, ended: float) -> None:
    """Send the span of a dispatch, in the trace of the run that published what it has read."""
    with instance.get() as home_instance:
        event = home_instance.get_latest_materialization_event(key(published.LIVE))
    made = event.asset_materialization if event else None
    if event and made and made.metadata["publication_id"].value == publication_id:
        traces.add(event.run_id, ("dispatch",), "dispatch", began, ended)


def hold_subscriptions() -> None:
    """Hold subscriptions of pages against Superset's accounts, in a thread of its own: a slow one delays no alert."""
    while True:
        steps.begin("subscriptions")
        try:
            accounts.hold()
        except (ExpectedFailure, SupersetFailure) as failure:
            log.warning("accounts of subscriptions: %s", failure)
        except Exception:  # the watch goes on; `doctor` says since when accounts are not known
            log.exception("accounts of subscriptions: an unexpected failure")
        time.sleep(ACCOUNTS_SECONDS)


def look_out() -> None:
    """Look for what is wrong with the platform for as long as the process lives."""
    since, repository = now(), graph().get_repository_def()
    with instance.get() as home_instance:
        while True:
            steps.begin("monitoring")
            time.sleep(monitoring.LOOK_SECONDS / 2)
            try:
                monitoring.look(home_instance, repository, since)
            except Exception:  # the watch goes on, and so must this
                log.exception("monitoring: an unexpected failure")


@contextmanager
def warm() -> Generator[None]:
    """Run the warm dbt that Dagster calls beside this process; it dies with this process.

    Raises:
        ExpectedFailure: it does not start, as its output says.
    """
    path = Path(os.environ[dbt_server.SOCKET_SETTING])
    settings.make_folder(path.parent)
    path.unlink(missing_ok=True)
    command = ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", dbt_server.__name__, str(path)]
    with subprocess.Popen(command, cwd=settings.CODE, stdin=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + WARM_SECONDS
            while not dbt_server.is_ready(path):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise ExpectedFailure("dbt does not become warm.", "Its last lines above say why.")
                time.sleep(0.5)
            yield
        finally:
            server.kill()
