"""From a wave of mentions to a mail: seconds between the twentieth mention and the alert, and whether any is lost.

.venv/bin/python -m benchmarks.waves HOME [--waves 5] [--builds 0.5] [--kills 0] [--background-days 30]

HOME is a loaded home, which is changed: copy it first. The script runs a sandbox, a mail server, a webhook, and, as the
supervisor does, Dagster's code server and daemon and the process that watches, all of its own; it prints one line for
each wave and asserts nothing.
"""

import argparse
import http.server
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import httpx
import yaml
from aiosmtpd.controller import Controller

from cli import supervisor as supervised
from core import service_manager
from core.settings import CHECKOUT, Home
from warehouse import operations_database

BIN = Path(sys.executable).parent
SANDBOX_HISTORY = 17

#: A wave: so many mentions in so many seconds; the clock starts with this one.
MENTIONS, WAVE_SECONDS, COUNTED_FROM = 60, 120, 20
#: What is ordinarily said of a topic: one mention in so many seconds.
BACKGROUND_SECONDS = 150
#: So many more times during the waves, which is longer than they take.
AHEAD = 100
#: A wave whose alert has not come by then is lost.
PATIENCE_SECONDS = 600
KILL_AFTER_SECONDS = 45

#: A word for each wave, which nothing else says.
WORDS = (
    "zibeline", "quetsche", "xylophone", "wapiti", "ukulele", "yourte", "tapioca", "saxifrage", "rutabaga", "quinquet",
    "pangolin", "okapi", "narval", "mirabelle", "lamantin", "kumquat", "jacaranda", "ibiscus", "hellebore", "gypaete",
    "fenouil", "epinoche", "dodecaedre", "cabestan", "bilboquet", "asphodele", "zeugma", "walkyrie",
)  # fmt: skip


@dataclass
class Arrivals:
    """What the mail server and the webhook have got: when, and under which identifier."""

    mails: list[tuple[float, str, str]] = field(default_factory=list)
    hooks: list[tuple[float, str, str]] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        message = message_from_bytes(envelope.content, policy=policy.default)
        body = message.get_body(("plain",))  # type: ignore[attr-defined]
        self.mails.append((time.time(), str(message["Message-ID"]), f"{message['Subject']} {body.get_content()}"))
        return "250 OK"

    def first(self, kind: str, word: str, since: float) -> float | None:
        """Return when the first message of a kind came that names a word, from an instant on."""
        return min((at for at, _, text in getattr(self, kind) if at >= since and word in text.lower()), default=None)

    def repeats(self, kind: str) -> int:
        """Return how many messages came again under the identifier of a former one."""
        return sum(times - 1 for times in Counter(name for _, name, _ in getattr(self, kind)).values())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextmanager
def mail_server(arrivals: Arrivals, port: int) -> Iterator[None]:
    controller = Controller(arrivals, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


@contextmanager
def webhook(arrivals: Arrivals, port: int) -> Iterator[None]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            arrivals.hooks.append((time.time(), self.headers["Idempotency-Key"], text))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()


@contextmanager
def process(command: list[Any], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process in a session of its own, with its output in a file; end it and its children."""
    with log.open("ab") as output:
        started = subprocess.Popen(
            command, env=environment, cwd=CHECKOUT, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield started
    finally:
        started.terminate()
        with suppress(subprocess.TimeoutExpired):
            started.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)  # what it has started, were it killed itself
        started.wait()


def add_topics(words: list[str], environment: dict[str, str]) -> None:
    """Declare one topic for each wave."""
    for word in words:
        options = ["--label", f"Essai {word}", "--query", word, "--kind", "climatique", "--owner", "team:veille"]
        command = [BIN / "cyberimpact", "topic", "add", f"essai_{word}", *options]
        subprocess.run(command, env=environment, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)


def inject(sandbox: str, word: str, seconds: list[float]) -> None:
    mentions = [{"text": f"Encore {word} à Évreux, message {rank}", "seconds": at} for rank, at in enumerate(seconds)]
    httpx.post(f"{sandbox}/_control/mentions", json={"mentions": mentions}, timeout=60).raise_for_status()


def load_background(home: Path, words: Sequence[str], days: int, environment: dict[str, str]) -> None:
    """Load what was said of each topic until now, as an export of the listening tool."""
    file = home / "waves-background.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "copy ("  # noqa: S608 - numbers and words of this file
            " select md5(word || rank) as mention_id, 'facebook' as source_platform,"
            f" now() - to_seconds(rank * {BACKGROUND_SECONDS} + hash(word || rank) % {BACKGROUND_SECONDS})"
            " as published_at, published_at as collected_at,"
            " 'https://www.facebook.com/compte' || hash(rank) % 20000 || '/posts/' || word || rank as url,"
            " 'fr' as lang, 'Encore ' || word || ' à Évreux, message ' || rank as text,"
            " 'compte' || hash(rank) % 20000 as author_id,"
            " 200 as author_followers, false as is_share, 'FR' as country, 'talkwalker' as vendor"
            f" from unnest({list(words)}) as words(word), range({days * 86400 // BACKGROUND_SECONDS}) as ranks(rank)"
            f") to '{file}' (format parquet)"
        )
    command = [BIN / "cyberimpact", "load", "listening", "--file", file]
    subprocess.run(command, env=environment, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)


def wait(what: str, ready: Any, patience: float) -> None:
    """Wait until something is ready.

    Raises:
        SystemExit: it is not in time.
    """
    until = time.monotonic() + patience
    while not ready():
        if time.monotonic() > until:
            raise SystemExit(f"{what}: not within {patience:.0f} s")
        time.sleep(1)


def published(home: Path) -> str:
    link = home / "published" / "live" / "current"
    return str(link.readlink()) if link.is_symlink() else ""


@dataclass
class Wave:
    """One wave and what came of it, in seconds after its twentieth mention; None for an alert that never came."""

    word: str
    condition: str
    mail: float | None
    hook: float | None

    def __str__(self) -> str:
        delays = ["lost" if at is None else f"{at:6.1f} s" for at in (self.mail, self.hook)]
        return f"{self.word:12} {self.condition:8} mail {delays[0]}  webhook {delays[1]}"


class Scheduler:
    """Dagster's daemon, which comes back when it was killed."""

    def __init__(self, command: Sequence[Any], environment: dict[str, str], log: Path) -> None:
        self._start = partial(process, list(command), environment, log)
        self._running = ExitStack()
        self._daemon = self._running.enter_context(self._start())

    def kill(self) -> None:
        self._daemon.kill()
        self._daemon = self._running.enter_context(self._start())

    def close(self) -> None:
        self._running.close()


class Bench:
    """The processes of a measurement, and one wave after the other."""

    def __init__(
        self, home: Path, environment: dict[str, str], sandbox: str, arrivals: Arrivals, scheduler: Scheduler
    ) -> None:
        self._home, self._environment, self._sandbox = home, environment, sandbox
        self._arrivals, self._scheduler = arrivals, scheduler

    def wave(self, word: str, condition: str) -> Wave:
        """Send a wave in a condition: `quiet`, `build` (the daily build runs) or `kill` (of Dagster's daemon)."""
        with ExitStack() as stack:
            log = self._home / "logs" / f"waves-{condition}.log"
            if condition == "build":
                command = [BIN / "cyberimpact", "build"]
                stack.enter_context(process(command, self._environment, log))
            if condition == "kill":
                killer = threading.Timer(KILL_AFTER_SECONDS, self._scheduler.kill)
                killer.start()
                stack.callback(killer.cancel)
            began = time.time()
            inject(self._sandbox, word, [rank * WAVE_SECONDS / MENTIONS for rank in range(MENTIONS)])
            counted = began + (COUNTED_FROM - 1) * WAVE_SECONDS / MENTIONS
            until = counted + PATIENCE_SECONDS
            came: list[float | None] = [None, None]
            while time.time() < until and None in came:
                time.sleep(0.5)
                came = [self._arrivals.first(kind, word, began) for kind in ("mails", "hooks")]
        mail, hook = (at and at - counted for at in came)
        return Wave(word, condition, mail, hook)


def summary(waves: list[Wave], condition: str) -> str:
    found = sorted(wave.mail for wave in waves if wave.condition in condition and wave.mail is not None)
    lost = sum(wave.mail is None or wave.hook is None for wave in waves if wave.condition in condition)
    if not found:
        return f"{condition}: no alert came, {lost} lost"
    ninety_five = found[min(len(found) - 1, -(-95 * len(found) // 100) - 1)]
    return (
        f"{condition}: median {statistics.median(found):.1f} s, p95 {ninety_five:.1f} s, of {len(found)}; {lost} lost"
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, help="a loaded home; it is changed")
    parser.add_argument("--waves", type=int, default=5)
    parser.add_argument("--builds", type=float, default=0.5, help="share of them during a daily build")
    parser.add_argument("--kills", type=int, default=0, help="further waves, during which Dagster's daemon is killed")
    parser.add_argument("--background-days", type=int, default=30, help="how long each topic was spoken of before")
    return parser.parse_args()


def main() -> None:
    """Send the waves, print what came."""
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the processes end with the script
    home = options.home.resolve()
    (home / "logs").mkdir(exist_ok=True)
    words = unused_words(home)[: options.waves + options.kills]
    ports = {name: free_port() for name in ("sandbox", "smtp", "hook")}
    sandbox = f"http://127.0.0.1:{ports['sandbox']}"
    subscriptions = home / "waves.yml"
    subscriptions.write_text(yaml.safe_dump({"subscriptions": recipients(ports["hook"])}), encoding="utf-8")
    os.environ["CYBERIMPACT_HOME"] = str(home)
    environment = supervised.environment() | {
        "CYBERIMPACT_LISTENING_URL": f"{sandbox}/talkwalker/api/v1/search/p/gendarmerie",
        "CYBERIMPACT_SMTP_HOST": "127.0.0.1",
        "CYBERIMPACT_SMTP_PORT": str(ports["smtp"]),
        "CYBERIMPACT_SUBSCRIPTIONS": str(subscriptions),
    }
    arrivals, waves = Arrivals(), []
    with ExitStack() as stack:
        stack.enter_context(mail_server(arrivals, ports["smtp"]))
        stack.enter_context(webhook(arrivals, ports["hook"]))
        command = [sys.executable, "-m", "sandbox", "--port", str(ports["sandbox"]), "--seed", str(SANDBOX_HISTORY)]
        stack.enter_context(process(command, environment, home / "logs" / "waves-sandbox.log"))
        wait("the sandbox", lambda: service_manager.answers(f"{sandbox}/health", seconds=5), 60)
        add_topics(words, environment)
        if options.background_days:
            load_background(home, words, options.background_days, environment)
            for word in words:
                inject(sandbox, word, [rank * BACKGROUND_SECONDS for rank in range(AHEAD)])
        programs = {program.name: program for program in supervised.programs()}
        supervised.write_workspace()
        code = programs["dagster-code"]
        stack.enter_context(process(list(code.command), environment, home / "logs" / "waves-code.log"))
        wait("the code server", lambda: supervised.answers(code), 120)
        daemon = programs["dagster-daemon"].command
        scheduler = stack.enter_context(closing(Scheduler(daemon, environment, home / "logs" / "waves-daemon.log")))
        former = published(home)
        stack.enter_context(process([BIN / "cyberimpact", "watch"], environment, home / "logs" / "waves-watch.log"))
        wait("the first micro-batch", lambda: published(home) != former, 1800)
        former = published(home)
        wait("a second one, with the mentions of the days before", lambda: published(home) != former, 600)
        bench = Bench(home, environment, sandbox, arrivals, scheduler)
        conditions = [
            "build" if (rank + 1) * options.builds % 1 < options.builds else "quiet" for rank in range(options.waves)
        ]
        for word, condition in zip(words, [*conditions, *["kill"] * options.kills], strict=True):
            waves.append(bench.wave(word, condition))
            print(waves[-1], flush=True)
    print(summary(waves, "quiet build"))
    if options.kills:
        print(summary(waves, "kill"))
    print(f"repeats under one identifier: {arrivals.repeats('mails')} mails, {arrivals.repeats('hooks')} webhooks")
    twice = [word for word in words if sum(word in text.lower() for _, _, text in arrivals.mails) > 1]
    print(json.dumps({"sent more than once, as several signals or repeats": twice}, ensure_ascii=False))


def unused_words(home: Path) -> list[str]:
    """Return the words of which this home has no topic yet: each wave is new."""
    known = {row["code"] for row in operations_database.rows(Home(home), "topics", ("code",))}
    return [word for word in WORDS if f"essai_{word}" not in known]


def recipients(port: int) -> list[dict[str, Any]]:
    subscription = {"role": "veille", "wants": ["signals"]}
    return [
        subscription | {"recipient": "essai-mail", "channel": "mail", "address": "essai@unite.example"},
        subscription
        | {"recipient": "essai-webhook", "channel": "webhook", "address": f"http://127.0.0.1:{port}/essai"},
    ]


if __name__ == "__main__":
    main()
